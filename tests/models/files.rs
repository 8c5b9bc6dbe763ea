//! Files as people have them: a little other than the rules say.

use nanolm::backend::DeviceChoice;
use nanolm::format::Value;
use nanolm::run::{FinishReason, GenerateOptions, Prompt};
use nanolm::tensor::Bytes;

use super::run::{generate, greedy, load, read, root};
use super::toy;

/// Random, so that every token comes.
fn random(max_new_tokens: usize, seed: u64) -> GenerateOptions {
    GenerateOptions { temperature: Some(5.0), seed: Some(seed), ..greedy(max_new_tokens) }
}

#[test]
fn control_tokens_stop() {
    let model = toy::load(toy::file(3), DeviceChoice::Cpu).unwrap();
    let options = random(100, 8);
    let free = generate(&model, Prompt::Text("once"), &options);
    let mark = |token: u32| token.checked_sub(toy::MARK_0).filter(|i| *i < 64).map(|i| format!("<|s{i}|>"));
    let at = free.tokens().iter().position(|token| mark(*token).is_some()).expect("a mark is drawn");
    let stop = mark(free.tokens()[at]).unwrap();
    let stopped = generate(&model, Prompt::Text("once"), &GenerateOptions { stop: vec![stop], ..options.clone() });
    assert_eq!((stopped.tokens(), stopped.finish), (free.tokens()[..at].to_vec(), Some(FinishReason::Stop)));
    // Text that only looks like one is text.
    let other = GenerateOptions { stop: vec!["<|none|>".into()], ..options };
    assert_eq!(generate(&model, Prompt::Text("once"), &other).tokens(), free.tokens());
}

#[test]
fn a_gguf_file_without_a_pre_tokenizer_loads_and_says_so() {
    let said = toy::load(toy::file(3), DeviceChoice::Cpu).unwrap();
    assert!(said.info().notes.is_empty());
    for pre in [None, Some("default")] {
        let mut file = toy::file(3);
        file.metadata.remove("tokenizer.ggml.pre");
        file.metadata.extend(pre.map(|pre| ("tokenizer.ggml.pre".to_string(), Value::String(pre.into()))));
        let model = toy::load(file, DeviceChoice::Cpu).unwrap();
        let [note] = &model.info().notes[..] else { panic!("{:?}", model.info().notes) };
        assert!(note.contains("tokenizer.ggml.pre"), "{note}");
        assert_eq!(generate(&model, Prompt::Text("a 1234"), &greedy(5)).tokens().len(), 5);
    }
}

#[test]
fn rows_beyond_the_vocabulary_are_never_drawn() {
    let folder = root().join("tests/golden/tiny-llama");
    let mut files = read(&folder, &["config.json", "model.safetensors", "tokenizer.json"]);
    let mut tokenizer: serde_json::Value = serde_json::from_slice(&files[2].1).unwrap();
    let vocabulary = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    vocabulary.retain(|_, id| id.as_u64().unwrap() < 300);
    let known: Vec<String> = vocabulary.keys().cloned().collect();
    let joined = |merge: &serde_json::Value| match merge.as_array() {
        Some(pair) => pair.iter().map(|part| part.as_str().unwrap()).collect::<String>(),
        None => merge.as_str().unwrap().replace(' ', ""),
    };
    tokenizer["model"]["merges"].as_array_mut().unwrap().retain(|merge| known.contains(&joined(merge)));
    files[2].1 = Bytes::new(serde_json::to_vec(&tokenizer).unwrap());
    let model = load(files, DeviceChoice::Cpu).unwrap();
    assert_eq!(model.info().vocab_size, 300);
    let drawn = generate(&model, Prompt::Text("The keeper"), &random(100, 1)).tokens();
    assert!(drawn.iter().all(|token| *token < 300) && drawn.iter().any(|token| *token > 250), "{drawn:?}");
}

#[test]
fn a_byte_order_mark_is_no_part_of_json() {
    let folder = root().join("tests/golden/tiny-llama");
    let names = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"];
    let plain = load(read(&folder, &names), DeviceChoice::Cpu).unwrap();
    let mut files = read(&folder, &names);
    for (name, bytes) in files.iter_mut().filter(|(name, _)| name.ends_with(".json")) {
        let marked = [b"\xef\xbb\xbf", &bytes[..]].concat();
        assert!(!bytes.starts_with(b"\xef"), "{name}");
        *bytes = Bytes::new(marked);
    }
    let marked = load(files, DeviceChoice::Cpu).unwrap();
    let write = |model| generate(model, Prompt::Text("The keeper"), &greedy(8));
    assert_eq!(write(&marked), write(&plain));
}
