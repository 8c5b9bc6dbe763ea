//! What the GPU backend does with a random model of a known shape on the native adapter: speed, and what it costs in
//! dispatches, submits and readbacks.
//!
//!   cargo run --release --features bench --example bench-gpu -- [15m|135m|1b] [f32|f16|q8_0|q4_0] [hardware|software|adapter] [positions] [split|whole] [half|full]
//!
//! `positions`: those of the prompt, 128 where nothing is said. The last two ask for variants that the table would not choose.
//! Where the adapter has timestamps, a table says how long each kernel takes on the GPU itself, for a prompt and for a token.
//! With the memory bandwidth of the device in GB/s in `NANOLM_BANDWIDTH`, decoding is also given as a share of what reading
//! the weights once a token allows.

#[path = "../support/mod.rs"]
mod support;

use nanolm::gpu::{GpuCache, GpuModel, GpuOptions, MAX_STEPS, Tuning};
use nanolm::model::{Batch, LogitRows, Sampling, plan};
use nanolm::tensor::DType;
use std::sync::Arc;
use std::time::Instant;
use support::{inputs, models};

/// Tokens decoded for each figure.
const TOKENS: usize = 32;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = |default: &str| arguments.next().unwrap_or(default.to_string());
    let config = match next("default").as_str() {
        "default" => models::llama_default(),
        "15m" => models::llama_15m(),
        "135m" => models::llama_135m(),
        "1b" => models::llama_1b(),
        other => panic!("unknown shape {other}; known: default, 15m, 135m, 1b"),
    };
    let dtype = match next("q4_0").as_str() {
        "f32" => DType::F32,
        "f16" => DType::F16,
        "q8_0" => DType::Q8_0,
        "q4_0" => DType::Q4_0,
        other => panic!("unknown type {other}; known: f32, f16, q8_0, q4_0"),
    };
    let tuning = match next("adapter").as_str() {
        "hardware" => Tuning::Hardware,
        "software" => Tuning::Software,
        _ => Tuning::Adapter,
    };
    let positions = next("128").parse().expect("a number of positions");
    let mut asked = |yes: &str, no: &str| match next("").as_str() {
        word if word == yes => Some(true),
        word if word == no => Some(false),
        _ => None,
    };
    let (split, half_kv) = (asked("split", "whole"), asked("half", "full"));
    let options = GpuOptions { tuning, split, half_kv, timestamps: true, ..GpuOptions::default() };
    pollster::block_on(measure(config, dtype, positions, options));
}

async fn measure(config: nanolm::model::ModelConfig, dtype: DType, positions: usize, options: GpuOptions) {
    let config = nanolm::model::ModelConfig { context_len: config.context_len.max(positions), ..config };
    let plan = Arc::new(plan::build(&config));
    let weights = inputs::weights(&plan, 1, |_| dtype);
    // The embedding table is read as a whole only where it is the output's too.
    let table = if config.tied_embeddings { usize::MAX } else { 0 };
    let read: usize = weights.matrices.iter().enumerate().filter(|(i, _)| *i != table).map(|(_, m)| m.data.len()).sum();
    let tokens = inputs::tokens(positions, config.n_vocab, 2);
    for unfused in [true, false] {
        let start = Instant::now();
        let options = GpuOptions { unfused: Some(unfused), ..options };
        let mut model = GpuModel::with_options(plan.clone(), &weights, options, &mut |_, _| ()).await.expect("a GPU");
        let adapter = model.adapter();
        println!("{} {dtype} on {} through {}: {}", config.name, adapter.name, adapter.backend, model.variants());
        println!("  {} loaded in {:.2?}", if unfused { "unfused" } else { "fused" }, start.elapsed());
        let mut cache = model.new_cache(positions + (MAX_STEPS + 1) * 8).await.expect("a cache");
        for _ in 0..2 {
            let start = Instant::now();
            prefill(&mut model, &mut cache, &tokens).await;
            println!("  prefill {positions}: {:.1} tokens/s", positions as f64 / start.elapsed().as_secs_f64());
        }
        let part = &tokens[..positions.min(model.max_batch())];
        let prompt = Batch { tokens: part, position: 0, logits: LogitRows::Last };
        by_kernel(&format!("prompt of {}", part.len()), &mut model, &mut cache, prompt).await;
        let token = Batch { tokens: &tokens[..1], position: positions, logits: LogitRows::Last };
        by_kernel("token", &mut model, &mut cache, token).await;
        for run in [0, 1, 8, MAX_STEPS] {
            decode(&mut model, &mut cache, positions + 1, run).await;
            let before = model.counters();
            let start = Instant::now();
            let mut done = 0;
            while done < TOKENS {
                done += decode(&mut model, &mut cache, positions + done, run).await;
            }
            let seconds = start.elapsed().as_secs_f64() / done as f64;
            let after = model.counters();
            let per = |a: u64, b: u64| (b - a) as f64 / done as f64;
            let how = if run == 0 { "logits read back".to_string() } else { format!("{run} a submit") };
            println!(
                "  decode, {how}: {:.1} tokens/s; per token {:.3} ms, {:.1} dispatches, {:.2} submits, {:.2} readbacks{}",
                1.0 / seconds,
                seconds * 1e3,
                per(before.dispatches, after.dispatches),
                per(before.submits, after.submits),
                per(before.readbacks, after.readbacks),
                share(read, seconds),
            );
        }
    }
}

