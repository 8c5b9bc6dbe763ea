//! Tiny random models of each architecture against `transformers`, from text to text.

use nanolm::arch;
use nanolm::backend::{Backend, DeviceChoice};
use nanolm::model::{LogitRows, plan};
use nanolm::run::{GenerateOptions, Prompt};
use nanolm::session::Session;
use nanolm::text::Tokenizer;
use nanolm::{Error, format, weights};
use std::sync::Arc;

use super::run::{generate, load, on_each_device, read, root, skipped};

/// Largest difference of a logit: `tests/golden/manifest.json` says 1e-4 of f32 throughout; keys and values have 16 bits.
const LOGITS_MAX_ABS: f32 = 1e-3;
/// The GPU sums in another order and its exponential functions may be less exact.
const LOGITS_MAX_ABS_GPU: f32 = 2e-3;

/// One of each architecture of `tests/golden/make_architectures.py`.
const ARCHITECTURES: [&str; 25] = [
    "tiny-qwen3",
    "tiny-gemma",
    "tiny-gemma2",
    "tiny-gemma3",
    "tiny-mistral",
    "tiny-phi3",
    "tiny-smollm3",
    "tiny-olmo2",
    "tiny-granite",
    "tiny-granitemoe",
    "tiny-olmoe",
    "tiny-qwen3moe",
    "tiny-lfm2",
    "tiny-granitehybrid",
    "tiny-granitehybrid-moe",
    "tiny-mamba2",
    "tiny-ernie4_5",
    "tiny-starcoder2",
    "tiny-starcoder2-window",
    "tiny-stablelm",
    "tiny-stablelm-parallel",
    "tiny-gptneox",
    "tiny-falcon",
    "tiny-falcon-grouped",
    "tiny-falcon-sequential",
];

fn ids(value: &serde_json::Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// The files of each run of a folder's `expected.json`: the weights, and what belongs to them.
fn files(weights: &str, folder: &std::path::Path) -> Vec<&'static str> {
    if weights.ends_with(".gguf") {
        return Vec::new();
    }
    ["config.json", "generation_config.json", "tokenizer.json"]
        .into_iter()
        .filter(|f| folder.join(f).exists())
        .collect()
}

#[test]
fn greedy_tokens_equal_those_of_transformers() {
    let first = ["tiny-llama", "tiny-gpt2", "tiny-llama-untied", "tiny-llama-llama3", "tiny-qwen2"];
    for folder in first.into_iter().chain(ARCHITECTURES) {
        let path = root().join("tests/golden").join(folder);
        let expected: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path.join("expected.json")).unwrap()).unwrap();
        for (weights, runs) in expected["runs"].as_object().unwrap() {
            let mut names = files(weights, &path);
            names.push(weights);
            let lane = format!("{folder}/{weights}");
            for model in on_each_device(&lane, |device| load(read(&path, &names), device)) {
                let device = model.info().device.kind.name();
                for (prompt, run) in expected["prompts"].as_array().unwrap().iter().zip(runs.as_array().unwrap()) {
                    let (tokens, greedy) = (ids(&run["tokens"]), ids(&run["greedy"]));
                    let text = prompt.as_str().unwrap();
                    if let Some(tokenizer) = model.tokenizer() {
                        let found = tokenizer.encode(text, true, nanolm::text::Controls::Parse).unwrap();
                        assert_eq!(found, tokens, "{lane}: {text:?}");
                    }
                    let options = GenerateOptions { max_new_tokens: Some(greedy.len()), ..Default::default() };
                    let output = generate(&model, Prompt::Tokens(&tokens), &options);
                    // Generation ends at the end-of-text token, which the fixture may go past.
                    let n = output.tokens().len();
                    assert!(n == greedy.len() || model.end_tokens().contains(&greedy[n]), "{lane} on {device}");
                    assert_eq!(output.tokens(), greedy[..n], "{lane} on {device}: {text:?}");
                }
            }
        }
    }
}

/// The last logits of each prompt, and feeding it whole, in two parts, and token by token, with a truncation between.
#[test]
fn logits_equal_those_of_transformers_however_they_are_fed() {
    for folder in ["tiny-llama", "tiny-gpt2", "tiny-qwen2"].into_iter().chain(ARCHITECTURES) {
        let path = root().join("tests/golden").join(folder);
        let expected: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path.join("expected.json")).unwrap()).unwrap();
        let file = format::parse(read(&path, &["config.json", "model.safetensors"])).unwrap();
        let config = arch::config(&file).unwrap();
        let plan = Arc::new(plan::build(&config));
        let weights = Arc::new(weights::load(&plan, &file).unwrap());
        for choice in [DeviceChoice::Cpu, DeviceChoice::Gpu] {
            let (plan, weights) = (Arc::clone(&plan), Arc::clone(&weights));
            let mut backend = match pollster::block_on(Backend::load(plan, weights, choice, || 0.0, &mut |_, _| {})) {
                Ok(loaded) => loaded,
                Err(Error::Gpu { what, why }) if what == "adapter" => {
                    skipped(&format!("{folder} logits on the GPU"), &why);
                    continue;
                }
                Err(Error::Unsupported { what, .. }) if choice == DeviceChoice::Gpu => {
                    println!("{folder} on the GPU: it does not do {what}");
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            let limit = if choice == DeviceChoice::Gpu { LOGITS_MAX_ABS_GPU } else { LOGITS_MAX_ABS };
            for run in expected["runs"]["model.safetensors"].as_array().unwrap() {
                let tokens = ids(&run["tokens"]);
                let last: Vec<f32> =
                    run["last_logits"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect();
                pollster::block_on(async {
                    let mut session = Session::new(&backend, config.context_len).await.unwrap();
                    for split in [tokens.len(), 3, 1] {
                        session.truncate(0);
                        let mut logits = Vec::new();
                        for part in tokens.chunks(split) {
                            let fed = session.feed(&mut backend, part, LogitRows::Last, &mut logits).await.unwrap();
                            assert_eq!(fed, part.len());
                        }
                        assert_eq!(session.position(), tokens.len());
                        assert_eq!(logits.len(), last.len());
                        let worst = logits.iter().zip(&last).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                        assert!(worst <= limit, "{folder} on {:?}, parts of {split}: {worst}", backend.report().kind);
                        // Going back and forward again changes nothing.
                        session.truncate(tokens.len() - 1);
                        let mut again = Vec::new();
                        let end = &tokens[tokens.len() - 1..];
                        session.feed(&mut backend, end, LogitRows::Last, &mut again).await.unwrap();
                        let worst = logits.iter().zip(&again).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                        assert!(worst <= limit, "{folder}: truncate and replay differ by {worst}");
                    }
                });
            }
        }
    }
}

#[test]
fn tokenizers_of_both_formats_agree() {
    for folder in ["tiny-llama", "tiny-gpt2"] {
        let path = root().join("tests/golden").join(folder);
        let build = |names: &[&str]| {
            Tokenizer::from_file(&format::parse(read(&path, names)).unwrap()).unwrap().expect("a tokenizer")
        };
        let gguf = build(&["model-f32.gguf"]);
        let json = build(&["config.json", "model.safetensors", "tokenizer.json"]);
        assert_eq!(gguf.vocab_size(), json.vocab_size());
        for text in ["The keeper lights 12 lamps.", " Ñandú 鳥\n\n x", ""] {
            let encode = |t: &Tokenizer| t.encode(text, false, nanolm::text::Controls::Literal).unwrap();
            assert_eq!(encode(&gguf), encode(&json), "{folder}: {text:?}");
            assert_eq!(gguf.decode(&encode(&gguf)).unwrap(), text);
        }
    }
}
