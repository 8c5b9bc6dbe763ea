use crate::reference::{self, attention::Shape};
use crate::support::compare::{assert_close, wide};
use crate::support::inputs::{PATTERNS, Pattern, rows};
use nanolm::cpu::ops::attention::{self, Queries, Seen};
use nanolm::cpu::ops::store_kv::{self, Layer};
use nanolm::cpu::out::Out;
use nanolm::cpu::relative::Biases;
use nanolm::cpu::simd::Vector;
use nanolm::model::Relative;

at_every_level!(
    attends,
    attends_within_windows_both_ways_and_under_caps,
    texts_see_nothing_of_each_other,
    biases_go_by_distance_and_a_source_is_seen_whole,
    rows_beyond_the_position_are_never_read,
    no_probability_is_subnormal
);

/// `(n_heads, n_kv_heads, head_dim)`: ragged heads, grouped and single ones.
const SHAPES: [(usize, usize, usize); 7] =
    [(1, 1, 1), (2, 2, 6), (4, 2, 8), (6, 2, 5), (6, 6, 48), (9, 3, 64), (8, 1, 12)];

fn attends<V: Vector>() {
    for (pattern, (n_heads, n_kv_heads, head_dim)) in PATTERNS.into_iter().flat_map(|p| SHAPES.map(|s| (p, s))) {
        for (position, n) in [(0, 1), (0, 5), (1, 1), (6, 2), (7, 3), (8, 1), (30, 17), (63, 1)] {
            let scale = 1.0 / (head_dim as f32).sqrt();
            // Queries of variance 1 whatever the keys: scores as large as 1e8 would make every softmax one-hot, and
            // the choice between near-equal maxima a matter of the last bit.
            let q = rows(if pattern == Pattern::Equal { pattern } else { Pattern::Normal }, n, n_heads * head_dim, 17);
            let keys = match pattern {
                Pattern::Large | Pattern::Outliers => Pattern::Normal,
                other => other,
            };
            let k = in_16_bits(rows(keys, position + n, n_kv_heads * head_dim, 18), head_dim);
            let v = in_16_bits(rows(pattern, position + n, n_kv_heads * head_dim, 19), head_dim);
            let kind = Kind::plain((n_heads, n_kv_heads, head_dim), scale);
            let out = attend::<V>(&q, &k, &v, kind, position, n);
            let shape = kind.shape();
            let want = reference::attention::attention(&wide(&q), &wide(&k), &wide(&v), shape, position);
            let case = format!("{pattern:?} heads {n_heads}/{n_kv_heads} of {head_dim}, {n} at {position}");
            assert_close("cpu", "attention", &case, &out, &want);
        }
    }
}

/// The nearest that the cache holds, so that what attention does with it can be held to f32's exactness; the test of `store_kv`
/// is about the rounding.
fn in_16_bits(mut x: Vec<f32>, head_dim: usize) -> Vec<f32> {
    for x in x.chunks_mut(head_dim) {
        let largest = x.iter().fold(0.0, |m: f64, x| m.max(x.abs() as f64));
        let scale = if largest > 0.0 { largest / 32767.0 } else { 1.0 };
        x.iter_mut().for_each(|x| *x = ((*x as f64 / scale).round() * scale) as f32);
    }
    x
}

/// What an attention is, but for its batch.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// `(n_heads, n_kv_heads, head_dim)`.
    pub heads: (usize, usize, usize),
    pub scale: f32,
    pub seen: Seen,
    pub soft_cap: Option<f32>,
}

impl Kind {
    /// Causal, without window and cap.
    pub fn plain(heads: (usize, usize, usize), scale: f32) -> Kind {
        Kind { heads, scale, seen: Seen::PAST, soft_cap: None }
    }

    fn shape(self) -> Shape {
        let Kind { heads: (n_heads, n_kv_heads, head_dim), scale, seen: Seen { causal, window }, soft_cap } = self;
        let (scale, soft_cap) = (scale as f64, soft_cap.map(|cap| cap as f64));
        Shape { n_heads, n_kv_heads, head_dim, scale, causal, window, soft_cap }
    }
}

