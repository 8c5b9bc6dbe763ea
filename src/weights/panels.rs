//! Quantised matrices in panels of eight rows, as the CPU's products read them.
//!
//! A panel has the bytes of eight rows, block by block: the scales of all eight, two bytes in turns, then their other bytes, four
//! in turns. Where four bytes are the codes of four columns, one vector of sixteen bytes is four columns of four rows, so that
//! sums of products stand in a lane per row and need no rearranging, and a panel is read from its first byte to its last.
//! Codes that are signed bytes may have 128 added ([`Codes`]).
//!
//! Scales are multiplied by the power of two that makes the largest one as large as binary16 allows: those of weights are
//! small, often subnormal, and processors, or else conversions, take longer over such. Nothing is rounded by it. Rows beyond the
//! last whole panel stay rows.

use super::{Codes, Layout, Matrix, Weights};
use crate::quant::DType;
use crate::tensor::rewrite;
use std::collections::HashMap;

/// Rows of a panel.
pub const PANEL: usize = 8;

/// Bytes of a panel's scales of one block of columns, before that block's codes.
pub const fn panel_scales(dtype: DType) -> usize {
    let scales = dtype.scales();
    (scales.end - scales.start) * PANEL
}

/// A panel at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panel<'a> {
    pub bytes: &'a [u8],
    /// Its scales are stored times 2^`shift`.
    pub shift: u8,
}

impl Matrix {
    /// How many panels the matrix begins with.
    pub fn panels(&self) -> usize {
        match self.layout {
            Layout::Rows => 0,
            Layout::Panels { .. } => self.rows / PANEL,
        }
    }

    /// The same, if their codes stand as `codes` says; else 0.
    pub fn panels_with(&self, codes: Codes) -> usize {
        match self.layout {
            Layout::Panels { codes: stored, .. } if stored == codes || !self.dtype.signed_bytes() => self.panels(),
            _ => 0,
        }
    }

    /// The scales of the stored panels are multiplied by 2 to the power of this.
    pub fn shift(&self) -> u8 {
        match self.layout {
            Layout::Rows => 0,
            Layout::Panels { shift, .. } => shift,
        }
    }

    /// The bytes of rows `8 p..8 p + 8`, as a panel (`p < panels()`) or as rows.
    pub fn eight_rows(&self, p: usize) -> &[u8] {
        let n = self.row_bytes() * PANEL;
        &self.data[p * n..((p + 1) * n).min(self.data.len())]
    }

    /// The bytes of row `r`, one that is not in a panel.
    pub fn stored_row(&self, r: usize) -> &[u8] {
        let n = self.row_bytes();
        &self.data[r * n..(r + 1) * n]
    }

    /// The bytes of row `r` (`r < rows`) in the file's order: where they lie, or put together in `buffer`.
    pub fn row<'a>(&'a self, r: usize, buffer: &'a mut Vec<u8>) -> &'a [u8] {
        let n = self.row_bytes();
        if r / PANEL >= self.panels() {
            return self.stored_row(r);
        }
        buffer.resize(n, 0);
        let (block, i) = (self.dtype.block_bytes(), r % PANEL);
        let panel = self.eight_rows(r / PANEL).chunks_exact(block * PANEL);
        for (row, panel) in buffer.chunks_exact_mut(block).zip(panel) {
            let (panel_scales, panel_codes) = panel.split_at(panel_scales(self.dtype));
            let scales = &mut row[self.dtype.scales()];
            let twos = panel_scales.as_chunks::<2>().0.iter().skip(i).step_by(PANEL);
            for (row, two) in scales.as_chunks_mut::<2>().0.iter_mut().zip(twos) {
                *row = *two;
            }
            shift_scales(scales, -i32::from(self.shift()));
            let codes = &mut row[self.dtype.codes()];
            let fours = panel_codes.as_chunks::<4>().0.iter().skip(i).step_by(PANEL);
            for (row, four) in codes.as_chunks_mut::<4>().0.iter_mut().zip(fours) {
                *row = *four;
            }
            if matches!(self.layout, Layout::Panels { codes: Codes::Unsigned, .. }) && self.dtype.signed_bytes() {
                change_sign(codes);
            }
        }
        buffer
    }

    /// Panel `p`, of a quantised matrix, with its codes as `codes` says: where it lies, or made in `memory`.
    #[inline(always)]
    pub fn panel<'a>(&'a self, p: usize, codes: Codes, memory: &'a mut Vec<u8>) -> Panel<'a> {
        match p < self.panels_with(codes) {
            true => Panel { bytes: self.eight_rows(p), shift: self.shift() },
            false => self.remade_panel(p, codes, memory),
        }
    }

