//! Tokens on the GPU against tokens on the CPU: the default model over 50 prompts, greedy and seeded, with every variant of the
//! kernels. Natively only: in a browser the web lane does the same through the package (`tests/web/gpu.test.mjs`).
#![cfg(not(target_arch = "wasm32"))]

use super::lane::open;
use crate::reference::model as reference;
use crate::support::rng;
use nanolm::arch;
use nanolm::cpu::{CpuModel, Level};
use nanolm::format;
use nanolm::gpu::{GpuModel, GpuOptions, Tuning};
use nanolm::model::{Batch, LogitRows, Plan, Sampling, plan};
use nanolm::sample::{SampleOptions, Sampler, race};
use nanolm::tensor::Bytes;
use nanolm::text::{Controls, Tokenizer};
use nanolm::weights::{self, Weights};
use std::io::Write;
use std::sync::Arc;

tests_of! { fifty_prompts_give_the_tokens_of_the_cpu }

/// Tokens of each output.
const TOKENS: usize = 24;
/// Lengths of the runs that make them, behind the first token.
const RUNS: [usize; 5] = [1, 2, 4, 8, 8];
/// What rounding may do to the distance of two logits, or to the share of the weights that top-p goes by.
const ROUNDING: f64 = 1e-4;
/// The same where keys and values, or tiles of prompts, are kept in f16.
const HALF_ROUNDING: f64 = 1e-2;

const SUBJECTS: [&str; 10] = [
    "The city council",
    "A new study",
    "Scientists in Norway",
    "The river",
    "Her first novel",
    "The football club",
    "In 1987 the company",
    "Heavy rain",
    "The museum",
    "Two brothers from Lagos",
];
const VERBS: [&str; 5] = ["has announced that", "was", "will open", "said on Tuesday that the", "found a"];

struct Fixture {
    plan: Arc<Plan>,
    weights: Arc<Weights>,
    prompts: Vec<Vec<u32>>,
}

fn fixture() -> Option<Fixture> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pkg-scripts/npm/model");
    let bytes = std::fs::read(folder.join("nanolm-default.gguf")).ok()?;
    let file = format::parse(vec![("default.gguf".to_string(), Bytes::new(bytes))]).unwrap();
    let tokenizer = Tokenizer::from_file(&file).unwrap().unwrap();
    let plan = plan::build(&arch::config(&file).unwrap());
    let weights = weights::load(&plan, &file).unwrap();
    let texts = SUBJECTS.iter().flat_map(|subject| VERBS.map(|verb| format!("{subject} {verb}")));
    let prompts = texts.map(|text| tokenizer.encode(&text, true, Controls::Literal).unwrap()).collect();
    Some(Fixture { plan: Arc::new(plan), weights: Arc::new(weights), prompts })
}

/// Greedy; and seeded, by all rules for one prompt and by temperature and penalty alone for the next.
fn samplers(n_vocab: usize, prompt: &[u32], seed: u64) -> [Sampler; 2] {
    let plain = SampleOptions { temperature: 0.8, repetition_penalty: 1.1, seed, ..SampleOptions::default() };
    let ruled = SampleOptions { top_k: 40, top_p: 0.95, min_p: 0.02, ..plain.clone() };
    let seeded = if seed.is_multiple_of(2) { ruled } else { plain };
    [SampleOptions::default(), seeded].map(|options| {
        let mut sampler = Sampler::new(options, n_vocab, TOKENS).unwrap();
        prompt.iter().for_each(|token| sampler.observe(*token));
        sampler
    })
}

fn on_cpu(model: &mut CpuModel, prompt: &[u32], mut sampler: Sampler) -> Vec<u32> {
    let mut cache = model.new_cache(prompt.len() + TOKENS).unwrap();
    let (mut logits, mut chosen) = (Vec::new(), Vec::new());
    let mut next = prompt.to_vec();
    let mut position = 0;
    while chosen.len() < TOKENS {
        let batch = Batch { tokens: &next, position, logits: LogitRows::Last };
        model.forward(&mut cache, batch, &mut logits).unwrap();
        position += next.len();
        chosen.push(sampler.sample(&logits).unwrap().token);
        next = vec![chosen[chosen.len() - 1]];
    }
    chosen
}

