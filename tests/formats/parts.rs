//! Models in several files, and models of which only the beginning is there.

use nanolm::format;
use nanolm::run::check;
use nanolm::tensor::Bytes;
use nanolm::{Error, format::Begun};

use super::damage::fixture;
use super::gguf::Writer;

/// Part `no` of `count`, with one tensor of 64 times `value`.
fn part(no: u32, count: u32, name: &str, value: u8) -> Vec<u8> {
    let w = Writer::header(3, 1, 2).string("split.no").u32(2).bytes(&(no as u16).to_le_bytes());
    let w = w.string("split.count").u32(2).bytes(&(count as u16).to_le_bytes());
    let mut w = w.tensor(name, &[32, 2], 0, 0).data(256);
    let start = w.0.len() - 256;
    w.0[start..].fill(value);
    w.0
}

fn parse(parts: &[&Vec<u8>]) -> Result<format::ModelFile, Error> {
    let named = parts.iter().enumerate().map(|(i, part)| (format!("m{i}.gguf"), Bytes::new((*part).clone())));
    format::parse(named.collect())
}

#[test]
fn parts_of_a_gguf_file_are_one_model_in_any_order() {
    let [a, b, c] = [(0, "a", 1), (1, "b", 2), (2, "c", 3)].map(|(no, name, value)| part(no, 3, name, value));
    for parts in [[&a, &b, &c], [&c, &a, &b]] {
        let file = parse(&parts).unwrap();
        let tensors: Vec<_> = file.tensors.iter().map(|t| (t.name.as_str(), t.data[255])).collect();
        assert_eq!(tensors, [("a", 1), ("b", 2), ("c", 3)]);
        assert_eq!(file.metadata["split.no"].as_usize(), Some(0), "the first part's metadata");
    }
    let e = parse(&[&a, &c]).unwrap_err();
    assert!(matches!(&e, Error::MissingFile { expected, .. } if expected.contains("part 2")), "{e}");
    let e = parse(&[&a]).unwrap_err();
    assert!(matches!(&e, Error::MissingFile { expected, .. } if expected.contains("all 3 parts")), "{e}");
    let foreign = part(1, 3, "a", 2);
    for wrong in [vec![&a, &b, &c, &b], vec![&a, &foreign, &c]] {
        let e = parse(&wrong).unwrap_err();
        assert_eq!(e.code(), "format/invalid", "{e}");
    }
    let e = parse(&[&part(0, 1, "a", 1), &part(0, 1, "b", 1)]).unwrap_err();
    assert_eq!(e.code(), "format/invalid", "two models: {e}");
}

#[test]
fn real_parts_are_the_whole_file() {
    let read = |folder: &str, name: &str| (name.to_string(), Bytes::new(fixture(folder, name)));
    let parts = [2, 1, 3].map(|i| read("split", &format!("model-0000{i}-of-00003.gguf")));
    let whole = format::parse(vec![read("tiny-llama", "model-q4_0.gguf")]).unwrap();
    let joined = format::parse(parts.to_vec()).unwrap();
    let values = |file: &format::ModelFile| {
        let mut all: Vec<_> = file.tensors.iter().map(|t| (t.name.clone(), t.shape.clone(), t.data.to_vec())).collect();
        all.sort();
        all
    };
    assert_eq!(values(&joined), values(&whole));
    assert_eq!(joined.metadata["llama.block_count"], whole.metadata["llama.block_count"]);
    let names = ["config.json", "model.safetensors.index.json"];
    let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let sharded = format::parse(names.into_iter().chain(shards).map(|name| read("split", name)).collect()).unwrap();
    let whole =
        format::parse(vec![read("tiny-llama", "config.json"), read("tiny-llama", "model.safetensors")]).unwrap();
    assert_eq!(values(&sharded), values(&whole));
}

/// What [`check`] says as more and more bytes of a file are there: the first length at which it says something, and that.
fn told(files: &[(&str, &[u8])], growing: &str) -> (usize, Result<bool, Error>) {
    let whole = files.iter().find(|(name, _)| *name == growing).unwrap().1.len();
    for n in (0..=whole).step_by(64).chain([whole]) {
        let there = |name: &str, bytes: &[u8]| if name == growing { n } else { bytes.len() };
        let begun =
            files.iter().map(|(name, bytes)| Begun { name, beginning: &bytes[..there(name, bytes)], len: bytes.len() });
        match check(&begun.collect::<Vec<_>>()) {
            Ok(false) => {}
            other => return (n, other),
        }
    }
    (whole, Ok(false))
}

#[test]
fn a_header_is_enough_to_know_a_model() {
    let gguf = fixture("tiny-llama", "model-q8_0.gguf");
    let (n, answer) = told(&[("model.gguf", &gguf)], "model.gguf");
    assert_eq!(answer, Ok(true));
    assert!(n < gguf.len() / 2, "{n} of {} bytes", gguf.len());

    let (config, weights) = (fixture("tiny-llama", "config.json"), fixture("tiny-llama", "model.safetensors"));
    let files = [("config.json", config.as_slice()), ("model.safetensors", weights.as_slice())];
    let (n, answer) = told(&files, "model.safetensors");
    assert_eq!(answer, Ok(true));
    assert!(n < weights.len() / 2, "{n} of {} bytes", weights.len());
}

#[test]
fn what_cannot_run_is_refused_by_the_header_in_one_line() {
    let refused = |files: &[(&str, &[u8])], growing: &str, parts: &[&str]| {
        let (n, answer) = told(files, growing);
        let e = answer.unwrap_err();
        let message = e.to_string();
        assert!(parts.iter().all(|part| message.contains(part)) && message.lines().count() == 1, "{message}");
        let whole = files.iter().find(|(name, _)| *name == growing).unwrap().1.len();
        assert!(n <= whole / 2, "{n} of {whole} bytes");
    };
    let replace = |bytes: &[u8], from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        let mut bytes = bytes.to_vec();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    let gguf = fixture("tiny-llama", "model-q8_0.gguf");
    let unknown = replace(&gguf, "llama", "mambo");
    refused(&[("model.gguf", &unknown)], "model.gguf", &["mambo", "llama", "qwen2"]);
    refused(&[("model.gguf", &[b'<'; 4096])], "model.gguf", &["HTML page"]);
    let pre = replace(&gguf, "gpt-2", "gpt-9");
    refused(&[("model.gguf", &pre)], "model.gguf", &["tokenizer.ggml.pre", "gpt-9"]);

    let (config, weights) = (fixture("tiny-llama", "config.json"), fixture("tiny-llama", "model.safetensors"));
    let bert = replace(&config, "LlamaForCausalLM", "BerttForMaskedLM");
    let files = [("config.json", bert.as_slice()), ("model.safetensors", weights.as_slice())];
    refused(&files, "model.safetensors", &["BerttForMaskedLM", "LlamaForCausalLM"]);
    let bytes = replace(&weights, "\"F32\"", "\"F64\"");
    let files = [("config.json", config.as_slice()), ("model.safetensors", bytes.as_slice())];
    refused(&files, "model.safetensors", &["type F64", "supported: F32"]);
}