    #[inline(never)]
    fn remade_panel<'a>(&self, p: usize, codes: Codes, memory: &'a mut Vec<u8>) -> Panel<'a> {
        let rows = self.eight_rows(p);
        memory.resize(self.row_bytes() * PANEL, 0);
        let (mut stored, mut shift) = (Codes::Signed, self.shift());
        match self.layout {
            Layout::Panels { codes, .. } if p < self.panels() => {
                memory.copy_from_slice(rows);
                stored = codes;
            }
            _ => {
                interleave(self.dtype, rows, self.row_bytes(), memory);
                let scales = memory.chunks_exact_mut(self.dtype.block_bytes() * PANEL);
                shift = largest_shift(scales.map(|block| &block[..panel_scales(self.dtype)]));
                shift_panel(self.dtype, memory, shift);
            }
        }
        if stored != codes {
            change_signs(self.dtype, memory);
        }
        Panel { bytes: memory, shift }
    }
}

/// How often the largest of some binary16 scales can be doubled; 0 where one is not finite.
fn largest_shift<'a>(scales: impl Iterator<Item = &'a [u8]>) -> u8 {
    let exponent = |scale: &[u8; 2]| u16::from_le_bytes(*scale) >> 10 & 31;
    let largest = scales.flat_map(|scales| scales.as_chunks().0).map(exponent).max().unwrap_or(0);
    30u16.saturating_sub(largest.max(1)) as u8
}

/// Multiplies binary16 numbers by 2^`by`; exact where the results are binary16 numbers.
fn shift_scales(scales: &mut [u8], by: i32) {
    for scale in scales.as_chunks_mut::<2>().0 {
        let half = u16::from_le_bytes(*scale);
        let (sign, exponent, mut fraction) = (half & 0x8000, i32::from(half >> 10 & 31), half & 0x3ff);
        if by == 0 || exponent == 31 || half & 0x7fff == 0 {
            continue;
        }
        // As 1.fraction * 2^exponent, whatever the exponent; then as binary16 has it.
        let mut exponent = exponent.max(1) + by;
        if half & 0x7c00 == 0 {
            let up = fraction.leading_zeros() - 5;
            fraction <<= up;
            exponent -= up as i32;
        } else {
            fraction |= 0x400;
        }
        let magnitude = match exponent {
            1.. => (exponent as u16) << 10 | fraction & 0x3ff,
            _ => fraction.checked_shr((1 - exponent) as u32).unwrap_or(0),
        };
        *scale = (sign | magnitude).to_le_bytes();
    }
}

/// Multiplies the scales of a panel by 2^`shift`.
fn shift_panel(dtype: DType, panel: &mut [u8], shift: u8) {
    for block in panel.chunks_exact_mut(dtype.block_bytes() * PANEL) {
        shift_scales(&mut block[..panel_scales(dtype)], i32::from(shift));
    }
}

/// Adds 128 to codes, or takes it from them.
fn change_sign(codes: &mut [u8]) {
    codes.iter_mut().for_each(|code| *code ^= 0x80);
}

/// The same with all codes of a panel, if they are bytes.
fn change_signs(dtype: DType, panel: &mut [u8]) {
    if dtype.signed_bytes() {
        let blocks = panel.chunks_exact_mut(dtype.block_bytes() * PANEL);
        blocks.for_each(|block| change_sign(&mut block[panel_scales(dtype)..]));
    }
}

/// Writes up to eight rows of type `dtype`, `row_bytes` each, to `out` as a panel; those that are missing as zeros.
///
/// * `rows`: whole rows, one after the other
/// * `out`: `8 * row_bytes`
pub fn interleave(dtype: DType, rows: &[u8], row_bytes: usize, out: &mut [u8]) {
    let block = dtype.block_bytes();
    if rows.len() < out.len() {
        out.fill(0);
    }
    for (i, row) in rows.chunks_exact(row_bytes).take(PANEL).enumerate() {
        for (row, panel) in row.chunks_exact(block).zip(out.chunks_exact_mut(block * PANEL)) {
            let (scales, codes) = panel.split_at_mut(panel_scales(dtype));
            let twos = scales.as_chunks_mut::<2>().0.iter_mut().skip(i).step_by(PANEL);
            for (row, two) in row[dtype.scales()].as_chunks::<2>().0.iter().zip(twos) {
                *two = *row;
            }
            let fours = codes.as_chunks_mut::<4>().0.iter_mut().skip(i).step_by(PANEL);
            for (row, four) in row[dtype.codes()].as_chunks::<4>().0.iter().zip(fours) {
                *four = *row;
            }
        }
    }
}

