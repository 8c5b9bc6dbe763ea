//! Whole models of random weights on the GPU: against the f64 reference and the CPU step by step, and against
//! themselves.

use super::builder::DTYPES;
use super::lane::open;
use crate::reference::model as reference;
use crate::support::compare::{limit, wide, within};
use crate::support::inputs;
use crate::support::models::{activated, tiny_gpt2, tiny_llama, with_qkv_bias};
use nanolm::Error;
use nanolm::cpu::{CpuModel, Level};
use nanolm::gpu::{GpuCache, GpuModel, GpuOptions, Tuning};
use nanolm::model::{Activation, Batch, Ffn, LogitRows, ModelConfig, Op, Plan, RopeLayout, RopeScaling, plan};
use nanolm::tensor::{Bytes, DType};
use nanolm::weights::Weights;
use std::sync::Arc;

tests_of! {
    every_step_agrees_with_the_cpu,
    a_perturbed_weight_is_reported_by_the_step_that_uses_it,
    logits_agree_with_the_reference,
    prefill_equals_decoding_one_by_one,
    truncating_and_replaying_gives_the_same_logits,
    an_abandoned_forward_does_no_harm,
    a_pass_in_parts_gives_the_same_bits,
    progress_reaches_its_total,
    what_cannot_run_is_refused_and_changes_nothing,
    limits_that_cannot_be_met_are_errors,
}

pub fn configs() -> Vec<ModelConfig> {
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
    ]
}

/// `storage`: an index into `DTYPES` for all matrices, or beyond them for a mixture.
pub fn setup(config: &ModelConfig, storage: usize, seed: u64) -> (Arc<Plan>, Weights) {
    let plan = plan::build(config);
    // Chromium's software adapter takes up to a second for each kernel of each type: two types must do there.
    let mixture = if cfg!(target_arch = "wasm32") { &DTYPES[2..4] } else { &DTYPES[..] };
    let dtype = |i: usize| if storage < DTYPES.len() { DTYPES[storage] } else { mixture[i % mixture.len()] };
    let weights = inputs::weights(&plan, seed, dtype);
    (Arc::new(plan), weights)
}

async fn forward(
    model: &mut GpuModel,
    cache: &mut GpuCache,
    tokens: &[u32],
    position: usize,
    rows: LogitRows<'_>,
) -> Vec<f32> {
    let mut logits = vec![f32::NAN; 3];
    model.forward(cache, Batch { tokens, position, logits: rows }, &mut logits).await.unwrap();
    logits
}

/// The last row's logits, or why not.
async fn try_last(
    model: &mut GpuModel,
    cache: &mut GpuCache,
    tokens: &[u32],
    position: usize,
) -> Result<Vec<f32>, Error> {
    let mut logits = Vec::new();
    model.forward(cache, Batch { tokens, position, logits: LogitRows::Last }, &mut logits).await?;
    Ok(logits)
}

/// Steps by name with their output rows.
type Trace = Vec<(String, Vec<f32>)>;

/// The first step whose output differs from `want`'s by more than rounding, with by how much.
fn first_divergence(got: &Trace, want: &Trace) -> Option<String> {
    if got.len() != want.len() {
        return Some(format!("{} steps against {}", got.len(), want.len()));
    }
    got.iter().zip(want).find_map(|((name, got), (want_name, want))| {
        if name != want_name {
            return Some(format!("step {name} where {want_name} was expected"));
        }
        within(limit("gpu", "model/cpu"), got, &wide(want)).err().map(|message| format!("{name}: {message}"))
    })
}

async fn gpu_trace(model: &mut GpuModel, cache: &mut GpuCache, batch: Batch<'_>) -> Trace {
    let (mut trace, mut logits) = (Trace::new(), Vec::new());
    let mut observe = |step: &nanolm::model::Step, x: &[f32]| trace.push((step.name.clone(), x.to_vec()));
    model.forward_traced(cache, batch, &mut logits, &mut observe).await.unwrap();
    trace
}

