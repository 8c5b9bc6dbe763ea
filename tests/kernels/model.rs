//! Whole models of random weights: against the f64 reference step by step, and against themselves.

use super::embed::DTYPES;
use crate::reference::model as reference;
use crate::support::compare::{Limit, limit, within};
use crate::support::inputs;
use crate::support::models::{activated, mixed, tiny_gpt2, tiny_llama, with_qkv_bias};
use nanolm::Error;
use nanolm::cpu::{CpuCache, CpuModel, Level};
use nanolm::model::{
    Activation, Batch, ExpertsConfig, Ffn, LogitRows, ModelConfig, Plan, RopeLayout, RopeScaling, plan,
};
use nanolm::tensor::{Bytes, DType};
use nanolm::weights::Weights;
use std::sync::Arc;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn levels() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|l| l.is_available())
}

/// Every option of the plan builder appears in one of them.
fn configs() -> Vec<ModelConfig> {
    let llama3 =
        RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context_len: 32 };
    vec![
        tiny_llama(RopeLayout::Interleaved, 8, RopeScaling::None, false),
        tiny_llama(RopeLayout::HalfSplit, 8, llama3, true),
        ModelConfig {
            rope_factors: true,
            ..with_qkv_bias(activated(
                tiny_llama(RopeLayout::HalfSplit, 4, RopeScaling::Linear { factor: 2.0 }, true),
                Ffn::Gated(Activation::GeluTanh),
            ))
        },
        tiny_gpt2(),
        activated(tiny_gpt2(), Ffn::Plain(Activation::Gelu)),
        mixed(
            tiny_llama(RopeLayout::HalfSplit, 8, RopeScaling::None, true),
            ExpertsConfig { n: 5, used: 2, normalise: true, shared: 0 },
        ),
        mixed(
            activated(tiny_llama(RopeLayout::HalfSplit, 8, RopeScaling::None, true), Ffn::Gated(Activation::GeluTanh)),
            ExpertsConfig { n: 4, used: 3, normalise: false, shared: 48 },
        ),
    ]
}

struct Setup {
    plan: Arc<Plan>,
    weights: Arc<Weights>,
}

/// `storage`: an index into `DTYPES` for all matrices, or beyond them for a mixture.
fn setup(config: &ModelConfig, storage: usize, seed: u64) -> Setup {
    let plan = plan::build(config);
    let dtype = |i: usize| DTYPES[if storage < DTYPES.len() { storage } else { i % DTYPES.len() }];
    let weights = inputs::weights(&plan, seed, dtype);
    Setup { plan: Arc::new(plan), weights: Arc::new(weights) }
}

/// The limit for a model and a choice of storage (see `setup`).
fn closeness(config: &ModelConfig, storage: usize) -> Limit {
    let quantized = DTYPES.get(storage).is_none_or(|dtype| dtype.block_len() > 1);
    let mixed = config.layers.iter().any(|layer| layer.ffn.experts.is_some());
    limit(
        "cpu",
        if quantized && mixed {
            "model/mixture"
        } else if quantized {
            "model/quantized"
        } else {
            "model"
        },
    )
}

impl Setup {
    fn model(&self, level: Level) -> CpuModel {
        CpuModel::new(self.plan.clone(), self.weights.clone(), level).unwrap()
    }
}

fn forward(
    model: &mut CpuModel,
    cache: &mut CpuCache,
    tokens: &[u32],
    position: usize,
    rows: LogitRows<'_>,
) -> Vec<f32> {
    let mut logits = vec![f32::NAN; 3];
    model.forward(cache, Batch { tokens, position, logits: rows }, &mut logits).unwrap();
    logits
}

