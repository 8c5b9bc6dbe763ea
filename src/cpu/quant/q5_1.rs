//! `Q5_1`: codes as in `Q5_0`, with a minimum.

use super::block::{Block, codes, halves_at};
use super::{CpuType, Inputs, PANEL, Part, Scratch};
use crate::cpu::simd::Vector;
use crate::quant::{BlockType, Q5_1};

impl CpuType for Q5_1 {
    fn prepare<V: Vector>(inputs: &mut Inputs, x: &[f32], cols: usize) {
        inputs.round::<V, Self>(x, cols);
    }

    fn rows<V: Vector>(x: &[f32], inputs: &Inputs, part: &Part<'_>, scratch: &mut Scratch) {
        inputs.multiply::<V, Self>(x.len() / part.weight.cols, part, scratch);
    }
}

impl Block for Q5_1 {
    type Panel = [u8; Q5_1::BYTES * PANEL];
    const OFFSET: i32 = 0;
    // Pairs of bytes are summed in 16 bits: 16 * 31 * 63.
    const COARSE: f32 = 63.0;
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
        let [[a, b], [c, d]] = [0, 1].map(|half| {
            let [low, high] = V::nibbles(codes::<Self>(panel, 1 + i, half));
            // Bit `c` of a row is the fifth of column `c`.
            let fifth = |four: usize| V::spread_bits(codes::<Self>(panel, 0, half), 4 * four as u32);
            [V::or_left(low, fifth(i), 4), V::or_left(high, fifth(4 + i), 4)]
        });
        [(i, [a, c]), (4 + i, [b, d])]
    }
}
