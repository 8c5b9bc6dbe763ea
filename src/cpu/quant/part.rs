//! Rows of a matrix that one thread multiplies, and where their products go.

use super::PANEL;
use super::block::{self, Block};
use super::expanded;
use crate::cpu::out::Out;
use crate::cpu::simd::Vector;
use crate::weights::{Codes, Matrix};
use std::ops::Range;

/// Activation rows multiplied by a panel at once, so that all sums stay in registers.
pub const TILE: usize = 4;
/// Panels multiplied by a single activation row at once, a quarter of the rows apart: processors read several streams of memory
/// faster than one. More of them are no faster (with eight, the same processor read less), and leave more panels over that
/// have to be read alone.
pub const STREAMS: usize = 4;

/// Some rows of a matrix, and where their products go.
pub struct Part<'a> {
    /// The matrix.
    pub weight: &'a Matrix,
    /// As what panels are needed.
    pub codes: Codes,
    /// `[rows]`.
    pub bias: Option<&'a [f32]>,
    /// The rows.
    pub range: Range<usize>,
    /// `[n, rows]`; written at the columns of `range`, which no other thread uses meanwhile.
    pub out: Out<'a>,
}

impl Part<'_> {
    /// One activation row times every weight row, four at a time: `out[r] = dot(rows)[lane of r] + bias[r]`.
    ///
    /// The four lie a quarter of the rows apart, so that memory is read as four long streams, which processors foresee;
    /// four neighbouring rows, read block by block, look like jumps to them.
    #[inline(always)]
    pub fn each_row<V: Vector>(&self, dot: impl Fn([usize; 4]) -> V) {
        let Range { start, end } = self.range.clone();
        // SAFETY: whoever made the part keeps these columns to this thread.
        let out = unsafe { self.out.columns(0, start..end) };
        let quarter = out.len().div_ceil(4);
        for first in 0..quarter {
            let four: [usize; 4] = std::array::from_fn(|i| first + i * quarter);
            let sums = dot(four.map(|r| (start + r).min(end - 1))).lanes();
            for (r, sum) in four.into_iter().zip(sums) {
                let Some(out) = out.get_mut(r) else { continue };
                *out = sum + self.bias.map_or(0.0, |bias| bias[start + r]);
            }
        }
    }

    /// The panels that the range reaches into.
    pub fn panels(&self) -> Range<usize> {
        self.range.start / PANEL..self.range.end.div_ceil(PANEL)
    }

    /// One activation row times every panel: `many` of them at a time that lie far apart, as long as there are so many, and
    /// then each `one`; with their unit (see [`block::unit`]).
    #[inline(always)]
    pub fn streams<V: Vector, B: Block>(
        &self,
        memory: &mut Vec<u8>,
        many: impl Fn([&[B::Panel]; STREAMS], f32) -> [[V; 2]; STREAMS],
        one: impl Fn(&[B::Panel], f32) -> [V; 2],
    ) {
        let Range { start, end } = self.panels();
        let unit = block::unit(self.weight.shift());
        let stream = end.min(self.weight.panels_with(self.codes)).saturating_sub(start) / STREAMS;
        for p in start..start + stream {
            let panels: [usize; STREAMS] = std::array::from_fn(|i| p + i * stream);
            let sums = many(panels.map(|p| B::panels(self.weight.eight_rows(p))), unit);
            for (sums, p) in sums.iter().zip(panels) {
                self.finish(sums, 0, p);
            }
        }
        for p in start + STREAMS * stream..end {
            let (panel, unit) = panel::<B>(self, p, memory);
            self.finish(&one(panel, unit), 0, p);
        }
    }

    /// Adds the bias to the sums of activation row `m` with panel `p`, and stores those in the range.
    #[inline(always)]
    pub fn finish<V: Vector>(&self, sums: &[V; 2], m: usize, p: usize) {
        let columns = (p * PANEL).max(self.range.start)..((p + 1) * PANEL).min(self.range.end);
        // SAFETY: whoever made the part keeps these columns to this thread.
        let out = unsafe { self.out.columns(m, columns.clone()) };
        if let ([low, high], []) = out.as_chunks_mut::<4>()
            && self.bias.is_none()
        {
            sums[0].store(low);
            sums[1].store(high);
            return;
        }
        let sums = sums.map(V::lanes);
        let sums = sums.as_flattened().iter().skip(columns.start % PANEL);
        for ((sum, out), r) in sums.zip(out).zip(columns) {
            *out = sum + self.bias.map_or(0.0, |bias| bias[r]);
        }
    }
}

/// Panel `p` and its unit (see [`block::unit`]), as it is stored or, where it is not stored as the part needs it, made in `memory`.
#[inline(always)]
pub fn panel<'a, B: Block>(part: &Part<'a>, p: usize, memory: &'a mut Vec<u8>) -> (&'a [B::Panel], f32) {
    if B::EXPANDED {
        return (B::panels(expanded::panel(part.weight, p, part.codes, memory)), 1.0);
    }
    let panel = part.weight.panel(p, part.codes, memory);
    (B::panels(panel.bytes), block::unit(panel.shift))
}
