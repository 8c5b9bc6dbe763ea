//! Causal grouped-query attention over the KV cache: `out = softmax(scale * q . K) V` per head (GQA, arXiv 2305.13245).
//!
//! Up to four queries that share a key-value head are taken together, so that every key and value read serves all of
//! them. Two passes: all scores of the four, then all values.

use super::math::exp;
use super::store_kv::Layer;
use super::tile::multiply;
use super::vector::{Vector, load_partial, store_partial};

/// Queries taken together.
pub const QUERIES: usize = 4;

/// - `q: [n, n_heads * head_dim]`, f32; row i is at `position + i` and sees positions `0..=position + i` of `layer`
/// - `scores: [QUERIES, at least position + n rounded up to 8]`, scratch
/// - `out: [n, n_heads * head_dim]`, f32
///
/// Scores, exponentials (see `math`) and sums in f32.
#[inline(never)] // Engines optimise very long functions badly.
pub fn run<V: Vector>(
    q: &[f32],
    n_heads: usize,
    scale: f32,
    layer: &Layer,
    position: usize,
    scores: &mut [f32],
    out: &mut [f32],
) {
    let group = n_heads / layer.n_kv_heads;
    let queries = q.len() / (n_heads * layer.head_dim) * group;
    for kv_head in 0..layer.n_kv_heads {
        let block = Block { n_heads, group, kv_head, scale, layer, position };
        for first in (0..queries).step_by(QUERIES) {
            match queries - first {
                1 => block.run::<V, 1>(q, first, scores, out),
                2 => block.run::<V, 2>(q, first, scores, out),
                3 => block.run::<V, 3>(q, first, scores, out),
                _ => block.run::<V, QUERIES>(q, first, scores, out),
            }
        }
    }
}

/// What is the same for all queries of one key-value head. Query i is head `i % group` of the group, at row
/// `i / group`.
struct Block<'a> {
    n_heads: usize,
    group: usize,
    kv_head: usize,
    scale: f32,
    layer: &'a Layer,
    position: usize,
}

impl Block<'_> {
    #[inline(always)]
    fn run<V: Vector, const M: usize>(&self, q: &[f32], first: usize, scores: &mut [f32], out: &mut [f32]) {
        let head_dim = self.layer.head_dim;
        let at: [usize; M] = std::array::from_fn(|m| {
            let (row, head) = ((first + m) / self.group, self.kv_head * self.group + (first + m) % self.group);
            (row * self.n_heads + head) * head_dim
        });
        let seen: [usize; M] = std::array::from_fn(|m| self.position + (first + m) / self.group + 1);
        let len = seen[M - 1];
        let stride = scores.len() / QUERIES;
        let q = at.map(|at| &q[at..at + head_dim]);

        // Few queries leave registers for several tiles at once.
        let tiles = len.div_ceil(8);
        let mut tile = 0;
        while tile < tiles {
            tile += match tiles - tile {
                4.. if M == 1 => self.scores::<V, M, 4>(q, tile, stride, scores),
                2.. if M <= 2 => self.scores::<V, M, 2>(q, tile, stride, scores),
                _ => self.scores::<V, M, 1>(q, tile, stride, scores),
            };
        }

        let mut weights = [0.0; M];
        for m in 0..M {
            let scores = &mut scores[m * stride..m * stride + tiles * 8];
            let (seen, unseen) = scores.split_at_mut(seen[m]);
            weights[m] = 1.0 / softmax_numerators::<V>(seen);
            unseen.fill(0.0);
        }

        let p: [&[f32]; M] = std::array::from_fn(|m| &scores[m * stride..m * stride + len]);
        let tiles = head_dim.div_ceil(8);
        let mut tile = 0;
        while tile < tiles {
            tile += match tiles - tile {
                4.. if M == 1 => self.values::<V, M, 4>(p, tile, weights, at, out),
                2.. if M <= 2 => self.values::<V, M, 2>(p, tile, weights, at, out),
                _ => self.values::<V, M, 1>(p, tile, weights, at, out),
            };
        }
    }

    /// Scaled scores of T tiles of positions; gives T.
    #[inline(always)]
    fn scores<V: Vector, const M: usize, const T: usize>(
        &self,
        q: [&[f32]; M],
        tile: usize,
        stride: usize,
        scores: &mut [f32],
    ) -> usize {
        let scale = V::splat(self.scale);
        let keys: [_; T] = std::array::from_fn(|t| self.layer.keys(self.kv_head, tile + t));
        for (m, sums) in multiply::<V, M, T>(q, keys).into_iter().enumerate() {
            let row = &mut scores[m * stride + tile * 8..][..T * 8];
            for (out, sum) in row.as_chunks_mut::<4>().0.iter_mut().zip(sums.into_iter().flatten()) {
                sum.mul(scale).store(out);
            }
        }
        T
    }

    /// T tiles of the output's dimensions; gives T.
    #[inline(always)]
    fn values<V: Vector, const M: usize, const T: usize>(
        &self,
        p: [&[f32]; M],
        tile: usize,
        weights: [f32; M],
        at: [usize; M],
        out: &mut [f32],
    ) -> usize {
        let values: [_; T] = std::array::from_fn(|t| self.layer.values(self.kv_head, tile + t, p[0].len()));
        for (m, sums) in multiply::<V, M, T>(p, values).into_iter().enumerate() {
            let head = &mut out[at[m]..at[m] + self.layer.head_dim];
            let weight = V::splat(weights[m]);
            for (out, sum) in head[tile * 8..].chunks_mut(4).zip(sums.into_iter().flatten()) {
                store_partial(sum.mul(weight), out);
            }
        }
        T
    }
}

/// `x = exp(x - max(x))`; gives their sum. `x` is not empty.
#[inline(always)]
fn softmax_numerators<V: Vector>(x: &mut [f32]) -> f32 {
    let (chunks, tail) = x.as_chunks::<4>();
    let mut largest = V::splat(f32::NEG_INFINITY);
    for chunk in chunks {
        largest = largest.max(V::load(chunk));
    }
    let largest = largest.lanes().into_iter().chain(tail.iter().copied()).fold(f32::NEG_INFINITY, f32::max);
    let largest = V::splat(largest);
    let (chunks, tail) = x.as_chunks_mut::<4>();
    let mut total = V::splat(0.0);
    for chunk in chunks {
        let e = exp(V::load(chunk).sub(largest));
        e.store(chunk);
        total = total.add(e);
    }
    let e = exp(load_partial::<V>(tail).sub(largest));
    store_partial(e, tail);
    total.sum() + tail.iter().sum::<f32>()
}