fn attends_within_windows_both_ways_and_under_caps<V: Vector>() {
    for (heads, window, causal) in [(6, 2, 5), (4, 2, 8), (9, 3, 64)].into_iter().flat_map(|heads| {
        let windows = [None, Some(1), Some(2), Some(8), Some(13), Some(129), Some(300), Some(usize::MAX)];
        windows.into_iter().flat_map(move |w| [true, false].map(|causal| (heads, w, causal)))
    }) {
        let (n_heads, n_kv_heads, head_dim) = heads;
        for (position, n) in [(0, 1), (0, 21), (7, 3), (130, 9), (290, 1), (255, 5)] {
            for soft_cap in [None, Some(0.75), Some(50.0)] {
                let q = rows(Pattern::Normal, n, n_heads * head_dim, 17);
                let k = in_16_bits(rows(Pattern::Normal, position + n, n_kv_heads * head_dim, 18), head_dim);
                let v = in_16_bits(rows(Pattern::Normal, position + n, n_kv_heads * head_dim, 19), head_dim);
                let kind = Kind { heads, scale: 0.4, seen: Seen { causal, window }, soft_cap };
                let out = attend::<V>(&q, &k, &v, kind, position, n);
                let want = reference::attention::attention(&wide(&q), &wide(&k), &wide(&v), kind.shape(), position);
                assert_close("cpu", "attention", &format!("{kind:?}, {n} at {position}"), &out, &want);
            }
        }
    }
}

fn texts_see_nothing_of_each_other<V: Vector>() {
    let lengths: [&[usize]; 6] =
        [&[1, 1, 1, 1, 1, 1], &[5, 3, 9, 2], &[8, 8, 16], &[130, 1, 7], &[3], &[2, 140, 2, 129]];
    let kinds = [(true, None), (false, None), (false, Some(3))];
    for (lengths, heads) in lengths.into_iter().flat_map(|l| [(6, 2, 5), (4, 4, 8), (3, 1, 32)].map(|h| (l, h))) {
        for (causal, window) in kinds {
            let (n_heads, n_kv_heads, head_dim) = heads;
            let ends: Vec<usize> = lengths.iter().scan(0, |end, n| (*end += n, Some(*end)).1).collect();
            let n = ends[ends.len() - 1];
            let (width, kv_width) = (n_heads * head_dim, n_kv_heads * head_dim);
            let q = rows(Pattern::Normal, n, width, 31);
            let k = in_16_bits(rows(Pattern::Normal, n, kv_width, 32), head_dim);
            let v = in_16_bits(rows(Pattern::Normal, n, kv_width, 33), head_dim);
            let kind = Kind { heads, scale: 0.4, seen: Seen { causal, window }, soft_cap: None };
            let out = attend_texts::<V>(&q, &k, &v, kind, 0, &ends);
            for (end, len) in ends.iter().zip(lengths) {
                let text = end - len..*end;
                let of = |x: &[f32], width: usize| wide(&x[text.start * width..text.end * width]);
                let want = reference::attention::attention(
                    &of(&q, width),
                    &of(&k, kv_width),
                    &of(&v, kv_width),
                    kind.shape(),
                    0,
                );
                let found = &out[text.start * width..text.end * width];
                assert_close("cpu", "attention", &format!("{kind:?}, {text:?} of {lengths:?}"), found, &want);
            }
        }
    }
}

