//! `out[i] = table[token[i]]`: embedding rows.

use crate::cpu::quant::dequantize;
use crate::cpu::simd::Vector;
use crate::weights::Matrix;

/// - `table: [n_vocab, d_model]`, any type
/// - `tokens: [n]`, each below `n_vocab`
/// - `stored`: memory for a row's bytes
/// - `out: [n, d_model]`
///
/// Exact.
pub fn run<V: Vector>(table: &Matrix, tokens: &[u32], stored: &mut Vec<u8>, out: &mut [f32]) {
    for (&token, out) in tokens.iter().zip(out.chunks_exact_mut(table.cols)) {
        dequantize::<V>(table.dtype, table.row(token as usize, stored), out);
    }
}
