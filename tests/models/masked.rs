//! Masked language models against `transformers`: tokens for masks, and sparse vectors, by tiny random models of each class.

use std::path::Path;
use std::rc::Rc;

use nanolm::backend::DeviceChoice;
use nanolm::run::{EmbedOptions, Model};
use nanolm::tensor::Bytes;
use serde_json::Value;

use super::run::{load, read, root, skipped};

const FOLDERS: [&str; 4] =
    ["tiny-bert-masked", "tiny-roberta-masked", "tiny-distilbert-masked", "tiny-modernbert-masked"];

/// Probabilities and weights of about 1, of logits of some units: f32 sums against f64 ones, keys and values in 16 bits.
const MAX_ABS: f32 = 1e-3;

fn files(folder: &Path) -> Vec<(String, Bytes)> {
    read(folder, &["config.json", "tokenizer.json", "model.safetensors"])
}

fn cpu(folder: &str) -> Rc<Model> {
    load(files(&root().join("tests/golden").join(folder)), DeviceChoice::Cpu).unwrap()
}

fn json(folder: &str) -> Value {
    let path = root().join("tests/golden").join(folder).join("expected.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn tokens_for_masks_equal_those_of_transformers() {
    for folder in FOLDERS {
        let model = cpu(folder);
        assert_eq!(model.info().tasks[..2], ["fill-mask", "embed-sparse"], "{folder}");
        for case in json(folder)["fills"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let found = model.fill_mask(text, 5).unwrap();
            let wanted = case["fills"].as_array().unwrap();
            assert_eq!(found.len(), wanted.len(), "{folder}: {text:?}");
            for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
                let name = format!("{folder}: {text:?}, {i}: {found:?}, {wanted}");
                assert_eq!(found.mask, i / 5, "{name}");
                assert_eq!(Some(u64::from(found.token)), wanted[0].as_u64(), "{name}");
                assert!((f64::from(found.score) - wanted[1].as_f64().unwrap()).abs() < f64::from(MAX_ABS), "{name}");
                // `transformers` shows the mark of a piece that is inside of a word.
                let written = wanted[2].as_str().unwrap().trim().trim_start_matches("##");
                assert_eq!(found.text.trim(), written, "{name}");
                // There too, where a text begins with one.
                let sequence = wanted[3].as_str().unwrap().trim().trim_start_matches("##");
                assert_eq!(found.sequence.trim(), sequence, "{name}");
            }
        }
    }
}

#[test]
fn sparse_vectors_equal_those_of_transformers() {
    for folder in FOLDERS {
        let model = cpu(folder);
        for case in json(folder)["sparse"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let found = model.embed_sparse(text).unwrap();
            assert!(found.ids.is_sorted() && found.ids.len() == found.weights.len(), "{folder}: {text:?}");
            let mut dense = vec![0.0f32; model.vocab_size()];
            for (id, weight) in found.ids.iter().zip(&found.weights) {
                assert!(*weight > 0.0);
                dense[*id as usize] = *weight;
            }
            let ids = case["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as usize);
            for (id, weight) in ids.zip(case["weights"].as_array().unwrap()) {
                dense[id] -= weight.as_f64().unwrap() as f32;
            }
            let worst = dense.iter().map(|x| x.abs()).fold(0.0, f32::max);
            assert!(worst < MAX_ABS, "{folder}: {text:?}: {worst}");
        }
    }
}

#[test]
fn what_a_masked_model_cannot_do_is_said() {
    let model = cpu("tiny-bert-masked");
    let cut = format!("{}[MASK]", "lamp ".repeat(300));
    for (text, top, code, said) in [
        ("no mask", 5, "option/invalid", "[MASK]"),
        ("[MASK]", 0, "option/invalid", "topK"),
        (cut.as_str(), 5, "option/invalid", "among the first 64 tokens"),
    ] {
        let error = model.fill_mask(text, top).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
    assert!(model.fill_mask("[MASK]", 1 << 20).unwrap().len() == model.vocab_size(), "no more than there are");
    let code = |result: nanolm::Result<()>| result.unwrap_err().code();
    assert_eq!(code(model.label_logits("a").map(drop)), "task/unsupported");
    assert_eq!(code(model.read_tokens("a", None).map(drop)), "task/unsupported");
    assert_eq!(code(model.embed_some(&["a"], &EmbedOptions::default()).map(drop)), "task/unsupported");
    for folder in ["tiny-bert", "tiny-bert-labels", "tiny-qwen3embed"] {
        let model = cpu(folder);
        assert_eq!(code(model.fill_mask("[MASK]", 5).map(drop)), "task/unsupported");
        assert_eq!(code(model.embed_sparse("a").map(drop)), "task/unsupported");
    }
}

/// The real model, where `../shared/weights/get splade-tiny --into build/models` has put it, or `NANOLM_MODELS` says where.
#[test]
fn a_real_sparse_encoder_knows_what_texts_are_about() {
    let models = std::env::var("NANOLM_MODELS").map_or_else(|_| root().join("build/models"), Into::into);
    let folder = models.join("splade-tiny");
    if !folder.join("model.safetensors").exists() {
        return skipped("splade-tiny", &format!("{} is not here", folder.display()));
    }
    let model = load(files(&folder), DeviceChoice::Cpu).unwrap();
    let cases: Value =
        serde_json::from_slice(&std::fs::read(root().join("tests/golden/splade.json")).unwrap()).unwrap();
    for case in cases.as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let found = model.embed_sparse(text).unwrap();
        let count = case["count"].as_u64().unwrap() as usize;
        // A weight may be 0 by rounding.
        assert!(found.ids.len().abs_diff(count) <= 2, "{text:?}: {} tokens, expected {count}", found.ids.len());
        let heaviest = case["ids"].as_array().unwrap().iter().zip(case["weights"].as_array().unwrap());
        for (id, weight) in heaviest.take(count) {
            let at = found.ids.binary_search(&(id.as_u64().unwrap() as u32)).unwrap();
            let error = (f64::from(found.weights[at]) - weight.as_f64().unwrap()).abs();
            assert!(error < 1e-3, "{text:?}, {id}: {error}");
        }
    }
    let vector = |text: &str| {
        let sparse = model.embed_sparse(text).unwrap();
        assert!(sparse.ids.len() < 2000, "{text}: {} tokens", sparse.ids.len());
        sparse.ids.into_iter().zip(sparse.weights).collect::<std::collections::BTreeMap<_, _>>()
    };
    let query = vector("how do I reset my password");
    let score = |text: &str| vector(text).iter().map(|(id, x)| x * query.get(id).unwrap_or(&0.0)).sum::<f32>();
    let near = score("You can change a forgotten password in the account settings.");
    for other in ["The lighthouse stands where the river meets the sea.", "The bank raised its interest rates."] {
        assert!(near > score(other), "{near}, {other}: {}", score(other));
    }
}
