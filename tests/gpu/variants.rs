//! Variants that the table (`src/gpu/variants.rs`) chooses by the adapter and the shape, each against the plain kernels, over
//! contexts long enough to matter.

use super::lane::open;
use super::model::setup;
use crate::support::compare::{limit, wide, within};
use crate::support::inputs;
use crate::support::models::tiny_llama;
use nanolm::gpu::{GpuCache, GpuModel, GpuOptions, Tuning};
use nanolm::model::{Batch, LogitRows, ModelConfig, RopeLayout, RopeScaling};

tests_of! {
    split_attention_agrees_with_whole,
    keys_and_values_in_f16_agree_with_f32,
    sums_within_subgroups_agree_with_those_through_memory,
    tiles_in_f16_agree_with_f32,
}

/// Positions of the prompt: parts of 128 make four of it, and a ragged end.
const PROMPT: usize = 403;
/// Single tokens behind it.
const TOKENS: usize = 3;

/// What keeping 11 bits of keys and values may change of the logits: normalised mean squared error. Rounding each by 2^-12
/// on average gives some 1e-7.
const HALF_ERROR: f64 = 1e-5;

/// Each way of rotating with one of the kinds of kernels: how they go together is tested elsewhere.
fn configs() -> [(ModelConfig, Tuning); 2] {
    let of = |layout, dims| ModelConfig { context_len: 512, ..tiny_llama(layout, dims, RopeScaling::None, false) };
    [(of(RopeLayout::Interleaved, 8), Tuning::Software), (of(RopeLayout::HalfSplit, 4), Tuning::Hardware)]
}

/// The logits of the prompt's last token, of single tokens from the start, and of some behind the prompt.
async fn run(model: &mut GpuModel, config: &ModelConfig) -> (Vec<Vec<f32>>, GpuCache) {
    let tokens = inputs::tokens(PROMPT + TOKENS, config.n_vocab, 91);
    let mut cache = model.new_cache(PROMPT + TOKENS).await.unwrap();
    let mut all = Vec::new();
    let mut feed = async |cache: &mut GpuCache, from: usize, to: usize| {
        let mut logits = Vec::new();
        let batch = Batch { tokens: &tokens[from..to], position: from, logits: LogitRows::Last };
        model.forward(cache, batch, &mut logits).await.unwrap();
        all.push(logits);
    };
    for position in 0..3 {
        feed(&mut cache, position, position + 1).await;
    }
    for from in (3..PROMPT).step_by(100) {
        feed(&mut cache, from, from + 100).await;
    }
    for position in PROMPT..PROMPT + TOKENS {
        feed(&mut cache, position, position + 1).await;
    }
    (all, cache)
}

async fn split_attention_agrees_with_whole() {
    for (config, tuning) in &configs() {
        let (plan, weights) = setup(config, 3, 90);
        let plain = GpuOptions {
            tuning: *tuning,
            split: Some(false),
            half_kv: Some(false),
            unfused: Some(false),
            ..GpuOptions::default()
        };
        let Some(mut whole) = open(&plan, &weights, plain).await else { return };
        let Some(mut split) = open(&plan, &weights, GpuOptions { split: Some(true), ..plain }).await else { return };
        assert!(
            split.variants().contains("parts a head") && !whole.variants().contains("parts"),
            "{}",
            split.variants()
        );
        let ((want, _), before) = (run(&mut whole, config).await, split.counters().dispatches);
        let (found, mut cache) = run(&mut split, config).await;
        for (i, (found, want)) in found.iter().zip(&want).enumerate() {
            within(limit("gpu", "model"), found, &wide(want))
                .unwrap_or_else(|why| panic!("{tuning:?}, pass {i}: {why}"));
        }
        // It takes no dispatch more: five a layer, the embedding and the logits.
        assert!(split.counters().dispatches > before);
        let before = split.counters().dispatches;
        let batch = Batch { tokens: &[1], position: PROMPT, logits: LogitRows::Last };
        split.forward(&mut cache, batch, &mut Vec::new()).await.unwrap();
        assert_eq!(split.counters().dispatches - before, 5 * config.n_layers as u64 + 2);
    }
}

