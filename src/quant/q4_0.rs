//! Blocks of 32 four-bit codes with one scale.
//!
//! Layout (18 bytes): f16 `d`, then 16 bytes; byte `i` has the code of element `i` in its low and of element `i + 16` in its high
//! half. An element is `d * (q - 8)`. (ggml: `block_q4_0`.)

use super::BlockType;
use super::block_type::{extreme, half_at, half_bytes, inverse};

/// Blocks of 32: f16 scale, 32 x 4 bits.
#[derive(Clone, Copy, Debug)]
pub struct Q4_0;

impl BlockType for Q4_0 {
    const GGUF_ID: u32 = 2;
    const NAME: &'static str = "Q4_0";
    const LEN: usize = 32;
    const BYTES: usize = 18;
    const SCALES: std::ops::Range<usize> = 0..2;

    fn decode(block: &[u8], out: &mut [f32]) {
        let scale = half_at(block);
        let (low, high) = out.split_at_mut(16);
        for ((low, high), &q) in low.iter_mut().zip(high).zip(&block[2..]) {
            *low = scale * (f32::from(q & 15) - 8.0);
            *high = scale * (f32::from(q >> 4) - 8.0);
        }
    }

    /// The scale is `m / -8` where `m` is the element of largest magnitude, so that it falls on the one code without a negative.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        let scale = extreme(x) / -8.0;
        let inverse = inverse(scale);
        let code = |x: f32| (x * inverse + 8.5).clamp(0.0, 15.0) as u8;
        let (low, high) = x.split_at(16);
        out.extend(half_bytes(scale));
        out.extend(low.iter().zip(high).map(|(&l, &h)| code(l) | code(h) << 4));
    }
}
