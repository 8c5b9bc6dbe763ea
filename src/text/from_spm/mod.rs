//! The tokenizer of a folder that has SentencePiece's own files and no `tokenizer.json`: `source.spm` with `vocab.json` (Marian), `spiece.model`
//! (T5), `sentencepiece.bpe.model` (XLM-RoBERTa), `tokenizer.model` (Llama and others).
//!
//! What such a file says is put into the keys that GGUF files have for it, as converters do, and read from there. What is not in the file
//! goes by the model's class: the tokens that its own tokenizer adds, and which ids the pieces have.

mod marian;
mod proto;

use std::collections::BTreeMap;

use proto::{Fields, Held};

use super::from_gguf;
use super::tokenizer::Tokenizer;
use crate::error::{Error, Result};
use crate::format::{Dialect, ModelFile, TOKENIZER_CONFIG, TokenizerSource, Value, stand_in};

/// Kinds of pieces, as SentencePiece and GGUF number them.
const NORMAL: i64 = 1;
const UNKNOWN: i64 = 2;
const CONTROL: i64 = 3;

/// A SentencePiece model.
#[derive(Default)]
struct Model {
    texts: Vec<String>,
    scores: Vec<f32>,
    kinds: Vec<i64>,
    is_bpe: bool,
    /// The other settings, by the keys that GGUF files have for them.
    settings: BTreeMap<String, Value>,
}

/// Builds the tokenizer of a folder from its SentencePiece model; `vocab`: the text of its `vocab.json`.
pub fn build(file: &ModelFile, bytes: &[u8], vocab: Option<&[u8]>) -> Result<Tokenizer> {
    let mut model = read(bytes).map_err(|e| stand_in(bytes).map_or(e, damaged))?;
    let class = file.metadata.get("architectures").and_then(Value::as_strings).and_then(<[String]>::first);
    let class = class.map_or("", String::as_str);
    if class.starts_with("Marian") {
        let vocab = vocab.ok_or_else(|| Error::Tokenizer {
            what: "source.spm is here without vocab.json, which has the ids of its pieces; add it to the files".into(),
        })?;
        return marian::renamed(model.build()?, vocab);
    }
    let config = |key: &str| -> Option<serde_json::Value> {
        let text = file.metadata.get(TOKENIZER_CONFIG)?.as_str()?;
        serde_json::from_str::<serde_json::Value>(text).ok()?.get(key).cloned()
    };
    let flag = |key: &str, default: bool| Value::Bool(config(key).and_then(|value| value.as_bool()).unwrap_or(default));
    if class.starts_with("T5") {
        // The highest number has the lowest id.
        let n = config("extra_ids").and_then(|n| n.as_u64()).unwrap_or(100).min(1000);
        for i in (0..n).rev() {
            model.push(format!("<extra_id_{i}>"), 0.0, CONTROL);
        }
        model.around(Value::Bool(false), Value::Bool(true));
    } else if class.starts_with("XLMRoberta") {
        // The order of fairseq, in which the models were trained.
        let first = ["<s>", "<pad>", "</s>", "<unk>"].map(String::from);
        model.texts.splice(0..model.texts.len().min(3), first);
        model.scores.splice(0..model.scores.len().min(3), [0.0; 4]);
        model.kinds.splice(0..model.kinds.len().min(3), [CONTROL, CONTROL, CONTROL, UNKNOWN]);
        model.push("<mask>".into(), 0.0, CONTROL);
        model.around(Value::Bool(true), Value::Bool(true));
    } else if class.ends_with("ForCausalLM") || class == "Gemma3TextModel" {
        model.around(flag("add_bos_token", true), flag("add_eos_token", false));
    } else {
        return Err(Error::Unsupported {
            what: "a SentencePiece model in the place of tokenizer.json".into(),
            found: format!("the model class {class:?}"),
            supported: "Marian, T5, XLM-RoBERTa and decoders; for others add a tokenizer.json to the files".into(),
        });
    }
    model.build()
}

impl Model {
    fn push(&mut self, text: String, score: f32, kind: i64) {
        self.texts.push(text);
        self.scores.push(score);
        self.kinds.push(kind);
    }

    fn set(&mut self, key: &str, value: Value) {
        self.settings.insert(format!("tokenizer.ggml.{key}"), value);
    }

