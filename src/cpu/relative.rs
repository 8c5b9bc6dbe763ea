//! Biases on attention's scores by the distance of query and key, made of a learned table: see [`Relative`].

use crate::model::{Op, Plan, Relative, VectorId};

/// Those of a plan, none of them made yet, by the table that they are made of.
pub fn of(plan: &Plan) -> Vec<(VectorId, Biases)> {
    let mut biases: Vec<(VectorId, Biases)> = Vec::new();
    for step in &plan.steps {
        if let Op::Attention { relative: Some((table, relative)), causal, n_heads, .. } = step.op
            && biases.iter().all(|(known, _)| *known != table)
        {
            biases.push((table, Biases::new(relative, !causal, n_heads)));
        }
    }
    biases
}

/// The biases of each head for all distances up to some.
#[derive(Debug)]
pub struct Biases {
    relative: Relative,
    /// There are some for keys behind the query.
    both_ways: bool,
    n_heads: usize,
    /// Distances below this are there.
    len: usize,
    /// `[n_heads, key - query]`, from `1 - len` to 0, or to `len - 1`.
    all: Vec<f32>,
}

impl Biases {
    /// None yet.
    pub fn new(relative: Relative, both_ways: bool, n_heads: usize) -> Self {
        Biases { relative, both_ways, n_heads, len: 0, all: Vec::new() }
    }

    /// Makes those of all distances between `n` positions of the table `[buckets, n_heads]`.
    pub fn prepare(&mut self, table: &[f32], n: usize) {
        if n <= self.len {
            return;
        }
        self.len = n.next_multiple_of(128);
        let len = self.len as isize;
        let last = if self.both_ways { len } else { 1 };
        let buckets: Vec<usize> = (1 - len..last).map(|distance| self.bucket(distance)).collect();
        self.all.clear();
        for head in 0..self.n_heads {
            let bias = |bucket: &usize| table.get(bucket * self.n_heads + head).copied().unwrap_or(0.0);
            self.all.extend(buckets.iter().map(bias));
        }
    }

    /// Those of a head for a query at position `query` and keys at `first` and behind it.
    #[inline(always)]
    pub fn of(&self, head: usize, query: usize, first: usize) -> &[f32] {
        let width = if self.both_ways { 2 * self.len - 1 } else { self.len };
        &self.all[head * width..][..width][self.len - 1 + first - query..]
    }

    /// The row of the table for `key - query`, as `transformers` rounds it.
    fn bucket(&self, distance: isize) -> usize {
        let Relative { buckets, max_distance } = self.relative;
        let n = if self.both_ways { buckets / 2 } else { buckets };
        let first = if self.both_ways && distance > 0 { n } else { 0 };
        let (exact, far) = (n / 2, distance.unsigned_abs());
        if far < exact {
            return first + far;
        }
        let octaves = (far as f32 / exact as f32).ln() / (max_distance as f32 / exact as f32).ln();
        first + (exact + (octaves * (n - exact) as f32) as usize).min(n - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places where `transformers` begins another bucket, of 32 up to 128.
    #[test]
    fn buckets_begin_where_those_of_transformers_do() {
        let begins = |both_ways: bool| {
            let biases = Biases::new(Relative { buckets: 32, max_distance: 128 }, both_ways, 1);
            let buckets = (0..400).map(|far| biases.bucket(-far)).collect::<Vec<_>>();
            (1..400).filter(|far| buckets[*far] != buckets[far - 1]).collect::<Vec<_>>()
        };
        assert_eq!(begins(true), [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91]);
        let further = [19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113];
        assert_eq!(begins(false), (1..=16).chain(further).collect::<Vec<_>>());
    }
}
