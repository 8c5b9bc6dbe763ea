//! Grouped-query attention over the KV cache: `out = softmax(scale * q . K) V` per head (GQA, arXiv 2305.13245), causal or both
//! ways, over all positions or a window, with or without a soft cap on the scores.
//!
//! Up to four queries that share a key-value head are taken together, so that every key and value read serves all of
//! them. Two passes: all scores of the four, then all values. What keys and values are stored with, a scale for each, is
//! multiplied into scores and probabilities.

use std::ops::Range;

use super::store_kv::{BLOCK, Layer};
use crate::cpu::out::Out;
use crate::cpu::relative::Biases;
use crate::cpu::simd::math::{exp_or_zero, soft_cap};
use crate::cpu::simd::tile::multiply;
use crate::cpu::simd::{Vector, largest_lane, load_partial, store_partial};

/// Queries taken together.
pub const QUERIES: usize = 4;

/// Which positions a query sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// None after its own; otherwise all up to the end of its text in the batch.
    pub causal: bool,
    /// Only those less than so many away from its own; at least 1.
    pub window: Option<usize>,
}

impl Seen {
    /// Every position up to the query's own.
    pub const PAST: Seen = Seen { causal: true, window: None };

    /// What a query at `position` sees of the positions up to `end`, where its batch ends.
    fn range(self, position: usize, end: usize) -> Range<usize> {
        let last = if self.causal { position + 1 } else { end };
        match self.window {
            None => 0..last,
            Some(window) => (position + 1).saturating_sub(window)..last.min(position.saturating_add(window)),
        }
    }
}

/// All the queries of a batch.
#[derive(Clone, Copy)]
pub struct Queries<'a> {
    /// `[n, n_heads * head_dim]`, f32; row i is at `position + i` of `layer`.
    pub q: &'a [f32],
    /// Query heads.
    pub n_heads: usize,
    /// Factor on the scores.
    pub scale: f32,
    /// Scores become `cap * tanh(score / cap)`.
    pub soft_cap: Option<f32>,
    /// Which positions a row sees.
    pub seen: Seen,
    /// Keys and values, those of the batch already stored.
    pub layer: &'a Layer,
    /// Position of the first row.
    pub position: usize,
    /// Behind which rows texts end, the last behind all. None sees anything of another; the first goes on with what the layer holds.
    pub ends: &'a [usize],
    /// Biases on the scores, prepared for all distances.
    pub relative: Option<&'a Biases>,
    /// The layer is that of a source, of which every row sees so many positions.
    pub source: Option<usize>,
}

impl Queries<'_> {
    /// Queries of one key-value head.
    fn count(&self) -> usize {
        self.q.len() / (self.layer.n_kv_heads * self.layer.head_dim)
    }

    /// How many units of work there are, one for each [`QUERIES`] of a key-value head. The bits do not depend on who does
    /// which.
    pub fn units(&self) -> usize {
        self.layer.n_kv_heads * self.count().div_ceil(QUERIES)
    }

    /// Which of the layer's positions a row sees. Of a later row, neither beginning nor end is earlier.
    fn seen_by(&self, row: usize) -> Range<usize> {
        if let Some(len) = self.source {
            return 0..len;
        }
        let text = self.ends.partition_point(|end| *end <= row);
        let begin = text.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| self.position + end);
        let end = self.position + self.ends.get(text).copied().unwrap_or(row + 1);
        let seen = self.seen.range(self.position + row - begin, end - begin);
        begin + seen.start..begin + seen.end
    }

    /// Multiplications, about, each counted as two: they take twice as long as those of weights.
    pub fn work(&self) -> usize {
        let middle = self.ends.get(self.ends.len() / 2).map_or(0, |end| end.saturating_sub(1));
        4 * self.q.len() * self.seen_by(middle).len()
    }
}

