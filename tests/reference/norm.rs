//! RMSNorm (arXiv 1910.07467) and LayerNorm (arXiv 1607.06450).

/// `out = x / sqrt(mean(x^2) + eps) * weight` for each row of `x: [n, weight.len()]`.
pub fn rms_norm(x: &[f64], weight: &[f64], eps: f64) -> Vec<f64> {
    let row = |x: &[f64]| {
        let mean_square = x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64;
        let scale = 1.0 / (mean_square + eps).sqrt();
        x.iter().zip(weight).map(|(v, w)| v * scale * w).collect::<Vec<_>>()
    };
    x.chunks(weight.len()).flat_map(row).collect()
}

/// `out = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias` for each row of `x: [n, weight.len()]`; the variance
/// divides by the width.
pub fn layer_norm(x: &[f64], weight: &[f64], bias: &[f64], eps: f64) -> Vec<f64> {
    let row = |x: &[f64]| {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / x.len() as f64;
        let scale = 1.0 / (variance + eps).sqrt();
        x.iter().zip(weight).zip(bias).map(|((v, w), b)| (v - mean) * scale * w + b).collect::<Vec<_>>()
    };
    x.chunks(weight.len()).flat_map(row).collect()
}
