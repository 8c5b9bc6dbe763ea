//! `out = x / sqrt(mean(x^2) + eps) * weight`, per row or per head (RMSNorm, arXiv 1910.07467).

use crate::cpu::simd::tile::halves;
use crate::cpu::simd::{Vector, load_partial, map2};

/// - `x`, `out`: `[n, weight.len()]`, f32; n counts heads where each has a norm of its own
/// - `weight: [width]`, f32
///
/// The sum is accumulated in f32, eight partial sums.
pub fn run<V: Vector>(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let width = weight.len();
    for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
        let mean_square = sum::<V>(x, |x| x.mul(x)) / width as f32;
        let scale = V::splat(1.0 / (mean_square + eps).sqrt());
        map2::<V>(x, weight, out, |x, w| x.mul(scale).mul(w));
    }
}

/// `sum_i f(x[i])`; `f(0)` is 0.
#[inline(always)]
pub(super) fn sum<V: Vector>(x: &[f32], f: impl Fn(V) -> V) -> f32 {
    let (pairs, tail) = x.as_chunks::<8>();
    let mut sums = [V::splat(0.0); 2];
    for pair in pairs {
        let [a, b] = halves::<V>(pair);
        sums = [sums[0].add(f(a)), sums[1].add(f(b))];
    }
    for (sum, part) in sums.iter_mut().zip(tail.chunks(4)) {
        *sum = sum.add(f(load_partial(part)));
    }
    sums[0].add(sums[1]).sum()
}
