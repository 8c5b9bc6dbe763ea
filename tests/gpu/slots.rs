//! The optional parts of fused kernels: norms of heads, norms behind blocks, windows and soft caps, against the same plan
//! with a dispatch for every step.

use super::lane::open;
use crate::support::compare::{limit, wide, within};
use crate::support::inputs;
use crate::support::models::tiny_llama;
use nanolm::gpu::{GpuModel, GpuOptions, Tuning};
use nanolm::model::plan::{BufferSpec, VectorSpec};
use nanolm::model::{Batch, BufferId, LogitRows, ModelConfig, Op, Plan, RopeLayout, RopeScaling, Step, VectorId, plan};
use nanolm::tensor::DType;
use std::sync::Arc;

tests_of! {
    everything_at_once_agrees_with_a_dispatch_a_step,
    what_has_no_place_is_reported,
}

/// Tokens of the prompt: longer than the window and than one part of a split attention.
const PROMPT: usize = 150;
/// Single tokens behind it.
const TOKENS: usize = 3;

/// The plan of a model with every optional part. `head`: the norms of queries and keys are of each head, not of the row.
fn with_slots(config: &ModelConfig, head: bool) -> Plan {
    let mut plan = plan::build(config);
    let logits = plan.output;
    for step in std::mem::take(&mut plan.steps) {
        let Step { name, op } = step;
        match op {
            Op::Rope { x, n_heads, head_dim, rope, factors, out } => {
                let (n, len) = if head { (n_heads, head_dim) } else { (1, n_heads * head_dim) };
                let x = normed(&mut plan, &name, x, n, len);
                plan.steps.push(Step { name, op: Op::Rope { x, n_heads, head_dim, rope, factors, out } });
            }
            mut op @ Op::Attention { .. } => {
                if let Op::Attention { layer, window, soft_cap, .. } = &mut op {
                    // Not the same in every layer.
                    (*window, *soft_cap) = if *layer == 0 { (Some(140), Some(0.75)) } else { (Some(3), None) };
                }
                plan.steps.push(Step { name, op });
            }
            Op::Add { a, b, out } => {
                let b = normed(&mut plan, &name, b, 1, config.d_model);
                plan.steps.push(Step { name, op: Op::Add { a, b, out } });
            }
            Op::Linear { x, weight, bias, out } if out == logits => {
                plan.buffers.push(BufferSpec { name: "raw", width: config.n_vocab });
                let raw = BufferId(plan.buffers.len() - 1);
                plan.steps.push(Step { name, op: Op::Linear { x, weight, bias, out: raw } });
                plan.steps.push(Step { name: "cap".to_string(), op: Op::SoftCap { x: raw, cap: 2.0, out: logits } });
            }
            op => plan.steps.push(Step { name, op }),
        }
    }
    plan
}

/// Adds a norm of `x`; the buffer of its result.
fn normed(plan: &mut Plan, name: &str, x: BufferId, n_heads: usize, len: usize) -> BufferId {
    plan.buffers.push(BufferSpec { name: "normed", width: n_heads * len });
    plan.vectors.push(VectorSpec { name: format!("{name}.norm"), len });
    let (out, weight) = (BufferId(plan.buffers.len() - 1), VectorId(plan.vectors.len() - 1));
    plan.steps.push(Step { name: format!("{name}.norm"), op: Op::RmsNorm { x, weight, n_heads, eps: 1e-5, out } });
    out
}

/// The logits of the prompt's last token, of single tokens from the start, and of some behind the prompt; and how many
/// dispatches the last one took.
async fn run(model: &mut GpuModel, config: &ModelConfig) -> (Vec<Vec<f32>>, u64) {
    let tokens = inputs::tokens(PROMPT + TOKENS, config.n_vocab, 91);
    let mut cache = model.new_cache(PROMPT + TOKENS).await.unwrap();
    let mut all = Vec::new();
    let mut before = 0;
    let ranges = [(0, 1), (1, 2), (2, 100), (100, PROMPT)].into_iter();
    for (from, to) in ranges.chain((PROMPT..PROMPT + TOKENS).map(|at| (at, at + 1))) {
        before = model.counters().dispatches;
        let mut logits = Vec::new();
        let batch = Batch { tokens: &tokens[from..to], position: from, logits: LogitRows::Last };
        model.forward(&mut cache, batch, &mut logits).await.unwrap();
        all.push(logits);
    }
    (all, model.counters().dispatches - before)
}

async fn everything_at_once_agrees_with_a_dispatch_a_step() {
    for (layout, n_dims, tuning, dtype) in [
        (RopeLayout::Interleaved, 8, Tuning::Hardware, DType::Q8_0),
        (RopeLayout::HalfSplit, 4, Tuning::Hardware, DType::F16),
        (RopeLayout::HalfSplit, 8, Tuning::Software, DType::Q4_0),
    ] {
        let config = ModelConfig { context_len: 512, ..tiny_llama(layout, n_dims, RopeScaling::None, false) };
        let plan = Arc::new(with_slots(&config, true));
        let weights = inputs::weights(&plan, 17, |_| dtype);
        let none = Some(false);
        let plain = GpuOptions { tuning, unfused: Some(true), split: none, half_kv: none, ..GpuOptions::default() };
        let Some(mut steps) = open(&plan, &weights, plain).await else { return };
        let (want, by_steps) = run(&mut steps, &config).await;
        assert_eq!(by_steps, plan.steps.len() as u64);
        for split in [false, true] {
            let options = GpuOptions { unfused: none, split: Some(split), ..plain };
            let Some(mut fused) = open(&plan, &weights, options).await else { return };
            assert!(!fused.variants().contains("not fused"), "{}", fused.variants());
            let (found, dispatches) = run(&mut fused, &config).await;
            // Two more a layer than without norms behind its blocks.
            assert_eq!(dispatches, 7 * config.n_layers as u64 + 2);
            for (i, (found, want)) in found.iter().zip(&want).enumerate() {
                within(limit("gpu", "model"), found, &wide(want))
                    .unwrap_or_else(|why| panic!("{layout:?} {tuning:?} {dtype:?}, split {split}, pass {i}: {why}"));
            }
        }
    }
}

async fn what_has_no_place_is_reported() {
    let config = tiny_llama(RopeLayout::Interleaved, 8, RopeScaling::None, false);
    let plan = Arc::new(with_slots(&config, false));
    let weights = inputs::weights(&plan, 18, |_| DType::F32);
    let options = GpuOptions { tuning: Tuning::Hardware, unfused: Some(false), ..GpuOptions::default() };
    let Some(model) = open(&plan, &weights, options).await else { return };
    // In each of two layers: the norm before the products, these, and norms and rotations of queries and keys.
    let words = "not fused: 6 linear, 6 rms_norm, 4 rope, 2 store_kv (no fused kernel has a place for them)";
    assert!(model.variants().ends_with(words), "{}", model.variants());
}
