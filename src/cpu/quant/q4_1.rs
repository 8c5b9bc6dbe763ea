//! `Q4_1`: codes as in `Q4_0`, with a minimum.

use super::block::{Block, codes, halves_at};
use super::{CpuType, Inputs, PANEL, Part, Scratch};
use crate::cpu::simd::Vector;
use crate::quant::{BlockType, Q4_1};

impl CpuType for Q4_1 {
    fn prepare<V: Vector>(inputs: &mut Inputs, x: &[f32], cols: usize) {
        inputs.round::<V, Self>(x, cols);
    }

    fn rows<V: Vector>(x: &[f32], inputs: &Inputs, part: &Part<'_>, scratch: &mut Scratch) {
        inputs.multiply::<V, Self>(x.len() / part.weight.cols, part, scratch);
    }
}

impl Block for Q4_1 {
    type Panel = [u8; Q4_1::BYTES * PANEL];
    const OFFSET: i32 = 0;
    const COARSE: f32 = 127.0;
    const PACKED: bool = true;
    const MINIMA: bool = true;

    #[inline(always)]
    fn panels(bytes: &[u8]) -> &[Self::Panel] {
        bytes.as_chunks().0
    }
    #[inline(always)]
    fn minima<V: Vector>(panel: &Self::Panel, _part: usize, _group: usize) -> [V; 2] {
        halves_at(panel, 1)
    }
    #[inline(always)]
    fn fours<V: Vector>(panel: &Self::Panel, _part: usize, i: usize) -> [(usize, [V::I8; 2]); 2] {
        let [[a, b], [c, d]] = [0, 1].map(|half| V::nibbles(codes::<Self>(panel, i, half)));
        [(i, [a, c]), (4 + i, [b, d])]
    }
}
