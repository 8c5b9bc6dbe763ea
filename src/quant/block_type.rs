//! What each type's file says of it.

use super::expanded::Expand;
use std::ops::Range;

/// A storage type: blocks of `LEN` elements in `BYTES` bytes. Plain floats are blocks of one element.
pub trait BlockType {
    /// The type's number in GGUF files.
    const GGUF_ID: u32;
    /// Its name in messages, reports and safetensors files.
    const NAME: &'static str;
    /// Elements of a block.
    const LEN: usize;
    /// Bytes of a block.
    const BYTES: usize;
    /// The bytes of a block that are binary16 scales, at its beginning or its end. None in plain floats.
    const SCALES: Range<usize>;
    /// Whether all codes are signed bytes, to which 128 may be added (see [`Codes`](crate::weights::Codes)).
    const SIGNED_BYTES: bool = false;
    /// Of types whose blocks consist of 32 elements and more with scales for 16 or 32: what they expand to.
    const EXPAND: Option<Expand> = None;
    /// Whether the CPU multiplies matrices in panels. Those of other types stay as they are in the file, and are expanded when they are
    /// multiplied.
    const PANELS: bool = true;

    /// Decodes one block.
    ///
    /// * `block`: `[BYTES]`
    /// * `out`: `[LEN]`
    fn decode(block: &[u8], out: &mut [f32]);

    /// Encodes one block of finite numbers and appends it.
    ///
    /// * `x`: `[LEN]`
    /// * `out`: grows by `BYTES`
    fn encode(x: &[f32], out: &mut Vec<u8>);

    /// Whether a block (`[BYTES]`) stands for finite numbers. One that does not is damaged: no model has infinite weights, and kernels
    /// convert exactly only what is finite.
    fn is_finite(block: &[u8]) -> bool {
        finite_halves(&block[Self::SCALES])
    }
}

/// Whether all of some binary16 numbers are finite.
pub fn finite_halves(halves: &[u8]) -> bool {
    halves.as_chunks::<2>().0.iter().all(|half| u16::from_le_bytes(*half) & 0x7c00 != 0x7c00)
}

/// The binary16 number at the beginning of some bytes.
pub fn half_at(bytes: &[u8]) -> f32 {
    half::f16::from_le_bytes([bytes[0], bytes[1]]).to_f32()
}

/// What [`half_at`] reads.
pub fn half_bytes(x: f32) -> [u8; 2] {
    half::f16::from_f32(x).to_le_bytes()
}

/// `1 / x`, or 0 for 0.
pub fn inverse(x: f32) -> f32 {
    if x == 0.0 { 0.0 } else { 1.0 / x }
}

/// The element of largest magnitude, the first of them.
pub fn extreme(x: &[f32]) -> f32 {
    x.iter().fold(0f32, |m, &x| if x.abs() > m.abs() { x } else { m })
}

/// The smallest and the largest element.
pub fn range(x: &[f32]) -> (f32, f32) {
    x.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)))
}

/// The 32 five-bit codes of a block: their fifth bits in four bytes, then their other bits as in `Q4_0`.
pub fn unpack_fives(bytes: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let (fifth, codes) = (u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]), &bytes[4..20]);
    let low = codes.iter().map(|q| q & 15).chain(codes.iter().map(|q| q >> 4));
    low.enumerate().map(move |(i, low)| low + 16 * (fifth >> i & 1) as u8)
}

/// Appends what [`unpack_fives`] reads: 32 elements as the codes that `code` gives.
pub fn pack_fives(x: &[f32], code: impl Fn(f32) -> u8, out: &mut Vec<u8>) {
    let codes: Vec<u8> = x.iter().map(|&x| code(x)).collect();
    let fifth = codes.iter().enumerate().fold(0u32, |bits, (i, code)| bits | u32::from(code >> 4) << i);
    out.extend(fifth.to_le_bytes());
    let (low, high) = codes.split_at(16);
    out.extend(low.iter().zip(high).map(|(l, h)| l & 15 | h << 4));
}
