//! Blocks of 256 ternary codes, two bits each, with one scale.
//!
//! Layout (66 bytes): 64 bytes of codes as in `Q2_K`, f16 `d`. An element is `d * (q - 1)`. (ggml: `block_tq2_0`.)

use super::BlockType;
use super::block_type::{extreme, half_at, half_bytes, inverse};
use super::expanded::{Expand, Expanded, decode, expand_twos, one_scale, pack_twos};

/// Blocks of 256: 256 x 2 bits, f16 scale.
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)] // ggml's name.
pub struct TQ2_0;

impl BlockType for TQ2_0 {
    const GGUF_ID: u32 = 35;
    const NAME: &'static str = "TQ2_0";
    const LEN: usize = 256;
    const BYTES: usize = 66;
    const SCALES: std::ops::Range<usize> = 64..66;
    const EXPAND: Option<Expand> = Some(expand);
    const PANELS: bool = false;

    fn decode(block: &[u8], out: &mut [f32]) {
        decode(expand, block, out);
    }

    /// The scale is the largest magnitude.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        let scale = extreme(x).abs();
        let mut block = [0u8; 64];
        pack_twos(x.iter().map(|x| ternary(*x, inverse(scale))), &mut block);
        out.extend(block);
        out.extend(half_bytes(scale));
    }
}

/// 0, 1 or 2 for -1, 0 or 1, the nearest to `x * inverse`.
pub fn ternary(x: f32, inverse: f32) -> u8 {
    ((x * inverse).round() + 1.0).clamp(0.0, 2.0) as u8
}

fn expand(block: &[u8], out: &mut [Expanded]) {
    one_scale(half_at(&block[64..]), out);
    expand_twos(&block[..64], out);
    out.iter_mut().flat_map(|part| &mut part.codes).for_each(|code| *code -= 1);
}
