//! `out = activation(gate) * up`, elementwise (SwiGLU and kin, arXiv 2002.05202).

use crate::cpu::simd::math::{gelu, gelu_tanh, relu, silu};
use crate::cpu::simd::{Vector, map2};
use crate::model::Activation;

/// - `gate`, `up`, `out`: the same length, f32
///
/// Tolerance: see `math`.
pub fn run<V: Vector>(gate: &[f32], up: &[f32], activation: Activation, out: &mut [f32]) {
    match activation {
        Activation::Silu => map2::<V>(gate, up, out, |g, u| silu(g).mul(u)),
        Activation::GeluTanh => map2::<V>(gate, up, out, |g, u| gelu_tanh(g).mul(u)),
        Activation::Gelu => map2::<V>(gate, up, out, |g, u| gelu(g).mul(u)),
        Activation::Relu => map2::<V>(gate, up, out, |g, u| relu(g).mul(u)),
    }
}