/// Both backends over a prefill, single tokens and a batch at an odd position, each batch's steps compared.
async fn compare(plan: &Arc<Plan>, cpu_weights: &Weights, model: &mut GpuModel) -> Option<String> {
    let mut cpu = CpuModel::new(plan.clone(), Arc::new(cpu_weights.clone()), Level::best()).unwrap();
    let tokens = inputs::tokens(21, plan.config.n_vocab, 31);
    let (mut cpu_cache, mut cache) = (cpu.new_cache(40).unwrap(), model.new_cache(40).await.unwrap());
    let mut position = 0;
    for n in [7, 1, 1, 12] {
        let batch = Batch { tokens: &tokens[position..position + n], position, logits: LogitRows::All };
        let (mut want, mut logits) = (Trace::new(), Vec::new());
        let mut observe = |step: &nanolm::model::Step, x: &[f32]| want.push((step.name.clone(), x.to_vec()));
        cpu.forward_traced(&mut cpu_cache, batch, &mut logits, &mut observe).unwrap();
        let found = first_divergence(&gpu_trace(model, &mut cache, batch).await, &want);
        if found.is_some() {
            return found;
        }
        position += n;
    }
    None
}

async fn every_step_agrees_with_the_cpu() {
    for config in configs() {
        // In a browser only the mixture.
        let first = if cfg!(target_arch = "wasm32") { DTYPES.len() } else { 0 };
        for storage in first..=DTYPES.len() {
            let (plan, weights) = setup(&config, storage, 30);
            for tuning in [Tuning::Hardware, Tuning::Software] {
                let options = GpuOptions { tuning, unfused: Some(false), ..GpuOptions::default() };
                let Some(mut model) = open(&plan, &weights, options).await else { return };
                if let Some(step) = compare(&plan, &weights, &mut model).await {
                    panic!("{}, storage {storage}, {tuning:?}: first diverging step {step}", config.name);
                }
            }
        }
    }
}

async fn a_perturbed_weight_is_reported_by_the_step_that_uses_it() {
    for config in [&configs()[0], &configs()[3]] {
        let (plan, weights) = setup(config, 0, 30);
        for at in ["blk.0.attn_v.weight", "blk.1.ffn_down.weight", "blk.1.attn_q.weight"] {
            let matrix = plan.matrices.iter().position(|spec| spec.name == at).unwrap();
            let mut perturbed = weights.clone();
            let mut bytes = perturbed.matrices[matrix].data.to_vec();
            // One element of an F32 matrix.
            bytes[400..404].copy_from_slice(&1.5f32.to_le_bytes());
            perturbed.matrices[matrix].data = Bytes::new(bytes);
            let Some(mut model) = open(&plan, &perturbed, GpuOptions::default()).await else { return };
            let user = plan.steps.iter().find(|step| match step.op {
                Op::Linear { weight, .. } => weight.0 == matrix,
                _ => false,
            });
            let found = compare(&plan, &weights, &mut model).await.expect("no step was found to diverge");
            let name = &user.unwrap().name;
            assert!(found.starts_with(&format!("{name}: ")), "{at}, used by {name}, was reported as {found}");
        }
    }
}

async fn logits_agree_with_the_reference() {
    for config in configs() {
        let (plan, weights) = setup(&config, DTYPES.len(), 50);
        let Some(mut model) = open(&plan, &weights, GpuOptions::default()).await else { return };
        let tokens = inputs::tokens(30, config.n_vocab, 51);
        let batch = Batch { tokens: &tokens, position: 0, logits: LogitRows::All };
        let want = reference::forward(&plan, &weights, &mut reference::Cache::default(), batch, &mut |_, _| ());
        let mut cache = model.new_cache(30).await.unwrap();
        let got = forward(&mut model, &mut cache, &tokens, 0, LogitRows::All).await;
        within(limit("gpu", "model"), &got, &want).unwrap();
    }
}

async fn prefill_equals_decoding_one_by_one() {
    for config in configs() {
        let (plan, weights) = setup(&config, DTYPES.len(), 32);
        let Some(mut model) = open(&plan, &weights, GpuOptions::default()).await else { return };
        let tokens = inputs::tokens(37, config.n_vocab, 33);
        let mut cache = model.new_cache(64).await.unwrap();
        let whole = forward(&mut model, &mut cache, &tokens, 0, LogitRows::All).await;
        let mut cache = model.new_cache(64).await.unwrap();
        let mut one_by_one = Vec::new();
        for (position, token) in tokens.iter().enumerate() {
            one_by_one.extend(forward(&mut model, &mut cache, &[*token], position, LogitRows::Last).await);
        }
        within(limit("gpu", "model"), &whole, &wide(&one_by_one)).unwrap();
    }
}

