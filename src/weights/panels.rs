//! Quantised matrices in panels of eight rows, as the CPU's products read them.
//!
//! A panel has the bytes of eight rows, block by block: the eight scales, then the codes of four columns of all eight rows,
//! of the next four, and so on. One vector of sixteen bytes is four columns of four rows, so that sums of products stand in a
//! lane per row and need no rearranging, and a panel is read from its first byte to its last. With `Q4_0` a four of bytes
//! is columns `4f..4f + 4` in the low and `16 + 4f..` in the high halves. Rows beyond the last whole panel stay rows.

use super::{Layout, Matrix, Weights};
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
            Layout::Panels => self.rows / PANEL,
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
            let (scales, codes) = panel.split_at(PANEL_SCALES);
            row[..2].copy_from_slice(&scales[2 * i..2 * i + 2]);
            let fours = codes.as_chunks::<4>().0.iter().skip(i).step_by(PANEL);
            for (row, four) in row[2..].as_chunks_mut::<4>().0.iter_mut().zip(fours) {
                *row = *four;
            }
        }
        buffer
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
    /// Brings the quantised matrices into panels, where they lie. Those whose bytes somebody else holds too (a file that is still
    /// open) stay rows: nothing is copied.
    pub fn into_panels(mut self) -> Weights {
        let shapes: Vec<_> = self.matrices.iter().map(|m| (m.dtype, m.row_bytes(), m.layout)).collect();
        let mut all: Vec<_> = self.matrices.iter_mut().map(|m| &mut m.data).collect();
        let mut rows = Vec::new();
        let done = rewrite(&mut all, |i, data| {
            let (dtype, row_bytes, layout) = shapes[i];
            if dtype.block_len() == 1 || layout == Layout::Panels || row_bytes == 0 {
                return;
            }
            for panel in data.chunks_exact_mut(row_bytes * PANEL) {
                rows.clear();
                rows.extend_from_slice(panel);
                interleave(dtype, &rows, row_bytes, panel);
            }
        });
        for (matrix, done) in self.matrices.iter_mut().zip(done) {
            if done && matrix.dtype.block_len() > 1 {
                matrix.layout = Layout::Panels;
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Bytes;

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
        for dtype in [DType::Q8_0, DType::Q4_0] {
            for rows in [1, 7, 8, 9, 16, 35] {
                let before = matrix(dtype, rows, 96, &file());
                let weights = Weights { matrices: vec![matrix(dtype, rows, 96, &file())], vectors: Vec::new() };
                let after = &weights.into_panels().matrices[0];
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
    fn a_vector_is_four_columns_of_four_rows() {
        let m = matrix(DType::Q8_0, 8, 32, &file());
        let weights = Weights { matrices: vec![matrix(DType::Q8_0, 8, 32, &file())], vectors: Vec::new() };
        let panels = weights.into_panels();
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
        let weights = weights.into_panels();
        assert_eq!(weights.matrices[0].layout, Layout::Rows);
        drop(held);
        // Two names for the same bytes are turned once.
        let mut weights = weights;
        weights.matrices.push(weights.matrices[0].clone());
        let before = weights.matrices[0].row(9, &mut Vec::new()).to_vec();
        let weights = weights.into_panels().into_panels();
        for m in &weights.matrices {
            assert_eq!((m.layout, m.row(9, &mut Vec::new())), (Layout::Panels, before.as_slice()));
        }
    }
}
