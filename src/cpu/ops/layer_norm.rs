//! `out = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias`, per row (LayerNorm, arXiv 1607.06450).

use super::rms_norm::sum;
use crate::cpu::simd::{Vector, map};

/// - `x`, `out`: `[n, weight.len()]`, f32
/// - `weight`, `bias`: `[width]`, f32
///
/// Mean first, then the variance of the differences: no cancellation where the mean is large. Sums accumulate in f32.
pub fn run<V: Vector>(x: &[f32], weight: &[f32], bias: &[f32], eps: f32, out: &mut [f32]) {
    let width = weight.len();
    for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
        let mean = sum::<V>(x, |x| x) / width as f32;
        map::<V>(x, out, |x| x.sub(V::splat(mean)));
        let variance = sum::<V>(out, |d| d.mul(d)) / width as f32;
        let scale = V::splat(1.0 / (variance + eps).sqrt());
        scale_and_shift(out, scale, weight, bias);
    }
}

/// `x = x * scale * weight + bias`.
#[inline(always)]
fn scale_and_shift<V: Vector>(x: &mut [f32], scale: V, weight: &[f32], bias: &[f32]) {
    let (x, x_tail) = x.as_chunks_mut::<4>();
    let (weight, weight_tail) = weight.as_chunks::<4>();
    let (bias, bias_tail) = bias.as_chunks::<4>();
    for ((x, w), b) in x.iter_mut().zip(weight).zip(bias) {
        V::load(x).mul(scale).madd(V::load(w), V::load(b)).store(x);
    }
    let scale = scale.lanes()[0];
    for ((x, w), b) in x_tail.iter_mut().zip(weight_tail).zip(bias_tail) {
        *x = *x * scale * w + b;
    }
}