async fn truncating_and_replaying_gives_the_same_logits() {
    for config in configs() {
        let (plan, weights) = setup(&config, DTYPES.len(), 34);
        let Some(mut model) = open(&plan, &weights, GpuOptions::default()).await else { return };
        let tokens = inputs::tokens(30, config.n_vocab, 35);
        let other = inputs::tokens(15, config.n_vocab, 36);
        let mut cache = model.new_cache(30).await.unwrap();
        assert!(forward(&mut model, &mut cache, &tokens[..13], 0, LogitRows::None).await.is_empty());
        let first = forward(&mut model, &mut cache, &tokens[13..], 13, LogitRows::All).await;
        // Another continuation, and another session between, then back.
        forward(&mut model, &mut cache, &other, 13, LogitRows::Last).await;
        let mut elsewhere = model.new_cache(20).await.unwrap();
        forward(&mut model, &mut elsewhere, &other, 0, LogitRows::Last).await;
        let again = forward(&mut model, &mut cache, &tokens[13..], 13, LogitRows::All).await;
        assert_eq!(first, again);
        let last = forward(&mut model, &mut cache, &tokens[13..], 13, LogitRows::Last).await;
        let n_vocab = config.n_vocab;
        within(limit("gpu", "model"), &last, &wide(&first[first.len() - n_vocab..])).unwrap();
        let some = forward(&mut model, &mut cache, &tokens[13..], 13, LogitRows::Rows(&[0, 7, 16])).await;
        let want: Vec<f32> = [0, 7, 16].iter().flat_map(|row| first[row * n_vocab..][..n_vocab].to_vec()).collect();
        within(limit("gpu", "model"), &some, &wide(&want)).unwrap();
        assert!(forward(&mut model, &mut cache, &tokens[13..], 13, LogitRows::Rows(&[])).await.is_empty());
    }
}

async fn an_abandoned_forward_does_no_harm() {
    let (plan, weights) = setup(&configs()[0], 3, 60);
    let Some(mut model) = open(&plan, &weights, GpuOptions::default()).await else { return };
    let mut cache = model.new_cache(30).await.unwrap();
    let tokens = inputs::tokens(9, 77, 61);
    let want = forward(&mut model, &mut cache, &tokens, 0, LogitRows::Last).await;
    let mut logits = Vec::new();
    let batch = Batch { tokens: &tokens, position: 0, logits: LogitRows::All };
    {
        // Polled once or not at all, then dropped, as an abort does.
        let mut abandoned = Box::pin(model.forward(&mut cache, batch, &mut logits));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = abandoned.as_mut().poll(&mut context);
    }
    drop(model.forward(&mut cache, batch, &mut logits));
    assert_eq!(forward(&mut model, &mut cache, &tokens, 0, LogitRows::Last).await, want);
}

/// What takes longer than a page may wait is submitted in parts.
async fn a_pass_in_parts_gives_the_same_bits() {
    let (plan, weights) = setup(&configs()[0], 3, 63);
    let Some(mut model) = open(&plan, &weights, GpuOptions::default()).await else { return };
    let tokens = inputs::tokens(20, 77, 64);
    let mut logits = Vec::new();
    // Milliseconds of a row, as if measured, and the submits that a pass over 20 rows takes then; 50 ms are one.
    for (row_ms, submits) in [(0.5, 1), (2.5, 1), (5.0, 2), (20.0, 8), (1e9, 32)] {
        model.pace(10, 10.0 * row_ms);
        // Of single tokens nothing is learnt.
        model.pace(1, 1e9);
        let before = model.counters().submits;
        let mut cache = model.new_cache(30).await.unwrap();
        let found = forward(&mut model, &mut cache, &tokens, 0, LogitRows::All).await;
        assert_eq!(model.counters().submits - before, submits.min(plan.steps.len() as u64), "{row_ms} ms a row");
        if logits.is_empty() {
            logits = found;
        } else {
            assert_eq!(found, logits, "{row_ms} ms a row");
        }
    }
}

