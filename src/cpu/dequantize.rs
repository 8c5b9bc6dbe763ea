//! Stored rows to f32.

use super::vector::{Vector, f16_to_f32};
use crate::tensor::DType;

/// Decodes one row of a matrix: `row: bytes of a whole number of blocks`, `out: [cols]`. Exact: every stored value is
/// an f32 (a block value is its scale times a small integer, rounded once).
pub fn run<V: Vector>(dtype: DType, row: &[u8], out: &mut [f32]) {
    match dtype {
        DType::F32 => {
            for (bytes, out) in row.as_chunks::<4>().0.iter().zip(out) {
                *out = f32::from_le_bytes(*bytes);
            }
        }
        DType::F16 => halves::<V>(row, out, V::from_f16),
        DType::BF16 => halves::<V>(row, out, V::from_bf16),
        DType::Q8_0 => {
            for (block, out) in row.as_chunks::<34>().0.iter().zip(out.as_chunks_mut::<32>().0) {
                let scale = V::splat(f16_to_f32(u16::from_le_bytes([block[0], block[1]])));
                for (codes, out) in block[2..].as_chunks::<4>().0.iter().zip(out.as_chunks_mut::<4>().0) {
                    V::from_i8(*codes).mul(scale).store(out);
                }
            }
        }
        DType::Q4_0 => {
            for (block, out) in row.as_chunks::<18>().0.iter().zip(out.as_chunks_mut::<32>().0) {
                let scale = V::splat(f16_to_f32(u16::from_le_bytes([block[0], block[1]])));
                let (low, high) = out.split_at_mut(16);
                let outs = low.as_chunks_mut::<4>().0.iter_mut().zip(high.as_chunks_mut::<4>().0);
                for (codes, (low, high)) in block[2..].as_chunks::<4>().0.iter().zip(outs) {
                    V::from_i8(codes.map(|c| (c & 15).wrapping_sub(8))).mul(scale).store(low);
                    V::from_i8(codes.map(|c| (c >> 4).wrapping_sub(8))).mul(scale).store(high);
                }
            }
        }
    }
}

/// Two-byte floats, four at a time; a ragged tail is padded with zeros.
#[inline(always)]
fn halves<V: Vector>(row: &[u8], out: &mut [f32], decode: impl Fn(&[u8; 8]) -> V) {
    let (row, row_tail) = row.as_chunks::<8>();
    let (out, out_tail) = out.as_chunks_mut::<4>();
    for (bytes, out) in row.iter().zip(out) {
        decode(bytes).store(out);
    }
    let mut padded = [0; 8];
    for (to, from) in padded.iter_mut().zip(row_tail) {
        *to = *from;
    }
    super::vector::store_partial(decode(&padded), out_tail);
}
