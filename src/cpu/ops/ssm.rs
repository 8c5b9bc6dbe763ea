//! A state space: a short convolution, a state of each head that decays and takes up what is read, and a gated norm (Mamba-2, arXiv
//! 2405.21060; the norm's groups as in its reference implementation and in `transformers`).
//!
//! Token by token, so that the rows of one batch and those of several give the same bits.

use super::rms_norm::sum;
use crate::cpu::out::Out;
use crate::cpu::simd::math::{VANISHING, silu};
use crate::cpu::simd::tile::halves;
use crate::cpu::simd::{Vector, load_partial, store_partial};
use crate::model::SsmConfig;
use std::ops::Range;

/// What a layer multiplies by; shapes as [`Op::Ssm`](crate::model::Op::Ssm) has them.
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "the operation's formula names them")]
pub struct Weights<'a> {
    pub conv: &'a [f32],
    pub conv_bias: &'a [f32],
    pub step_bias: &'a [f32],
    pub a: &'a [f32],
    pub d: &'a [f32],
    pub norm: &'a [f32],
}

/// The convolution and its activation.
///
/// - `x`: `[n, row_width]`
/// - `before`: `[kernel - 1, conv_width]`, the rows before the first
/// - `out`: `[rows.len(), conv_width]`
pub fn convolve<V: Vector>(
    x: &[f32],
    before: &[f32],
    ssm: &SsmConfig,
    weights: &Weights<'_>,
    rows: Range<usize>,
    out: &mut [f32],
) {
    let (kernel, width) = (ssm.kernel, ssm.conv_width());
    for (i, out) in rows.zip(out.chunks_exact_mut(width)) {
        out.copy_from_slice(weights.conv_bias);
        for j in 0..kernel {
            let taps = weights.conv.iter().skip(j).step_by(kernel);
            let row = match (i + j).checked_sub(kernel - 1) {
                Some(row) => &x[row * ssm.row_width() + ssm.inner()..][..width],
                None => &before[(i + j) * width..][..width],
            };
            out.iter_mut().zip(row).zip(taps).for_each(|((out, x), tap)| *out += tap * x);
        }
        for out in out.chunks_mut(4) {
            store_partial(silu(load_partial::<V>(out)), out);
        }
    }
}

/// Makes the rows before the first one of `x` those before row `n`: `before: [kernel - 1, conv_width]`.
pub fn advance(x: &[f32], before: &mut [f32], ssm: &SsmConfig, n: usize) {
    let width = ssm.conv_width();
    for j in 0..ssm.kernel - 1 {
        match (n + j).checked_sub(ssm.kernel - 1) {
            // A later one, which is not written yet.
            None => before.copy_within((n + j) * width..(n + j + 1) * width, j * width),
            Some(row) => {
                before[j * width..][..width].copy_from_slice(&x[row * ssm.row_width() + ssm.inner()..][..width])
            }
        }
    }
}

/// The states of some heads over all rows.
///
/// - `x`: `[n, row_width]`
/// - `convolved`: `[n, conv_width]`, what [`convolve`] gave
/// - `states`: `[n_heads, head_dim * state]`, before the first row; behind the last one afterwards
/// - `mark`: the same; becomes those before the last row
/// - `out`: `[n, inner]`, written at the columns of the heads
///
/// Sums in f32, eight partial sums; steps and decays by way of f64.
///
/// # Safety
/// No other thread uses the same heads' parts of `states`, `mark` and `out` meanwhile.
pub unsafe fn scan<V: Vector>(
    x: &[f32],
    convolved: &[f32],
    ssm: &SsmConfig,
    weights: &Weights<'_>,
    heads: Range<usize>,
    (states, mark): (Out<'_>, Option<Out<'_>>),
    out: Out<'_>,
) {
    let &SsmConfig { n_heads, head_dim, n_groups, state: width, step_limits: (least, most), .. } = ssm;
    let (len, shared) = (head_dim * width, n_heads / n_groups);
    let rows = || x.chunks_exact(ssm.row_width()).zip(convolved.chunks_exact(ssm.conv_width()));
    let n = rows().len();
    for h in heads {
        // SAFETY: the caller promises that the head is nobody else's.
        let state = unsafe { states.columns(h, 0..len) };
        for (i, (x, convolved)) in rows().enumerate() {
            if let Some(mark) = mark.filter(|_| i + 1 == n) {
                // SAFETY: as above.
                unsafe { mark.columns(h, 0..len) }.copy_from_slice(state);
            }
            let step = softplus(x[x.len() - n_heads + h] + weights.step_bias[h]);
            // NaN stays.
            let step = if step < least {
                least
            } else if step > most {
                most
            } else {
                step
            };
            let exponent = step * weights.a[h];
            // As `exp_or_zero`, but by way of f64; NaN stays.
            let decay = if exponent <= VANISHING { 0.0 } else { f64::from(exponent).exp() as f32 };
            let decay = V::splat(decay);
            let (inputs, groups) = convolved.split_at(ssm.inner());
            let (written, read) = groups.split_at(n_groups * width);
            let [written, read] = [written, read].map(|part| &part[h / shared * width..][..width]);
            let inputs = &inputs[h * head_dim..][..head_dim];
            // SAFETY: as above.
            let out = unsafe { out.columns(i, h * head_dim..(h + 1) * head_dim) };
            for ((state, x), out) in state.chunks_exact_mut(width).zip(inputs).zip(out) {
                let taken = V::splat(step * x);
                let mut sums = [V::splat(0.0); 2];
                let eights = state.as_chunks_mut::<8>().0.iter_mut();
                for ((state, written), read) in eights.zip(written.as_chunks().0).zip(read.as_chunks().0) {
                    let (old, written, read) = (halves::<V>(state), halves::<V>(written), halves::<V>(read));
                    for (k, four) in state.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                        let new = old[k].mul(decay).add(written[k].mul(taken));
                        new.store(four);
                        sums[k] = sums[k].add(new.mul(read[k]));
                    }
                }
                *out = sums[0].add(sums[1]).sum() + weights.d[h] * x;
            }
        }
    }
}

/// `ln(1 + e^x)`.
fn softplus(x: f32) -> f32 {
    // Beyond, the difference from x is below what f32 tells apart; NaN stays.
    if x > 20.0 { x } else { (1.0 + f64::from(x).exp()).ln() as f32 }
}

/// Each group's columns times the activation of their gate, normalised: `out: [n, inner]` in place.
///
/// - `x`: `[n, row_width]`
pub fn gate<V: Vector>(x: &[f32], ssm: &SsmConfig, norm: &[f32], out: &mut [f32]) {
    let (inner, group) = (ssm.inner(), ssm.inner() / ssm.n_groups);
    for (x, out) in x.chunks_exact(ssm.row_width()).zip(out.chunks_exact_mut(inner)) {
        for (out, z) in out.chunks_mut(4).zip(x[..inner].chunks(4)) {
            store_partial(load_partial::<V>(out).mul(silu(load_partial::<V>(z))), out);
        }
        for (out, norm) in out.chunks_exact_mut(group).zip(norm.chunks_exact(group)) {
            let mean_square = sum::<V>(out, |x| x.mul(x)) / group as f32;
            let scale = 1.0 / (mean_square + ssm.eps).sqrt();
            out.iter_mut().zip(norm).for_each(|(out, norm)| *out = *out * scale * norm);
        }
    }
}
