//! Keeps the rows whose logits are asked for.

/// `out[i] = x[rows[i]]`
///
/// - `x: [n, width]`, f32
/// - `rows: [k]`, each below `n`
/// - `out: [k, width]`, f32
///
/// Exact.
pub fn run(x: &[f32], rows: impl Iterator<Item = usize>, width: usize, out: &mut [f32]) {
    for (row, out) in rows.zip(out.chunks_exact_mut(width)) {
        out.copy_from_slice(&x[row * width..(row + 1) * width]);
    }
}
