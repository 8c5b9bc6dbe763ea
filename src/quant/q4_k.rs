//! Blocks of 256 four-bit codes: eight parts of 32, each with a scale and a minimum of six bits.
//!
//! Layout (144 bytes): f16 `d`, f16 `dmin`, 12 bytes of scales and minima, 128 bytes of codes. Part `p`'s element is
//! `d * scale[p] * q - dmin * minimum[p]`. The codes of parts `2i` and `2i + 1` are the low and high halves of bytes
//! `32 i..32 i + 32`. Scales and minima of parts 0..4 are the low six bits of bytes 0..4 and 4..8; of parts 4..8 the low four bits
//! are the halves of bytes 8..12, and the others the upper two bits of bytes 0..4 and 4..8. (ggml: `block_q4_K`.)

use super::BlockType;
use super::block_type::{half_at, half_bytes, inverse, range};
use super::expanded::{Expand, Expanded, decode};

/// Blocks of 256: f16 scale and f16 minimum of eight parts' six-bit scales and minima, 256 x 4 bits.
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)] // ggml's name.
pub struct Q4_K;

impl BlockType for Q4_K {
    const GGUF_ID: u32 = 12;
    const NAME: &'static str = "Q4_K";
    const LEN: usize = 256;
    const BYTES: usize = 144;
    const SCALES: std::ops::Range<usize> = 0..4;
    const EXPAND: Option<Expand> = Some(expand);

    fn decode(block: &[u8], out: &mut [f32]) {
        decode(expand, block, out);
    }

    /// Each part's codes reach from its smallest element, or 0, to its largest.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        let codes = pack_parts(x, 15.0, out);
        for pair in codes.chunks_exact(64) {
            let (low, high) = pair.split_at(32);
            out.extend(low.iter().zip(high).map(|(low, high)| low | high << 4));
        }
    }
}

/// Appends the first 16 bytes of a block, whose codes are at most `levels`, and gives the codes.
pub fn pack_parts(x: &[f32], levels: f32, out: &mut Vec<u8>) -> Vec<u8> {
    let ends: Vec<_> = x.chunks_exact(32).map(range).map(|(low, high)| (low.min(0.0), high)).collect();
    let scales = ends.iter().map(|(low, high)| (high - low) / levels);
    let largest = |all: &mut dyn Iterator<Item = f32>| half_bytes(all.fold(0f32, f32::max) / 63.0);
    let halves = [largest(&mut scales.clone()), largest(&mut ends.iter().map(|(low, _)| -low))];
    out.extend(halves.as_flattened());
    let [d, dmin] = halves.map(|half| half_at(&half));
    let six_bits = |x: f32, unit: f32| (x * inverse(unit)).round().clamp(0.0, 63.0) as u8;
    let mut packed = [0u8; 12];
    for (p, (scale, (low, _))) in scales.zip(&ends).enumerate() {
        let (scale, minimum) = (six_bits(scale, d), six_bits(-low, dmin));
        if p < 4 {
            packed[p] |= scale;
            packed[p + 4] |= minimum;
        } else {
            packed[p + 4] = scale & 15 | minimum << 4;
            packed[p - 4] |= scale >> 4 << 6;
            packed[p] |= minimum >> 4 << 6;
        }
    }
    out.extend(packed);
    let code = |(i, x): (usize, &f32)| {
        let (scale, minimum) = scale_and_minimum(&packed, i / 32);
        let from_minimum = x + dmin * f32::from(minimum);
        (from_minimum * inverse(d * f32::from(scale)) + 0.5).clamp(0.0, levels) as u8
    };
    x.iter().enumerate().map(code).collect()
}

fn expand(block: &[u8], out: &mut [Expanded]) {
    expand_parts(block, &block[16..], out);
}

/// Expands blocks with these scales and minima in their first 16 bytes, and with four-bit codes: those of parts `2i` and `2i + 1` are the low
/// and high halves of `codes[32 i..32 i + 32]`.
pub fn expand_parts(block: &[u8], codes: &[u8], out: &mut [Expanded]) {
    let (d, dmin) = (half_at(block), half_at(&block[2..]));
    for (p, part) in out.iter_mut().enumerate() {
        let (scale, minimum) = scale_and_minimum(&block[4..16], p);
        part.scales = [d * f32::from(scale); 2];
        part.minima = [dmin * f32::from(minimum); 2];
        for (code, byte) in part.codes.iter_mut().zip(&codes[p / 2 * 32..]) {
            *code = (byte >> (p % 2 * 4) & 15) as i8;
        }
    }
}

/// The six-bit scale and minimum of part `p`.
fn scale_and_minimum(packed: &[u8], p: usize) -> (u8, u8) {
    match p {
        0..4 => (packed[p] & 63, packed[p + 4] & 63),
        _ => (packed[p + 4] & 15 | packed[p - 4] >> 6 << 4, packed[p + 4] >> 4 | packed[p] >> 6 << 4),
    }
}
