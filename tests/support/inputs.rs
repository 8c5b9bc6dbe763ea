//! Inputs that kernels get wrong when they get something wrong.

use super::encode::encode;
use super::rng::Rng;
use nanolm::model::Plan;
use nanolm::tensor::{Bytes, DType};
use nanolm::weights::{Codes, Layout, Matrix, Weights};

/// What a row of activations looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Normal, variance 1.
    Normal,
    /// Normal, times 1e4.
    Large,
    /// Normal, times 1e-4.
    Small,
    /// One value throughout: variance 0, equal scores.
    Equal,
    /// Normal, but every second row (from the first) is all zero.
    ZeroRows,
    /// Normal with one element in 16 a thousand times larger, as trained models have.
    Outliers,
}

/// Every pattern.
pub const PATTERNS: [Pattern; 6] =
    [Pattern::Normal, Pattern::Large, Pattern::Small, Pattern::Equal, Pattern::ZeroRows, Pattern::Outliers];

/// Row widths around every unrolling and block boundary, with ragged tails and length 1.
pub const WIDTHS: [usize; 12] = [1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 64, 100];

/// Activations `[n, width]`.
pub fn rows(pattern: Pattern, n: usize, width: usize, seed: u64) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    let mut out = Vec::with_capacity(n * width);
    for row in 0..n {
        for _ in 0..width {
            let x = rng.normal();
            out.push(match pattern {
                Pattern::Normal => x,
                Pattern::Large => 1e4 * x,
                Pattern::Small => 1e-4 * x,
                Pattern::Equal => 0.75,
                Pattern::ZeroRows => x * (row % 2) as f32,
                Pattern::Outliers => x * if rng.below(16) == 0 { 1000.0 } else { 1.0 },
            });
        }
    }
    out
}

/// A random matrix `[rows, cols]` stored as `dtype`, normal elements of the given standard deviation.
pub fn matrix(name: &str, dtype: DType, rows: usize, cols: usize, deviation: f32, seed: u64) -> Matrix {
    let mut rng = Rng::new(seed);
    let values: Vec<f32> = (0..rows * cols).map(|_| deviation * rng.normal()).collect();
    let data = Bytes::new(encode(dtype, &values));
    Matrix { name: name.to_string(), dtype, rows, cols, data, layout: Layout::Rows }
}

/// The same matrix as panels, if it is quantised.
pub fn in_panels(matrix: &Matrix, codes: Codes) -> Matrix {
    let data = Bytes::new(matrix.data.to_vec());
    let copy = Matrix { data, ..matrix.clone() };
    let mut weights = Weights { matrices: vec![copy], vectors: Vec::new() }.into_panels(codes);
    weights.matrices.remove(0)
}

/// Random weights for a whole plan. `dtype_of` chooses each matrix's storage; a matrix whose rows are not whole blocks
/// of that type is stored as F32. Norm weights lie around 1, biases around 0, rotary factors in `1..4`.
pub fn weights(plan: &Plan, seed: u64, dtype_of: impl Fn(usize) -> DType) -> Weights {
    let mut rng = Rng::new(seed);
    let matrices = plan.matrices.iter().enumerate().map(|(i, spec)| {
        let wanted = dtype_of(i);
        let dtype = if wanted.bytes_for(spec.cols).is_some() { wanted } else { DType::F32 };
        // Keeps the residual stream near variance 1 whatever the width, embeddings included.
        let deviation = if spec.name.contains("embd") { 1.0 } else { 1.0 / (spec.cols as f32).sqrt() };
        matrix(&spec.name, dtype, spec.rows, spec.cols, deviation, rng.bits())
    });
    let matrices = matrices.collect();
    let vectors = plan.vectors.iter().map(|spec| {
        let draw = |_| match () {
            () if spec.name.contains("rope") => rng.uniform(1.0, 4.0),
            () if spec.name.ends_with("bias") => 0.1 * rng.normal(),
            () => rng.uniform(0.5, 1.5),
        };
        (0..spec.len).map(draw).collect()
    });
    let vectors = vectors.collect();
    Weights { matrices, vectors }
}

/// Random token ids below `n_vocab`.
pub fn tokens(n: usize, n_vocab: usize, seed: u64) -> Vec<u32> {
    let mut rng = Rng::new(seed);
    (0..n).map(|_| rng.below(n_vocab) as u32).collect()
}
