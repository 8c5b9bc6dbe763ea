//! `Q6_K`: sixteen groups of 16 columns, each with a scale of eight bits.

use super::block::{Block, codes, halves_at};
use super::{CpuType, Inputs, PANEL, Part, Scratch};
use crate::cpu::simd::Vector;
use crate::quant::{BlockType, Q6_K};

impl CpuType for Q6_K {
    fn prepare<V: Vector>(inputs: &mut Inputs, x: &[f32], cols: usize) {
        inputs.round::<V, Self>(x, cols);
    }

    fn rows<V: Vector>(x: &[f32], inputs: &Inputs, part: &Part<'_>, scratch: &mut Scratch) {
        inputs.multiply::<V, Self>(x.len() / part.weight.cols, part, scratch);
    }
}

impl Block for Q6_K {
    type Panel = [u8; Q6_K::BYTES * PANEL];
    const OFFSET: i32 = 32;
    // Pairs of bytes are summed in 16 bits: 8 * 63 * 63.
    const COARSE: f32 = 63.0;
    const PACKED: bool = true;
    const GROUPS: usize = 2;
    const PARTS: usize = 8;

    #[inline(always)]
    fn panels(bytes: &[u8]) -> &[Self::Panel] {
        bytes.as_chunks().0
    }
    #[inline(always)]
    fn scales<V: Vector>(panel: &Self::Panel, part: usize, group: usize) -> [V; 2] {
        let unit = halves_at::<V>(panel, 0);
        let (four, byte) = (48 + part / 2, part % 2 * 2 + group);
        let scales = [0, 1].map(|half| V::from_i32(V::signed_byte(codes::<Self>(panel, four, half), byte as u32)));
        [scales[0].mul(unit[0]), scales[1].mul(unit[1])]
    }
    #[inline(always)]
    fn fours<V: Vector>(panel: &Self::Panel, part: usize, i: usize) -> [(usize, [V::I8; 2]); 2] {
        // Half a block, four parts, has 16 fours of low bits and 8 of upper ones; those come after all low ones.
        let (block_half, part) = (part / 4, part % 4);
        [2 * i, 2 * i + 1].map(|four| {
            let (low, high) = (16 * block_half + 8 * (part % 2) + four, 32 + 8 * block_half + four);
            let code = |half| {
                let low = V::bits(codes::<Self>(panel, low, half), part as u32 / 2 * 4, 15);
                V::or_left(low, V::bits(codes::<Self>(panel, high, half), 2 * part as u32, 3), 4)
            };
            (four, [code(0), code(1)])
        })
    }
}
