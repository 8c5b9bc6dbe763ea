//! Encoders against `transformers`: tiny random models of each class from both kinds of file, and a real one.

use std::path::Path;
use std::rc::Rc;

use nanolm::backend::{DeviceChoice, DeviceKind};
use nanolm::model::Pooling;
use nanolm::run::{EmbedOptions, GenerateOptions, Model, Prompt};
use nanolm::tensor::Bytes;
use nanolm::{Error, Result};
use serde_json::Value;

use super::run::{load, read, root, skipped};

/// Of elements of about 1: f32 sums against f64 ones, keys and values in 16 bits.
const MAX_ABS: f32 = 2e-4;

const FOLDERS: [(&str, &[&str]); 7] = [
    ("tiny-bert", &["model.safetensors", "model-f16.gguf"]),
    ("tiny-roberta", &["model.safetensors"]),
    ("tiny-distilbert", &["model.safetensors"]),
    ("tiny-modernbert", &["model.safetensors", "model-f16.gguf"]),
    ("tiny-nomic", &["model.safetensors", "model-f16.gguf"]),
    ("tiny-embeddinggemma", &["model.safetensors", "model-f16.gguf"]),
    ("tiny-labse", &["model.safetensors"]),
];

/// What a folder may hold beside its weights.
const BESIDE: [&str; 10] = [
    "config.json",
    "tokenizer.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
    "2_Dense/config.json",
    "2_Dense/model.safetensors",
    "3_Dense/config.json",
    "3_Dense/model.safetensors",
];

pub fn files(folder: &Path, weights: &str) -> Vec<(String, Bytes)> {
    let beside = BESIDE.into_iter().filter(|name| folder.join(name).exists() && !weights.ends_with(".gguf"));
    read(folder, &beside.chain([weights]).collect::<Vec<_>>())
}

pub fn cpu(folder: &str, weights: &str) -> Rc<Model> {
    load(files(&root().join("tests/golden").join(folder), weights), DeviceChoice::Cpu).unwrap()
}

pub fn json(path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(root().join("tests/golden").join(path)).unwrap()).unwrap()
}

pub fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub fn normalized(mut x: Vec<f32>) -> Vec<f32> {
    let length = dot(&x, &x).sqrt();
    x.iter_mut().for_each(|x| *x /= length);
    x
}

/// The vectors of all texts, in as many calls as it takes.
pub fn embed(model: &Model, texts: &[&str], options: &EmbedOptions) -> Result<Vec<Vec<f32>>> {
    let mut all = Vec::new();
    while all.len() < texts.len() {
        all.extend(model.embed_some(&texts[all.len()..], options)?);
    }
    Ok(all)
}

fn assert_close(found: &[f32], expected: &[f32], case: &str) {
    assert_within(found, expected, MAX_ABS, case);
}

pub fn assert_within(found: &[f32], expected: &[f32], limit: f32, case: &str) {
    assert_eq!(found.len(), expected.len(), "{case}");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() < limit, "{case}, element {i}: expected {expected}, found {found}");
    }
}

#[test]
fn vectors_equal_those_of_transformers() {
    for (folder, weights) in FOLDERS {
        let expected = json(&format!("{folder}/expected.json"));
        let cases = expected["cases"].as_array().unwrap();
        let texts: Vec<&str> = cases.iter().map(|case| case["text"].as_str().unwrap()).collect();
        for weights in weights {
            let lane = format!("{folder}/{weights}");
            let model = cpu(folder, weights);
            let in_gguf = weights.ends_with(".gguf");
            for (name, pooling) in [("mean", Pooling::Mean), ("cls", Pooling::Cls), ("last", Pooling::Last)] {
                let options = EmbedOptions { pooling: Some(pooling), normalize: Some(false), ..Default::default() };
                let all = embed(&model, &texts, &options).unwrap();
                for ((case, found), text) in cases.iter().zip(&all).zip(&texts) {
                    // GGUF files do not say that sentence-transformers cut texts off earlier.
                    if in_gguf && case["tokens"].as_array().unwrap().len() == 48 {
                        continue;
                    }
                    assert_close(found, &numbers(&case[name]), &format!("{lane}, {name}: {text:?}"));
                    // Alone as among others, but for the order in which f32 is summed.
                    let alone = &embed(&model, &[text], &options).unwrap()[0];
                    assert_within(alone, found, 2e-5, &format!("{lane}, {name}, alone: {text:?}"));
                }
            }
            // What the files say is what happens without options.
            let pooling = expected["pooling"].as_str().unwrap();
            for case in &cases[..4] {
                let plain = numbers(&case[pooling]);
                let normalize = in_gguf || expected["normalize"].as_bool().unwrap();
                let expected = if normalize { normalized(plain) } else { plain };
                assert_close(&model.embed(case["text"].as_str().unwrap()).unwrap(), &expected, &lane);
            }
        }
    }
}

