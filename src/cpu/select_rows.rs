//! Keeps the rows whose logits are asked for.

/// - `x: [n, width]`, f32
/// - `out: [k, width]`, f32: the last `k` rows of x
///
/// Exact.
pub fn run(x: &[f32], out: &mut [f32]) {
    out.copy_from_slice(&x[x.len() - out.len()..]);
}
