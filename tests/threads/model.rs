//! A model gives the same bits on any number of threads.

use crate::support::inputs;
use crate::support::models::{llama_15m, mixed, tiny_gpt2};
use nanolm::cpu::threads::Pool;
use nanolm::cpu::{CpuModel, Level};
use nanolm::model::{Batch, ExpertsConfig, LogitRows, ModelConfig, plan};
use nanolm::tensor::DType;
use std::sync::Arc;
use std::thread;

/// Prompts of all kinds of lengths, and single tokens; every logit's bits.
fn bits(model: &mut CpuModel) -> Vec<u32> {
    let (mut logits, mut bits) = (Vec::new(), Vec::new());
    let tokens = inputs::tokens(128, 61, 3);
    let mut cache = model.new_cache(tokens.len()).unwrap();
    let mut position = 0;
    for n in [40, 1, 1, 9, 2, 64, 1] {
        let tokens = &tokens[position..position + n];
        model.forward(&mut cache, Batch { tokens, position, logits: LogitRows::All }, &mut logits).unwrap();
        bits.extend(logits.iter().map(|x| x.to_bits()));
        position += n;
    }
    bits
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    // Wide enough for sections that are worth threads, with heads and rows that no number of threads divides.
    let llama = ModelConfig { n_vocab: 1003, n_layers: 2, n_kv_heads: 3, context_len: 128, ..llama_15m() };
    let gpt2 = ModelConfig { d_model: 210, n_heads: 7, n_kv_heads: 7, head_dim: 30, d_ff: 300, ..tiny_gpt2() };
    let gpt2 = ModelConfig { context_len: 128, ..gpt2 };
    let mixture = mixed(
        ModelConfig { d_ff: 192, ..llama.clone() },
        ExpertsConfig { n: 11, used: 9, normalise: true, shared: 64 },
    );
    let models = [(&llama, DType::Q8_0), (&llama, DType::Q4_0), (&llama, DType::F16), (&gpt2, DType::F32)];
    for (config, dtype) in models.into_iter().chain([(&mixture, DType::Q4_0)]) {
        let plan = Arc::new(plan::build(config));
        let weights = Arc::new(inputs::weights(&plan, 7, |_| dtype));
        let model = || CpuModel::new(plan.clone(), weights.clone(), Level::best()).unwrap();
        let alone: &'static Pool = Box::leak(Box::new(Pool::new()));
        let expected = bits(&mut model().with_pool(alone));
        for helpers in [1, 2, 6] {
            let pool: &'static Pool = Box::leak(Box::new(Pool::new()));
            let threads: Vec<_> = (0..helpers).map(|_| thread::spawn(|| pool.help())).collect();
            while pool.threads() < 1 + helpers {
                thread::yield_now();
            }
            let found = bits(&mut model().with_pool(pool));
            pool.end();
            assert!(found == expected, "{} {dtype} on {} threads", config.architecture, 1 + helpers);
            assert!(threads.into_iter().all(|thread| thread.join().is_ok()));
        }
    }
}
