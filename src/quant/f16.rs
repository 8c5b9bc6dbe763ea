//! IEEE 754 binary16.

use super::BlockType;
use super::block_type::{finite_halves, half_at, half_bytes};

/// IEEE 754 binary16.
#[derive(Clone, Copy, Debug)]
pub struct F16;

impl BlockType for F16 {
    const GGUF_ID: u32 = 1;
    const NAME: &'static str = "F16";
    const LEN: usize = 1;
    const BYTES: usize = 2;
    const SCALES: std::ops::Range<usize> = 0..0;

    fn decode(block: &[u8], out: &mut [f32]) {
        out[0] = half_at(block);
    }

    /// Rounds to nearest, ties to even.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        out.extend(half_bytes(x[0]));
    }

    fn is_finite(block: &[u8]) -> bool {
        finite_halves(block)
    }
}
