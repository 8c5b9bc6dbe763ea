//! Reading ahead what stands in the text already: never another token, another probability or another end.

use std::rc::Rc;
use std::sync::Arc;

use nanolm::arch;
use nanolm::backend::{Backend, DeviceChoice};
use nanolm::format;
use nanolm::model::{LogitRows, ModelConfig, RopeLayout, RopeScaling, plan};
use nanolm::run::{FinishReason, GenerateOptions, Model, Prompt};
use nanolm::session::{MAX_DRAFT, Session};
use nanolm::task::{SummarizeOptions, SummaryKind};
use nanolm::tensor::{Bytes, DType};
use nanolm::weights;

use super::run::{Output, finish, generate, load, root, skipped};
use super::toy;
use crate::support::rng::Rng;
use crate::support::{inputs, models};

fn tiny(folder: &str, name: &str) -> Vec<(String, Bytes)> {
    let path = root().join("tests/golden").join(folder).join(name);
    vec![(name.to_string(), Bytes::new(std::fs::read(path).unwrap()))]
}

/// The model inside the package, where it was made already.
fn default_model() -> Option<Rc<Model>> {
    let bytes = std::fs::read(root().join("pkg-scripts/npm/model/nanolm-default.gguf")).ok();
    if bytes.is_none() {
        skipped("reading ahead with the default model", "no nanolm-default.gguf in pkg-scripts/npm/model");
    }
    Some(load(vec![("default.gguf".into(), Bytes::new(bytes?))], DeviceChoice::Cpu).unwrap())
}

/// A text that often says what it said before.
fn repetitive(rng: &mut Rng, n: usize, n_vocab: usize) -> Vec<u32> {
    let mut tokens: Vec<u32> = Vec::new();
    while tokens.len() < n {
        let from = rng.below(tokens.len().max(1));
        if !tokens.is_empty() && rng.below(3) > 0 {
            let to = (from + 1 + rng.below(9)).min(tokens.len());
            tokens.extend_from_within(from..to);
        } else {
            tokens.push(rng.below(n_vocab) as u32);
        }
    }
    tokens.truncate(n);
    tokens
}

/// Up to as many rows as the backend says, in batches of every size.
fn check_rows(name: &str, mut backend: Backend, n_vocab: usize, n: usize) {
    let exact = backend.exact_rows();
    assert!((1..=backend.max_batch()).contains(&exact));
    let tokens = repetitive(&mut Rng::new(5), n, n_vocab);
    pollster::block_on(async {
        let mut alone = Session::new(&backend, n).await.unwrap();
        let (mut rows, mut logits) = (Vec::new(), Vec::new());
        for token in &tokens {
            alone.feed(&mut backend, &[*token], LogitRows::Last, &mut logits).await.unwrap();
            rows.push(logits.iter().map(|x| x.to_bits()).collect::<Vec<u32>>());
        }
        let mut batched = Session::new(&backend, n).await.unwrap();
        for size in (1..=exact.min(n)).cycle().take(3 * n) {
            let at = batched.position();
            let part = &tokens[at..(at + size).min(n)];
            batched.feed(&mut backend, part, LogitRows::All, &mut logits).await.unwrap();
            for (i, row) in logits.chunks_exact(n_vocab).enumerate() {
                let row: Vec<u32> = row.iter().map(|x| x.to_bits()).collect();
                assert!(row == rows[at + i], "{name}: row {i} of {size} at {at}");
            }
            if batched.position() == n {
                // What is behind a truncation leaves no trace.
                batched.truncate(size * 7 % n);
            }
        }
    });
}

#[test]
fn rows_of_a_batch_have_the_bits_of_rows_alone() {
    for folder in ["tiny-llama", "tiny-gpt2"] {
        for (name, whole) in
            [("model-q8_0.gguf", true), ("model-q4_0.gguf", true), ("model-f16.gguf", false), ("model-f32.gguf", false)]
        {
            let file = format::parse(tiny(folder, name)).unwrap();
            let plan = Arc::new(plan::build(&arch::config(&file).unwrap()));
            let backend = Backend::cpu(Arc::clone(&plan), Arc::new(weights::load(&plan, &file).unwrap())).unwrap();
            assert!(!whole || backend.exact_rows() > MAX_DRAFT, "{folder}/{name}");
            check_rows(&format!("{folder}/{name}"), backend, plan.config.n_vocab, 100);
        }
    }
    // Wide enough for large batches to be rounded coarsely.
    let narrow = models::tiny_llama(RopeLayout::HalfSplit, 32, RopeScaling::None, true);
    let config = ModelConfig { d_model: 256, d_ff: 288, head_dim: 32, ..narrow };
    for dtype in [DType::Q8_0, DType::Q4_0] {
        let plan = Arc::new(plan::build(&config));
        let backend = Backend::cpu(Arc::clone(&plan), Arc::new(inputs::weights(&plan, 1, |_| dtype))).unwrap();
        assert!(backend.exact_rows() > MAX_DRAFT);
        check_rows("a wide model", backend, config.n_vocab, 40);
    }
}