async fn progress_reaches_its_total() {
    let (plan, weights) = setup(&configs()[0], 3, 62);
    let mut seen = Vec::new();
    let model = GpuModel::new(plan, &weights, &mut |done, total| seen.push((done, total))).await;
    if model.is_err() {
        return;
    }
    let total = seen[0].1;
    assert!(total > weights.matrices.len());
    let want: Vec<_> = (0..=total).map(|done| (done, total)).collect();
    assert_eq!(seen, want);
}

async fn what_cannot_run_is_refused_and_changes_nothing() {
    let (plan, weights) = setup(&tiny_gpt2(), 0, 41);
    let options = GpuOptions { max_batch: Some(16), ..GpuOptions::default() };
    let Some(mut model) = open(&plan, &weights, options).await else { return };
    assert_eq!(model.max_batch(), 16);
    let mut cache = model.new_cache(10).await.unwrap();
    let before = forward(&mut model, &mut cache, &[5, 6], 0, LogitRows::All).await;
    assert!(matches!(try_last(&mut model, &mut cache, &[], 0).await, Err(Error::Internal { .. })));
    assert!(matches!(try_last(&mut model, &mut cache, &[0; 17], 0).await, Err(Error::Internal { .. })));
    assert!(matches!(try_last(&mut model, &mut cache, &[0, 61], 0).await, Err(Error::InvalidOption { .. })));
    assert!(matches!(
        try_last(&mut model, &mut cache, &[0, 0], 9).await,
        Err(Error::ContextFull { limit: 10, found: 11 })
    ));
    assert!(matches!(try_last(&mut model, &mut cache, &[0], usize::MAX).await, Err(Error::ContextFull { .. })));
    assert!(try_last(&mut model, &mut cache, &[60], 9).await.is_ok());
    assert_eq!(forward(&mut model, &mut cache, &[5, 6], 0, LogitRows::All).await, before);
    // The table of learned positions has 64 rows.
    assert!(matches!(model.new_cache(65).await, Err(Error::InvalidOption { .. })));
    assert!(matches!(model.new_cache(0).await, Err(Error::InvalidOption { .. })));

    let (llama, llama_weights) = setup(&configs()[0], 0, 42);
    let Some(other) = open(&llama, &llama_weights, options).await else { return };
    let mut foreign = other.new_cache(10).await.unwrap();
    assert!(matches!(try_last(&mut model, &mut foreign, &[0], 0).await, Err(Error::Internal { .. })));
    // Far more than any machine has.
    assert!(matches!(other.new_cache(usize::MAX).await, Err(Error::Gpu { .. } | Error::InvalidOption { .. })));
    let mixed = GpuModel::new(plan, &llama_weights, &mut |_, _| ()).await;
    assert!(matches!(mixed.err(), Some(Error::Weights { problems }) if problems.len() > 1));
}

async fn limits_that_cannot_be_met_are_errors() {
    let (plan, weights) = setup(&configs()[0], 0, 43);
    if open(&plan, &weights, GpuOptions::default()).await.is_none() {
        return;
    }
    let options = GpuOptions { max_binding_bytes: Some(100), ..GpuOptions::default() };
    let error = GpuModel::with_options(plan, &weights, options, &mut |_, _| ()).await.err().unwrap();
    assert!(error.to_string().contains("one row of") && error.to_string().contains("100 bytes"), "{error}");
    // A head so wide that the attention needs more workgroup memory than there is: the kernel is named.
    let config = ModelConfig { head_dim: 4096, n_heads: 1, n_kv_heads: 1, n_layers: 1, ..tiny_gpt2() };
    let (plan, weights) = setup(&config, DTYPES.iter().position(|&d| d == DType::F32).unwrap(), 44);
    let error = GpuModel::new(plan, &weights, &mut |_, _| ()).await.err().unwrap();
    assert!(error.to_string().contains("kernel attention/attention"), "{error}");
}
