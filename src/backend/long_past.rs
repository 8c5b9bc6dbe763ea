//! The start-up check's part about attention over a long past, where its kernels take several rounds, or parts of it go to
//! workgroups of their own: against the formula in f64 (arXiv 2305.13245).

use super::agreement::{LARGEST_ERROR, normalised_error};
use super::fault::{Fault, Path, Wrong};
use crate::gpu::{Attended, Given};

/// Positions of the long past: several rounds of the kernels, and several parts where they split it.
pub const LONG: usize = 300;

/// What is wrong with attention over a long past, if anything is.
pub fn examine_attention(a: &Attended) -> Option<Fault> {
    let fault = |path, given: &Given, expected: &[f32]| {
        let error = normalised_error(&given.values, expected);
        let fault =
            || Fault { path, kernels: given.kernels.clone(), or: Vec::new(), wrong: Wrong::OffOverLongPast { error } };
        (error.is_nan() || error > LARGEST_ERROR).then(fault)
    };
    let width = a.n_heads * a.head_dim;
    let rows = a.q.len() / width.max(1);
    let length = a.k.len() / (a.n_kv_heads * a.head_dim).max(1);
    let expected: Vec<f32> = (0..rows).flat_map(|row| attention(a, row, length - rows + row, length)).collect();
    let last = expected.get(expected.len().saturating_sub(width)..).unwrap_or_default();
    fault(Path::Many, &a.many, &expected)
        .or_else(|| fault(Path::Many, &a.one, last))
        .or_else(|| a.split.as_ref().and_then(|[split, plain]| fault(Path::One, split, &plain.values)))
}

/// `softmax(cap(scale * q . K)) V` of one row at position `own` of `length`, in f64.
fn attention(a: &Attended, row: usize, own: usize, length: usize) -> Vec<f32> {
    let (dim, kv_row) = (a.head_dim, a.n_kv_heads * a.head_dim);
    let heads_per_kv = (a.n_heads / a.n_kv_heads.max(1)).max(1);
    let mut out = Vec::with_capacity(a.n_heads * dim);
    for (head, q) in a.q.chunks(dim.max(1)).skip(row * a.n_heads).take(a.n_heads).enumerate() {
        let of = |values: &'_ [f32], position: usize| -> Vec<f64> {
            let at = position * kv_row + head / heads_per_kv * dim;
            values.get(at..at + dim).unwrap_or_default().iter().map(|x| f64::from(*x)).collect()
        };
        let score = |position: usize| {
            let products = of(&a.k, position).into_iter().zip(q).map(|(k, q)| k * f64::from(*q));
            let score = products.sum::<f64>() * f64::from(a.scale);
            a.soft_cap.map(f64::from).map_or(score, |cap| cap * (score / cap).tanh())
        };
        let last = if a.causal { own + 1 } else { length };
        let seen = (0..last).filter(|p| a.window.is_none_or(|window| p.abs_diff(own) < window));
        let scores: Vec<(usize, f64)> = seen.map(|position| (position, score(position))).collect();
        let largest = scores.iter().fold(f64::NEG_INFINITY, |most, (_, score)| most.max(*score));
        let (mut sums, mut total) = (vec![0.0; dim], 0.0);
        for (position, score) in &scores {
            let weight = (score - largest).exp();
            total += weight;
            sums.iter_mut().zip(of(&a.v, *position)).for_each(|(sum, v)| *sum += weight * v);
        }
        out.extend(sums.iter().map(|sum| (sum / total) as f32));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::fixtures::{long_context, unless_skipped};
    use crate::gpu::kernel::{Variant, names};
    use crate::gpu::{GpuModel, GpuOptions, Tuning};

    /// What the GPU gives is right, in every variant; what leaves out a part, or merges one wrongly, is not.
    #[test]
    fn a_wrong_part_is_noticed() {
        for (tuning, split) in [(Tuning::Software, false), (Tuning::Hardware, true), (Tuning::Hardware, false)] {
            let (plan, weights) = long_context();
            let options = GpuOptions { tuning, split: Some(split), ..GpuOptions::default() };
            let opened = pollster::block_on(GpuModel::with_options(plan, &weights, options, &mut |_, _| {}));
            let Some(model) = unless_skipped(opened) else { return };
            let mut model = model.unwrap();
            let mut cache = pollster::block_on(model.new_cache(LONG)).unwrap();
            let mut attended = pollster::block_on(model.attend(&mut cache, LONG)).unwrap().unwrap();
            assert_eq!(examine_attention(&attended), None);
            assert_eq!(attended.split.is_some(), split);
            if let Some([parts, _]) = &mut attended.split {
                assert!(
                    names(&parts.kernels).contains("SPLITS=") && names(&parts.kernels).contains("norm_merge"),
                    "{parts:?}"
                );
                let right = parts.values.clone();
                parts.values.iter_mut().for_each(|x| *x *= 1.02);
                let fault = examine_attention(&attended).unwrap();
                assert!(fault.path == Path::One && fault.has(Variant::Split), "{fault:?}");
                attended.split.as_mut().unwrap()[0].values = right;
            }
            // The last row without the last positions.
            let rows = attended.q.len() / (attended.n_heads * attended.head_dim);
            attended.one.values = attention(&attended, rows - 1, LONG - 21, LONG);
            let fault = examine_attention(&attended).unwrap();
            assert!(fault.path == Path::Many && fault.to_string().contains("over a long past"), "{fault:?}");
        }
    }
}
