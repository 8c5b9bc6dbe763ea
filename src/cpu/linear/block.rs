//! The two quantised types: how their panels (see `weights`) are read, and how activations are rounded for them.

use super::{PANEL, Part, ROUNDED};
use crate::cpu::vector::{F16_BITS, Vector};
use crate::quant::DType;
use crate::weights::panel_scales;

/// How a block of 32 columns of eight weight rows is stored.
pub trait Block {
    /// The bytes of such a block.
    type Panel: AsRef<[u8]>;
    /// What its codes have been increased by in the file.
    const OFFSET: i32;
    /// The largest code of activations rounded coarsely (see `bytes`).
    const COARSE: f32;
    /// Whether a code is less than a byte.
    const PACKED: bool;
    fn panels(bytes: &[u8]) -> &[Self::Panel];
    /// Adds to `sums[m]` the products of the block `x[m]` with weight rows `4 * half..4 * half + 4`, one in a lane.
    fn dot<V: Vector, const M: usize>(x: [&[i16; ROUNDED]; M], panel: &Self::Panel, half: usize) -> [V::I32; M];
    /// The order of 32 activations that `dot` expects.
    fn arrange<V: Vector>(x: [V::I16; 4]) -> [V::I16; 4];
    /// Two fours of columns, each with their codes of all eight rows: the `i`-th of four such pairs.
    fn fours<V: Vector>(panel: &Self::Panel, i: usize) -> [(usize, [V::I8; 2]); 2];
}

/// The scales of the eight rows, to be multiplied by the panel's unit.
#[inline(always)]
pub fn scales<V: Vector, B: Block>(panel: &B::Panel) -> [V; 2] {
    let scales = panel.as_ref().as_chunks::<8>().0;
    [V::from_f16_bits(&scales[0]), V::from_f16_bits(&scales[1])]
}

/// What [`scales`] are to be multiplied by, where they are stored times 2^`shift`.
///
/// Factors of activations are multiplied by it: only those of 2^(16 + `shift`) or more would overflow, with a `shift` that is small
/// only where weights are in the hundreds.
#[inline(always)]
pub fn unit(shift: u8) -> f32 {
    f32::from_bits(F16_BITS.to_bits() - (u32::from(shift) << 23))
}

/// Vector `i` of the codes.
#[inline(always)]
fn codes(panel: &[u8], i: usize) -> &[u8; 16] {
    &panel[panel_scales(DType::Q8_0)..].as_chunks::<16>().0[i]
}

/// Panel `p` and its unit (see [`unit`]), as it is stored or, where it is not stored as the part needs it, made in `memory`.
#[inline(always)]
pub fn panel<'a, B: Block>(part: &Part<'a>, p: usize, memory: &'a mut Vec<u8>) -> (&'a [B::Panel], f32) {
    let panel = part.weight.panel(p, part.codes, memory);
    (B::panels(panel.bytes), unit(panel.shift))
}

#[derive(Debug)]
pub struct Q8;
#[derive(Debug)]
pub struct Q4;

impl Block for Q8 {
    type Panel = [u8; 34 * PANEL];
    const OFFSET: i32 = 0;
    const COARSE: f32 = 63.0;
    const PACKED: bool = false;
    #[inline(always)]
    fn panels(bytes: &[u8]) -> &[Self::Panel] {
        bytes.as_chunks().0
    }
    #[inline(always)]
    fn dot<V: Vector, const M: usize>(x: [&[i16; ROUNDED]; M], panel: &Self::Panel, half: usize) -> [V::I32; M] {
        // By pairs of columns: of rows 0 and 1 in the first sum, of 2 and 3 in the second.
        let mut sums = [[V::splat_i32(0); 2]; M];
        for four in 0..8 {
            let w = codes(panel, 2 * four + half).as_chunks::<8>().0;
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
    fn arrange<V: Vector>(x: [V::I16; 4]) -> [V::I16; 4] {
        x
    }
    #[inline(always)]
    fn fours<V: Vector>(panel: &Self::Panel, i: usize) -> [(usize, [V::I8; 2]); 2] {
        [2 * i, 2 * i + 1]
            .map(|four| (four, [V::load_i8(codes(panel, 2 * four)), V::load_i8(codes(panel, 2 * four + 1))]))
    }
}

impl Block for Q4 {
    type Panel = [u8; 18 * PANEL];
    const OFFSET: i32 = 8;
    const COARSE: f32 = 127.0;
    const PACKED: bool = true;
    #[inline(always)]
    fn panels(bytes: &[u8]) -> &[Self::Panel] {
        bytes.as_chunks().0
    }
    #[inline(always)]
    fn dot<V: Vector, const M: usize>(x: [&[i16; ROUNDED]; M], panel: &Self::Panel, half: usize) -> [V::I32; M] {
        let mut sums = [V::splat_i32(0); M];
        for four in 0..4 {
            let w = V::widen_nibbles(codes(panel, 2 * four + half));
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
    fn fours<V: Vector>(panel: &Self::Panel, i: usize) -> [(usize, [V::I8; 2]); 2] {
        let [[a, b], [c, d]] = [2 * i, 2 * i + 1].map(|vector| V::nibbles(codes(panel, vector)));
        [(i, [a, c]), (4 + i, [b, d])]
    }
}
