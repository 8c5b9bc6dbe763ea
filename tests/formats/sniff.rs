//! What a file is shows in its bytes; what it is instead of a model is said.

use nanolm::format::{self, Dialect, TokenizerSource};
use nanolm::tensor::Bytes;

use super::damage::fixture;

fn parse(files: &[(&str, &[u8])]) -> nanolm::Result<format::ModelFile> {
    format::parse(files.iter().map(|(name, bytes)| (name.to_string(), Bytes::new(bytes.to_vec()))).collect())
}

#[test]
fn gguf_under_any_name() {
    let gguf = fixture("tiny-llama", "model-q8_0.gguf");
    let file = parse(&[("download", &gguf), ("notes.txt", b"hello")]).unwrap();
    assert_eq!((file.dialect, file.name.as_str()), (Dialect::Gguf, "download"));
    assert!(matches!(file.tokenizer, TokenizerSource::GgufMetadata));
}

#[test]
fn a_tokenizer_beside_a_gguf_without_one() {
    let gguf = fixture("tiny-llama-llama3", "model-f16.gguf");
    assert!(matches!(parse(&[("m.gguf", &gguf)]).unwrap().tokenizer, TokenizerSource::None));
    let file = parse(&[("m.gguf", &gguf), ("tokenizer.json", b"{}")]).unwrap();
    assert!(matches!(file.tokenizer, TokenizerSource::TokenizerJson(_)));
}

#[test]
fn other_files_are_called_by_name() {
    let refused = |name: &str, bytes: &[u8], code: &str, part: &str| {
        let e = parse(&[(name, bytes)]).unwrap_err();
        assert!(e.code() == code && e.to_string().contains(part), "{name}: {e}");
    };
    refused("m.gguf", b"<!doctype html>", "format/invalid", "HTML page");
    refused("m.gguf", b"", "format/invalid", "an empty file");
    refused("m.gguf", b"version https://git-lfs.github.com/spec/v1", "format/invalid", "Git LFS pointer");
    refused("m.gguf", b"abcdefgh", "format/invalid", "magic number GGUF");
    refused("model.safetensors", b"\n<html>", "format/invalid", "HTML page");
    refused("pytorch_model.bin", b"PK\x03\x04....", "model/unsupported", "PyTorch");
    refused("ggml-model.bin", b"lmgg....", "model/unsupported", "before GGUF");
    refused("m.tflite", b"\x1c\0\0\0TFL3", "model/unsupported", "TensorFlow Lite");
    refused("notes.txt", b"hello", "model/missing-file", "config.json");
    let gguf = fixture("tiny-llama", "model-q4_0.gguf");
    let e = parse(&[("m-1.gguf", &gguf), ("m-2.gguf", &gguf)]).unwrap_err();
    assert!(e.code() == "format/invalid" && e.to_string().contains("one file, or each part"), "{e}");
}
