//! Rotary position embedding (arXiv 2104.09864) and its context extensions.

use nanolm::model::{Rope, RopeLayout, RopeScaling};
use std::f64::consts::TAU;

/// Angle per position of each rotated pair: `theta^(-2i / n_dims)`, scaled, divided by `factors[i]`.
pub fn frequencies(rope: &Rope, factors: Option<&[f64]>) -> Vec<f64> {
    (0..rope.n_dims / 2)
        .map(|i| {
            let base = (rope.theta as f64).powf(-2.0 * i as f64 / rope.n_dims as f64);
            scale(base, rope.scaling) / factors.map_or(1.0, |f| f[i])
        })
        .collect()
}

/// Llama 3 keeps wavelengths shorter than `original / high_freq_factor`, divides those longer than
/// `original / low_freq_factor` by `factor`, and blends linearly in `original / wavelength` between.
fn scale(frequency: f64, scaling: RopeScaling) -> f64 {
    match scaling {
        RopeScaling::None => frequency,
        RopeScaling::Linear { factor } => frequency / factor as f64,
        RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_context_len } => {
            let (low, high) = (low_freq_factor as f64, high_freq_factor as f64);
            let turns = original_context_len as f64 * frequency / TAU;
            let blend = ((turns - low) / (high - low)).clamp(0.0, 1.0);
            (1.0 - blend) * frequency / factor as f64 + blend * frequency
        }
    }
}

/// Rotates the leading `n_dims` of each head of `x: [n, n_heads * head_dim]`; row `i` has position `position + i`:
/// `(a, b) -> (a cos - b sin, a sin + b cos)`.
pub fn rope(
    x: &[f64],
    head_dim: usize,
    width: usize,
    rope: &Rope,
    factors: Option<&[f64]>,
    position: usize,
) -> Vec<f64> {
    let frequencies = frequencies(rope, factors);
    let mut out = x.to_vec();
    for (row, out) in out.chunks_mut(width).enumerate() {
        for head in out.chunks_mut(head_dim) {
            for (i, frequency) in frequencies.iter().enumerate() {
                let (first, second) = match rope.layout {
                    RopeLayout::Interleaved => (2 * i, 2 * i + 1),
                    RopeLayout::HalfSplit => (i, i + rope.n_dims / 2),
                };
                let (sin, cos) = ((position + row) as f64 * frequency).sin_cos();
                let (a, b) = (head[first], head[second]);
                head[first] = a * cos - b * sin;
                head[second] = a * sin + b * cos;
            }
        }
    }
    out
}
