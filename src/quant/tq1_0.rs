//! Blocks of 256 ternary codes, five to a byte, with one scale.
//!
//! Layout (54 bytes): 48 bytes of five codes each, 4 bytes of four, f16 `d`. An element is `d * (q - 1)`. A byte is its codes as the digits of a
//! fraction in base 3, rounded up to 8 bits: the digits come out one after the other as what multiplying by 3 carries over. The first digits
//! of bytes 0..32 are elements 0..32, their second digits the next 32, and so on; bytes 32..48 follow likewise, then the last four.
//! (ggml: `block_tq1_0`.)

use super::BlockType;
use super::block_type::{extreme, half_at, half_bytes, inverse};
use super::expanded::{Expand, Expanded, decode, one_scale};
use super::tq2_0::ternary;

/// Blocks of 256: 256 ternary digits in 52 bytes, f16 scale.
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)] // ggml's name.
pub struct TQ1_0;

/// Where the bytes are whose digits are in turns, and how many digits each has.
const RUNS: [(std::ops::Range<usize>, usize); 3] = [(0..32, 5), (32..48, 5), (48..52, 4)];

impl BlockType for TQ1_0 {
    const GGUF_ID: u32 = 34;
    const NAME: &'static str = "TQ1_0";
    const LEN: usize = 256;
    const BYTES: usize = 54;
    const SCALES: std::ops::Range<usize> = 52..54;
    const EXPAND: Option<Expand> = Some(expand);
    const PANELS: bool = false;

    fn decode(block: &[u8], out: &mut [f32]) {
        decode(expand, block, out);
    }

    /// The scale is the largest magnitude.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        let scale = extreme(x).abs();
        let mut first = 0;
        for (bytes, digits) in RUNS {
            let n = bytes.len();
            for i in 0..n {
                // Bytes of four digits have a fifth, which is 0.
                let digit = |d: usize| match d < digits {
                    true => u32::from(ternary(x[first + d * n + i], inverse(scale))),
                    false => 0,
                };
                let number = (0..5).fold(0, |number, d| number * 3 + digit(d));
                out.push((number * 256).div_ceil(243) as u8);
            }
            first += n * digits;
        }
        out.extend(half_bytes(scale));
    }
}

fn expand(block: &[u8], out: &mut [Expanded]) {
    one_scale(half_at(&block[52..]), out);
    let mut codes = out.iter_mut().flat_map(|part| &mut part.codes);
    for (bytes, digits) in RUNS {
        for power in [1u8, 3, 9, 27, 81].into_iter().take(digits) {
            for (byte, code) in block[bytes.clone()].iter().zip(&mut codes) {
                let rest = byte.wrapping_mul(power);
                *code = ((u16::from(rest) * 3) >> 8) as i8 - 1;
            }
        }
    }
}
