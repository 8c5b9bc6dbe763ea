//! Blocks of 256 three-bit codes: sixteen groups of 16, each with a scale of six bits.
//!
//! Layout (110 bytes): 32 bytes `h`, 64 bytes of low bits as in `Q2_K`, 12 bytes of scales, f16 `d`. The third bit of code `i` is bit `i / 32`
//! of byte `i % 32` of `h`. Group `g`'s element is `d * (scale[g] - 32) * (q - 4)`. The low four bits of `scale[g]` are a half of byte
//! `g % 8` of the scales, the low one for `g < 8`; the upper two are bits `2 (g / 4)..` of byte `8 + g % 4`. (ggml: `block_q3_K`.)

use super::BlockType;
use super::block_type::{extreme, half_at, half_bytes, inverse};
use super::expanded::{Expand, Expanded, decode, expand_twos, pack_twos};

/// Blocks of 256: 256 x 3 bits, sixteen groups' six-bit scales, f16 scale of those.
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)] // ggml's name.
pub struct Q3_K;

impl BlockType for Q3_K {
    const GGUF_ID: u32 = 11;
    const NAME: &'static str = "Q3_K";
    const LEN: usize = 256;
    const BYTES: usize = 110;
    const SCALES: std::ops::Range<usize> = 108..110;
    const EXPAND: Option<Expand> = Some(expand);
    const PANELS: bool = false;

    fn decode(block: &[u8], out: &mut [f32]) {
        decode(expand, block, out);
    }

    /// A group's scale is `m / -4` where `m` is its element of largest magnitude.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        let wanted: Vec<f32> = x.chunks_exact(16).map(|group| extreme(group) / -4.0).collect();
        let half = half_bytes(extreme(&wanted).abs() / 31.0);
        let d = half_at(&half);
        let mut block = [0u8; 108];
        for (g, wanted) in wanted.iter().enumerate() {
            let scale = ((wanted * inverse(d)).round().clamp(-31.0, 31.0) + 32.0) as u8;
            block[96 + g % 8] |= (scale & 15) << (g / 8 * 4);
            block[104 + g % 4] |= (scale >> 4) << (g / 4 * 2);
        }
        let scales = block;
        let code = |(i, x): (usize, &f32)| (x * inverse(d * scale(&scales[96..], i / 16)) + 4.5).clamp(0.0, 7.0) as u8;
        pack_twos(x.iter().enumerate().map(code).map(|code| code & 3), &mut block[32..96]);
        for (i, code) in x.iter().enumerate().map(code).enumerate() {
            block[i % 32] |= (code >> 2) << (i / 32);
        }
        out.extend(block);
        out.extend(half);
    }
}

/// The scale of group `g`.
fn scale(packed: &[u8], g: usize) -> f32 {
    let scale = packed[g % 8] >> (g / 8 * 4) & 15 | (packed[8 + g % 4] >> (g / 4 * 2) & 3) << 4;
    f32::from(scale) - 32.0
}

fn expand(block: &[u8], out: &mut [Expanded]) {
    let d = half_at(&block[108..]);
    expand_twos(&block[32..96], out);
    for (p, part) in out.iter_mut().enumerate() {
        for (code, third) in part.codes.iter_mut().zip(block) {
            *code += (third >> p & 1) as i8 * 4 - 4;
        }
        part.scales = [0, 1].map(|g| d * scale(&block[96..108], 2 * p + g));
    }
}