async fn on_gpu(model: &mut GpuModel, prompt: &[u32], mut sampler: Sampler) -> Vec<u32> {
    let mut cache = model.new_cache(prompt.len() + TOKENS).await.unwrap();
    let mut logits = Vec::new();
    let batch = Batch { tokens: prompt, position: 0, logits: LogitRows::Last };
    model.forward(&mut cache, batch, &mut logits).await.unwrap();
    let mut chosen = vec![sampler.sample(&logits).unwrap().token];
    let (mut run, mut draws, mut position) = (Vec::new(), Vec::new(), prompt.len());
    for n in RUNS {
        let sampling = sampler.sampling(n, &mut draws).unwrap();
        model.decode(&mut cache, chosen[chosen.len() - 1], position, n, sampling, &mut run).await.unwrap();
        position += n;
        for sampled in run.drain(..) {
            sampler.accept(sampled.token);
            chosen.push(sampled.token);
        }
    }
    chosen
}

/// Whether `found` may follow `prompt` and `before`: `Some(true)` where the f64 reference's logits say so, `Some(false)` where
/// they do but for rounding.
fn judge(f: &Fixture, prompt: &[u32], before: &[u32], mut sampler: Sampler, found: u32, rounding: f64) -> Option<bool> {
    let tokens = [prompt, before].concat();
    let batch = Batch { tokens: &tokens, position: 0, logits: LogitRows::Last };
    let logits = reference::forward(&f.plan, &f.weights, &mut reference::Cache::default(), batch, &mut |_, _| ());
    before.iter().for_each(|token| sampler.accept(*token));
    let mut draws = Vec::new();
    let sampling = sampler.sampling(1, &mut draws).unwrap();
    let order = by_the_rules(&logits, &sampling, 0.0);
    // Top-p may leave one more, or one less.
    let near = [-rounding, 0.0, rounding].into_iter().any(|shift| {
        let order = by_the_rules(&logits, &sampling, shift);
        order.iter().take_while(|(_, value)| order[0].1 - value <= rounding).any(|(token, _)| *token == found)
    });
    near.then(|| order[0].0 == found)
}

