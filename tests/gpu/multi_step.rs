//! One token at a time: fused dispatches against a dispatch per step, and tokens chosen on the GPU against those that the
//! sampler chooses from the same model's logits.

use super::lane::open;
use super::model::{configs, setup};
use crate::support::compare::{limit, wide, within};
use crate::support::inputs;
use nanolm::gpu::{Counters, GpuCache, GpuModel, GpuOptions, MAX_STEPS, Tuning};
use nanolm::model::{Batch, LogitRows, ModelConfig, Sampled};
use nanolm::sample::{SampleOptions, Sampler};

tests_of! {
    fused_passes_agree_with_single_steps,
    weights_that_are_split_run_unfused,
    tokens_equal_those_of_the_sampler,
    five_dispatches_a_layer_one_submit_and_nothing_made,
    every_dispatch_is_timed_where_that_is_asked_for,
}

const TUNINGS: [Tuning; 2] = [Tuning::Hardware, Tuning::Software];

async fn last(model: &mut GpuModel, cache: &mut GpuCache, tokens: &[u32], position: usize) -> Vec<f32> {
    let mut logits = Vec::new();
    let batch = Batch { tokens, position, logits: LogitRows::Last };
    model.forward(cache, batch, &mut logits).await.unwrap();
    logits
}

async fn fused_passes_agree_with_single_steps() {
    for ((i, config), tuning) in configs().iter().enumerate().flat_map(|c| TUNINGS.map(|t| (c, t))) {
        // Every type once; one and the mixture with every other architecture.
        let all = !cfg!(target_arch = "wasm32") && i == 1;
        for storage in [0, 1, 2, 3, 4, 5].into_iter().filter(|s| all || *s > 3) {
            let (plan, weights) = setup(config, storage, 70);
            let options = GpuOptions { tuning, unfused: Some(false), ..GpuOptions::default() };
            let Some(mut fused) = open(&plan, &weights, options).await else { return };
            let plain = GpuOptions { unfused: Some(true), ..options };
            let Some(mut plain) = open(&plan, &weights, plain).await else { return };
            let tokens = inputs::tokens(12, config.n_vocab, 71);
            let (mut cache, mut plain_cache) = (fused.new_cache(12).await.unwrap(), plain.new_cache(12).await.unwrap());
            for (position, token) in tokens.iter().enumerate() {
                let found = last(&mut fused, &mut cache, &[*token], position).await;
                let want = last(&mut plain, &mut plain_cache, &[*token], position).await;
                if let Err(why) = within(limit("gpu", "model"), &found, &wide(&want)) {
                    panic!("{}, storage {storage}, {tuning:?}, position {position}: {why}", config.name);
                }
            }
            // Many rows read what single ones stored.
            let more = inputs::tokens(6, config.n_vocab, 72);
            let found = last(&mut fused, &mut cache, &more, 6).await;
            let want = last(&mut plain, &mut plain_cache, &more, 6).await;
            within(limit("gpu", "model"), &found, &wide(&want)).unwrap();
        }
    }
}

async fn weights_that_are_split_run_unfused() {
    let (plan, weights) = setup(&configs()[0], 0, 73);
    // A binding holds a few rows.
    let options = GpuOptions { max_binding_bytes: Some(2048), unfused: Some(false), ..GpuOptions::default() };
    let Some(mut split) = open(&plan, &weights, options).await else { return };
    let whole = GpuOptions { max_binding_bytes: None, ..options };
    let Some(mut whole) = open(&plan, &weights, whole).await else { return };
    let (mut cache, mut split_cache) = (whole.new_cache(4).await.unwrap(), split.new_cache(4).await.unwrap());
    let want = last(&mut whole, &mut cache, &[5], 0).await;
    let found = last(&mut split, &mut split_cache, &[5], 0).await;
    within(limit("gpu", "model"), &found, &wide(&want)).unwrap();
    let (split, whole) = (split.counters().dispatches, whole.counters().dispatches);
    assert!(split > 3 * whole, "{split} dispatches, {whole} where matrices are whole");
}

