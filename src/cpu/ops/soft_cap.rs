//! `out = cap * tanh(x / cap)`, elementwise: keeps logits between `-cap` and `cap`.

use crate::cpu::simd::math::soft_cap;
use crate::cpu::simd::{Vector, map};

/// - `x`, `out`: the same length, f32
///
/// Tolerance: see `math`.
pub fn run<V: Vector>(x: &[f32], cap: f32, out: &mut [f32]) {
    let cap = V::splat(cap);
    map::<V>(x, out, |x| soft_cap(x, cap));
}
