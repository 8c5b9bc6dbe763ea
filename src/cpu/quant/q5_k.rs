//! `Q5_K`: scales and minima as in `Q4_K`, and a byte for the fifth bits of a column in all eight parts.

use super::block::{Block, codes};
use super::q4_k::six_bits;
use super::{CpuType, Inputs, PANEL, Part, Scratch};
use crate::cpu::simd::Vector;
use crate::quant::{BlockType, Q5_K};

impl CpuType for Q5_K {
    fn prepare<V: Vector>(inputs: &mut Inputs, x: &[f32], cols: usize) {
        inputs.round::<V, Self>(x, cols);
    }

    fn rows<V: Vector>(x: &[f32], inputs: &Inputs, part: &Part<'_>, scratch: &mut Scratch) {
        inputs.multiply::<V, Self>(x.len() / part.weight.cols, part, scratch);
    }
}

impl Block for Q5_K {
    type Panel = [u8; Q5_K::BYTES * PANEL];
    const OFFSET: i32 = 0;
    // Pairs of bytes are summed in 16 bits: 16 * 31 * 63.
    const COARSE: f32 = 63.0;
    const PACKED: bool = true;
    const MINIMA: bool = true;
    const PARTS: usize = 8;

    #[inline(always)]
    fn panels(bytes: &[u8]) -> &[Self::Panel] {
        bytes.as_chunks().0
    }
    #[inline(always)]
    fn scales<V: Vector>(panel: &Self::Panel, part: usize, _group: usize) -> [V; 2] {
        six_bits::<V, Self>(panel, part, 0)
    }
    #[inline(always)]
    fn minima<V: Vector>(panel: &Self::Panel, part: usize, _group: usize) -> [V; 2] {
        six_bits::<V, Self>(panel, part, 1).map(|minimum| V::splat(0.0).sub(minimum))
    }
    #[inline(always)]
    fn fours<V: Vector>(panel: &Self::Panel, part: usize, i: usize) -> [(usize, [V::I8; 2]); 2] {
        // Three fours of scales, eight of fifth bits, then 32 bytes for every two parts, of which each has one half.
        [2 * i, 2 * i + 1].map(|four| {
            let (fifth, low) = (3 + four, 11 + part / 2 * 8 + four);
            let code = |half| {
                let low = V::bits(codes::<Self>(panel, low, half), part as u32 % 2 * 4, 15);
                V::or_left(low, V::bits(codes::<Self>(panel, fifth, half), part as u32, 1), 4)
            };
            (four, [code(0), code(1)])
        })
    }
}
