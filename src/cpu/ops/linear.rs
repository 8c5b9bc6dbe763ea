//! `out[i, r] = dot(x[i], weight[r]) + bias[r]`: where the time goes.
//!
//! Float weights multiply f32 activations. Quantised ones multiply activations rounded to integers, straight from the panels of
//! eight rows that they are stored in. How finely activations are rounded depends on the model and its weights, never on the
//! machine ([`Inputs`]). `cpu/quant` has the products of each type.
//!
//! The work has two parts, so that it can be shared among threads and among matrices: [`prepare`] rounds the activations
//! once, then [`rows`] multiplies any range of weight rows.

use crate::cpu::out::Out;
use crate::cpu::quant::{CpuType, Inputs, Part, Scratch};
use crate::cpu::simd::Vector;
use crate::quant::{DType, with_block_type};
use crate::weights::Matrix;
use std::ops::Range;

/// A product of some inputs.
pub struct Product<'a> {
    /// `[n, cols]`.
    pub x: &'a [f32],
    /// Prepared for them with the weight's type.
    pub inputs: &'a Inputs,
    /// `[rows, cols]`.
    pub weight: &'a Matrix,
    /// `[weight.rows]`.
    pub bias: Option<&'a [f32]>,
    /// `[n, weight.rows]`.
    pub out: Out<'a>,
}

/// Rounds `x: [n, cols]` for products with all weights of type `dtype`, as far as they need it.
pub fn prepare<V: Vector>(inputs: &mut Inputs, x: &[f32], cols: usize, dtype: DType) {
    with_block_type!(dtype, B => B::prepare::<V>(inputs, x, cols));
}

/// Products with the weight rows of `range`, all of the batch.
///
/// - `x: [n, cols]`, f32, for which `inputs` were prepared with the weight's type
/// - `bias: [rows]`, f32
/// - `out: [n, rows]`, f32; written at the columns of `range`
///
/// Accumulates in f32; with quantised weights each product of a block that shares a scale is summed exactly, of rounded
/// activations. The bits do not depend on how rows are cut into ranges.
///
/// # Safety
/// No other thread uses the same columns of `out` meanwhile.
pub unsafe fn rows<V: Vector>(
    x: &[f32],
    inputs: &Inputs,
    weight: &Matrix,
    bias: Option<&[f32]>,
    range: Range<usize>,
    scratch: &mut Scratch,
    out: Out<'_>,
) {
    let part = Part { weight, codes: inputs.codes::<V>(), bias, range, out };
    with_block_type!(weight.dtype, B => B::rows::<V>(x, inputs, &part, scratch));
}

/// [`prepare`] and all [`rows`].
pub fn run<V: Vector>(
    x: &[f32],
    weight: &Matrix,
    bias: Option<&[f32]>,
    inputs: &mut Inputs,
    scratch: &mut Scratch,
    out: &mut [f32],
) {
    prepare::<V>(inputs, x, weight.cols, weight.dtype);
    // SAFETY: `out` is borrowed for this call alone.
    unsafe { rows::<V>(x, inputs, weight, bias, 0..weight.rows, scratch, Out::new(out, weight.rows)) }
}
