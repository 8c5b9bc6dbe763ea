//! Encoder-decoders from other files than most: T5 as GGUF, what it writes from Hugging Face folders; Opus-MT without a `tokenizer.json`.

use nanolm::backend::DeviceChoice;
use nanolm::model::Pooling;
use nanolm::run::{EmbedOptions, Prompt};
use nanolm::text::Controls;
use serde_json::json;

use super::encoders::{assert_within, embed, numbers};
use super::run::{generate, load, read, root, skipped};
use super::seq2seq::{cpu, expected, ids, settings, tokens, wanted};

#[test]
fn outputs_equal_those_of_the_folder() {
    let model = load(read(&root().join("tests/golden/tiny-t5"), &["model-f16.gguf"]), DeviceChoice::Cpu).unwrap();
    let (folder, expected) = (cpu("tiny-t5"), expected("tiny-t5/expected.json"));
    assert_eq!(model.info().tasks[0], "generate");
    assert_eq!((model.context_len(), model.vocab_size()), (folder.context_len(), folder.vocab_size()));
    assert_eq!(model.info().parameters, folder.info().parameters);
    for case in expected["cases"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let theirs = ids(&case["tokens"]);
        // Behind a control token the folder's tokenizer puts no space before what begins with one; SentencePiece does.
        let tokenizer = model.tokenizer().unwrap();
        let encode = |text: &str, special| tokenizer.encode(text, special, Controls::Parse).unwrap();
        let mut with_space = theirs.clone();
        if let Some(at) = text.find("<extra_id_0>") {
            let [control] = encode("<extra_id_0>", false)[..] else { panic!("a token of its own") };
            assert!(text[at..].starts_with("<extra_id_0> "));
            let behind = theirs.iter().position(|id| *id == control).unwrap() + 1;
            with_space.insert(behind, encode("▁", false)[0]);
        }
        assert_eq!(encode(text, true), with_space, "{text:?}");
        let prompt = Prompt::Tokens(&theirs);
        for (search, theirs) in expected["searches"].as_array().unwrap().iter().zip(case["outputs"].as_array().unwrap())
        {
            let options = settings(&expected["new"], search);
            let output = generate(&model, prompt, &options);
            assert_eq!(tokens(&model, &output), wanted(&expected, theirs, &output), "{search}: {text:?}");
            assert_eq!(output.text, generate(&folder, prompt, &options).text);
        }
    }
}

/// A folder as Opus-MT's are published: `source.spm` and `vocab.json`.
#[test]
fn opus_mt_translates_without_a_tokenizer_json() {
    let files = ["config.json", "source.spm", "vocab.json", "model.safetensors"];
    let model = load(read(&root().join("tests/golden/sentencepiece"), &files), DeviceChoice::Cpu).unwrap();
    let expected = expected("sentencepiece/expected.json");
    let text = expected["cases"][0]["text"].as_str().unwrap();
    let output = generate(&model, Prompt::Text(text), &settings(&expected["new"], &json!({})));
    assert_eq!(tokens(&model, &output), wanted(&expected, &expected["greedy"], &output));
    assert!(model.info().recipes.as_ref().unwrap().contains_key("translation_en_to_de.prefix"));
}

/// The encoder alone gives the rows that the decoder reads, and several texts at once what each gives alone.
#[test]
fn the_encoder_alone_makes_vectors() {
    let model = load(read(&root().join("tests/golden/tiny-t5"), &["encoder-f16.gguf"]), DeviceChoice::Cpu).unwrap();
    assert_eq!(model.info().tasks[0], "embed");
    let expected = expected("tiny-t5/expected.json");
    let cases = expected["cases"].as_array().unwrap();
    let options = EmbedOptions { normalize: Some(false), pooling: Some(Pooling::Mean), ..Default::default() };
    let texts: Vec<&str> =
        cases.iter().map(|case| case["text"].as_str().unwrap()).filter(|text| !text.contains('<')).collect();
    let together = embed(&model, &texts, &options).unwrap();
    let mut compared = 0;
    for (text, vector) in texts.iter().zip(&together) {
        assert_within(vector, &embed(&model, &[text], &options).unwrap()[0], 2e-5, text);
        let case = cases.iter().find(|case| case["text"] == *text).unwrap();
        if case["rows"].is_array() {
            let rows = numbers(&case["rows"]);
            let n = rows.len() / 32;
            let mean: Vec<f32> = (0..32).map(|i| rows.iter().skip(i).step_by(32).sum::<f32>() / n as f32).collect();
            assert_within(vector, &mean, 1e-3, text);
            compared += 1;
        }
    }
    assert!(compared > 0);
}

/// The real model, written as a GGUF file by `make_seq2seq.py --gguf`.
#[test]
fn the_real_model_writes_what_transformers_does() {
    let models = std::env::var("NANOLM_MODELS").map_or_else(|_| root().join("build/models"), Into::into);
    let folder = models.join("t5-small-titler");
    if !folder.join("model-f16.gguf").exists() {
        return skipped("t5-small-titler as GGUF", &format!("{} has no model-f16.gguf", folder.display()));
    }
    let model = load(read(&folder, &["model-f16.gguf"]), DeviceChoice::Cpu).unwrap();
    let expected = expected("t5-small-titler.json");
    let mut wrong = Vec::new();
    for case in expected["cases"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let found = model.tokenizer().unwrap().encode(text, true, Controls::Parse).unwrap();
        assert_eq!(found, ids(&case["tokens"]), "{text:?}");
        let output = generate(&model, Prompt::Text(text), &settings(&expected["new"], &json!({})));
        if tokens(&model, &output) != ids(&case["greedy"]) {
            wrong.push(format!("{text:?}: {:?}", output.text));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