/// Does the units of a range.
///
/// - `scores: [QUERIES, at least position + n rounded up to 8]`, scratch
/// - `out: [n, n_heads * head_dim]`, f32
///
/// Scores, exponentials (see `math`) and sums in f32.
///
/// # Safety
/// No other thread does any of these units or uses `out` otherwise meanwhile.
#[inline(never)] // Engines optimise very long functions badly.
pub unsafe fn units<V: Vector>(queries: Queries<'_>, range: Range<usize>, scores: &mut [f32], out: Out<'_>) {
    let Queries { n_heads, layer, q, .. } = queries;
    let group = n_heads / layer.n_kv_heads;
    let (count, blocks) = (queries.count(), queries.count().div_ceil(QUERIES));
    for unit in range {
        let (kv_head, first) = (unit / blocks, unit % blocks * QUERIES);
        let block = Block { queries, layer, group, kv_head, out };
        match count - first {
            1 => block.run::<V, 1>(q, first, scores),
            2 => block.run::<V, 2>(q, first, scores),
            3 => block.run::<V, 3>(q, first, scores),
            _ => block.run::<V, QUERIES>(q, first, scores),
        }
    }
}

/// What is the same for all queries of one key-value head. Query i is head `i % group` of the group, at row
/// `i / group`.
struct Block<'a> {
    queries: Queries<'a>,
    layer: &'a Layer,
    group: usize,
    kv_head: usize,
    out: Out<'a>,
}

impl Block<'_> {
    #[inline(always)]
    fn run<V: Vector, const M: usize>(&self, q: &[f32], first: usize, scores: &mut [f32]) {
        let head_dim = self.layer.head_dim;
        let at: [(usize, usize); M] = std::array::from_fn(|m| {
            let head = self.kv_head * self.group + (first + m) % self.group;
            ((first + m) / self.group, head * head_dim)
        });
        let Queries { n_heads, soft_cap, relative, position, .. } = self.queries;
        let seen: [Range<usize>; M] = std::array::from_fn(|m| self.queries.seen_by((first + m) / self.group));
        // Later queries see neither fewer positions at the end nor more at the beginning.
        let (begin, len) = (seen[0].start, seen[M - 1].end);
        let stride = scores.len() / QUERIES;
        let q = at.map(|(row, at)| &q[row * n_heads * head_dim + at..][..head_dim]);

        // Few queries leave registers for several tiles at once.
        let tiles = len.div_ceil(8);
        let mut tile = begin / 8;
        while tile < tiles {
            tile += match tiles - tile {
                4.. if M == 1 => self.scores::<V, M, 4>(q, tile, stride, scores),
                2.. if M <= 2 => self.scores::<V, M, 2>(q, tile, stride, scores),
                _ => self.scores::<V, M, 1>(q, tile, stride, scores),
            };
        }

        for (m, range) in seen.into_iter().enumerate() {
            let scores = &mut scores[m * stride..m * stride + tiles * 8];
            let (before, scores) = scores.split_at_mut(range.start);
            let (seen, after) = scores.split_at_mut(range.len());
            if let Some(biases) = relative {
                let (row, at) = at[m];
                let biases = biases.of(at / head_dim, position + row, range.start);
                seen.iter_mut().zip(biases).for_each(|(score, bias)| *score += bias);
            }
            if let Some(cap) = soft_cap {
                cap_by::<V>(seen, cap);
            }
            let total = softmax_numerators::<V>(seen);
            let scales = &self.layer.value_scales(self.kv_head)[range];
            scale_by::<V>(seen, scales, 1.0 / total);
            before[begin..].fill(0.0);
            after.fill(0.0);
        }

        for block in begin / BLOCK..len.div_ceil(BLOCK) {
            let positions = begin.max(block * BLOCK)..len.min((block + 1) * BLOCK);
            let p = std::array::from_fn(|m| &scores[m * stride..][positions.clone()]);
            let tiles = head_dim.div_ceil(8);
            let mut tile = 0;
            while tile < tiles {
                tile += match tiles - tile {
                    4.. if M == 1 => self.values::<V, M, 4>(p, positions.start, begin, tile, at),
                    2.. if M <= 2 => self.values::<V, M, 2>(p, positions.start, begin, tile, at),
                    _ => self.values::<V, M, 1>(p, positions.start, begin, tile, at),
                };
            }
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
        let scale = V::splat(self.queries.scale);
        let key_scales = &self.layer.key_scales(self.kv_head)[tile * 8..][..T * 8];
        let scales: [[V; 2]; T] = std::array::from_fn(|t| {
            let scales = key_scales[t * 8..][..8].as_chunks::<4>().0;
            [V::load(&scales[0]).mul(scale), V::load(&scales[1]).mul(scale)]
        });
        let keys: [_; T] = std::array::from_fn(|t| self.layer.keys(self.kv_head, tile + t));
        for (m, sums) in multiply::<V, _, M, T>(q, keys).into_iter().enumerate() {
            let row = &mut scores[m * stride + tile * 8..][..T * 8];
            let sums = sums.into_iter().flatten().zip(scales.into_iter().flatten());
            for (out, (sum, scale)) in row.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
                sum.mul(scale).store(out);
            }
        }
        T
    }

    /// Adds the products with the values from position `start` on, all of one block, to T tiles of the output's dimensions. The
    /// first of them, at `begin`, find nothing there. Gives T.
    #[inline(always)]
    fn values<V: Vector, const M: usize, const T: usize>(
        &self,
        p: [&[f32]; M],
        start: usize,
        begin: usize,
        tile: usize,
        at: [(usize, usize); M],
    ) -> usize {
        let values: [_; T] = std::array::from_fn(|t| {
            &self.layer.values(self.kv_head, start / BLOCK, tile + t)[start % BLOCK..][..p[0].len()]
        });
        for (m, sums) in multiply::<V, _, M, T>(p, values).into_iter().enumerate() {
            let (row, at) = at[m];
            // SAFETY: whoever does this unit is the only one to write the heads of its queries.
            let head = unsafe { self.out.columns(row, at..at + self.layer.head_dim) };
            for (out, sums) in head[tile * 8..].chunks_mut(8).zip(sums) {
                match out.as_chunks_mut::<4>() {
                    ([low, high], []) if start > begin => {
                        sums[0].add(V::load(low)).store(low);
                        sums[1].add(V::load(high)).store(high);
                    }
                    ([low, high], []) => {
                        sums[0].store(low);
                        sums[1].store(high);
                    }
                    _ => {
                        for (out, sum) in out.chunks_mut(4).zip(sums) {
                            let before = if start > begin { load_partial(out) } else { V::splat(0.0) };
                            store_partial(sum.add(before), out);
                        }
                    }
                }
            }
        }
        T
    }
}

