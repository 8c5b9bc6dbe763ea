//! Weights by the plan's ids, in the file's own quantisation.

mod head;
mod load;
mod panels;
mod quantise;

pub use head::{Head, Layers};
pub use load::{check, load};
pub use panels::{PANEL, interleave, panel_scales};
pub use quantise::{Quantise, quantise};

use crate::quant::DType;
use crate::tensor::Bytes;

/// How the bytes of a matrix are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Row by row, as in the file.
    Rows,
    /// In panels of eight rows, as far as there are so many (see [`Matrix::panels`]). Quantised matrices only. Scales are stored
    /// times 2^`shift`.
    #[allow(missing_docs, reason = "said above and by the types")]
    Panels { codes: Codes, shift: u8 },
}

/// How codes that are signed bytes (`Q8_0`) stand in panels. Those of other types are always as in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codes {
    /// Signed bytes, as in the file.
    Signed,
    /// With 128 added, unsigned: as processors multiply them that take one side of a product of bytes as unsigned.
    Unsigned,
}

/// A matrix `[rows, cols]`; each row is a whole number of blocks, `row_bytes` long.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Canonical name of the plan.
    pub name: String,
    /// How its numbers are stored.
    pub dtype: DType,
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub cols: usize,
    /// Exactly `rows * row_bytes` bytes; no alignment is promised.
    pub data: Bytes,
    /// The order of the bytes.
    pub layout: Layout,
}

impl Matrix {
    /// Bytes of one row.
    pub fn row_bytes(&self) -> usize {
        self.cols / self.dtype.block_len() * self.dtype.block_bytes()
    }

    /// Decodes row `r` (below `rows`) to f32, in scalar code.
    ///
    /// * `out`: `[cols]`
    pub fn decode_row(&self, r: usize, out: &mut [f32]) {
        self.dtype.decode(self.row(r, &mut Vec::new()), out);
    }
}

/// All weights of a plan: `matrices[i]` belongs to `MatrixId(i)`, `vectors[i]` to `VectorId(i)`; shapes equal the specs'.
#[derive(Clone, Debug)]
pub struct Weights {
    /// By `MatrixId`.
    pub matrices: Vec<Matrix>,
    /// By `VectorId`, in f32.
    pub vectors: Vec<Vec<f32>>,
}
