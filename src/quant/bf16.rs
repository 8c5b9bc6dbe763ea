//! bfloat16: the upper half of a binary32.

use super::BlockType;
use half::bf16;

/// bfloat16: the upper half of a binary32.
#[derive(Clone, Copy, Debug)]
pub struct BF16;

impl BlockType for BF16 {
    const GGUF_ID: u32 = 30;
    const NAME: &'static str = "BF16";
    const LEN: usize = 1;
    const BYTES: usize = 2;
    const SCALES: std::ops::Range<usize> = 0..0;

    fn decode(block: &[u8], out: &mut [f32]) {
        out[0] = bf16::from_le_bytes([block[0], block[1]]).to_f32();
    }

    /// Rounds to nearest, ties to even.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        out.extend(bf16::from_f32(x[0]).to_le_bytes());
    }

    fn is_finite(block: &[u8]) -> bool {
        bf16::from_le_bytes([block[0], block[1]]).is_finite()
    }
}
