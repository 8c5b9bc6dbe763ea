//! `out = activation(x)`, elementwise.

use crate::cpu::simd::math::{gelu, gelu_tanh, relu, silu};
use crate::cpu::simd::{Vector, map};
use crate::model::Activation;

/// - `x`, `out`: the same length, f32
///
/// Tolerance: see `math`.
pub fn run<V: Vector>(x: &[f32], activation: Activation, out: &mut [f32]) {
    match activation {
        Activation::Silu => map::<V>(x, out, silu),
        Activation::GeluTanh => map::<V>(x, out, gelu_tanh),
        Activation::Gelu => map::<V>(x, out, gelu),
        Activation::Relu => map::<V>(x, out, relu),
    }
}
