//! Causal grouped-query attention (arXiv 2305.13245) over a cache.

/// Sizes of one attention layer.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub n_heads: usize,
    pub n_kv_heads: usize,
    pub head_dim: usize,
    pub scale: f64,
}

/// `out = softmax(scale * q . K) V` per head. `q: [n, n_heads * head_dim]`, row `i` at `position + i` sees the cache's
/// rows `0..=position + i`; `k, v: [at least position + n, n_kv_heads * head_dim]`.
pub fn attention(q: &[f64], k: &[f64], v: &[f64], shape: Shape, position: usize) -> Vec<f64> {
    let Shape { n_heads, n_kv_heads, head_dim, scale } = shape;
    let mut out = Vec::with_capacity(q.len());
    for (row, q) in q.chunks(n_heads * head_dim).enumerate() {
        for (h, q) in q.chunks(head_dim).enumerate() {
            let kv_head = h / (n_heads / n_kv_heads);
            let at = |p: usize| (p * n_kv_heads + kv_head) * head_dim;
            let seen = 0..=position + row;
            let scores: Vec<f64> =
                seen.map(|p| scale * q.iter().zip(&k[at(p)..]).map(|(a, b)| a * b).sum::<f64>()).collect();
            let largest = scores.iter().fold(f64::NEG_INFINITY, |m, &s| m.max(s));
            let weights: Vec<f64> = scores.iter().map(|s| (s - largest).exp()).collect();
            let total: f64 = weights.iter().sum();
            for d in 0..head_dim {
                out.push(weights.iter().enumerate().map(|(p, w)| w * v[at(p) + d]).sum::<f64>() / total);
            }
        }
    }
    out
}