/// What tokens are chosen by.
fn samplings() -> Vec<SampleOptions> {
    let plain = SampleOptions { temperature: 0.9, seed: 5, ..SampleOptions::default() };
    vec![
        SampleOptions::default(),
        SampleOptions { repetition_penalty: 1.5, ..SampleOptions::default() },
        plain.clone(),
        SampleOptions { top_k: 7, ..plain.clone() },
        SampleOptions { top_p: 0.8, ..plain.clone() },
        SampleOptions { min_p: 0.2, ..plain.clone() },
        SampleOptions { top_k: 20, top_p: 0.9, min_p: 0.05, repetition_penalty: 1.2, ..plain.clone() },
        SampleOptions { temperature: 1.7, top_k: 1000, top_p: 0.999, ..plain.clone() },
        SampleOptions { temperature: 1e-30, ..plain },
    ]
}

/// Decodes on the GPU in runs of the given lengths; `sampler` is kept up to date.
async fn resident(
    model: &mut GpuModel,
    prompt: &[u32],
    sampler: &mut Sampler,
    runs: &[usize],
) -> (Vec<Sampled>, Counters, Counters) {
    let mut cache = model.new_cache(prompt.len() + runs.iter().sum::<usize>() + 1).await.unwrap();
    let mut logits = last(model, &mut cache, prompt, 0).await;
    let first = sampler.sample(&logits).unwrap();
    let mut all = vec![Sampled { token: first.token, logprob: first.logprob }];
    logits.clear();
    let (mut position, mut chosen, mut draws) = (prompt.len(), Vec::new(), Vec::new());
    let before = model.counters();
    for &n in runs {
        let token = all.last().unwrap().token;
        let sampling = sampler.sampling(n, &mut draws).unwrap();
        model.decode(&mut cache, token, position, n, sampling, &mut chosen).await.unwrap();
        assert_eq!(chosen.len(), n);
        chosen.iter().for_each(|c| sampler.accept(c.token));
        position += n;
        all.append(&mut chosen);
    }
    (all, before, model.counters())
}

/// The same by the sampler from the logits of one pass per token.
async fn stepwise(model: &mut GpuModel, prompt: &[u32], sampler: &mut Sampler, n: usize) -> Vec<Sampled> {
    let mut cache = model.new_cache(prompt.len() + n).await.unwrap();
    let mut logits = last(model, &mut cache, prompt, 0).await;
    let mut all = Vec::new();
    for i in 0..n {
        let choice = sampler.sample(&logits).unwrap();
        all.push(Sampled { token: choice.token, logprob: choice.logprob });
        if i + 1 < n {
            logits = last(model, &mut cache, &[choice.token], prompt.len() + i).await;
        }
    }
    all
}

async fn tokens_equal_those_of_the_sampler() {
    let configs: Vec<ModelConfig> = configs();
    for (config, tuning) in [&configs[0], &configs[3]].into_iter().flat_map(|c| TUNINGS.map(|t| (c, t))) {
        let (plan, weights) = setup(config, 3, 74);
        let Some(mut model) =
            open(&plan, &weights, GpuOptions { tuning, unfused: Some(false), ..GpuOptions::default() }).await
        else {
            return;
        };
        for (i, options) in samplings().into_iter().enumerate() {
            let prompt = inputs::tokens(5, config.n_vocab, 75 + i as u64);
            let sampler = || {
                let mut sampler = Sampler::new(options.clone(), config.n_vocab, 30).unwrap();
                prompt.iter().for_each(|token| sampler.observe(*token));
                sampler.ban(prompt[0]);
                sampler
            };
            let (mut a, mut b) = (sampler(), sampler());
            let (found, _, _) = resident(&mut model, &prompt, &mut a, &[1, 2, 4, 8]).await;
            let want = stepwise(&mut model, &prompt, &mut b, 16).await;
            let what = format!("{}, {tuning:?}, {options:?}", config.name);
            for (i, (found, want)) in found.iter().zip(&want).enumerate() {
                assert_eq!(found.token, want.token, "{what}: token {i}");
                assert!((found.logprob - want.logprob).abs() < 1e-3, "{what}: {found:?}, {want:?}");
            }
            // The random numbers used are as many as the tokens.
            let logits: Vec<f32> = (0..config.n_vocab).map(|i| i as f32 * 0.01).collect();
            assert_eq!(a.sample(&logits), b.sample(&logits), "{what}");
        }
    }
}