/// Where the time of a batch goes, by kernel: timestamps of the GPU, the sum over the dispatches of a pass, the median of
/// passes.
async fn by_kernel(what: &str, model: &mut GpuModel, cache: &mut GpuCache, batch: Batch<'_>) {
    const PASSES: usize = 5;
    // By kernel: its dispatches in a pass, and the sum of their times in each pass.
    let mut kernels: Vec<(String, usize, Vec<f64>)> = Vec::new();
    // One more, to warm up.
    for pass in 0..=PASSES {
        let times = match model.forward_timed(cache, batch).await {
            Ok(times) => times,
            Err(error) => return println!("  {what} by kernel: SKIPPED: {error}"),
        };
        for timed in times.into_iter().filter(|_| pass > 0) {
            let known = kernels.iter().position(|(kernel, ..)| *kernel == timed.kernel);
            let at = known.unwrap_or(kernels.len());
            if known.is_none() {
                kernels.push((timed.kernel, 0, vec![0.0; PASSES]));
            }
            let (_, dispatches, sums) = &mut kernels[at];
            *dispatches += usize::from(pass == 1);
            sums[pass - 1] += timed.us;
        }
    }
    let median = |sums: &mut Vec<f64>| {
        sums.sort_by(f64::total_cmp);
        sums[sums.len() / 2]
    };
    let mut rows: Vec<_> = kernels.iter_mut().map(|(kernel, n, sums)| (median(sums), *n, &*kernel)).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let total: f64 = rows.iter().map(|(us, ..)| us).sum();
    println!("  {what} by kernel, {total:.0} us in all:");
    println!("    {:>6} {:>10} {:>10} {:>7}  kernel", "calls", "us/call", "us", "share");
    for (us, n, kernel) in rows {
        println!("    {n:>6} {:>10.1} {us:>10.1} {:>6.1}%  {kernel}", us / n as f64, 100.0 * us / total);
    }
}

/// What part of the bandwidth reading the weights takes.
fn share(bytes: usize, seconds: f64) -> String {
    let bandwidth = std::env::var("NANOLM_BANDWIDTH").ok().and_then(|text| text.parse::<f64>().ok());
    let rate = bytes as f64 / seconds / 1e9;
    bandwidth.map_or(String::new(), |all| format!("; {rate:.0} GB/s, {:.1} % of {all}", 100.0 * rate / all))
}

async fn prefill(model: &mut GpuModel, cache: &mut GpuCache, tokens: &[u32]) {
    let mut logits = Vec::new();
    let mut position = 0;
    for part in tokens.chunks(model.max_batch()) {
        let end = position + part.len();
        let rows = if end == tokens.len() { LogitRows::Last } else { LogitRows::None };
        model
            .forward(cache, Batch { tokens: part, position, logits: rows }, &mut logits)
            .await
            .expect("a forward pass");
        position = end;
    }
}

/// Greedy tokens from a position on: `run` of them in a submit, or one through its logits where that is 0.
async fn decode(model: &mut GpuModel, cache: &mut GpuCache, position: usize, run: usize) -> usize {
    if run == 0 {
        let mut logits = Vec::new();
        let batch = Batch { tokens: &[5], position, logits: LogitRows::Last };
        model.forward(cache, batch, &mut logits).await.expect("a forward pass");
        return 1;
    }
    let mut chosen = Vec::new();
    model.decode(cache, 5, position, run, Sampling::GREEDY, &mut chosen).await.expect("a run");
    chosen.len()
}