/// Both are small sums and choices by position, so the formula stands here.
fn biases_go_by_distance_and_a_source_is_seen_whole<V: Vector>() {
    let (buckets, max_distance) = (8, 20);
    // Of 8 buckets up to 20: where each begins, by the formula of arXiv 1910.10683 in f64.
    let bucket = |distance: isize, both_ways: bool| {
        let n = if both_ways { buckets / 2 } else { buckets };
        let (first, far) = (if both_ways && distance > 0 { n } else { 0 }, distance.unsigned_abs());
        let exact = n / 2;
        let ratio = |far: usize| (far as f64 / exact as f64).ln();
        let further = |far: usize| exact + (ratio(far) / ratio(max_distance) * (n - exact) as f64) as usize;
        first + if far < exact { far } else { further(far).min(n - 1) }
    };
    for (heads, both_ways, position, n) in [
        ((4, 4, 12), true, 0, 37),
        ((3, 3, 5), true, 0, 150),
        ((6, 2, 8), true, 0, 9),
        ((4, 4, 12), false, 0, 40),
        ((6, 2, 5), false, 130, 3),
        ((4, 4, 12), false, 300, 1),
    ] {
        let (n_heads, n_kv_heads, head_dim) = heads;
        let q = rows(Pattern::Normal, n, n_heads * head_dim, 17);
        let k = in_16_bits(rows(Pattern::Normal, position + n, n_kv_heads * head_dim, 18), head_dim);
        let v = in_16_bits(rows(Pattern::Normal, position + n, n_kv_heads * head_dim, 19), head_dim);
        let table = rows(Pattern::Normal, buckets, n_heads, 20);
        let mut biases = Biases::new(Relative { buckets, max_distance }, both_ways, n_heads);
        biases.prepare(&table, 1);
        biases.prepare(&table, position + n);
        let mut layer = Layer::new(n_kv_heads, head_dim, position + n).unwrap();
        let mut codes = vec![0; head_dim.next_multiple_of(8)];
        store_kv::run::<V>(&k, &v, 0, &mut codes, &mut layer);
        for of_source in [false, true] {
            let (relative, source) = if of_source { (None, Some(position + n)) } else { (Some(&biases), None) };
            let seen = Seen { causal: !both_ways, window: None };
            let (ends, layer) = (&[n][..], &layer);
            let queries =
                Queries { q: &q, n_heads, scale: 0.3, soft_cap: None, seen, layer, position, ends, relative, source };
            let mut scores = vec![f32::NAN; attention::QUERIES * (position + n).next_multiple_of(8)];
            let mut out = vec![f32::NAN; q.len()];
            let all = Out::new(&mut out, n_heads * head_dim);
            // SAFETY: this is the only thread.
            unsafe { attention::units::<V>(queries, 0..queries.units(), &mut scores, all) };
            let mut want = Vec::new();
            for (row, q) in q.chunks(n_heads * head_dim).enumerate() {
                for (head, q) in q.chunks(head_dim).enumerate() {
                    let at = |p: usize| (p * n_kv_heads + head / (n_heads / n_kv_heads)) * head_dim;
                    let last = if both_ways || of_source { position + n } else { position + row + 1 };
                    let score = |p: usize| {
                        let dot: f64 = q.iter().zip(&k[at(p)..]).map(|(a, b)| *a as f64 * *b as f64).sum();
                        let distance = p as isize - (position + row) as isize;
                        let bias = table[bucket(distance, both_ways) * n_heads + head] as f64;
                        0.3f32 as f64 * dot + if of_source { 0.0 } else { bias }
                    };
                    let weights: Vec<f64> = (0..last).map(|p| score(p).exp()).collect();
                    let total: f64 = weights.iter().sum();
                    for d in 0..head_dim {
                        want.push((0..last).map(|p| weights[p] * v[at(p) + d] as f64).sum::<f64>() / total);
                    }
                }
            }
            let case = format!("{heads:?}, both ways {both_ways}, {n} at {position}, of a source {of_source}");
            assert_close("cpu", "attention", &case, &out, &want);
        }
    }
}

pub fn attend<V: Vector>(q: &[f32], k: &[f32], v: &[f32], kind: Kind, position: usize, n: usize) -> Vec<f32> {
    attend_texts::<V>(q, k, v, kind, position, &[n])
}