#[test]
fn an_encoder_says_what_it_is() {
    let path = root().join("tests/golden/tiny-bert");
    let model = load(files(&path, "model.safetensors"), DeviceChoice::Auto).unwrap();
    let info = model.info();
    assert_eq!(info.device.kind, DeviceKind::Cpu);
    assert!(info.device.reason.starts_with("encoders run on the CPU"), "{}", info.device.reason);
    assert_eq!(info.tasks[0], "embed");
    assert!(!info.tasks.contains(&"generate"));
    assert_eq!(info.context_len, 48);
    assert!(info.notes.iter().any(|note| note.contains("first 48 tokens")), "{:?}", info.notes);
    let Err(Error::Gpu { why, .. }) = load(files(&path, "model.safetensors"), DeviceChoice::Gpu) else {
        panic!("an encoder on the GPU");
    };
    assert!(why.contains("encoders run on the CPU"), "{why}");
    let options = GenerateOptions::default();
    for prompt in [Prompt::Text("The keeper"), Prompt::Tokens(&[2, 5])] {
        let error = model.generate(prompt, &options).and_then(|mut job| pollster::block_on(job.next())).unwrap_err();
        assert_eq!(error.code(), "task/unsupported");
        assert!(error.to_string().contains("encoder"), "{error}");
    }
}

#[test]
fn options_change_vectors() {
    let model = cpu("tiny-bert", "model.safetensors");
    let one = |options: EmbedOptions| embed(&model, &["the lamp"], &options).map(|mut all| all.remove(0));
    let whole = one(EmbedOptions::default()).unwrap();
    assert!((dot(&whole, &whole) - 1.0).abs() < 1e-5);
    let short = one(EmbedOptions { dimensions: Some(8), ..Default::default() }).unwrap();
    assert_close(&short, &normalized(whole[..8].to_vec()), "8 dimensions");
    let prefixed = one(EmbedOptions { prefix: Some("light: ".into()), ..Default::default() }).unwrap();
    assert_within(&prefixed, &model.embed("light: the lamp").unwrap(), 2e-5, "a prefix");
    for dimensions in [0, 49] {
        let error = one(EmbedOptions { dimensions: Some(dimensions), ..Default::default() }).unwrap_err();
        assert_eq!(error.code(), "option/invalid");
    }
    // A text longer than a pass, and more texts than one takes.
    let long = "the lamp and the ship ".repeat(5000);
    let texts: Vec<&str> = (0..40).map(|i| if i % 7 == 0 { long.as_str() } else { "a ship" }).collect();
    let all = embed(&model, &texts, &EmbedOptions::default()).unwrap();
    assert_within(&all[0], &all[7], 2e-5, "a long text");
    assert_within(&all[1], &all[39], 2e-5, "a short text");
    assert!(model.embed_some(&texts, &EmbedOptions::default()).unwrap().len() < 40);
}

