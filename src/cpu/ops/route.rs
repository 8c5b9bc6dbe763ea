//! Which experts a row takes, and how much each counts.

use crate::cpu::simd::Vector;
use crate::cpu::simd::math::exp;

/// - `x`: `[n, n_experts]`, a router's logits
/// - `n_used`: 1 to `n_experts`
/// - `out`: `[n, n_experts]`: of each row the softmax of the `n_used` largest, and 0 for the others. With `normalise` that is the softmax
///   over them alone, else over all. Of equal logits the first is taken.
pub fn run<V: Vector>(x: &[f32], n_experts: usize, n_used: usize, normalise: bool, out: &mut [f32]) {
    for (x, out) in x.chunks_exact(n_experts).zip(out.chunks_exact_mut(n_experts)) {
        // First, which: those are 1.
        out.fill(0.0);
        let mut largest = None;
        for _ in 0..n_used {
            let left = (0..n_experts).filter(|&e| out[e] == 0.0);
            let Some(best) = left.reduce(|best, e| if x[e] > x[best] { e } else { best }) else { break };
            out[best] = 1.0;
            largest = largest.or(Some(x[best]));
        }
        let largest = largest.unwrap_or(0.0);
        let mut sum = 0.0;
        for (out, x) in out.iter_mut().zip(x) {
            let share = exp(V::splat(x - largest)).lanes()[0];
            sum += if normalise { *out * share } else { share };
            *out *= share;
        }
        out.iter_mut().for_each(|out| *out /= sum);
    }
}