fn attend_texts<V: Vector>(q: &[f32], k: &[f32], v: &[f32], kind: Kind, position: usize, ends: &[usize]) -> Vec<f32> {
    let Kind { heads: (n_heads, n_kv_heads, head_dim), scale, seen, soft_cap } = kind;
    let n = ends[ends.len() - 1];
    let capacity = position + n + 3;
    let mut layer = Layer::new(n_kv_heads, head_dim, capacity).unwrap();
    // Stale rows of an earlier, longer use.
    let stale = vec![f32::NAN; capacity * n_kv_heads * head_dim];
    let mut codes = vec![0; head_dim.next_multiple_of(8)];
    store_kv::run::<V>(&stale, &stale, 0, &mut codes, &mut layer);
    store_kv::run::<V>(k, v, 0, &mut codes, &mut layer);
    let mut scores = vec![f32::NAN; attention::QUERIES * capacity.next_multiple_of(8)];
    let mut out = vec![f32::NAN; q.len()];
    let queries =
        Queries { q, n_heads, scale, soft_cap, seen, layer: &layer, position, ends, relative: None, source: None };
    let units = queries.units();
    // In pieces, as threads do it.
    for range in [0..units / 3, units / 3..units] {
        // SAFETY: this is the only thread.
        unsafe { attention::units::<V>(queries, range, &mut scores, Out::new(&mut out, n_heads * head_dim)) };
    }
    out
}

fn rows_beyond_the_position_are_never_read<V: Vector>() {
    let (n_heads, n_kv_heads, head_dim) = (4, 2, 6);
    let width = n_kv_heads * head_dim;
    let q = rows(Pattern::Normal, 3, n_heads * head_dim, 20);
    let (k, v) = (rows(Pattern::Normal, 12, width, 21), rows(Pattern::Normal, 12, width, 22));
    for window in [None, Some(1), Some(4), Some(11)] {
        let seen = Seen { causal: true, window };
        let kind = Kind { heads: (n_heads, n_kv_heads, head_dim), scale: 0.4, seen, soft_cap: None };
        let all = attend::<V>(&q, &k, &v, kind, 9, 3);
        for i in 0..3 {
            let q = &q[i * n_heads * head_dim..][..n_heads * head_dim];
            let one = attend::<V>(q, &k[..(10 + i) * width], &v[..(10 + i) * width], kind, 9 + i, 1);
            let row = &all[i * n_heads * head_dim..][..n_heads * head_dim];
            assert_eq!(one, row, "row {i} alone and in its batch differ");
        }
    }
}

/// Products with subnormal numbers take some processors many times as long, and in the default model's first layer nearly every
/// score is so far below the largest.
fn no_probability_is_subnormal<V: Vector>() {
    let (n_heads, head_dim, n) = (2, 8, 200);
    for sharpness in [1.0, 10.0, 100.0, 1000.0] {
        let q: Vec<f32> = rows(Pattern::Normal, n, n_heads * head_dim, 41).iter().map(|x| x * sharpness).collect();
        let [k, v] = [42, 43].map(|seed| in_16_bits(rows(Pattern::Normal, n, n_heads * head_dim, seed), head_dim));
        let mut layer = Layer::new(n_heads, head_dim, n).unwrap();
        store_kv::run::<V>(&k, &v, 0, &mut [0; 8], &mut layer);
        let (seen, layer, ends) = (Seen::PAST, &layer, &[n][..]);
        let queries = Queries {
            q: &q,
            n_heads,
            scale: 0.4,
            soft_cap: None,
            seen,
            layer,
            position: 0,
            ends,
            relative: None,
            source: None,
        };
        let mut scores = vec![0.0; attention::QUERIES * n];
        let mut out = vec![f32::NAN; q.len()];
        for unit in 0..queries.units() {
            let all = Out::new(&mut out, n_heads * head_dim);
            // SAFETY: this is the only thread.
            unsafe { attention::units::<V>(queries, unit..unit + 1, &mut scores, all) };
            let found = scores.iter().find(|p| p.is_subnormal());
            assert_eq!(found, None, "a probability in unit {unit} with queries of {sharpness}");
        }
        assert!(out.iter().all(|x| !x.is_subnormal()), "queries of {sharpness}");
    }
}