/// The rules of `src/sample` in f64, as they are written there: the tokens that may come, the chosen one first, with what
/// they are chosen by: their logits; where one is drawn, the logarithms of the speeds of the race. `shift` is added to top-p.
fn by_the_rules(logits: &[f64], rules: &Sampling<'_>, shift: f64) -> Vec<(u32, f64)> {
    let penalised = logits.iter().enumerate().map(|(token, logit)| {
        let seen = rules.seen[token / 64] >> (token % 64) & 1 == 1;
        let penalty = if seen { f64::from(rules.repetition_penalty) } else { 1.0 };
        (token as u32, if *logit > 0.0 { logit / penalty } else { logit * penalty })
    });
    let mut order: Vec<(u32, f64)> = penalised.collect();
    let highest_first = |a: &(u32, f64), b: &(u32, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    order.sort_by(highest_first);
    if rules.temperature == 0.0 {
        return order;
    }
    if rules.top_k > 0 {
        order.truncate(rules.top_k);
    }
    let highest = order[0].1;
    order.iter_mut().for_each(|(_, x)| *x = (*x - highest) / f64::from(rules.temperature));
    if rules.top_p < 1.0 {
        let goal = (f64::from(rules.top_p) + shift) * order.iter().map(|(_, x)| x.exp()).sum::<f64>();
        let mut sum = 0.0;
        let kept = order.iter().position(|(_, x)| {
            sum += x.exp();
            sum >= goal
        });
        order.truncate(kept.map_or(order.len(), |last| last + 1));
    }
    order.retain(|(_, x)| x.exp() >= f64::from(rules.min_p));
    order.iter_mut().for_each(|(token, x)| *x -= race::time(race::noise(rules.draws[0], *token)).ln());
    order.sort_by(highest_first);
    order
}

async fn fifty_prompts_give_the_tokens_of_the_cpu() {
    let say = |line: String| drop(writeln!(std::io::stderr(), "{line}"));
    let Some(f) = fixture() else {
        say("SKIPPED fifty prompts: no default model in pkg-scripts/npm/model".to_string());
        return;
    };
    assert_eq!(f.prompts.len(), 50);
    assert_eq!(RUNS.iter().sum::<usize>() + 1, TOKENS);
    let mut cpu = CpuModel::new(f.plan.clone(), f.weights.clone(), Level::best()).unwrap();
    let n_vocab = f.plan.config.n_vocab;
    let of = |i: usize| samplers(n_vocab, &f.prompts[i], i as u64);
    let want: Vec<[Vec<u32>; 2]> = (0..50).map(|i| of(i).map(|s| on_cpu(&mut cpu, &f.prompts[i], s))).collect();
    let mut wrong = Vec::new();
    let of_kind = |tuning| GpuOptions { tuning, half_kv: Some(false), ..GpuOptions::default() };
    let (hardware, software) = (of_kind(Tuning::Hardware), of_kind(Tuning::Software));
    let fused = |options, unfused: bool| GpuOptions { unfused: Some(unfused), ..options };
    // What the table chooses, with all prompts, one output each or both; and what else there is (the model is too narrow for products of bytes), among it subgroups on
    // CPUs and none on hardware.
    let (all, few) = if rng::long() { (100, 50) } else { (50, 8) };
    if few < 50 {
        say(format!(
            "SKIPPED half the outputs, and all but {few} prompts on the GPU's variants that the table does not choose: NANOLM_LONG=1 cargo test --test gpu fifty"
        ));
    }
    let variants = [
        (fused(hardware, false), all),
        (fused(software, true), all),
        (fused(hardware, true), few),
        (fused(software, false), few),
        (GpuOptions { subgroups: Some(0), ..fused(hardware, false) }, few),
        (GpuOptions { subgroups: Some(64), ..fused(software, true) }, few),
        (GpuOptions { half_kv: Some(true), ..fused(hardware, false) }, few),
        (GpuOptions { half_tiles: Some(true), ..fused(hardware, false) }, few),
    ];
    for (options, outputs) in variants {
        let half = options.half_kv == Some(true) || options.half_tiles == Some(true);
        let rounding = if half { HALF_ROUNDING } else { ROUNDING };
        let Some(mut model) = open(&f.plan, &f.weights, options).await else { return };
        let (mut equal, mut corrected, mut tied) = (0, 0, 0);
        for (i, prompt) in f.prompts.iter().take(outputs).enumerate() {
            // Where one output a prompt must do, one is greedy and the next two, which differ, are seeded; with f16, which
            // shifts what top-k and top-p leave, all are greedy.
            let seeded = usize::from(!half && (i % 4 == 1 || i % 4 == 2));
            let wanted = |k: &usize| outputs == 100 || *k == seeded;
            for (k, sampler) in of(i).into_iter().enumerate().filter(|(k, _)| wanted(k)) {
                let found = on_gpu(&mut model, prompt, sampler.clone()).await;
                let want = &want[i][k];
                let Some(at) = found.iter().zip(want).position(|(a, b)| a != b) else {
                    equal += 1;
                    continue;
                };
                // The CPU rounds activations: where the two differ, exact arithmetic decides.
                match judge(&f, prompt, &want[..at], sampler, found[at], rounding) {
                    Some(true) => corrected += 1,
                    Some(false) => tied += 1,
                    None => {
                        let tokens = format!("token {at}: GPU {}, CPU {}", found[at], want[at]);
                        wrong.push(format!("{}, prompt {i}, sampler {k}, {tokens}", model.variants()));
                    }
                }
            }
        }
        say(format!(
            "{}: {equal} of {outputs} outputs equal the CPU's; in {corrected} the first other token is the one that exact \
             arithmetic gives, in {tied} it lies within {rounding:.0e} of it",
            model.variants(),
        ));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
