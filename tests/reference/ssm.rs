//! Mamba-2's state space.

use nanolm::model::SsmConfig;

/// Vectors in the order of the operation: the convolution's weight and bias, the steps' bias, a, d, the norm's weight.
pub type Vectors = [Vec<f64>; 6];

/// All rows from the first one on: `x: [n, row_width]` to `[n, inner]`.
pub fn ssm(x: &[f64], ssm: &SsmConfig, vectors: &Vectors) -> Vec<f64> {
    let [conv, conv_bias, step_bias, a, d, norm] = vectors;
    let (inner, width, kernel) = (ssm.inner(), ssm.conv_width(), ssm.kernel);
    let rows: Vec<&[f64]> = x.chunks(ssm.row_width()).collect();
    // log(1 + exp(x)), also where exp(x) is more than a float can be.
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let silu = |x: f64| x / (1.0 + (-x).exp());
    let mut states = vec![0.0; inner * ssm.state];
    let mut out = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let convolved = |c: usize| {
            let term =
                |j: usize| (i + j + 1).checked_sub(kernel).map_or(0.0, |p| conv[c * kernel + j] * rows[p][inner + c]);
            silu(conv_bias[c] + (0..kernel).map(term).sum::<f64>())
        };
        let u: Vec<f64> = (0..width).map(convolved).collect();
        let mut y = vec![0.0; inner];
        for (c, y) in y.iter_mut().enumerate() {
            let h = c / ssm.head_dim;
            let group = h / (ssm.n_heads / ssm.n_groups);
            let step = softplus(row[inner + width + h] + step_bias[h]);
            let step = step.clamp(ssm.step_limits.0.into(), ssm.step_limits.1.into());
            *y = d[h] * u[c];
            for n in 0..ssm.state {
                let state = &mut states[c * ssm.state + n];
                let at = inner + group * ssm.state + n;
                *state = (step * a[h]).exp() * *state + step * u[c] * u[at];
                *y += *state * u[at + ssm.n_groups * ssm.state];
            }
            *y *= silu(row[c]);
        }
        for (y, norm) in y.chunks(inner / ssm.n_groups).zip(norm.chunks(inner / ssm.n_groups)) {
            let mean = y.iter().map(|y| y * y).sum::<f64>() / y.len() as f64;
            out.extend(y.iter().zip(norm).map(|(y, norm)| y / (mean + f64::from(ssm.eps)).sqrt() * norm));
        }
    }
    out
}
