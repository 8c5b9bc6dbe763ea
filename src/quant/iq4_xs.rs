//! Blocks of 256 four-bit indices into `IQ4_NL`'s table: eight parts of 32, each with a scale of six bits.
//!
//! Layout (136 bytes): f16 `d`, u16 `h`, 4 bytes `l`, then for each part 16 bytes of indices as in `Q4_0`. Part `p`'s element is
//! `d * (scale[p] - 32) * TABLE[q]`. The low four bits of `scale[p]` are a half of byte `p / 2` of `l`, the low one for even parts; the upper
//! two are bits `2p..2p + 2` of `h`. (ggml: `block_iq4_xs`.)

use super::BlockType;
use super::block_type::{extreme, half_at, half_bytes, inverse};
use super::expanded::{Expand, Expanded, decode, expand_nibbles, pack_nibbles};
use super::iq4_nl::TABLE;

/// Blocks of 256: f16 scale of eight parts' six-bit scales, 256 x 4 bits.
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)] // ggml's name.
pub struct IQ4_XS;

impl BlockType for IQ4_XS {
    const GGUF_ID: u32 = 23;
    const NAME: &'static str = "IQ4_XS";
    const LEN: usize = 256;
    const BYTES: usize = 136;
    const SCALES: std::ops::Range<usize> = 0..2;
    const EXPAND: Option<Expand> = Some(expand);
    const PANELS: bool = false;

    fn decode(block: &[u8], out: &mut [f32]) {
        decode(expand, block, out);
    }

    /// A part's scale is `m / -127` where `m` is its element of largest magnitude.
    fn encode(x: &[f32], out: &mut Vec<u8>) {
        let wanted: Vec<f32> = x.chunks_exact(32).map(|part| extreme(part) / -127.0).collect();
        let half = half_bytes(extreme(&wanted).abs() / 31.0);
        let d = half_at(&half);
        let scales = wanted.iter().map(|wanted| (wanted * inverse(d)).round().clamp(-31.0, 31.0));
        let (mut high, mut low) = (0u16, [0u8; 4]);
        for (p, scale) in scales.clone().enumerate() {
            let scale = (scale + 32.0) as u8;
            high |= u16::from(scale >> 4) << (2 * p);
            low[p / 2] |= (scale & 15) << (p % 2 * 4);
        }
        out.extend(half);
        out.extend(high.to_le_bytes());
        out.extend(low);
        x.chunks_exact(32).zip(scales).for_each(|(part, scale)| pack_nibbles(part, d * scale, &TABLE, out));
    }
}

fn expand(block: &[u8], out: &mut [Expanded]) {
    let (d, high) = (half_at(block), u16::from_le_bytes([block[2], block[3]]));
    for (p, part) in out.iter_mut().enumerate() {
        let scale = block[4 + p / 2] >> (p % 2 * 4) & 15 | ((high >> (2 * p) & 3) as u8) << 4;
        part.scales = [d * (f32::from(scale) - 32.0); 2];
        expand_nibbles(&block[8 + 16 * p..], &TABLE, part);
    }
}
