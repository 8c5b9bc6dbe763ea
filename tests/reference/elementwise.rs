//! Activations, their gated form, addition, scaling and soft caps.

use nanolm::model::Activation;
use std::f64::consts::{PI, SQRT_2};

/// One activation of one element.
pub fn activate(x: f64, activation: Activation) -> f64 {
    match activation {
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::GeluTanh => 0.5 * x * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x * x * x)).tanh()),
        Activation::Gelu => 0.5 * x * erfc(-x / SQRT_2),
        Activation::Relu => x.max(0.0),
    }
}

/// `out = activation(x)`.
pub fn activation(x: &[f64], activation: Activation) -> Vec<f64> {
    x.iter().map(|&v| activate(v, activation)).collect()
}

/// `out = activation(gate) * up` (arXiv 2002.05202).
pub fn gated_activation(gate: &[f64], up: &[f64], activation: Activation) -> Vec<f64> {
    gate.iter().zip(up).map(|(&g, u)| activate(g, activation) * u).collect()
}

/// `out = a + b`.
pub fn add(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(x, y)| x + y).collect()
}

/// `out = factor * x`.
pub fn scale(x: &[f64], factor: f64) -> Vec<f64> {
    x.iter().map(|x| factor * x).collect()
}

/// `out = cap * tanh(x / cap)`.
pub fn soft_cap(x: &[f64], cap: f64) -> Vec<f64> {
    x.iter().map(|x| cap * (x / cap).tanh()).collect()
}

/// `1 - erf(x)`: the Maclaurin series of erf near zero, the continued fraction of erfc (evaluated from its tail)
/// beyond.
pub fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    if x < 2.0 {
        let (mut term, mut sum) = (x, x);
        for n in 1..80 {
            term *= -x * x / n as f64;
            sum += term / (2 * n + 1) as f64;
        }
        return 1.0 - 2.0 / PI.sqrt() * sum;
    }
    let mut tail = x;
    for n in (1..200).rev() {
        tail = x + 0.5 * n as f64 / tail;
    }
    (-x * x).exp() / (PI.sqrt() * tail)
}

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn erfc_has_its_tabulated_values() {
    // Abramowitz and Stegun, tables 7.1 and 7.3.
    for (x, want) in [(0.0, 1.0), (0.5, 0.479_500_122_2), (1.0, 0.157_299_207_1), (2.0, 0.004_677_734_98)] {
        assert!((erfc(x) - want).abs() < 1e-10, "erfc({x}) = {}", erfc(x));
        assert!((erfc(-x) + want - 2.0).abs() < 1e-10, "erfc(-{x}) = {}", erfc(-x));
    }
    assert!((erfc(1.999_999) - erfc(2.000_001)).abs() < 1e-7, "the two branches do not meet");
}
