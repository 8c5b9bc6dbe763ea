//! A gated convolution over the last few positions.

use super::store_kv::{self, Layer};
use crate::cpu::simd::Vector;

/// `(n_kv_heads, head_dim)` of the cache of a convolution whose rows have this even width: half of a row lies there as if it were a
/// key, the other half as a value, so that whatever is done with a cache is done with it. Each part of 64 has a scale of its own.
pub fn cache_shape(width: usize) -> (usize, usize) {
    let head_dim = if width.is_multiple_of(128) { 64 } else { width / 2 };
    (width / 2 / head_dim, head_dim)
}

/// - `x`: `[n, 3 * width]`, f32, rows `[b; c; u]`
/// - `weight`: `[width, kernel]`
/// - rows of `b * u` go to positions `position..position + n` of the cache, whose shape is that of [`cache_shape`]
/// - `row`: `[width]`, scratch; `codes`: at least `head_dim` rounded up to 8, scratch
/// - `out`: `[n, width]`
///
/// Sums in f32, over rows as the cache holds them: those of one batch and those of several are the same.
pub fn run<V: Vector>(
    x: &[f32],
    weight: &[f32],
    position: usize,
    (row, codes): (&mut [f32], &mut [i16]),
    layer: &mut Layer,
    out: &mut [f32],
) {
    let width = row.len();
    let kernel = weight.len() / width;
    for (i, x) in x.chunks_exact(3 * width).enumerate() {
        for ((s, b), u) in row.iter_mut().zip(x).zip(&x[2 * width..]) {
            *s = b * u;
        }
        let (k, v) = row.split_at(width / 2);
        store_kv::run::<V>(k, v, position + i, codes, layer);
    }
    out.fill(0.0);
    let end = position + out.len() / width;
    for p in (position + 1).saturating_sub(kernel)..end {
        layer.row(p, row);
        for to in p.max(position)..end.min(p + kernel) {
            let out = out[(to - position) * width..][..width].iter_mut();
            for ((out, s), weight) in out.zip(&*row).zip(weight.chunks_exact(kernel)) {
                *out += s * weight[kernel - 1 - (to - p)];
            }
        }
    }
    for (out, x) in out.chunks_exact_mut(width).zip(x.chunks_exact(3 * width)) {
        out.iter_mut().zip(&x[width..]).for_each(|(out, c)| *out *= c);
    }
}
