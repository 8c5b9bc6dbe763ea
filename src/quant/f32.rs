//! IEEE 754 binary32.

use super::BlockType;

/// IEEE 754 binary32.
#[derive(Clone, Copy, Debug)]
pub struct F32;

impl BlockType for F32 {
    const GGUF_ID: u32 = 0;
    const NAME: &'static str = "F32";
    const LEN: usize = 1;
    const BYTES: usize = 4;
    const SCALES: std::ops::Range<usize> = 0..0;

    fn decode(block: &[u8], out: &mut [f32]) {
        out[0] = f32::from_le_bytes([block[0], block[1], block[2], block[3]]);
    }

    fn encode(x: &[f32], out: &mut Vec<u8>) {
        out.extend(x[0].to_le_bytes());
    }

    fn is_finite(block: &[u8]) -> bool {
        f32::from_le_bytes([block[0], block[1], block[2], block[3]]).is_finite()
    }
}
