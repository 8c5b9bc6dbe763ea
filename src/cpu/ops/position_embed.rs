//! `out[i] = x[i] + table[p]`: learned positions.

use super::add;
use crate::cpu::quant::dequantize;
use crate::cpu::simd::Vector;
use crate::weights::Matrix;

/// - `x: [n, d_model]`, f32
/// - `table: [rows, d_model]`, any type
/// - `positions`: of each row of x, below `rows`
/// - `row: [d_model]`, scratch
/// - `out: [n, d_model]`, f32
///
/// Exact but for the one rounding of the addition.
pub fn run<V: Vector>(
    x: &[f32],
    table: &Matrix,
    positions: impl Iterator<Item = usize>,
    (row, stored): (&mut [f32], &mut Vec<u8>),
    out: &mut [f32],
) {
    let width = table.cols;
    for ((x, out), position) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)).zip(positions) {
        dequantize::<V>(table.dtype, table.row(position, stored), row);
        add::run::<V>(x, row, out);
    }
}
