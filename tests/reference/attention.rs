//! Grouped-query attention (arXiv 2305.13245) over a cache.

/// Sizes of one attention layer.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub n_heads: usize,
    pub n_kv_heads: usize,
    pub head_dim: usize,
    pub scale: f64,
    pub causal: bool,
    pub window: Option<usize>,
    pub soft_cap: Option<f64>,
}

/// `out = softmax(cap(scale * q . K)) V` per head. `q: [n, n_heads * head_dim]`, row `i` is at `p = position + i`;
/// `k, v: [at least position + n, n_kv_heads * head_dim]`. It sees the cache's rows `0..=p`, or `0..position + n` where attention
/// is not causal, of them those less than `window` away; `cap(s) = soft_cap * tanh(s / soft_cap)`.
pub fn attention(q: &[f64], k: &[f64], v: &[f64], shape: Shape, position: usize) -> Vec<f64> {
    let Shape { n_heads, n_kv_heads, head_dim, scale, causal, window, soft_cap } = shape;
    let n = q.len() / (n_heads * head_dim);
    let mut out = Vec::with_capacity(q.len());
    for (row, q) in q.chunks(n_heads * head_dim).enumerate() {
        for (h, q) in q.chunks(head_dim).enumerate() {
            let kv_head = h / (n_heads / n_kv_heads);
            let at = |p: usize| (p * n_kv_heads + kv_head) * head_dim;
            let own = position + row;
            let sees = |p: &usize| (!causal || *p <= own) && window.is_none_or(|window| p.abs_diff(own) < window);
            let seen: Vec<usize> = (0..position + n).filter(sees).collect();
            let score = |&p: &usize| {
                let score = scale * q.iter().zip(&k[at(p)..]).map(|(a, b)| a * b).sum::<f64>();
                soft_cap.map_or(score, |cap| cap * (score / cap).tanh())
            };
            let scores: Vec<f64> = seen.iter().map(score).collect();
            let largest = scores.iter().fold(f64::NEG_INFINITY, |m, &s| m.max(s));
            let weights: Vec<f64> = scores.iter().map(|s| (s - largest).exp()).collect();
            let total: f64 = weights.iter().sum();
            for d in 0..head_dim {
                out.push(weights.iter().zip(&seen).map(|(w, &p)| w * v[at(p) + d]).sum::<f64>() / total);
            }
        }
    }
    out
}
