//! Weights by the plan's ids, in the file's own quantisation.

mod block;
mod load;
mod names;

pub use block::{dequantize, dequantize_row, quantize_row};
pub use load::load;

use crate::tensor::{Bytes, DType};

/// A matrix `[rows, cols]`, row-major; each row is a whole number of blocks, `row_bytes` long.
#[derive(Clone, Debug)]
pub struct Matrix {
    pub name: String,
    pub dtype: DType,
    pub rows: usize,
    pub cols: usize,
    /// Exactly `rows * row_bytes` bytes; no alignment is promised.
    pub data: Bytes,
}

impl Matrix {
    /// Bytes of one row.
    pub fn row_bytes(&self) -> usize {
        self.cols / self.dtype.block_len() * self.dtype.block_bytes()
    }

    /// The bytes of row `r` (`r < rows`).
    pub fn row(&self, r: usize) -> &[u8] {
        let n = self.row_bytes();
        &self.data[r * n..(r + 1) * n]
    }
}

/// All weights of a plan: `matrices[i]` belongs to `MatrixId(i)`, `vectors[i]` to `VectorId(i)`; shapes equal the specs'.
#[derive(Clone, Debug)]
pub struct Weights {
    pub matrices: Vec<Matrix>,
    pub vectors: Vec<Vec<f32>>,
}
