//! Draws a token from a row of logits: which may come, by top-k, top-p and min-p, and which of them does ([`race`](super::race)).
//!
//! Vocabularies are large and few tokens are likely. Nothing is sorted but the tokens that the limits fall among, and most of
//! the others are passed by several at a time.

use std::cmp::Ordering;

use super::options::SampleOptions;
use super::race::Race;
use super::softmax;

/// Tokens of which only the highest is compared with those that are kept.
const GROUP: usize = 64;

/// Weights are at most 1; those whose highest bits are equal are in the same of so many bins (eight for each power of two).
const BINS: usize = (1f32.to_bits() >> BIN_SHIFT) as usize + 1;
const BIN_SHIFT: u32 = 20;

/// A draw's memory.
#[derive(Clone, Debug, Default)]
pub struct Draw {
    /// `[n_vocab]`: logits, minus infinity for tokens that may not come; then weights.
    pub values: Vec<f32>,
    /// `(token, logit)`, then `(token, weight)`.
    candidates: Vec<(u32, f32)>,
    /// The highest of each group of tokens.
    groups: Vec<f32>,
    /// Weights of all tokens in a bin.
    bins: Vec<f64>,
}

impl Draw {
    /// For vocabularies of `n_vocab` tokens: nothing is allocated later.
    pub fn new(n_vocab: usize) -> Self {
        Draw {
            values: Vec::with_capacity(n_vocab),
            candidates: Vec::with_capacity(n_vocab),
            groups: Vec::with_capacity(n_vocab.div_ceil(GROUP)),
            bins: vec![0.0; BINS],
        }
    }

    /// Draws one of `self.values`, with the random bits `draw`; `None` where none may come. They are something else
    /// afterwards.
    pub fn token(&mut self, options: &SampleOptions, draw: u32) -> Option<u32> {
        let SampleOptions { temperature, top_k, top_p, min_p, .. } = *options;
        let highest = softmax::highest(&self.values);
        if highest == f32::NEG_INFINITY {
            return None;
        }
        let mut race = Race::new(draw);
        if top_k > 0 && top_k < self.values.len() {
            self.keep_highest(top_k);
            self.weigh_candidates(highest, temperature);
            if top_p < 1.0 {
                self.candidates.sort_unstable_by(more_likely);
                let total = self.candidates.iter().map(|(_, weight)| f64::from(*weight)).sum::<f64>();
                self.truncate_at(0, 0.0, f64::from(top_p) * total);
            }
        } else {
            // What may not come is told apart before it becomes a small number.
            let banned = self.values.iter().enumerate().filter(|(_, value)| **value == f32::NEG_INFINITY);
            self.candidates.clear();
            self.candidates.extend(banned.map(|(token, value)| (token as u32, *value)));
            softmax::exponentials(&mut self.values, highest, temperature);
            for (token, _) in &self.candidates {
                self.values[*token as usize] = 0.0;
            }
            if top_p == 1.0 {
                race.offer_all(&self.values, min_p);
                return race.first();
            }
            self.keep_nucleus(top_p);
        }
        for &(token, weight) in &self.candidates {
            // The most likely one has weight 1.
            if weight >= min_p {
                race.offer(token, weight);
            }
        }
        race.first()
    }

