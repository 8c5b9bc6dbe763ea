//! Blocks of 32 four-bit indices into a table of numbers that are closer together near 0.
//!
//! Layout (18 bytes): f16 `d`, then 16 bytes of indices as in `Q4_0`. An element is `d * TABLE[q]`. (ggml: `block_iq4_nl`.)

use super::BlockType;
use super::block_type::{extreme, half_at, half_bytes};
use super::expanded::{Expand, Expanded, decode, expand_nibbles, one_scale, pack_nibbles};

/// What an index stands for.
pub const TABLE: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// Blocks of 32: f16 scale, 32 x 4 bits.
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)] // ggml's name.
pub struct IQ4_NL;

impl BlockType for IQ4_NL {
    const GGUF_ID: u32 = 20;
    const NAME: &'static str = "IQ4_NL";
    const LEN: usize = 32;
    const BYTES: usize = 18;
    const SCALES: std::ops::Range<usize> = 0..2;
    const EXPAND: Option<Expand> = Some(expand);
    const PANELS: bool = false;

    fn decode(block: &[u8], out: &mut [f32]) {
        decode(expand, block, out);
    }

    /// The scale is `m / -127` where `m` is the element of largest magnitude.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        let half = half_bytes(extreme(x) / -127.0);
        out.extend(half);
        pack_nibbles(x, half_at(&half), &TABLE, out);
    }
}

fn expand(block: &[u8], out: &mut [Expanded]) {
    one_scale(half_at(block), out);
    out.iter_mut().for_each(|part| expand_nibbles(&block[2..], &TABLE, part));
}