async fn five_dispatches_a_layer_one_submit_and_nothing_made() {
    for config in configs() {
        let (plan, weights) = setup(&config, 3, 76);
        let fused = GpuOptions { unfused: Some(false), ..GpuOptions::default() };
        let Some(mut model) = open(&plan, &weights, fused).await else { return };
        let options = SampleOptions { temperature: 1.0, top_k: 9, ..SampleOptions::default() };
        let mut sampler = Sampler::new(options, config.n_vocab, 64).unwrap();
        let runs = [1, 2, 4, 8, 16];
        let (_, before, after) = resident(&mut model, &[1, 2, 3], &mut sampler, &runs).await;
        let tokens = runs.iter().sum::<usize>() as u64;
        assert!(runs.iter().all(|n| *n <= MAX_STEPS));
        assert_eq!(after.sampled - before.sampled, tokens);
        assert_eq!(after.submits - before.submits, runs.len() as u64);
        assert_eq!(after.readbacks - before.readbacks, runs.len() as u64);
        assert_eq!((after.buffers, after.bind_groups), (before.buffers, before.bind_groups), "{}", config.name);
        let most = 5 * config.n_layers as u64 + 3;
        let dispatches = after.dispatches - before.dispatches;
        assert_eq!(dispatches, most * tokens, "{}: at most {most} a token", config.name);
    }
}

async fn every_dispatch_is_timed_where_that_is_asked_for() {
    let config = &configs()[0];
    let (plan, weights) = setup(config, 3, 77);
    let options = GpuOptions { timestamps: true, ..GpuOptions::default() };
    let Some(mut timed) = open(&plan, &weights, options).await else { return };
    let mut cache = timed.new_cache(8).await.unwrap();
    let batch = |tokens, position| Batch { tokens, position, logits: LogitRows::Last };
    let prompt = match timed.forward_timed(&mut cache, batch(&[1, 2, 3], 0)).await {
        Err(nanolm::Error::Gpu { what, why }) if what == "timestamps" => return println!("SKIPPED timestamps: {why}"),
        other => other.unwrap(),
    };
    let token = timed.forward_timed(&mut cache, batch(&[4], 3)).await.unwrap();
    // As many as are counted, and the choice of a token.
    let before = timed.counters().dispatches;
    last(&mut timed, &mut cache, &[1, 2, 3], 0).await;
    let between = timed.counters().dispatches;
    let logits = last(&mut timed, &mut cache, &[4], 3).await;
    assert_eq!(prompt.len() as u64, between - before);
    assert_eq!(token.len() as u64, timed.counters().dispatches - between + 1);
    assert!(prompt.iter().chain(&token).all(|timed| timed.us >= 0.0 && timed.us < 60e6), "{prompt:?} {token:?}");
    assert!(prompt.iter().chain(&token).any(|timed| timed.us > 0.0), "{prompt:?} {token:?}");
    assert!(prompt.iter().any(|timed| timed.kernel.starts_with("linear/gemm")), "{prompt:?}");
    assert!(token.last().unwrap().kernel.starts_with("choose/"), "{token:?}");
    // Who does not ask, can not, and gets the same numbers.
    let Some(mut plain) = open(&plan, &weights, GpuOptions::default()).await else { return };
    let mut cache = plain.new_cache(8).await.unwrap();
    assert!(plain.forward_timed(&mut cache, batch(&[1, 2, 3], 0)).await.is_err());
    last(&mut plain, &mut cache, &[1, 2, 3], 0).await;
    assert_eq!(last(&mut plain, &mut cache, &[4], 3).await, logits);
}
