//! `Q4_K`: eight parts of 32 columns, whose scales and minima are unpacked from six bits each.

use super::block::{Block, codes, halves_at};
use super::{CpuType, Inputs, PANEL, Part, Scratch};
use crate::cpu::simd::Vector;
use crate::quant::{BlockType, Q4_K};

impl CpuType for Q4_K {
    fn prepare<V: Vector>(inputs: &mut Inputs, x: &[f32], cols: usize) {
        inputs.round::<V, Self>(x, cols);
    }

    fn rows<V: Vector>(x: &[f32], inputs: &Inputs, part: &Part<'_>, scratch: &mut Scratch) {
        inputs.multiply::<V, Self>(x.len() / part.weight.cols, part, scratch);
    }
}

impl Block for Q4_K {
    type Panel = [u8; Q4_K::BYTES * PANEL];
    const OFFSET: i32 = 0;
    const COARSE: f32 = 127.0;
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
        // Two parts share 32 bytes, of which each has one half; three fours before them are scales.
        [2 * i, 2 * i + 1].map(|four| {
            let at = 3 + part / 2 * 8 + four;
            (four, [0, 1].map(|half| V::bits(codes::<Self>(panel, at, half), part as u32 % 2 * 4, 15)))
        })
    }
}

/// The scales (`which` 0) or the minima (1) of the eight rows in a part: six bits, times the block's own.
#[inline(always)]
pub fn six_bits<V: Vector, B: Block + BlockType>(panel: &B::Panel, part: usize, which: usize) -> [V; 2] {
    let unit = halves_at::<V>(panel.as_ref(), which);
    // Of a row, one four has the scales of the first four parts, one their minima; the third has the low bits of the others, whose
    // upper bits are those that the first two do not need.
    let bits = |four: usize, half, right, mask| V::field(codes::<B>(panel, four, half), right, mask);
    let byte = part as u32 % 4 * 8;
    let values = [0, 1].map(|half| match part {
        0..4 => bits(which, half, byte, 63),
        _ => V::add_i32(bits(2, half, byte + 4 * which as u32, 15), bits(which, half, byte + 2, 48)),
    });
    [V::from_i32(values[0]).mul(unit[0]), V::from_i32(values[1]).mul(unit[1])]
}