    /// Whether a token stands before each text, and one behind.
    fn around(&mut self, before: Value, behind: Value) {
        self.set("add_bos_token", before);
        self.set("add_eos_token", behind);
    }

    fn build(mut self) -> Result<Tokenizer> {
        let place = |text: &str| self.texts.iter().position(|piece| piece == text);
        let unknown = self.kinds.iter().position(|kind| *kind == UNKNOWN);
        let special = [
            ("bos_token_id", place("<s>").or_else(|| place("<bos>"))),
            ("eos_token_id", place("</s>").or_else(|| place("<eos>"))),
            ("unknown_token_id", unknown),
        ];
        for (key, id) in special {
            if let Some(id) = id {
                self.set(key, Value::Int(id as i64));
            }
        }
        self.set("model", Value::String(if self.is_bpe { "llama" } else { "t5" }.into()));
        let (texts, scores, kinds) = (self.texts, self.scores, self.kinds);
        let mut metadata = self.settings;
        metadata.insert("tokenizer.ggml.tokens".into(), Value::Strings(texts));
        metadata.insert("tokenizer.ggml.scores".into(), Value::Floats(scores));
        metadata.insert("tokenizer.ggml.token_type".into(), Value::Ints(kinds));
        from_gguf::build(&ModelFile {
            name: "the SentencePiece model".into(),
            dialect: Dialect::Gguf,
            metadata,
            tensors: Vec::new(),
            unsupported_tensors: Vec::new(),
            tokenizer: TokenizerSource::GgufMetadata,
            generation: BTreeMap::new(),
        })
    }
}

/// The fields of `sentencepiece_model.proto` that encoding goes by.
fn read(bytes: &[u8]) -> Result<Model> {
    let mut model = Model::default();
    for field in fields(bytes) {
        match field? {
            (1, Held::Bytes(piece)) => {
                let (mut text, mut score, mut kind) = ("", 0.0, NORMAL);
                for field in fields(piece) {
                    match field? {
                        (1, Held::Bytes(bytes)) => {
                            text = std::str::from_utf8(bytes).map_err(|_| damaged("a piece that is no text"))?;
                        }
                        (2, Held::Four(bytes)) => score = f32::from_le_bytes(bytes),
                        (3, Held::Number(number)) => kind = number as i64,
                        _ => {}
                    }
                }
                model.push(text.to_string(), score, kind);
            }
            (2, Held::Bytes(trainer)) => {
                for field in fields(trainer) {
                    match field? {
                        (3, Held::Number(1)) => model.is_bpe = false,
                        (3, Held::Number(2)) => model.is_bpe = true,
                        (3, _) | (24, Held::Number(1)) => {
                            return Err(unsupported("words or characters, or spaces behind words"));
                        }
                        _ => {}
                    }
                }
            }
            (3, Held::Bytes(normalizer)) => {
                // What is not said is on.
                let (mut prefix, mut strip) = (true, true);
                for field in fields(normalizer) {
                    match field? {
                        (2, Held::Bytes(rules)) if !rules.is_empty() => {
                            let rules = rules.iter().map(|byte| i64::from(*byte)).collect();
                            model.set("precompiled_charsmap", Value::Ints(rules));
                        }
                        (3, Held::Number(on)) => prefix = on != 0,
                        (4, Held::Number(on)) => strip = on != 0,
                        (5, Held::Number(0)) => return Err(unsupported("spaces that stay spaces")),
                        _ => {}
                    }
                }
                model.set("add_space_prefix", Value::Bool(prefix));
                model.set("remove_extra_whitespaces", Value::Bool(strip));
            }
            _ => {}
        }
    }
    if model.texts.is_empty() { Err(damaged("no pieces")) } else { Ok(model) }
}

fn fields(bytes: &[u8]) -> impl Iterator<Item = Result<(u64, Held<'_>)>> {
    Fields(bytes).map(|field| field.ok_or_else(|| damaged("bytes that end inside of a field")))
}

fn unsupported(found: &str) -> Error {
    Error::Unsupported {
        what: "the SentencePiece model".into(),
        found: found.into(),
        supported: "Unigram and BPE, with ▁ before words; for others add a tokenizer.json to the files".into(),
    }
}

fn damaged(found: &str) -> Error {
    Error::Format {
        file: "the SentencePiece model".into(),
        what: "the file".into(),
        expected: "a whole SentencePiece model".into(),
        found: found.into(),
    }
}
