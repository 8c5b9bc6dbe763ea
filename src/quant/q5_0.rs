//! Blocks of 32 five-bit codes with one scale.
//!
//! Layout (22 bytes): f16 `d`, u32 `h`, then 16 bytes of codes as in `Q4_0`. The fifth bit of code `i` is bit `i` of `h`. An element is
//! `d * (q - 16)`. (ggml: `block_q5_0`.)

use super::BlockType;
use super::block_type::{extreme, half_at, half_bytes, inverse, pack_fives, unpack_fives};

/// Blocks of 32: f16 scale, 32 x 5 bits.
#[derive(Clone, Copy, Debug)]
pub struct Q5_0;

impl BlockType for Q5_0 {
    const GGUF_ID: u32 = 6;
    const NAME: &'static str = "Q5_0";
    const LEN: usize = 32;
    const BYTES: usize = 22;
    const SCALES: std::ops::Range<usize> = 0..2;

    fn decode(block: &[u8], out: &mut [f32]) {
        let scale = half_at(block);
        for (out, q) in out.iter_mut().zip(unpack_fives(&block[2..])) {
            *out = scale * (f32::from(q) - 16.0);
        }
    }

    /// The scale is `m / -16` where `m` is the element of largest magnitude, so that it falls on the one code without a negative.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        let scale = extreme(x) / -16.0;
        let inverse = inverse(scale);
        out.extend(half_bytes(scale));
        pack_fives(x, |x| (x * inverse + 16.5).clamp(0.0, 31.0) as u8, out);
    }
}
