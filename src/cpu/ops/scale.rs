//! `out = factor * x`, elementwise.

use crate::cpu::simd::{Vector, map};

/// - `x`, `out`: the same length, f32
///
/// One rounding.
pub fn run<V: Vector>(x: &[f32], factor: f32, out: &mut [f32]) {
    let factor = V::splat(factor);
    map::<V>(x, out, |x| x.mul(factor));
}
