//! Damaged files, from loading to the last token: an error or an output, never a panic and never a hang.

use nanolm::backend::DeviceChoice;
use nanolm::run::{GenerateOptions, Prompt};
use nanolm::task::{SummarizeOptions, SummaryKind};
use nanolm::tensor::Bytes;

use super::run::{finish, load, root};
use super::toy;
use crate::support::rng::{Rng, cases};

/// Loads the bytes and, where that works, uses the model. The code of the first error, or `ok`.
fn use_model(name: &str, bytes: Vec<u8>) -> &'static str {
    let model = match load(vec![(name.to_string(), Bytes::new(bytes))], DeviceChoice::Cpu) {
        Ok(model) => model,
        Err(error) => {
            assert!(error.to_string().len() > 20, "{error}");
            return error.code();
        }
    };
    let options = GenerateOptions { max_new_tokens: Some(2), ..GenerateOptions::default() };
    let job = model.generate(Prompt::Text("The keeper's lamp, 12 🦙"), &options);
    match job.and_then(finish) {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

#[test]
fn single_bytes_of_a_gguf_files_header() {
    for (folder, name, seed) in [("tiny-llama", "model-q8_0.gguf", 1), ("tiny-gpt2", "model-q4_0.gguf", 2)] {
        let whole = std::fs::read(root().join("tests/golden").join(folder).join(name)).unwrap();
        // Metadata and tensor table: the tensors' bytes are the file's last part.
        let header = whole.windows(8).rposition(|w| w == b"t.weight" || w == b"m.weight" || w == b"norm.bia").unwrap();
        let mut rng = Rng::new(seed);
        let mut codes = std::collections::BTreeMap::new();
        let n = cases(300);
        for _ in 0..n {
            let mut bytes = whole.clone();
            let at = rng.below(header);
            bytes[at] = match rng.below(3) {
                0 => bytes[at] ^ (1 << rng.below(8)),
                1 => 0xff,
                _ => rng.bits() as u8,
            };
            *codes.entry(use_model(name, bytes)).or_insert(0) += 1;
        }
        assert!(codes["ok"] > n / 15, "{codes:?}");
        assert!(codes.keys().all(|code| *code != "internal"), "{codes:?}");
        assert!(codes.len() > 3, "damage must be noticed: {codes:?}");
        let mut cut = |_: usize| use_model(name, whole[..rng.below(whole.len())].to_vec());
        assert!((0..50).all(|i| cut(i) != "ok"), "a truncated file never loads");
    }
}

#[test]
fn the_task_descriptions_bytes() {
    let whole = toy::file(1);
    let text = whole.metadata["nanolm.tasks"].as_str().unwrap().to_string();
    let mut rng = Rng::new(3);
    let mut loaded = 0;
    for _ in 0..400 {
        let mut bytes = text.clone().into_bytes();
        let at = rng.below(bytes.len());
        bytes[at] = b"0123456789\",:{}[]<|s>- e"[rng.below(24)];
        let mut file = whole.clone();
        let damaged = String::from_utf8(bytes).unwrap();
        file.metadata.insert("nanolm.tasks".into(), nanolm::format::Value::String(damaged));
        let Ok(model) = toy::load(file, DeviceChoice::Cpu) else { continue };
        loaded += 1;
        for kind in [SummaryKind::KeyPoints, SummaryKind::Headline] {
            let options = SummarizeOptions { kind, ..SummarizeOptions::default() };
            let output = finish(model.summarize("One two. Three four. Five.", &options).unwrap()).unwrap();
            assert!(output.finish.is_some());
        }
    }
    assert!(loaded > 20 && loaded < 390, "{loaded}");
}