#[test]
fn settings_that_change_vectors_are_refused() {
    let path = root().join("tests/golden/tiny-bert");
    let changed = |name: &str, from: &str, to: &str| {
        let mut files = files(&path, "model.safetensors");
        for (path, bytes) in files.iter_mut().filter(|(path, _)| path == name) {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            assert!(text.contains(from), "{path}: {from}");
            *bytes = Bytes::new(text.replace(from, to).into_bytes());
        }
        load(files, DeviceChoice::Cpu).map(|_| ()).unwrap_err().to_string()
    };
    for (name, from, to, said) in [
        ("config.json", "\"is_decoder\": false", "\"is_decoder\": true", "is_decoder"),
        ("config.json", "\"hidden_act\": \"gelu\"", "\"hidden_act\": \"mish\"", "hidden_act"),
        ("config.json", "\"model_type\"", "\"position_embedding_type\": \"relative_key\", \"model_type\"", "absolute"),
        ("modules.json", "models.Normalize", "models.LayerNorm", "LayerNorm"),
        (
            "1_Pooling/config.json",
            "\"pooling_mode_max_tokens\":false",
            "\"pooling_mode_max_tokens\":true",
            "max_tokens",
        ),
        ("1_Pooling/config.json", "\"pooling_mode_cls_token\":false", "\"pooling_mode_cls_token\":true", "several"),
        ("sentence_bert_config.json", "48", "0", "max_seq_length"),
    ] {
        let error = changed(name, from, to);
        assert!(error.contains(said), "{name}: {error}");
    }
}

/// A folder's files with its config.json changed.
pub fn with_config(folder: &str, change: impl Fn(&mut serde_json::Map<String, Value>)) -> Vec<(String, Bytes)> {
    let mut files = files(&root().join("tests/golden").join(folder), "model.safetensors");
    for (_, bytes) in files.iter_mut().filter(|(path, _)| path == "config.json") {
        let mut config: Value = serde_json::from_slice(bytes).unwrap();
        change(config.as_object_mut().unwrap());
        *bytes = Bytes::new(serde_json::to_vec(&config).unwrap());
    }
    files
}

/// NomicBERT's settings as its own code has them.
fn as_published(config: &mut serde_json::Map<String, Value>) {
    for (key, other) in [
        ("hidden_size", "n_embd"),
        ("intermediate_size", "n_inner"),
        ("num_hidden_layers", "n_layer"),
        ("num_attention_heads", "n_head"),
        ("max_position_embeddings", "n_positions"),
        ("layer_norm_eps", "layer_norm_epsilon"),
    ] {
        let value = config.remove(key).unwrap();
        config.insert(other.to_string(), value);
    }
    for key in ["hidden_act", "rope_parameters"] {
        config.remove(key);
    }
    let others = serde_json::json!({
        "activation_function": "swiglu", "rotary_emb_base": 1000, "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": false,
        "rotary_scaling_factor": null, "prenorm": false, "qkv_proj_bias": false, "mlp_fc1_bias": false, "causal": false
    });
    config.extend(others.as_object().unwrap().clone());
}

#[test]
fn a_decoder_that_is_pooled_does_not_write() {
    let model = cpu("tiny-qwen3embed", "model.safetensors");
    assert_eq!(model.info().tasks[0], "embed");
    let job = model.generate(Prompt::Text("The keeper"), &GenerateOptions::default());
    let error = job.and_then(|mut job| pollster::block_on(job.next())).unwrap_err();
    assert_eq!(error.code(), "task/unsupported");
    // The same files without the list of modules are a decoder's.
    let path = root().join("tests/golden/tiny-qwen3embed");
    let plain = load(read(&path, &["config.json", "tokenizer.json", "model.safetensors"]), DeviceChoice::Cpu).unwrap();
    assert_eq!(plain.info().tasks[0], "generate");
    // Convolutions would go on from one text to the next.
    let mut lfm2 = read(&root().join("tests/golden/tiny-lfm2"), &["config.json", "model.safetensors"]);
    lfm2.extend(read(&path, &["modules.json", "1_Pooling/config.json"]));
    let error = load(lfm2, DeviceChoice::Cpu).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("short convolutions"), "{error}");
}

#[test]
fn prompts_are_those_of_the_files() {
    let model = cpu("tiny-nomic", "model.safetensors");
    assert!(model.info().prompts.contains(&("query".to_string(), "search_query: ".to_string())));
    let one = |prompt: Option<&str>, prefix: Option<&str>, text: &str| {
        let options =
            EmbedOptions { prompt: prompt.map(String::from), prefix: prefix.map(String::from), ..Default::default() };
        embed(&model, &[text], &options).map(|mut all| all.remove(0))
    };
    let plain = one(None, None, "search_query: the lamp").unwrap();
    assert_eq!(one(Some("query"), None, "the lamp").unwrap(), plain);
    assert_eq!(one(Some("query"), Some("search_query: "), "the lamp").unwrap(), plain);
    assert_ne!(one(None, None, "the lamp").unwrap(), plain);
    let error = one(Some("passage"), None, "the lamp").unwrap_err();
    assert!(error.to_string().contains("document, query"), "{error}");
    let error = embed(
        &cpu("tiny-bert", "model.safetensors"),
        &["a"],
        &EmbedOptions { prompt: Some("query".into()), ..Default::default() },
    );
    assert!(error.unwrap_err().to_string().contains("no prompts"));
}

