//! How the panels of quantised types (see `weights`) are read, and how activations are rounded for them.

use super::ROUNDED;
use crate::cpu::simd::{F16_BITS, Vector};
use crate::quant::BlockType;

/// How a block of columns of eight weight rows is stored: what the products of bytes and of 16-bit numbers are made of.
///
/// A block is [`Block::PARTS`] parts of 32 columns, as many as activations are rounded together. In each, an element is
/// `scale * (code - OFFSET)`, or `scale * code + minimum`.
pub trait Block {
    /// The bytes of such a block.
    type Panel: AsRef<[u8]>;
    /// What codes have been increased by in the file.
    const OFFSET: i32;
    /// The largest code of activations rounded coarsely (see `bytes`).
    const COARSE: f32;
    /// Whether a code is less than a byte.
    const PACKED: bool;
    /// Scales of 32 columns: 1, or 2 of 16 columns each.
    const GROUPS: usize = 1;
    /// Whether elements have a minimum, and no offset.
    const MINIMA: bool = false;
    /// Parts of 32 columns.
    const PARTS: usize = 1;
    /// Whether panels are made when they are needed (see `expanded`), with factors as they are meant.
    const EXPANDED: bool = false;

    /// A panel's bytes by blocks.
    fn panels(bytes: &[u8]) -> &[Self::Panel];
    /// The scales of the eight rows in a part, or in one of its groups; to be multiplied by the panel's [`unit()`].
    #[inline(always)]
    fn scales<V: Vector>(panel: &Self::Panel, _part: usize, _group: usize) -> [V; 2] {
        halves_at(panel.as_ref(), 0)
    }
    /// The minima of the eight rows in a part, or in one of its groups, likewise.
    #[inline(always)]
    fn minima<V: Vector>(_panel: &Self::Panel, _part: usize, _group: usize) -> [V; 2] {
        [V::splat(0.0); 2]
    }
    /// The products of the activations `x[m]` with a part, or with one of its groups, of weight rows `4 * half..4 * half + 4`, one in
    /// a lane.
    #[inline(always)]
    fn dot<V: Vector, const M: usize>(
        x: [&[i16; ROUNDED]; M],
        panel: &Self::Panel,
        part: usize,
        group: usize,
        half: usize,
    ) -> [V::I32; M] {
        let mut sums = [[V::splat_i32(0); 2]; M];
        for i in group_fours::<Self>(group) {
            for (four, w) in Self::fours::<V>(panel, part, i) {
                let w = V::widen(w[half]);
                for (x, sums) in x.iter().zip(&mut sums) {
                    let x = V::splat_quad(&x.as_chunks::<4>().0[four]);
                    sums[0] = V::add_i32(V::dot(x, w[0]), sums[0]);
                    sums[1] = V::add_i32(V::dot(x, w[1]), sums[1]);
                }
            }
        }
        // By pairs of columns: of rows 0 and 1 in the first sum, of 2 and 3 in the second.
        sums.map(|[a, b]| V::add_pairs(a, b))
    }
    /// The order of 32 activations that `dot` expects.
    #[inline(always)]
    fn arrange<V: Vector>(x: [V::I16; 4]) -> [V::I16; 4] {
        x
    }
    /// Two fours of columns of a part, each with their codes of all eight rows: the `i`-th of four such pairs. Where there are
    /// two groups, the first has the pairs 0 and 1.
    fn fours<V: Vector>(panel: &Self::Panel, part: usize, i: usize) -> [(usize, [V::I8; 2]); 2];
}

/// The pairs of fours of a group.
#[inline(always)]
pub fn group_fours<B: Block + ?Sized>(group: usize) -> std::ops::Range<usize> {
    group * 4 / B::GROUPS..(group + 1) * 4 / B::GROUPS
}

/// The `i`-th binary16 scales of the eight rows.
#[inline(always)]
pub fn halves_at<V: Vector>(panel: &[u8], i: usize) -> [V; 2] {
    let scales = panel.as_chunks::<8>().0;
    [V::from_f16_bits(&scales[2 * i]), V::from_f16_bits(&scales[2 * i + 1])]
}

/// What [`Block::scales`] are to be multiplied by, where they are stored times 2^`shift`.
///
/// Factors of activations are multiplied by it: only those of 2^(16 + `shift`) or more would overflow, with a `shift` that is small
/// only where weights are in the hundreds.
#[inline(always)]
pub fn unit(shift: u8) -> f32 {
    f32::from_bits(F16_BITS.to_bits() - (u32::from(shift) << 23))
}

/// Sixteen bytes of a block of `B` in a panel: the four bytes `four`, beyond the scales, of weight rows `4 * half..4 * half + 4`.
#[inline(always)]
pub fn codes<B: Block + BlockType>(panel: &B::Panel, four: usize, half: usize) -> &[u8; 16] {
    codes_after(panel.as_ref(), (B::SCALES.end - B::SCALES.start) * super::PANEL, four, half)
}

/// The same beyond `factors` bytes.
#[inline(always)]
pub fn codes_after(panel: &[u8], factors: usize, four: usize, half: usize) -> &[u8; 16] {
    &panel[factors..].as_chunks::<16>().0[2 * four + half]
}
