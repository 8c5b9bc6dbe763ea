//! `out = a + b`, elementwise: the residual connections.

use crate::cpu::simd::{Vector, map2};

/// - `a`, `b`, `out`: the same length, f32
///
/// One rounding.
pub fn run<V: Vector>(a: &[f32], b: &[f32], out: &mut [f32]) {
    map2::<V>(a, b, out, V::add)
}