#[test]
fn every_step_agrees_with_the_reference() {
    for config in configs() {
        for storage in 0..=DTYPES.len() {
            let setup = setup(&config, storage, 30);
            let tokens = inputs::tokens(21, config.n_vocab, 31);
            for level in levels() {
                let mut model = setup.model(level);
                let mut cache = model.new_cache(40).unwrap();
                let mut reference_cache = reference::Cache::default();
                // A prefill, single tokens, and a batch that continues at an odd position.
                let mut position = 0;
                for n in [7, 1, 1, 12] {
                    let batch = Batch { tokens: &tokens[position..position + n], position, logits: LogitRows::All };
                    let mut steps = Vec::new();
                    let want =
                        reference::forward(&setup.plan, &setup.weights, &mut reference_cache, batch, &mut |name, x| {
                            steps.push((name.to_string(), x.to_vec()));
                        });
                    let (mut logits, mut done) = (Vec::new(), 0);
                    let traced = model.forward_traced(&mut cache, batch, &mut logits, &mut |step, got| {
                        let (name, want) = &steps[done];
                        assert_eq!(*name, step.name);
                        if let Err(message) = within(closeness(&config, storage), got, want) {
                            let (level, name) = (level.name(), &config.name);
                            panic!("{name}, {level}, storage {storage}: first diverging step {}: {message}", step.name);
                        }
                        done += 1;
                    });
                    traced.unwrap();
                    assert_eq!(done, steps.len());
                    within(closeness(&config, storage), &logits, &want).unwrap();
                    position += n;
                }
            }
        }
    }
}

#[test]
fn prefill_equals_decoding_one_by_one() {
    for (config, storage) in configs().iter().flat_map(|c| (0..=DTYPES.len()).map(move |s| (c, s))) {
        let setup = setup(config, storage, 32);
        let tokens = inputs::tokens(37, config.n_vocab, 33);
        for level in levels() {
            let mut model = setup.model(level);
            let mut cache = model.new_cache(64).unwrap();
            let whole = forward(&mut model, &mut cache, &tokens, 0, LogitRows::All);
            let mut cache = model.new_cache(64).unwrap();
            let mut one_by_one = Vec::new();
            for (position, token) in tokens.iter().enumerate() {
                one_by_one.extend(forward(&mut model, &mut cache, &[*token], position, LogitRows::Last));
            }
            let want: Vec<f64> = one_by_one.iter().map(|&x| x as f64).collect();
            within(closeness(config, storage), &whole, &want).unwrap();
        }
    }
}

#[test]
fn truncating_and_replaying_gives_the_same_logits() {
    for config in configs() {
        let setup = setup(&config, DTYPES.len(), 34);
        let tokens = inputs::tokens(30, config.n_vocab, 35);
        let other = inputs::tokens(15, config.n_vocab, 36);
        for level in levels() {
            let mut model = setup.model(level);
            let mut cache = model.new_cache(30).unwrap();
            forward(&mut model, &mut cache, &tokens[..13], 0, LogitRows::None);
            let first = forward(&mut model, &mut cache, &tokens[13..], 13, LogitRows::All);
            // Another continuation, then back.
            forward(&mut model, &mut cache, &other, 13, LogitRows::Last);
            let again = forward(&mut model, &mut cache, &tokens[13..], 13, LogitRows::All);
            assert_eq!(first, again);
        }
    }
}

#[test]
fn logits_are_those_of_the_rows_asked_for() {
    let setup = setup(&configs()[0], 3, 37);
    let tokens = inputs::tokens(9, 77, 38);
    for level in levels() {
        let mut model = setup.model(level);
        let mut cache = model.new_cache(16).unwrap();
        let all = forward(&mut model, &mut cache, &tokens, 0, LogitRows::All);
        let last = forward(&mut model, &mut cache, &tokens, 0, LogitRows::Last);
        let none = forward(&mut model, &mut cache, &tokens, 0, LogitRows::None);
        assert_eq!(all.len(), 9 * 77);
        assert!(none.is_empty());
        let want: Vec<f64> = last.iter().map(|&x| x as f64).collect();
        within(closeness(&configs()[0], 3), &all[8 * 77..], &want).unwrap();
        let some = forward(&mut model, &mut cache, &tokens, 0, LogitRows::Rows(&[1, 4, 5]));
        let want: Vec<f64> = [1, 4, 5].iter().flat_map(|row| &all[row * 77..][..77]).map(|&x| x as f64).collect();
        within(closeness(&configs()[0], 3), &some, &want).unwrap();
        assert!(forward(&mut model, &mut cache, &tokens, 0, LogitRows::Rows(&[])).is_empty());
        for bad in [&[9][..], &[0; 10]] {
            let batch = Batch { tokens: &tokens, position: 0, logits: LogitRows::Rows(bad) };
            assert!(matches!(model.forward(&mut cache, batch, &mut Vec::new()), Err(Error::Internal { .. })));
        }
    }
}

