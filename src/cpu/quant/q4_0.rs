//! `Q4_0`: a byte has the codes of two columns, 16 apart.

use super::block::{Block, codes};
use super::{CpuType, Inputs, PANEL, Part, ROUNDED, Scratch};
use crate::cpu::simd::{Vector, f16_to_f32};
use crate::quant::{BlockType, Q4_0};

impl CpuType for Q4_0 {
    fn dequantize<V: Vector>(row: &[u8], out: &mut [f32]) {
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

    fn prepare<V: Vector>(inputs: &mut Inputs, x: &[f32], cols: usize) {
        inputs.round::<V, Self>(x, cols);
    }

    fn rows<V: Vector>(x: &[f32], inputs: &Inputs, part: &Part<'_>, scratch: &mut Scratch) {
        inputs.multiply::<V, Self>(x.len() / part.weight.cols, part, scratch);
    }
}

impl Block for Q4_0 {
    type Panel = [u8; Q4_0::BYTES * PANEL];
    const OFFSET: i32 = 8;
    const COARSE: f32 = 127.0;
    const PACKED: bool = true;

    #[inline(always)]
    fn panels(bytes: &[u8]) -> &[Self::Panel] {
        bytes.as_chunks().0
    }
    #[inline(always)]
    fn dot<V: Vector, const M: usize>(
        x: [&[i16; ROUNDED]; M],
        panel: &Self::Panel,
        _part: usize,
        _group: usize,
        half: usize,
    ) -> [V::I32; M] {
        let mut sums = [V::splat_i32(0); M];
        for four in 0..4 {
            let w = V::widen_nibbles(codes::<Self>(panel, four, half));
            for (x, sum) in x.iter().zip(&mut sums) {
                let pairs = x.as_chunks::<2>().0;
                for (w, pair) in w.into_iter().zip([2 * four, 2 * four + 1, 8 + 2 * four, 8 + 2 * four + 1]) {
                    *sum = V::add_i32(V::dot(V::splat_pair(&pairs[pair]), w), *sum);
                }
            }
        }
        sums
    }
    #[inline(always)]
    fn arrange<V: Vector>(x: [V::I16; 4]) -> [V::I16; 4] {
        // Even and odd columns of a four are apart.
        x.map(V::swap_middle)
    }
    #[inline(always)]
    fn fours<V: Vector>(panel: &Self::Panel, _part: usize, i: usize) -> [(usize, [V::I8; 2]); 2] {
        let [[a, b], [c, d]] = [0, 1].map(|half| V::nibbles(codes::<Self>(panel, i, half)));
        [(i, [a, c]), (4 + i, [b, d])]
    }
}
