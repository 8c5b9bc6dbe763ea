//! Quantised matrices in panels of eight rows, as the CPU's products read them.
//!
//! A panel has the bytes of eight rows, block by block: the eight scales, then the codes of four columns of all eight rows,
//! of the next four, and so on. One vector of sixteen bytes is four columns of four rows, so that sums of products stand in a
//! lane per row and need no rearranging, and a panel is read from its first byte to its last. With `Q4_0` a four of bytes
//! is columns `4f..4f + 4` in the low and `16 + 4f..` in the high halves. The codes of `Q8_0` may have 128 added ([`Codes`]).
//! Rows beyond the last whole panel stay rows.

use super::{Codes, Layout, Matrix, Weights};
use crate::tensor::{DType, rewrite};

/// Rows of a panel.
pub const PANEL: usize = 8;

/// Bytes of a panel's scales of one block of columns, before that block's codes.
pub const PANEL_SCALES: usize = 2 * PANEL;

impl Matrix {
    /// How many panels the matrix begins with.
    pub fn panels(&self) -> usize {
        match self.layout {
            Layout::Rows => 0,
            Layout::Panels(_) => self.rows / PANEL,
        }
    }

    /// The same, if their codes stand as `codes` says; else 0.
    pub fn panels_with(&self, codes: Codes) -> usize {
        if self.layout == Layout::Panels(codes) || self.dtype == DType::Q4_0 { self.panels() } else { 0 }
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
            let (scales, codes) = panel.split_at(PANEL_SCALES);
            row[..2].copy_from_slice(&scales[2 * i..2 * i + 2]);
            let fours = codes.as_chunks::<4>().0.iter().skip(i).step_by(PANEL);
            for (row, four) in row[2..].as_chunks_mut::<4>().0.iter_mut().zip(fours) {
                *row = *four;
            }
            if self.layout == Layout::Panels(Codes::Unsigned) && self.dtype == DType::Q8_0 {
                change_sign(&mut row[2..]);
            }
        }
        buffer
    }

    /// Panel `p`, of a quantised matrix, with its codes as `codes` says: where it lies, or made in `memory`.
    #[inline(always)]
    pub fn panel<'a>(&'a self, p: usize, codes: Codes, memory: &'a mut Vec<u8>) -> &'a [u8] {
        if p < self.panels_with(codes) { self.eight_rows(p) } else { self.remade_panel(p, codes, memory) }
    }

    #[inline(never)]
    fn remade_panel<'a>(&self, p: usize, codes: Codes, memory: &'a mut Vec<u8>) -> &'a [u8] {
        let rows = self.eight_rows(p);
        memory.resize(self.row_bytes() * PANEL, 0);
        let mut stored = Codes::Signed;
        match self.layout {
            Layout::Panels(codes) if p < self.panels() => {
                memory.copy_from_slice(rows);
                stored = codes;
            }
            _ => interleave(self.dtype, rows, self.row_bytes(), memory),
        }
        if stored != codes {
            change_signs(self.dtype, memory);
        }
        memory
    }
}

/// Adds 128 to codes, or takes it from them.
fn change_sign(codes: &mut [u8]) {
    codes.iter_mut().for_each(|code| *code ^= 0x80);
}

/// The same with all codes of a panel, if they are bytes.
fn change_signs(dtype: DType, panel: &mut [u8]) {
    if dtype == DType::Q8_0 {
        panel.chunks_exact_mut(dtype.block_bytes() * PANEL).for_each(|block| change_sign(&mut block[PANEL_SCALES..]));
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
            let (scales, codes) = panel.split_at_mut(PANEL_SCALES);
            scales[2 * i..2 * i + 2].copy_from_slice(&row[..2]);
            let fours = codes.as_chunks_mut::<4>().0.iter_mut().skip(i).step_by(PANEL);
            for (row, four) in row[2..].as_chunks::<4>().0.iter().zip(fours) {
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
        let done = rewrite(&mut all, |i, data| {
            let (dtype, row_bytes, layout) = shapes[i];
            if dtype.block_len() == 1 || layout != Layout::Rows || row_bytes == 0 {
                return;
            }
            for panel in data.chunks_exact_mut(row_bytes * PANEL) {
                rows.clear();
                rows.extend_from_slice(panel);
                interleave(dtype, &rows, row_bytes, panel);
                if codes == Codes::Unsigned {
                    change_signs(dtype, panel);
                }
            }
        });
        for (matrix, done) in self.matrices.iter_mut().zip(done) {
            if done && matrix.dtype.block_len() > 1 && matrix.layout == Layout::Rows {
                matrix.layout = Layout::Panels(codes);
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
        Bytes::new((0..20_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect())
    }

    #[test]
    fn every_row_comes_back() {
        for (dtype, codes) in ALL {
            for rows in [1, 7, 8, 9, 16, 35] {
                let before = matrix(dtype, rows, 96, &file());
                let weights = Weights { matrices: vec![matrix(dtype, rows, 96, &file())], vectors: Vec::new() };
                let after = &weights.into_panels(codes).matrices[0];
                assert_eq!(after.panels(), rows / 8);
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
        for (dtype, codes) in ALL {
            let rows = matrix(dtype, 19, 96, &file());
            let panels = [Codes::Signed, Codes::Unsigned].map(|codes| {
                let weights = Weights { matrices: vec![matrix(dtype, 19, 96, &file())], vectors: Vec::new() };
                weights.into_panels(codes).matrices.remove(0)
            });
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for p in 0..3 {
                let made = rows.panel(p, codes, &mut a).to_vec();
                for panels in &panels {
                    assert_eq!(
                        panels.panel(p, codes, &mut b),
                        made,
                        "{dtype} {codes:?} of {:?}, panel {p}",
                        panels.layout
                    );
                }
            }
            let other = rows.panel(0, Codes::Signed, &mut a) != rows.panel(0, Codes::Unsigned, &mut b);
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
        let codes = &panels.matrices[0].eight_rows(0)[PANEL_SCALES..];
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
            assert_eq!((m.layout, m.row(9, &mut Vec::new())), (Layout::Panels(Codes::Unsigned), before.as_slice()));
        }
    }
}
