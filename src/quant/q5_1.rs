//! Blocks of 32 five-bit codes with a scale and a minimum.
//!
//! Layout (24 bytes): f16 `d`, f16 `m`, then codes as in `Q5_0`. An element is `d * q + m`. (ggml: `block_q5_1`.)

use super::BlockType;
use super::block_type::{half_at, half_bytes, inverse, pack_fives, range, unpack_fives};
use super::expanded::{Expand, Expanded, decode};

/// Blocks of 32: f16 scale, f16 minimum, 32 x 5 bits.
#[derive(Clone, Copy, Debug)]
pub struct Q5_1;

impl BlockType for Q5_1 {
    const GGUF_ID: u32 = 7;
    const NAME: &'static str = "Q5_1";
    const LEN: usize = 32;
    const BYTES: usize = 24;
    const SCALES: std::ops::Range<usize> = 0..4;
    const EXPAND: Option<Expand> = Some(expand);

    fn decode(block: &[u8], out: &mut [f32]) {
        decode(expand, block, out);
    }

    /// The codes 0 and 31 are the smallest and the largest element.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        let (minimum, largest) = range(x);
        let scale = (largest - minimum) / 31.0;
        let inverse = inverse(scale);
        out.extend(half_bytes(scale));
        out.extend(half_bytes(minimum));
        pack_fives(x, |x| ((x - minimum) * inverse + 0.5).clamp(0.0, 31.0) as u8, out);
    }
}

fn expand(block: &[u8], out: &mut [Expanded]) {
    for part in out {
        part.scales = [half_at(block); 2];
        // It is added in the file.
        part.minima = [-half_at(&block[2..]); 2];
        for (code, five) in part.codes.iter_mut().zip(unpack_fives(&block[4..])) {
            *code = five as i8;
        }
    }
}
