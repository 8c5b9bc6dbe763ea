//! `Q8_0`: codes are bytes as they stand.

use super::block::{Block, codes};
use super::{CpuType, Inputs, PANEL, Part, ROUNDED, Scratch};
use crate::cpu::simd::{Vector, f16_to_f32};
use crate::quant::{BlockType, Q8_0};

impl CpuType for Q8_0 {
    fn dequantize<V: Vector>(row: &[u8], out: &mut [f32]) {
        for (block, out) in row.as_chunks::<34>().0.iter().zip(out.as_chunks_mut::<32>().0) {
            let scale = V::splat(f16_to_f32(u16::from_le_bytes([block[0], block[1]])));
            for (codes, out) in block[2..].as_chunks::<4>().0.iter().zip(out.as_chunks_mut::<4>().0) {
                V::from_i8(*codes).mul(scale).store(out);
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

impl Block for Q8_0 {
    type Panel = [u8; Q8_0::BYTES * PANEL];
    const OFFSET: i32 = 0;
    const COARSE: f32 = 63.0;
    const PACKED: bool = false;

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
        // By pairs of columns: of rows 0 and 1 in the first sum, of 2 and 3 in the second.
        let mut sums = [[V::splat_i32(0); 2]; M];
        for four in 0..8 {
            let w = codes::<Self>(panel, four, half).as_chunks::<8>().0;
            let w = [V::widen_i8(&w[0]), V::widen_i8(&w[1])];
            for (x, sums) in x.iter().zip(&mut sums) {
                let x = V::splat_quad(&x.as_chunks::<4>().0[four]);
                sums[0] = V::add_i32(V::dot(x, w[0]), sums[0]);
                sums[1] = V::add_i32(V::dot(x, w[1]), sums[1]);
            }
        }
        sums.map(|[a, b]| V::add_pairs(a, b))
    }
    #[inline(always)]
    fn fours<V: Vector>(panel: &Self::Panel, _part: usize, i: usize) -> [(usize, [V::I8; 2]); 2] {
        [2 * i, 2 * i + 1].map(|four| (four, [0, 1].map(|half| V::load_i8(codes::<Self>(panel, four, half)))))
    }
}