#[test]
fn all_levels_give_the_same_bits() {
    let mut results = Vec::new();
    for level in levels() {
        let mut logits = Vec::new();
        for config in configs() {
            let setup = setup(&config, DTYPES.len(), 39);
            let tokens = inputs::tokens(20, config.n_vocab, 40);
            let mut model = setup.model(level);
            let mut cache = model.new_cache(24).unwrap();
            logits.extend(forward(&mut model, &mut cache, &tokens, 0, LogitRows::All));
            logits.extend(forward(&mut model, &mut cache, &tokens[..1], 20, LogitRows::Last));
        }
        results.push(logits.into_iter().map(f32::to_bits).collect::<Vec<_>>());
    }
    assert!(results.iter().all(|r| *r == results[0]));
}

#[test]
fn what_cannot_run_is_refused_and_changes_nothing() {
    let setup = setup(&tiny_gpt2(), 0, 41);
    let mut model = setup.model(Level::best());
    let mut cache = model.new_cache(10).unwrap();
    let mut logits = Vec::new();
    let mut run = |cache: &mut CpuCache, tokens: &[u32], position| {
        model.forward(cache, Batch { tokens, position, logits: LogitRows::Last }, &mut logits)
    };
    assert!(matches!(run(&mut cache, &[], 0), Err(Error::Internal { .. })));
    assert!(matches!(run(&mut cache, &[0; 129], 0), Err(Error::Internal { .. })));
    assert!(matches!(run(&mut cache, &[0, 61], 0), Err(Error::InvalidOption { .. })));
    assert!(matches!(run(&mut cache, &[0, 0], 9), Err(Error::ContextFull { limit: 10, found: 11 })));
    assert!(matches!(run(&mut cache, &[0], usize::MAX), Err(Error::ContextFull { .. })));
    assert!(run(&mut cache, &[60], 9).is_ok());
    // The table of learned positions has 64 rows.
    assert!(matches!(model.new_cache(65), Err(Error::InvalidOption { .. })));
    assert!(matches!(model.new_cache(0), Err(Error::InvalidOption { .. })));
    let llama = self::setup(&configs()[0], 0, 42);
    let mut foreign = llama.model(Level::best()).new_cache(10).unwrap();
    let batch = Batch { tokens: &[0], position: 0, logits: LogitRows::Last };
    assert!(matches!(model.forward(&mut foreign, batch, &mut Vec::new()), Err(Error::Internal { .. })));
    for i in 0..DTYPES.len() {
        let mut weights = self::setup(&tiny_llama(RopeLayout::HalfSplit, 8, RopeScaling::None, false), i, 43);
        let damaged = Arc::get_mut(&mut weights.weights).unwrap();
        // Where rows are no whole blocks of the type, it is another.
        let dtype = damaged.matrices[3].dtype;
        let mut bytes = damaged.matrices[3].data.to_vec();
        let scale_at = dtype.scales().start;
        let scale = (bytes.len() / dtype.block_bytes() - 1) * dtype.block_bytes() + scale_at;
        let (infinity, width) = match dtype {
            DType::F32 => (f32::INFINITY.to_le_bytes(), 4),
            DType::BF16 => ([0x80, 0x7f, 0, 0], 2),
            DType::MXFP4 => ([0xff, 0, 0, 0], 1),
            _ => ([0x00, 0x7c, 0, 0], 2),
        };
        bytes[scale..scale + width].copy_from_slice(&infinity[..width]);
        damaged.matrices[3].data = Bytes::new(bytes);
        let refused = CpuModel::new(weights.plan.clone(), weights.weights.clone(), Level::best());
        assert!(matches!(refused, Err(Error::Weights { problems }) if problems.len() == 1), "{dtype}");
    }
    let mixed = CpuModel::new(setup.plan.clone(), llama.weights.clone(), Level::best());
    assert!(matches!(mixed, Err(Error::Weights { problems }) if problems.len() > 1));
}
