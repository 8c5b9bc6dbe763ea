//! Blocks of 256 two-bit codes: sixteen groups of 16, each with a scale and a minimum of four bits.
//!
//! Layout (84 bytes): 16 bytes, the scale of group `g` in the low and its minimum in the high half of byte `g`; 64 bytes of codes; f16 `d`,
//! f16 `dmin`. Group `g`'s element is `d * scale[g] * q - dmin * minimum[g]`. Code `i` is bits `2p..2p + 2` of byte `i / 128 * 32 + i % 32`,
//! where `p` is `i / 32 % 4`. (ggml: `block_q2_K`.)

use super::BlockType;
use super::block_type::{half_at, half_bytes, inverse, range};
use super::expanded::{Expand, Expanded, decode, expand_twos, pack_twos};

/// Blocks of 256: sixteen groups' four-bit scales and minima, 256 x 2 bits, f16 scale and f16 minimum of those.
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)] // ggml's name.
pub struct Q2_K;

impl BlockType for Q2_K {
    const GGUF_ID: u32 = 10;
    const NAME: &'static str = "Q2_K";
    const LEN: usize = 256;
    const BYTES: usize = 84;
    const SCALES: std::ops::Range<usize> = 80..84;
    const EXPAND: Option<Expand> = Some(expand);
    const PANELS: bool = false;

    fn decode(block: &[u8], out: &mut [f32]) {
        decode(expand, block, out);
    }

    /// Each group's codes reach from its smallest element, or 0, to its largest.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        let ends: Vec<_> = x.chunks_exact(16).map(range).map(|(low, high)| (low.min(0.0), high)).collect();
        let largest = |f: fn(&(f32, f32)) -> f32| half_bytes(ends.iter().map(f).fold(0f32, f32::max) / 15.0);
        let halves = [largest(|(low, high)| (high - low) / 3.0), largest(|(low, _)| -low)];
        let [d, dmin] = halves.map(|half| half_at(&half));
        let four_bits = |x: f32, unit: f32| (x * inverse(unit)).round().clamp(0.0, 15.0) as u8;
        let mut block = [0u8; 80];
        for (packed, (low, high)) in block.iter_mut().zip(&ends) {
            *packed = four_bits((high - low) / 3.0, d) | four_bits(-low, dmin) << 4;
        }
        let (scales, codes) = block.split_at_mut(16);
        let code = |(i, x): (usize, &f32)| {
            let (scale, minimum) = (scales[i / 16] & 15, scales[i / 16] >> 4);
            let from_minimum = x + dmin * f32::from(minimum);
            (from_minimum * inverse(d * f32::from(scale)) + 0.5).clamp(0.0, 3.0) as u8
        };
        pack_twos(x.iter().enumerate().map(code), codes);
        out.extend(block);
        out.extend(halves.as_flattened());
    }
}

fn expand(block: &[u8], out: &mut [Expanded]) {
    let (d, dmin) = (half_at(&block[80..]), half_at(&block[82..]));
    expand_twos(&block[16..80], out);
    for (part, packed) in out.iter_mut().zip(block.as_chunks::<2>().0) {
        part.scales = packed.map(|packed| d * f32::from(packed & 15));
        part.minima = packed.map(|packed| dmin * f32::from(packed >> 4));
    }
}