/// Ways of choosing tokens that look at the ones before, and at random numbers.
fn samplings(seed: u64) -> [GenerateOptions; 5] {
    let warm = GenerateOptions { temperature: Some(0.8), seed: Some(seed), ..GenerateOptions::default() };
    [
        GenerateOptions::default(),
        GenerateOptions { repetition_penalty: Some(1.3), ..GenerateOptions::default() },
        GenerateOptions { no_repeat_ngram: Some(3), ..GenerateOptions::default() },
        GenerateOptions { temperature: Some(0.1), ..warm.clone() },
        GenerateOptions { top_k: Some(20), top_p: Some(0.9), min_p: Some(0.01), repetition_penalty: Some(1.1), ..warm },
    ]
}

/// Writes with and without reading ahead; gives what was drafted and accepted.
fn same_both_ways(model: &Rc<Model>, prompt: &[u32], options: &GenerateOptions) -> (usize, usize) {
    let run = |speculate| {
        let options = GenerateOptions { speculate, ..options.clone() };
        generate(model, Prompt::Tokens(prompt), &options)
    };
    let plain = run(Some(false));
    assert_eq!((plain.usage.drafted_tokens, plain.usage.accepted_tokens), (0, 0));
    let ahead = run(Some(true));
    // Tokens, texts, log-probabilities to the last bit, the reason of the end.
    assert_eq!(ahead, plain, "{options:?}");
    assert_eq!(run(None), plain, "{options:?}");
    assert!(ahead.usage.accepted_tokens <= ahead.usage.drafted_tokens);
    (ahead.usage.drafted_tokens, ahead.usage.accepted_tokens)
}

#[test]
fn fifty_prompts_give_the_same_tokens() {
    let mut models = vec![toy::load(toy::quantised(1), DeviceChoice::Cpu).unwrap()];
    for folder in ["tiny-llama", "tiny-gpt2"] {
        for name in ["model-q8_0.gguf", "model-q4_0.gguf"] {
            models.push(load(tiny(folder, name), DeviceChoice::Cpu).unwrap());
        }
    }
    let mut rng = Rng::new(11);
    let (mut drafted, mut accepted) = (0, 0);
    for i in 0..50 {
        let model = &models[i % models.len()];
        let length = 1 + rng.below(110);
        let prompt = repetitive(&mut rng, length, model.vocab_size());
        for sampling in samplings(i as u64) {
            // Up to the end of the context, and short of it.
            let max_new_tokens = Some(1 + rng.below(200));
            let options = GenerateOptions { max_new_tokens, ..sampling };
            let (more, right) = same_both_ways(model, &prompt, &options);
            (drafted, accepted) = (drafted + more, accepted + right);
        }
    }
    // Random models write little that can be foreseen, but loops.
    assert!(drafted > 5000 && accepted > 500, "{accepted} of {drafted}");
}

#[test]
fn the_default_model_copies_and_continues_alike() {
    let Some(model) = default_model() else { return };
    let samples = ["antarctic-treaty", "bicycle", "comet-landing", "measures", "vaccines", "water-cycle"];
    let (mut drafted, mut accepted, mut texts) = (0, 0, 0);
    for sample in samples {
        let text = std::fs::read_to_string(root().join(format!("www/samples/{sample}.txt"))).unwrap();
        let ids = model.tokenizer().unwrap().encode(&text, false, nanolm::text::Controls::Literal).unwrap();
        for (i, part) in ids.chunks(60).take(9).enumerate() {
            // The second half of the prompt says again what the first says.
            let mut prompt = part.to_vec();
            prompt.extend_from_slice(&part[..part.len() / 2]);
            let sampling = samplings(i as u64)[i % 5].clone();
            let options = GenerateOptions { max_new_tokens: Some(16), ..sampling };
            let (more, right) = same_both_ways(&model, &prompt, &options);
            (drafted, accepted, texts) = (drafted + more, accepted + right, texts + 1);
        }
    }
    assert!(texts >= 50 && drafted > 500 && accepted > 50, "{accepted} of {drafted} in {texts}");
}

#[test]
fn stop_texts_and_summaries_end_where_they_do_without() {
    let model = toy::load(toy::redescribed(toy::quantised(1), toy::FREELY), DeviceChoice::Cpu).unwrap();
    let prompt = repetitive(&mut Rng::new(3), 90, 256);
    let warm = GenerateOptions { temperature: Some(0.3), seed: Some(3), ..GenerateOptions::default() };
    let free = generate(&model, Prompt::Tokens(&prompt), &warm.clone());
    let mut stopped = 0;
    for (at, _) in free.text.char_indices().skip(1).step_by(5) {
        let stop = vec![free.text[at..].chars().take(3).collect()];
        let options = GenerateOptions { stop, ..warm.clone() };
        same_both_ways(&model, &prompt, &options);
        stopped += usize::from(generate(&model, Prompt::Tokens(&prompt), &options).finish == Some(FinishReason::Stop));
    }
    assert!(stopped > 3, "{stopped} of {:?}", free.text);
    let text = "Ab cd ef gh. Ab cd ef gi. Ab cd ef gh ab cd. Ef gh ab cd ef gh.";
    for kind in [SummaryKind::Tldr, SummaryKind::Headline] {
        let run = |speculate| -> Output {
            let options = SummarizeOptions { kind, speculate, ..SummarizeOptions::default() };
            finish(model.summarize(text, &options).unwrap()).unwrap()
        };
        assert_eq!(run(Some(true)), run(Some(false)));
    }
}
