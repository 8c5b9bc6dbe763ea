//! Blocks of 32 signed bytes with one scale.
//!
//! Layout (34 bytes): f16 `d`, then 32 x i8 `q`; element `i` is `d * q[i]`. (ggml: `block_q8_0`.)

use super::BlockType;
use super::block_type::{extreme, half_at, half_bytes, inverse};

/// Blocks of 32: f16 scale, 32 x i8.
#[derive(Clone, Copy, Debug)]
pub struct Q8_0;

impl BlockType for Q8_0 {
    const GGUF_ID: u32 = 8;
    const NAME: &'static str = "Q8_0";
    const LEN: usize = 32;
    const BYTES: usize = 34;
    const SCALES: std::ops::Range<usize> = 0..2;
    const SIGNED_BYTES: bool = true;

    fn decode(block: &[u8], out: &mut [f32]) {
        let scale = half_at(block);
        for (out, &q) in out.iter_mut().zip(&block[2..]) {
            *out = scale * f32::from(q as i8);
        }
    }

    /// The scale is `max|x| / 127`.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        let scale = extreme(x).abs() / 127.0;
        let inverse = inverse(scale);
        out.extend(half_bytes(scale));
        out.extend(x.iter().map(|x| (x * inverse).round() as i8 as u8));
    }
}
