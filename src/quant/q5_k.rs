//! Blocks of 256 five-bit codes: eight parts of 32, each with a scale and a minimum of six bits.
//!
//! Layout (176 bytes): f16 `d`, f16 `dmin`, 12 bytes of scales and minima as in `Q4_K`, 32 bytes `h`, 128 bytes of low bits as in `Q4_K`. The
//! fifth bit of part `p`'s code `i` is bit `p` of byte `i` of `h`. Part `p`'s element is `d * scale[p] * q - dmin * minimum[p]`. (ggml:
//! `block_q5_K`.)

use super::BlockType;
use super::expanded::{Expand, Expanded, decode};
use super::q4_k::{expand_parts, pack_parts};

/// Blocks of 256: f16 scale and f16 minimum of eight parts' six-bit scales and minima, 256 x 5 bits.
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)] // ggml's name.
pub struct Q5_K;

impl BlockType for Q5_K {
    const GGUF_ID: u32 = 13;
    const NAME: &'static str = "Q5_K";
    const LEN: usize = 256;
    const BYTES: usize = 176;
    const SCALES: std::ops::Range<usize> = 0..4;
    const EXPAND: Option<Expand> = Some(expand);

    fn decode(block: &[u8], out: &mut [f32]) {
        decode(expand, block, out);
    }

    /// Each part's codes reach from its smallest element, or 0, to its largest.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        let codes = pack_parts(x, 31.0, out);
        out.extend((0..32).map(|i| (0..8).fold(0, |byte, p| byte | codes[32 * p + i] >> 4 << p)));
        for pair in codes.chunks_exact(64) {
            let (low, high) = pair.split_at(32);
            out.extend(low.iter().zip(high).map(|(low, high)| low & 15 | high << 4));
        }
    }
}

fn expand(block: &[u8], out: &mut [Expanded]) {
    expand_parts(block, &block[48..], out);
    for (p, part) in out.iter_mut().enumerate() {
        for (code, fifth) in part.codes.iter_mut().zip(&block[16..48]) {
            *code |= (fifth >> p & 1) as i8 * 16;
        }
    }
}