async fn keys_and_values_in_f16_agree_with_f32() {
    for (config, tuning) in &configs() {
        let (plan, weights) = setup(config, 3, 92);
        let plain = GpuOptions { tuning: *tuning, half_kv: Some(false), unfused: Some(false), ..GpuOptions::default() };
        let Some(mut full) = open(&plan, &weights, plain).await else { return };
        let (want, full_cache) = run(&mut full, config).await;
        // Fused and not: single tokens are stored by other kernels then.
        for unfused in [false, true] {
            let options = GpuOptions { half_kv: Some(true), unfused: Some(unfused), ..plain };
            let Some(mut half) = open(&plan, &weights, options).await else { return };
            assert!(half.variants().contains("in f16"), "{}", half.variants());
            let (found, cache) = run(&mut half, config).await;
            assert_eq!(2 * cache.bytes(), full_cache.bytes());
            let mut worst = 0.0f64;
            for (found, want) in found.iter().zip(&want) {
                worst = worst.max(normalised_error(found, want));
            }
            assert!(worst < HALF_ERROR, "{tuning:?}, unfused {unfused}: {worst:.1e}");
            assert!(worst > 0.0, "nothing was rounded");
            // A copy goes on as the original does, bit for bit.
            let mut copy = half.copy_cache(&cache, 200, 300).await.unwrap();
            let mut of = async |cache: &mut GpuCache| {
                let mut logits = Vec::new();
                let batch = Batch { tokens: &[7], position: 200, logits: LogitRows::Last };
                half.forward(cache, batch, &mut logits).await.unwrap();
                logits
            };
            let copied = of(&mut copy).await;
            let mut cache = cache;
            assert_eq!(copied, of(&mut cache).await);
        }
    }
}

async fn sums_within_subgroups_agree_with_those_through_memory() {
    for (config, tuning) in &configs() {
        let (plan, weights) = setup(config, 5, 93);
        for unfused in [false, true] {
            let plain = GpuOptions {
                tuning: *tuning,
                unfused: Some(unfused),
                split: Some(true),
                subgroups: Some(0),
                ..GpuOptions::default()
            };
            let Some(mut through) = open(&plan, &weights, plain).await else { return };
            // Of all that the adapter has, and of fewer, as where the size of a subgroup varies.
            for most in [64, 2] {
                let options = GpuOptions { subgroups: Some(most), ..plain };
                let Some(mut within_them) = open(&plan, &weights, options).await else { return };
                if !within_them.variants().contains("subgroups") {
                    return println!("SKIPPED sums within subgroups: the adapter offers none");
                }
                let (want, _) = run(&mut through, config).await;
                let (found, _) = run(&mut within_them, config).await;
                for (i, (found, want)) in found.iter().zip(&want).enumerate() {
                    within(limit("gpu", "model"), found, &wide(want))
                        .unwrap_or_else(|why| panic!("{tuning:?}, of {most}, pass {i}: {why}"));
                }
            }
        }
    }
}

async fn tiles_in_f16_agree_with_f32() {
    let (config, _) = &configs()[0];
    let (plan, weights) = setup(config, 5, 94);
    let plain = GpuOptions { tuning: Tuning::Hardware, half_kv: Some(false), ..GpuOptions::default() };
    let Some(mut full) = open(&plan, &weights, plain).await else { return };
    let Some(mut half) = open(&plan, &weights, GpuOptions { half_tiles: Some(true), ..plain }).await else { return };
    if !half.variants().contains("tiles of") {
        return println!("SKIPPED tiles in f16: the adapter has no shader-f16");
    }
    let ((found, _), (want, _)) = (run(&mut half, config).await, run(&mut full, config).await);
    let errors = found.iter().zip(&want).map(|(found, want)| normalised_error(found, want));
    let worst = errors.fold(0.0, f64::max);
    println!("tiles in f16: normalised error {worst:.1e}");
    assert!(worst > 0.0 && worst < HALF_ERROR, "{worst:.1e}");
}

fn normalised_error(found: &[f32], want: &[f32]) -> f64 {
    assert_eq!(found.len(), want.len());
    let error: f64 = found.iter().zip(want).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    error / want.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>()
}
