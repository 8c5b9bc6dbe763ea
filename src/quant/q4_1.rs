//! Blocks of 32 four-bit codes with a scale and a minimum.
//!
//! Layout (20 bytes): f16 `d`, f16 `m`, then 16 bytes of codes as in `Q4_0`. An element is `d * q + m`. (ggml: `block_q4_1`.)

use super::BlockType;
use super::block_type::{half_at, half_bytes, inverse, range};
use super::expanded::{Expand, Expanded, decode};

/// Blocks of 32: f16 scale, f16 minimum, 32 x 4 bits.
#[derive(Clone, Copy, Debug)]
pub struct Q4_1;

impl BlockType for Q4_1 {
    const GGUF_ID: u32 = 3;
    const NAME: &'static str = "Q4_1";
    const LEN: usize = 32;
    const BYTES: usize = 20;
    const SCALES: std::ops::Range<usize> = 0..4;
    const EXPAND: Option<Expand> = Some(expand);

    fn decode(block: &[u8], out: &mut [f32]) {
        decode(expand, block, out);
    }

    /// The codes 0 and 15 are the smallest and the largest element.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        let (minimum, largest) = range(x);
        let scale = (largest - minimum) / 15.0;
        let inverse = inverse(scale);
        let code = |x: f32| ((x - minimum) * inverse + 0.5).clamp(0.0, 15.0) as u8;
        let (low, high) = x.split_at(16);
        out.extend(half_bytes(scale));
        out.extend(half_bytes(minimum));
        out.extend(low.iter().zip(high).map(|(&l, &h)| code(l) | code(h) << 4));
    }
}

fn expand(block: &[u8], out: &mut [Expanded]) {
    for part in out {
        part.scales = [half_at(block); 2];
        // It is added in the file.
        part.minima = [-half_at(&block[2..]); 2];
        for (i, code) in part.codes.iter_mut().enumerate() {
            *code = (block[4 + i % 16] >> (i / 16 * 4) & 15) as i8;
        }
    }
}
