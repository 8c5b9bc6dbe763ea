//! LFM2's gated convolution over time.

/// `out[i] = c * sum_j(weight[:, j] * s[p - kernel + 1 + j])`, where row `i` is at `p = position + i`. `x: [n, 3 * width]`, rows
/// `[b; c; u]`; `s: [position + n, width]`, of which rows `position..` are `b * u`; `weight: [width, kernel]`. Rows before the first
/// are 0.
pub fn short_conv(x: &[f64], s: &[f64], weight: &[f64], kernel: usize, position: usize) -> Vec<f64> {
    let width = weight.len() / kernel;
    let mut out = Vec::with_capacity(x.len() / 3);
    for (i, x) in x.chunks(3 * width).enumerate() {
        for d in 0..width {
            let term = |j: usize| {
                let p = (position + i + j + 1).checked_sub(kernel);
                p.map_or(0.0, |p| weight[d * kernel + j] * s[p * width + d])
            };
            out.push(x[width + d] * (0..kernel).map(term).sum::<f64>());
        }
    }
    out
}

/// Rows `b * u` of `x: [n, 3 * width]`.
pub fn gated(x: &[f64], width: usize) -> Vec<f64> {
    x.chunks(3 * width).flat_map(|x| (0..width).map(move |d| x[d] * x[2 * width + d])).collect()
}