    /// The `k` highest become the candidates.
    fn keep_highest(&mut self, k: usize) {
        self.groups.clear();
        self.groups.extend(self.values.chunks(GROUP).map(softmax::highest));
        // At least k tokens are as high as the k-th group's highest.
        let mut least = f32::NEG_INFINITY;
        if k < self.groups.len() {
            least = *self.groups.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a)).1;
        }
        self.candidates.clear();
        for (group, values) in self.values.chunks(GROUP).enumerate() {
            let first = group * GROUP;
            if softmax::highest(values) >= least {
                let kept = (first as u32..).zip(values.iter().copied());
                self.candidates.extend(kept.filter(|(_, value)| *value >= least && *value > f32::NEG_INFINITY));
            }
        }
        if k < self.candidates.len() {
            self.candidates.select_nth_unstable_by(k - 1, more_likely);
            self.candidates.truncate(k);
        }
    }

    fn weigh_candidates(&mut self, highest: f32, temperature: f32) {
        self.values.clear();
        self.values.extend(self.candidates.iter().map(|(_, value)| *value));
        softmax::exponentials(&mut self.values, highest, temperature);
        for ((_, value), weight) in self.candidates.iter_mut().zip(&self.values) {
            *value = *weight;
        }
    }

    /// The fewest most likely tokens that have `top_p` of all weight become the candidates.
    fn keep_nucleus(&mut self, top_p: f32) {
        let bin = |weight: f32| (weight.to_bits() >> BIN_SHIFT) as usize;
        self.bins.fill(0.0);
        for weight in &self.values {
            self.bins[bin(*weight)] += f64::from(*weight);
        }
        let goal = f64::from(top_p) * self.bins.iter().sum::<f64>();
        let mut sum = 0.0;
        let edge = (0..BINS).rev().find(|&bin| {
            let reached = sum + self.bins[bin] >= goal;
            sum += if reached { 0.0 } else { self.bins[bin] };
            reached
        });
        // All of the bins above, and as many of the last one as are needed.
        let edge = edge.unwrap_or(0);
        self.candidates.clear();
        let tokens = || (0u32..).zip(self.values.iter().copied()).filter(|(_, weight)| *weight > 0.0);
        self.candidates.extend(tokens().filter(|(_, weight)| bin(*weight) > edge));
        let above = self.candidates.len();
        self.candidates.extend(tokens().filter(|(_, weight)| bin(*weight) == edge));
        self.candidates[above..].sort_unstable_by(more_likely);
        self.truncate_at(above, sum, goal);
    }

    /// Drops the candidates behind the one from the `from`th on with which the sum, `sum` before that one, reaches `goal`.
    fn truncate_at(&mut self, from: usize, mut sum: f64, goal: f64) {
        let last = self.candidates[from..].iter().position(|(_, weight)| {
            sum += f64::from(*weight);
            sum >= goal
        });
        self.candidates.truncate(last.map_or(usize::MAX, |last| from + last + 1));
    }
}

/// Highest first, then lowest id: a total order, so that every platform keeps the same tokens.
fn more_likely(a: &(u32, f32), b: &(u32, f32)) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::rng::Pcg32;

    /// The candidates by sorting all, as the definitions say.
    fn sorted(values: &[f32], options: &SampleOptions) -> Vec<u32> {
        let mut all: Vec<_> = (0u32..).zip(values.iter().copied()).filter(|(_, v)| *v > f32::NEG_INFINITY).collect();
        all.sort_by(more_likely);
        if options.top_k > 0 {
            all.truncate(options.top_k);
        }
        let weight = |value: f32| f64::from((value - all[0].1) / options.temperature).exp();
        let total: f64 = all.iter().map(|(_, value)| weight(*value)).sum();
        let mut sum = 0.0;
        let mut kept = Vec::new();
        for (token, value) in &all {
            if options.top_p < 1.0 && sum >= f64::from(options.top_p) * total {
                break;
            }
            sum += weight(*value);
            kept.push(*token);
        }
        kept.sort();
        kept
    }

    #[test]
    fn keeps_what_sorting_all_would_keep() {
        let mut rng = Pcg32::new(5, 0);
        for n in [3usize, 63, 64, 65, 1000, 5000] {
            let spread = [0.3, 3.0, 12.0][n % 3];
            let values: Vec<f32> = (0..n)
                .map(|i| match i % 9 {
                    4 => f32::NEG_INFINITY,
                    // Many are equal.
                    _ => (f64::from(rng.next_u32() >> 20) / 4096.0 * spread) as f32,
                })
                .collect();
            let mut draw = Draw::new(n);
            for (top_k, top_p) in
                [0, 1, 2, 15, 40, 100, 4000].into_iter().flat_map(|k| [0.02, 0.3, 0.7, 0.96, 1.0].map(|p| (k, p)))
            {
                let options = SampleOptions { temperature: 0.7, top_k, top_p, ..SampleOptions::default() };
                draw.values.clone_from(&values);
                let token = draw.token(&options, rng.next_u32()).unwrap();
                let want = sorted(&values, &options);
                assert!(want.contains(&token), "{token} of {want:?}");
                if (top_k > 0 && top_k < n) || top_p < 1.0 {
                    let mut kept: Vec<u32> = draw.candidates.iter().map(|(token, _)| *token).collect();
                    kept.sort();
                    assert_eq!(kept, want, "{n} tokens, top-k {top_k}, top-p {top_p}");
                }
            }
        }
    }

    #[test]
    fn nothing_that_may_come() {
        let mut draw = Draw::new(70);
        for (top_k, top_p) in [(0, 1.0), (5, 1.0), (0, 0.5)] {
            let options = SampleOptions { temperature: 1.0, top_k, top_p, ..SampleOptions::default() };
            draw.values = vec![f32::NEG_INFINITY; 70];
            assert_eq!(draw.token(&options, 1), None);
            draw.values = vec![f32::NEG_INFINITY; 70];
            draw.values[66] = -1e30;
            assert_eq!(draw.token(&options, 1), Some(66));
        }
    }
}
