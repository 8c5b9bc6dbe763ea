//! What `cpu.mjs` measures: a random model of a known shape on the CPU backend, in wasm.
//!
//! Built as a wasm library with plain exports, so that any engine runs it without generated JavaScript.

#[path = "../support/mod.rs"]
mod support;

use nanolm::cpu::{CpuCache, CpuModel, Level};
use nanolm::model::{Batch, LogitRows, Op, Step, plan};
use nanolm::sample::{SampleOptions, Sampler};
use nanolm::tensor::DType;
use std::cell::RefCell;
use std::sync::Arc;
use support::{inputs, models};

struct Bench {
    model: CpuModel,
    cache: CpuCache,
    logits: Vec<f32>,
    tokens: Vec<u32>,
    position: usize,
    /// Greedy; with a temperature; with top-k and top-p besides.
    samplers: Vec<Sampler>,
}

thread_local! {
    static BENCH: RefCell<Option<Bench>> = const { RefCell::new(None) };
}

/// Makes the model. `shape`: 0 for the default model's, 1 for 15 M, 2 for 135 M parameters; `dtype`: F32, F16, Q8_0, Q4_0; `level`: scalar, simd128, relaxed.
/// Gives the bytes of all weights that one token reads, or 0 where the choice is not there.
#[unsafe(no_mangle)]
pub extern "C" fn bench_load(shape: u32, dtype: u32, level: u32) -> f64 {
    nanolm::cpu::threads::POOL.watch(|| now());
    BENCH.set(None);
    let config = match shape {
        0 => models::llama_default(),
        1 => models::llama_15m(),
        _ => models::llama_135m(),
    };
    let dtypes = [DType::F32, DType::F16, DType::Q8_0, DType::Q4_0];
    let (Some(&dtype), Some(&level)) = (dtypes.get(dtype as usize), Level::ALL.get(level as usize)) else { return 0.0 };
    let plan = Arc::new(plan::build(&config));
    let weights = Arc::new(inputs::weights(&plan, 1, |_| dtype).into_panels(CpuModel::codes(&config)));
    let table = if config.tied_embeddings { usize::MAX } else { 0 };
    let read: usize = weights.matrices.iter().enumerate().filter(|(i, _)| *i != table).map(|(_, m)| m.data.len()).sum();
    let Ok(model) = CpuModel::new(plan, weights, level) else { return 0.0 };
    let Ok(cache) = model.new_cache(config.context_len) else { return 0.0 };
    let tokens = inputs::tokens(config.context_len, config.n_vocab, 2);
    let greedy = SampleOptions::default();
    let warm = SampleOptions { temperature: 0.8, ..greedy.clone() };
    let narrow = SampleOptions { top_k: 40, top_p: 0.95, ..warm.clone() };
    let samplers = [greedy, warm, narrow].map(|options| Sampler::new(options, config.n_vocab, config.context_len));
    let Ok(samplers) = samplers.into_iter().collect() else { return 0.0 };
    BENCH.set(Some(Bench { model, cache, logits: Vec::new(), tokens, position: 0, samplers }));
    read as f64
}

/// Starts over and runs a prompt of `n` tokens. Gives the logits' first element, or NaN after an error.
#[unsafe(no_mangle)]
pub extern "C" fn bench_prefill(n: u32) -> f32 {
    with_bench(|bench| {
        bench.position = 0;
        let end = n as usize;
        while bench.position < end {
            let batch = bench.model.max_batch().min(end - bench.position);
            let rows = if bench.position + batch == end { LogitRows::Last } else { LogitRows::None };
            bench.forward(batch, rows)?;
        }
        Some(bench.logits[0])
    })
}

/// Continues with `n` single tokens, each the most likely one.
#[unsafe(no_mangle)]
pub extern "C" fn bench_decode(n: u32) -> f32 {
    with_bench(|bench| {
        for _ in 0..n {
            bench.tokens[bench.position] = bench.samplers[0].sample(&bench.logits).ok()?.token;
            bench.forward(1, LogitRows::Last)?;
        }
        Some(bench.logits[0])
    })
}

#[link(wasm_import_module = "bench")]
unsafe extern "C" {
    /// Milliseconds.
    safe fn now() -> f64;
}

/// What steps are told apart as: linear, attention (and storing keys and values), and all others.
const STEPS: usize = 3;
/// Besides, each of the samplers.
const KINDS: usize = STEPS + 3;

/// Runs a prompt of `n` tokens and gives the milliseconds spent in steps of one of the [`KINDS`].
#[unsafe(no_mangle)]
pub extern "C" fn bench_profile(n: u32, kind: u32) -> f32 {
    with_bench(|bench| {
        bench.position = 0;
        let mut spent = [0.0; KINDS];
        let end = n as usize;
        while bench.position < end {
            let batch = bench.model.max_batch().min(end - bench.position);
            bench.profile(batch, LogitRows::None, &mut spent)?;
        }
        spent.get(kind as usize).map(|&ms| ms as f32)
    })
}

/// Continues with `n` single tokens and gives the milliseconds spent in steps of one of the [`KINDS`].
#[unsafe(no_mangle)]
pub extern "C" fn bench_profile_decode(n: u32, kind: u32) -> f32 {
    with_bench(|bench| {
        let mut spent = [0.0; KINDS];
        for _ in 0..n {
            bench.profile(1, LogitRows::Last, &mut spent)?;
            for (sampler, spent) in bench.samplers.iter_mut().zip(&mut spent[STEPS..]) {
                let start = now();
                sampler.sample(&bench.logits).ok()?;
                *spent += now() - start;
            }
        }
        spent.get(kind as usize).map(|&ms| ms as f32)
    })
}

/// Memory for another thread's stack or thread-local data, in builds with shared memory; kept for good.
#[unsafe(no_mangle)]
pub extern "C" fn bench_memory(bytes: usize) -> *mut u8 {
    Vec::leak(vec![0u128; bytes.div_ceil(16)]).as_mut_ptr().cast()
}

/// What such a thread calls: it shares the work from then on.
#[unsafe(no_mangle)]
pub extern "C" fn bench_help() {
    nanolm::cpu::threads::POOL.help();
}

fn with_bench(run: impl FnOnce(&mut Bench) -> Option<f32>) -> f32 {
    BENCH.with_borrow_mut(|bench| bench.as_mut().and_then(run)).unwrap_or(f32::NAN)
}

impl Bench {
    fn forward(&mut self, n: usize, logits: LogitRows<'_>) -> Option<()> {
        let tokens = &self.tokens[self.position..self.position + n];
        let batch = Batch { tokens, position: self.position, logits };
        self.model.forward(&mut self.cache, batch, &mut self.logits).ok()?;
        self.position += n;
        Some(())
    }

    /// The same, adding the milliseconds of each kind of step to `spent`.
    fn profile(&mut self, n: usize, logits: LogitRows<'_>, spent: &mut [f64; KINDS]) -> Option<()> {
        let tokens = &self.tokens[self.position..self.position + n];
        let batch = Batch { tokens, position: self.position, logits };
        let mut last = now();
        let mut observe = |step: &Step, _: &[f32]| {
            let kind = match step.op {
                Op::Linear { .. } => 0,
                Op::Attention { .. } => 1,
                _ => 2,
            };
            let time = now();
            spent[kind] += time - last;
            last = time;
        };
        self.model.forward_traced(&mut self.cache, batch, &mut self.logits, &mut observe).ok()?;
        self.position += n;
        Some(())
    }
}
