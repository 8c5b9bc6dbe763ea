//! Blocks of 32 four-bit floats with one power of two as their scale (OCP Microscaling Formats 1.0, E2M1 and E8M0).
//!
//! Layout (17 bytes): u8 `e`, then 16 bytes of indices as in `Q4_0`. An element is `2^(e - 128) * TABLE[q]`: the table has twice the
//! floats. (ggml: `block_mxfp4`.)

use super::BlockType;
use super::block_type::extreme;
use super::expanded::{Expand, Expanded, decode, expand_nibbles, pack_nibbles};

/// What an index stands for.
const TABLE: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// Blocks of 32: eight bits of exponent, 32 x 4 bits.
#[derive(Clone, Copy, Debug)]
pub struct MXFP4;

impl BlockType for MXFP4 {
    const GGUF_ID: u32 = 39;
    const NAME: &'static str = "MXFP4";
    const LEN: usize = 32;
    const BYTES: usize = 17;
    /// One byte that is no binary16.
    const SCALES: std::ops::Range<usize> = 0..1;
    const EXPAND: Option<Expand> = Some(expand);
    const PANELS: bool = false;

    fn decode(block: &[u8], out: &mut [f32]) {
        decode(expand, block, out);
    }

    /// The exponent is that of the largest magnitude, less the table's.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        let exponent = (extreme(x).to_bits() >> 23) as u8;
        let exponent = exponent.saturating_sub(2);
        out.push(exponent);
        pack_nibbles(x, scale(exponent), &TABLE, out);
    }

    /// The largest exponents stand for what is no number or leave no room for the table.
    fn is_finite(block: &[u8]) -> bool {
        block[0] < 252
    }
}

/// `2^(e - 128)`, of which the smallest two are subnormal.
fn scale(e: u8) -> f32 {
    f32::from_bits(match e {
        0 | 1 => 0x0020_0000 << e,
        _ => (u32::from(e) - 1) << 23,
    })
}

fn expand(block: &[u8], out: &mut [Expanded]) {
    for part in out {
        part.scales = [scale(block[0]); 2];
        expand_nibbles(&block[1..], &TABLE, part);
    }
}
