//! `out[i, r] = dot(x[i], weight[r]) + bias[r]`: where the time goes.

use super::dequantize;
use super::tile::halves;
use super::vector::{Vector, load_partial};
use crate::weights::Matrix;

/// - `x: [n, cols]`, f32
/// - `weight: [rows, cols]`, any type
/// - `bias: [rows]`, f32
/// - `row: [cols]`, scratch
/// - `out: [n, rows]`, f32
///
/// Accumulates in f32.
pub fn run<V: Vector>(x: &[f32], weight: &Matrix, bias: Option<&[f32]>, row: &mut [f32], out: &mut [f32]) {
    for r in 0..weight.rows {
        dequantize::run::<V>(weight.dtype, weight.row(r), row);
        let bias = bias.map_or(0.0, |b| b[r]);
        for (x, out) in x.chunks_exact(weight.cols).zip(out.chunks_exact_mut(weight.rows)) {
            out[r] = dot::<V>(x, row) + bias;
        }
    }
}

/// `sum_k a[k] * b[k]`.
#[inline(always)]
fn dot<V: Vector>(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_tail) = a.as_chunks::<8>();
    let (b, b_tail) = b.as_chunks::<8>();
    let mut sums = [V::splat(0.0); 2];
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (halves::<V>(a), halves::<V>(b));
        sums = [a[0].madd(b[0], sums[0]), a[1].madd(b[1], sums[1])];
    }
    for ((a, b), sum) in a_tail.chunks(4).zip(b_tail.chunks(4)).zip(&mut sums) {
        *sum = load_partial::<V>(a).madd(load_partial(b), *sum);
    }
    sums[0].add(sums[1]).sum()
}