#[test]
fn nomic_bert_has_two_ways_to_say_its_settings() {
    let text = "The keeper lights the lamp, and the ship sees it.";
    let expected = cpu("tiny-nomic", "model.safetensors").embed(text).unwrap();
    let published = load(with_config("tiny-nomic", as_published), DeviceChoice::Cpu).unwrap();
    assert_eq!(published.embed(text).unwrap(), expected);
    for (key, value) in [
        ("rotary_scaling_factor", serde_json::json!(2.0)),
        ("prenorm", serde_json::json!(true)),
        ("moe_every_n_layers", serde_json::json!(2)),
        ("activation_function", serde_json::json!("geglu")),
        ("rotary_emb_fraction", serde_json::json!(2.0)),
        ("n_head", serde_json::json!(49)),
    ] {
        let files = with_config("tiny-nomic", |config| {
            as_published(config);
            config.insert(key.to_string(), value.clone());
        });
        let error = load(files, DeviceChoice::Cpu).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(key) || error.contains("head size") || error.contains("partial"), "{key}: {error}");
    }
}

#[test]
fn modern_bert_settings_that_make_no_sense_are_refused() {
    for (key, value, said) in [
        ("local_attention", serde_json::json!(-1), "local_attention"),
        ("layer_types", serde_json::json!(["full_attention"]), "4 kinds of layers"),
        (
            "layer_types",
            serde_json::json!(["full_attention", "sliding_attention", "x", "full_attention"]),
            "layer_types",
        ),
        ("hidden_activation", serde_json::json!("mish"), "hidden_activation"),
        ("norm_bias", serde_json::json!(true), "norm.bias: missing"),
        ("num_attention_heads", serde_json::json!(0), "num_attention_heads"),
        ("num_attention_heads", serde_json::json!(16), "even number"),
        ("intermediate_size", serde_json::json!(41), "Wi.weight"),
        ("global_attn_every_n_layers", serde_json::json!(0), "global_attn_every_n_layers"),
    ] {
        let files = with_config("tiny-modernbert", |config| {
            config.insert(key.to_string(), value.clone());
        });
        let error = load(files, DeviceChoice::Cpu).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(said), "{key}: {error}");
    }
    // A window that is as wide as the text hides nothing of it.
    let wide = with_config("tiny-modernbert", |config| {
        config.insert("local_attention".to_string(), serde_json::json!(1 << 20));
    });
    let text = "The lamp and the keeper and the ship and the sea. The lamp and the keeper.";
    let [wide, narrow] = [wide, files(&root().join("tests/golden/tiny-modernbert"), "model.safetensors")]
        .map(|files| load(files, DeviceChoice::Cpu).unwrap().embed(text).unwrap());
    assert!(dot(&wide, &narrow) < 0.9999, "the window hides nothing: {}", dot(&wide, &narrow));
}

/// The real model, where `../shared/weights/get all-minilm-l6-v2 --into build/models` has put it, or `NANOLM_MODELS` says where.
fn minilm() -> Option<Vec<(String, Bytes)>> {
    let models = std::env::var("NANOLM_MODELS").map_or_else(|_| root().join("build/models"), Into::into);
    let folder = models.join("all-minilm-l6-v2");
    if !folder.join("model.safetensors").exists() {
        skipped("all-minilm-l6-v2", &format!("{} is not here", folder.display()));
        return None;
    }
    Some(files(&folder, "model.safetensors"))
}

#[test]
fn the_real_model_is_exact() {
    let Some(files) = minilm() else { return };
    let model = load(files, DeviceChoice::Cpu).unwrap();
    assert_eq!(model.info().context_len, 256);
    for case in json("minilm.json").as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let cosine = dot(&model.embed(text).unwrap(), &numbers(&case["vector"]));
        assert!((cosine - 1.0).abs() < 1e-5, "{text:?}: {cosine}");
    }
}