impl Weights {
    /// Brings the quantised matrices into panels, where they lie, with their codes as `codes` says. Those whose bytes somebody else
    /// holds too (a file that is still open) stay rows: nothing is copied.
    pub fn into_panels(mut self, codes: Codes) -> Weights {
        let shapes: Vec<_> = self.matrices.iter().map(|m| (m.dtype, m.row_bytes(), m.layout)).collect();
        let mut all: Vec<_> = self.matrices.iter_mut().map(|m| &mut m.data).collect();
        let mut rows = Vec::new();
        // By where their bytes lie: matrices that share them are turned once.
        let mut shifts = HashMap::new();
        let done = rewrite(&mut all, |i, data| {
            let (dtype, row_bytes, layout) = shapes[i];
            if !dtype.in_panels() || layout != Layout::Rows || row_bytes == 0 {
                return;
            }
            let shift = largest_shift(data.chunks_exact(dtype.block_bytes()).map(|block| &block[dtype.scales()]));
            shifts.insert(data.as_ptr(), shift);
            for panel in data.chunks_exact_mut(row_bytes * PANEL) {
                rows.clear();
                rows.extend_from_slice(panel);
                interleave(dtype, &rows, row_bytes, panel);
                shift_panel(dtype, panel, shift);
                if codes == Codes::Unsigned {
                    change_signs(dtype, panel);
                }
            }
        });
        for (matrix, done) in self.matrices.iter_mut().zip(done) {
            if done && matrix.dtype.in_panels() && matrix.layout == Layout::Rows {
                let shift = shifts.get(&matrix.data.as_ptr()).copied().unwrap_or(0);
                matrix.layout = Layout::Panels { codes, shift };
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Bytes;

    const ALL: [(DType, Codes); 3] =
        [(DType::Q8_0, Codes::Signed), (DType::Q8_0, Codes::Unsigned), (DType::Q4_0, Codes::Unsigned)];

    fn matrix(dtype: DType, rows: usize, cols: usize, file: &Bytes) -> Matrix {
        let len = rows * dtype.bytes_for(cols).unwrap();
        let data = file.slice(5..5 + len).unwrap();
        Matrix { name: "m".into(), dtype, rows, cols, data, layout: Layout::Rows }
    }

    fn file() -> Bytes {
        file_of(0xff)
    }

    /// Bytes that have some bits only. Without 0x40 no scale is 2 or more.
    fn file_of(bits: u8) -> Bytes {
        Bytes::new((0..20_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8 & bits).collect())
    }

    /// Scales as they are meant, and codes.
    fn values(dtype: DType, panel: Panel<'_>) -> (Vec<u64>, Vec<u8>) {
        let blocks = || panel.bytes.chunks_exact(dtype.block_bytes() * PANEL).map(|b| b.split_at(panel_scales(dtype)));
        let unit = 0.5f64.powi(panel.shift.into());
        let scale = |scale: &[u8; 2]| (f64::from(half::f16::from_le_bytes(*scale)) * unit).to_bits();
        let scales = blocks().flat_map(|(scales, _)| scales.as_chunks().0.iter().map(scale)).collect();
        (scales, blocks().flat_map(|(_, codes)| codes.to_vec()).collect())
    }

    #[test]
    fn scales_are_doubled_and_halved_exactly() {
        let halves = || (0..=u16::MAX).map(half::f16::from_bits);
        for by in [0, 1, 9, 10, 15, 29] {
            for scale in halves() {
                let mut bytes = scale.to_le_bytes();
                shift_scales(&mut bytes, by);
                let shifted = half::f16::from_le_bytes(bytes);
                let want = f64::from(scale) * 2f64.powi(by);
                if want.abs() < 65536.0 {
                    assert_eq!(f64::from(shifted), want, "{scale:?} by {by}");
                    assert!(by < 10 || shifted.is_normal() || scale.to_bits() & 0x7fff == 0, "{scale:?} by {by}");
                    shift_scales(&mut bytes, -by);
                    assert_eq!(bytes, scale.to_le_bytes(), "{scale:?} by {by} and back");
                }
            }
        }
        for (scales, shift) in
            [([0x0001u16, 0x8000], 29), ([0x3c00, 0x1400], 15), ([0x7bff, 0x0001], 0), ([0xfc00, 1], 0)]
        {
            let bytes = scales.map(u16::to_le_bytes);
            assert_eq!(largest_shift([bytes.as_flattened()].into_iter()), shift, "{scales:x?}");
        }
    }

    #[test]
    fn every_row_comes_back() {
        for ((dtype, codes), bits) in ALL.into_iter().flat_map(|all| [(all, 0xff), (all, 0xbf)]) {
            for rows in [1, 7, 8, 9, 16, 35] {
                let before = matrix(dtype, rows, 96, &file_of(bits));
                let weights = Weights { matrices: vec![matrix(dtype, rows, 96, &file_of(bits))], vectors: Vec::new() };
                let after = &weights.into_panels(codes).matrices[0];
                assert_eq!(after.panels(), rows / 8);
                assert!(bits == 0xff || after.shift() >= 14, "{}", after.shift());
                let (mut a, mut b) = (Vec::new(), Vec::new());
                for r in 0..rows {
                    assert_eq!(before.row(r, &mut a), after.row(r, &mut b), "{dtype} row {r} of {rows}");
                }
                assert_eq!(before.data[..] == after.data[..], rows < 8, "{dtype}, {rows} rows");
            }
        }
    }

    #[test]
    fn a_panel_is_the_same_wherever_it_comes_from() {
        for ((dtype, codes), bits) in ALL.into_iter().flat_map(|all| [(all, 0xff), (all, 0xbf)]) {
            let rows = matrix(dtype, 19, 96, &file_of(bits));
            let panels = [Codes::Signed, Codes::Unsigned].map(|codes| {
                let weights = Weights { matrices: vec![matrix(dtype, 19, 96, &file_of(bits))], vectors: Vec::new() };
                weights.into_panels(codes).matrices.remove(0)
            });
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for p in 0..3 {
                let made = values(dtype, rows.panel(p, codes, &mut a));
                for panels in &panels {
                    assert_eq!(
                        values(dtype, panels.panel(p, codes, &mut b)),
                        made,
                        "{dtype} {codes:?} of {:?}, panel {p}",
                        panels.layout
                    );
                }
            }
            let other = rows.panel(0, Codes::Signed, &mut a).bytes != rows.panel(0, Codes::Unsigned, &mut b).bytes;
            assert_eq!(other, dtype == DType::Q8_0);
            let kept = dtype == DType::Q4_0 || codes == Codes::Signed;
            assert_eq!(panels[0].panels_with(codes), if kept { 2 } else { 0 });
        }
    }

    #[test]
    fn a_vector_is_four_columns_of_four_rows() {
        let m = matrix(DType::Q8_0, 8, 32, &file());
        let weights = Weights { matrices: vec![matrix(DType::Q8_0, 8, 32, &file())], vectors: Vec::new() };
        let panels = weights.into_panels(Codes::Signed);
        let codes = &panels.matrices[0].eight_rows(0)[panel_scales(DType::Q8_0)..];
        let mut buffer = Vec::new();
        for (f, half, row, column) in [(0, 0, 0, 0), (3, 1, 2, 1), (7, 1, 3, 3)] {
            let byte = codes[(f * 2 + half) * 16 + row * 4 + column];
            assert_eq!(byte, m.row(half * 4 + row, &mut buffer)[2 + 4 * f + column]);
        }
    }

    #[test]
    fn bytes_that_others_hold_and_shared_bytes() {
        let held = file();
        let weights = Weights { matrices: vec![matrix(DType::Q8_0, 16, 32, &held)], vectors: Vec::new() };
        let weights = weights.into_panels(Codes::Unsigned);
        assert_eq!(weights.matrices[0].layout, Layout::Rows);
        drop(held);
        // Two names for the same bytes are turned once.
        let mut weights = weights;
        weights.matrices.push(weights.matrices[0].clone());
        let before = weights.matrices[0].row(9, &mut Vec::new()).to_vec();
        let weights = weights.into_panels(Codes::Unsigned).into_panels(Codes::Signed);
        for m in &weights.matrices {
            assert!(matches!(m.layout, Layout::Panels { codes: Codes::Unsigned, .. }));
            assert_eq!(m.row(9, &mut Vec::new()), before);
        }
    }
}