/// `x[i] *= scales[i] * factor`; of equal lengths.
#[inline(always)]
fn scale_by<V: Vector>(x: &mut [f32], scales: &[f32], factor: f32) {
    let all = V::splat(factor);
    let ((chunks, tail), (scales, tail_scales)) = (x.as_chunks_mut::<4>(), scales.as_chunks::<4>());
    for (x, scales) in chunks.iter_mut().zip(scales) {
        V::load(x).mul(V::load(scales).mul(all)).store(x);
    }
    for (x, scale) in tail.iter_mut().zip(tail_scales) {
        *x *= scale * factor;
    }
}

/// `x = cap * tanh(x / cap)`.
#[inline(always)]
fn cap_by<V: Vector>(x: &mut [f32], cap: f32) {
    let cap = V::splat(cap);
    let (chunks, tail) = x.as_chunks_mut::<4>();
    for chunk in chunks {
        soft_cap(V::load(chunk), cap).store(chunk);
    }
    store_partial(soft_cap(load_partial(tail), cap), tail);
}

/// `x = exp(x - max(x))`, or 0 (see `exp_or_zero`: sharp heads leave most positions next to nothing); gives their sum, NaN where one
/// of them is not finite. `x` is not empty.
#[inline(always)]
fn softmax_numerators<V: Vector>(x: &mut [f32]) -> f32 {
    let (chunks, tail) = x.as_chunks::<4>();
    let mut largest = V::splat(f32::NEG_INFINITY);
    for chunk in chunks {
        largest = largest.max(V::load(chunk));
    }
    let mut largest = largest_lane(largest);
    for &x in tail {
        largest = if x > largest { x } else { largest };
    }
    let largest = V::splat(largest);
    let (chunks, tail) = x.as_chunks_mut::<4>();
    // 0 * x is 0 for every finite x, and NaN for the others, which `exp_or_zero` may lose.
    let (zero, mut total) = (V::splat(0.0), V::splat(0.0));
    for chunk in chunks {
        let x = V::load(chunk).sub(largest);
        let e = exp_or_zero(x);
        e.store(chunk);
        total = total.add(e).add(x.mul(zero));
    }
    let x = load_partial::<V>(tail);
    let poison = x.mul(zero).sum();
    store_partial(exp_or_zero(x.sub(largest)), tail);
    total.sum() + tail.iter().sum::<f32>() + poison
}
