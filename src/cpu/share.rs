//! How the threads of a pool share products and attention: by weight rows and by heads, so that no sum is ever split and
//! the bits do not depend on how many threads there are.

use super::ops::attention::{self, Queries};
use super::ops::linear::{self, Product};
use super::ops::ssm;
use super::out::Out;
use super::per_thread::PerThread;
use super::quant::{PANEL, Scratch};
use super::simd::Vector;
use super::threads::Pool;
use crate::model::SsmConfig;
use std::ops::Range;

/// Multiplications below which a section is not worth another thread: to start and to end one takes a microsecond or two,
/// in which a thread does about so many.
const WORTH_A_THREAD: usize = 1 << 15;

/// Multiplications of a part that need not be larger: some 50 us.
const LARGE_PART: usize = 1 << 20;

/// An exponential or two, or a square root's share of a row, in multiplications.
const WORK_OF_AN_ELEMENT: usize = 4;

/// Several products, in one section.
pub fn products<V: Vector>(pool: &Pool, products: &[Option<Product<'_>>], scratch: &PerThread<Scratch>) {
    let work = products.iter().flatten().map(|p| p.weight.rows * p.x.len()).sum::<usize>();
    let parts = parts(pool, work, usize::MAX);
    pool.run(parts, |part, thread| {
        scratch.with(thread, |scratch| {
            for &Product { x, inputs, weight, bias, out } in products.iter().flatten() {
                let range = cut(weight.rows, PANEL, part, parts);
                if !range.is_empty() {
                    // SAFETY: the parts are of different rows of the weights, and so of different columns.
                    unsafe { linear::rows::<V>(x, inputs, weight, bias, range, scratch, out) }
                }
            }
        })
    });
}

/// The attention of a batch, in one section.
///
/// - `out: [n, n_heads * head_dim]`, f32
pub fn attention<V: Vector>(pool: &Pool, queries: Queries<'_>, scores: &PerThread<Vec<f32>>, out: &mut [f32]) {
    let out = Out::new(out, queries.n_heads * queries.layer.head_dim);
    let units = queries.units();
    let parts = parts(pool, queries.work(), units);
    pool.run(parts, |part, thread| {
        scores.with(thread, |scores| {
            // SAFETY: each part has other units.
            unsafe { attention::units::<V>(queries, cut(units, 1, part, parts), scores, out) }
        })
    });
}

/// A state space over a batch, in three sections.
///
/// - `x`: `[n, row_width]`, at least one row
/// - `kept`, `mark`: what the layer keeps, before the first row (see [`SsmConfig::kept_len`]); they become what it keeps behind the last
///   row, and before it
/// - `convolved`: at least `[n, conv_width]`, scratch
/// - `out`: `[n, inner]`
pub fn ssm<V: Vector>(
    pool: &Pool,
    x: &[f32],
    config: &SsmConfig,
    weights: &ssm::Weights<'_>,
    (kept, mark): (&mut [f32], Option<&mut [f32]>),
    convolved: &mut [f32],
    out: &mut [f32],
) {
    let (n, width) = (x.len() / config.row_width(), config.conv_width());
    let (before, states) = kept.split_at_mut(config.conv_len());
    let convolved = &mut convolved[..n * width];
    rows(pool, width, convolved, |at, out| {
        ssm::convolve::<V>(x, before, config, weights, at.start / width..at.end / width, out)
    });
    let state = config.head_dim * config.state;
    let mark = mark.map(|mark| {
        let (earlier, states) = mark.split_at_mut(config.conv_len());
        earlier.copy_from_slice(before);
        ssm::advance(x, earlier, config, n - 1);
        Out::new(states, state)
    });
    ssm::advance(x, before, config, n);
    let (states, all) = (Out::new(states, state), Out::new(out, config.inner()));
    let parts = parts(pool, 3 * n * config.inner() * config.state, config.n_heads);
    pool.run(parts, |part, _| {
        let heads = cut(config.n_heads, 1, part, parts);
        // SAFETY: each part has other heads.
        unsafe { ssm::scan::<V>(x, convolved, config, weights, heads, (states, mark), all) }
    });
    let inner = config.inner();
    rows(pool, inner, out, |at, out| {
        let rows = at.start / inner..at.end / inner;
        ssm::gate::<V>(&x[rows.start * config.row_width()..rows.end * config.row_width()], config, weights.norm, out)
    });
}

/// An operation on each row by itself, in one section: `f(elements, out)` writes those of `out` that `elements`, whole rows
/// of `width`, are in the whole.
pub fn rows(pool: &Pool, width: usize, out: &mut [f32], f: impl Fn(Range<usize>, &mut [f32]) + Sync) {
    let n = out.len() / width;
    let parts = parts(pool, out.len() * WORK_OF_AN_ELEMENT, n);
    if parts == 1 {
        // Most calls: the rows of one token.
        return f(0..out.len(), out);
    }
    let all = Out::new(out, out.len());
    pool.run(parts, |part, _| {
        let rows = cut(n, 1, part, parts);
        let elements = rows.start * width..rows.end * width;
        // SAFETY: each part has other rows.
        f(elements.clone(), unsafe { all.columns(0, elements) })
    });
}

/// As many parts as threads, so that each thread reads the same weights every time; fewer where there is little to do; and
/// up to sixteen a thread where there is much, so that a slower thread can do fewer, and nobody waits long for the last.
fn parts(pool: &Pool, work: usize, most: usize) -> usize {
    let threads = pool.working().min(work / WORTH_A_THREAD).max(1);
    let parts = if threads == 1 { 1 } else { (work / LARGE_PART).clamp(threads, 16 * threads) };
    parts.min(most).max(1)
}

/// The given part of `0..len`, cut at multiples of `step`.
fn cut(len: usize, step: usize, part: usize, parts: usize) -> Range<usize> {
    let steps = len.div_ceil(step);
    let at = |part: usize| (steps * part / parts * step).min(len);
    at(part)..at(part + 1)
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn parts_cover_everything_once() {
        for len in [0, 1, 7, 8, 9, 64, 100, 49152] {
            for step in [1, 8] {
                for parts in 1..=16 {
                    let mut next = 0;
                    for part in 0..parts {
                        let range = cut(len, step, part, parts);
                        assert_eq!(range.start, next);
                        assert!(range.start.is_multiple_of(step) || range.start == len);
                        next = range.end;
                    }
                    assert_eq!(next, len);
                }
            }
        }
    }
}
