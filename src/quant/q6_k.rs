//! Blocks of 256 six-bit codes: sixteen groups of 16, each with a scale of eight bits.
//!
//! Layout (210 bytes): 128 bytes `l`, 64 bytes `h`, 16 x i8 scales, f16 `d`. Group `g`'s element is `d * scale[g] * (q - 32)`. Each half
//! of the block, 128 elements, has four parts of 32: the low four bits of part `p`'s code `i` are in byte `64 half + 32 (p % 2) + i` of `l`,
//! in the low half of it where `p < 2`; the upper two are bits `2p..2p + 2` of byte `32 half + i` of `h`. (ggml: `block_q6_K`.)

use super::BlockType;
use super::block_type::{extreme, half_at, half_bytes, inverse};
use super::expanded::{Expand, Expanded, decode};

/// Blocks of 256: 256 x 6 bits, sixteen groups' i8 scales, f16 scale of those.
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)] // ggml's name.
pub struct Q6_K;

impl BlockType for Q6_K {
    const GGUF_ID: u32 = 14;
    const NAME: &'static str = "Q6_K";
    const LEN: usize = 256;
    const BYTES: usize = 210;
    const SCALES: std::ops::Range<usize> = 208..210;
    const EXPAND: Option<Expand> = Some(expand);

    fn decode(block: &[u8], out: &mut [f32]) {
        decode(expand, block, out);
    }

    /// A group's scale is `m / -32` where `m` is its element of largest magnitude.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        let wanted: Vec<f32> = x.chunks_exact(16).map(|group| extreme(group) / -32.0).collect();
        let half = half_bytes(extreme(&wanted).abs() / 127.0);
        let d = half_at(&half);
        let mut block = [0u8; 208];
        for (scale, wanted) in block[192..].iter_mut().zip(&wanted) {
            *scale = (wanted * inverse(d)).round().clamp(-127.0, 127.0) as i8 as u8;
        }
        for (i, x) in x.iter().enumerate() {
            let (low, shift, high, shift_high) = place(i);
            let scale = d * f32::from(block[192 + i / 16] as i8);
            let code = (x * inverse(scale) + 32.5).clamp(0.0, 63.0) as u8;
            block[low] |= (code & 15) << shift;
            block[128 + high] |= (code >> 4) << shift_high;
        }
        out.extend(block);
        out.extend(half);
    }
}

fn expand(block: &[u8], out: &mut [Expanded]) {
    let d = half_at(&block[208..]);
    for (p, part) in out.iter_mut().enumerate() {
        part.scales = [0, 1].map(|g| d * f32::from(block[192 + 2 * p + g] as i8));
        for (i, code) in part.codes.iter_mut().enumerate() {
            let (low, shift, high, shift_high) = place(32 * p + i);
            *code = (block[low] >> shift & 15 | (block[128 + high] >> shift_high & 3) << 4) as i8 - 32;
        }
    }
}

/// Where code `i` is: a byte of `l` and how far to shift it, and the same of `h`.
fn place(i: usize) -> (usize, usize, usize, usize) {
    let (half, part, i) = (i / 128, i / 32 % 4, i % 32);
    (64 * half + 32 * (part % 2) + i, part / 2 * 4, 32 * half + i, 2 * part)
}
