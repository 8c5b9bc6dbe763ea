//! The tokenizer of a Hugging Face folder: `tokenizer.json`, as the `tokenizers` library writes it.
//!
//! Read are the parts that byte pair encodings of the Llama, Qwen and GPT-2 families are made of. Any other part is an
//! `Unsupported` error that names it.

use std::collections::HashMap;

use serde_json::Value;

use super::added::{Added, AddedTokens};
use super::from_gguf::{byte_of, merge_entry, push_token};
use super::split::Splitter;
use super::tokenizer::{Merges, Normalise, PrefixSpace, Tokenizer};
use super::vocabulary::{ByteAlphabet, TokenKind, Vocabulary};
use crate::error::{Error, Result};

const FILE: &str = "tokenizer.json";

fn invalid(what: &str, expected: &str, found: impl std::fmt::Display) -> Error {
    let found = found.to_string();
    let found = match found.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", &found[..end]),
        None => found,
    };
    Error::Format { file: FILE.into(), what: what.into(), expected: expected.into(), found }
}

fn unsupported(what: &str, found: impl std::fmt::Display, supported: &str) -> Error {
    Error::Unsupported { what: format!("{FILE}: {what}"), found: found.to_string(), supported: supported.into() }
}

fn kind_of(part: &Value) -> &str {
    part["type"].as_str().unwrap_or("(none)")
}

/// A part and, where it is a `Sequence`, its members under `key`.
fn members<'a>(part: &'a Value, key: &str) -> Vec<&'a Value> {
    match kind_of(part) {
        "Sequence" => {
            part[key].as_array().map(|m| m.iter().flat_map(|p| members(p, key)).collect()).unwrap_or_default()
        }
        _ if part.is_null() => Vec::new(),
        _ => vec![part],
    }
}

/// Builds the tokenizer from the text of a `tokenizer.json`.
pub fn build(bytes: &[u8]) -> Result<Tokenizer> {
    let root: Value = serde_json::from_slice(bytes).map_err(|e| invalid("the file", "JSON", e))?;
    let model = &root["model"];
    check_model(model)?;
    let mut cuts = Cuts::default();
    read_normalizer(&root["normalizer"], &mut cuts)?;
    read_pre_tokenizer(&root["pre_tokenizer"], &mut cuts)?;
    check_decoder(&root["decoder"], &mut cuts)?;

    let byte_fallback = model["byte_fallback"].as_bool().unwrap_or(false);
    let (vocabulary, added) = read_tokens(&root, cuts.byte_level, byte_fallback)?;
    let merges = read_merges(&model["merges"], &vocabulary, cuts.byte_level)?;
    let unknown = match model["unk_token"].as_str() {
        None => None,
        Some(text) => Some(read_id(&model["vocab"][text], "model.unk_token", vocabulary.len())?),
    };
    let (prefix, suffix) = read_post_processor(&root["post_processor"], vocabulary.len())?;
    Ok(Tokenizer {
        vocabulary,
        added,
        normalise: cuts.normalise,
        splitters: cuts.splitters,
        byte_level: cuts.byte_level,
        merges: Merges::Ranked(merges),
        whole_pieces_first: model["ignore_merges"].as_bool().unwrap_or(false),
        unknown,
        fuse_unknown: model["fuse_unk"].as_bool().unwrap_or(false),
        prefix,
        suffix,
        end_tokens: Vec::new(),
        start: None,
    })
}

fn check_model(model: &Value) -> Result<()> {
    let is_bpe = kind_of(model) == "BPE" || model["type"].is_null() && model["merges"].is_array();
    if !is_bpe {
        return Err(unsupported("model.type", kind_of(model), "BPE"));
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
        if model[key].as_str().is_some_and(|s| !s.is_empty()) {
            return Err(unsupported(&format!("model.{key}"), &model[key], "none"));
        }
    }
    if model["dropout"].as_f64().is_some_and(|p| p != 0.0) {
        return Err(unsupported("model.dropout", &model["dropout"], "none"));
    }
    Ok(())
}

/// What normalizer, pre-tokenizer and decoder say together.
struct Cuts {
    normalise: Normalise,
    splitters: Vec<Splitter>,
    byte_level: bool,
}

impl Default for Cuts {
    fn default() -> Self {
        let normalise = Normalise {
            nfc: false,
            meta_space: false,
            prefix_space: PrefixSpace::Never,
            prefix_only_if_missing: false,
        };
        Cuts { normalise, splitters: Vec::new(), byte_level: false }
    }
}

fn read_normalizer(normalizer: &Value, cuts: &mut Cuts) -> Result<()> {
    for part in members(normalizer, "normalizers") {
        match kind_of(part) {
            "NFC" => cuts.normalise.nfc = true,
            "Prepend" if part["prepend"] == "▁" => cuts.normalise.prefix_space = PrefixSpace::Always,
            "Replace" if part["pattern"]["String"] == " " && part["content"] == "▁" => {
                cuts.normalise.meta_space = true
            }
            other => {
                let supported = "none, NFC, Prepend \"▁\", Replace \" \" by \"▁\"";
                return Err(unsupported("normalizer", other, supported));
            }
        }
    }
    if cuts.normalise.prefix_space != PrefixSpace::Never && !cuts.normalise.meta_space {
        return Err(unsupported("normalizer", "Prepend alone", "Prepend with Replace"));
    }
    Ok(())
}

fn read_pre_tokenizer(pre_tokenizer: &Value, cuts: &mut Cuts) -> Result<()> {
    for (i, part) in members(pre_tokenizer, "pretokenizers").into_iter().enumerate() {
        match kind_of(part) {
            "ByteLevel" => {
                cuts.byte_level = true;
                if part["add_prefix_space"].as_bool().unwrap_or(true) {
                    if i > 0 {
                        return Err(unsupported("pre_tokenizer.add_prefix_space", "true after another cut", "false"));
                    }
                    cuts.normalise.prefix_space = PrefixSpace::Always;
                    cuts.normalise.prefix_only_if_missing = true;
                }
                if part["use_regex"].as_bool().unwrap_or(true) {
                    cuts.splitters.push(Splitter::Gpt2);
                }
            }
            "Split" => cuts.splitters.push(read_split(part)?),
            "Digits" => cuts.splitters.push(match part["individual_digits"].as_bool() {
                Some(true) => Splitter::EachNumber,
                _ => Splitter::Numbers,
            }),
            "Metaspace" if part["replacement"] == "▁" => {
                cuts.normalise.meta_space = true;
                cuts.normalise.prefix_only_if_missing = true;
                cuts.normalise.prefix_space = match part["prepend_scheme"].as_str() {
                    Some("never") => PrefixSpace::Never,
                    Some("first") => PrefixSpace::First,
                    Some("always") => PrefixSpace::Always,
                    None if part["add_prefix_space"] == false => PrefixSpace::Never,
                    None => PrefixSpace::Always,
                    Some(other) => {
                        return Err(unsupported("pre_tokenizer.prepend_scheme", other, "never, first, always"));
                    }
                };
                if part["split"].as_bool().unwrap_or(true) {
                    cuts.splitters.push(Splitter::MetaSpace);
                }
            }
            other => return Err(unsupported("pre_tokenizer", other, "ByteLevel, Split, Digits, Metaspace")),
        }
    }
    Ok(())
}

fn read_split(part: &Value) -> Result<Splitter> {
    let invert = part["invert"].as_bool().unwrap_or(false);
    let pattern = part["pattern"]["Regex"].as_str().unwrap_or_default();
    let splitter = Splitter::of_regex(pattern);
    // Expressions that match everything are sometimes written the other way round: remove what does not match.
    let covers = matches!(splitter, Some(Splitter::Gpt2 | Splitter::Llama3 { .. }));
    let as_written = part["behavior"] == "Isolated" && !invert || part["behavior"] == "Removed" && invert && covers;
    splitter.filter(|_| as_written).ok_or_else(|| {
        unsupported("pre_tokenizer.Split", part, "the patterns of GPT-2, Llama 3 and Qwen 2, behavior Isolated")
    })
}

fn check_decoder(decoder: &Value, cuts: &mut Cuts) -> Result<()> {
    for part in members(decoder, "decoders") {
        match kind_of(part) {
            "ByteLevel" => cuts.byte_level = true,
            "Replace" | "ByteFallback" | "Fuse" | "Strip" | "Metaspace" => {}
            other => {
                return Err(unsupported("decoder", other, "ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace"));
            }
        }
    }
    if cuts.byte_level && cuts.normalise.meta_space {
        return Err(unsupported("pre_tokenizer", "ByteLevel together with \"▁\" for spaces", "one of them"));
    }
    Ok(())
}

fn read_id(value: &Value, what: &str, n: usize) -> Result<u32> {
    let id = value.as_u64().filter(|id| *id < n as u64);
    id.map(|id| id as u32).ok_or_else(|| invalid(what, &format!("a token id below {n}"), value))
}

/// All tokens by id: the model's vocabulary, then the added ones over it.
fn read_tokens(root: &Value, byte_level: bool, byte_fallback: bool) -> Result<(Vocabulary, AddedTokens)> {
    let vocab = root["model"]["vocab"].as_object().ok_or_else(|| invalid("model.vocab", "an object", "none"))?;
    let no_tokens = Vec::new();
    let added = root["added_tokens"].as_array().unwrap_or(&no_tokens);
    // Ids may have holes, but not so many that the table would be mostly holes.
    let limit = 2 * (vocab.len() + added.len()) + 1024;
    let mut tokens: Vec<(&str, TokenKind)> = Vec::new();
    let mut place = |text, id: u32, kind| {
        let id = id as usize;
        if tokens.len() <= id {
            tokens.resize(id + 1, ("", TokenKind::Unused));
        }
        tokens[id] = (text, kind);
    };
    for (text, id) in vocab {
        let kind = byte_of(text).filter(|_| byte_fallback).map_or(TokenKind::Normal, TokenKind::Byte);
        place(text.as_str(), read_id(id, &format!("model.vocab[{text:?}]"), limit)?, kind);
    }
    let mut found = Vec::with_capacity(added.len());
    for (i, token) in added.iter().enumerate() {
        let text = token["content"]
            .as_str()
            .ok_or_else(|| invalid(&format!("added_tokens[{i}].content"), "a text", &token["content"]))?;
        let id = read_id(&token["id"], &format!("added_tokens[{i}].id"), limit)?;
        let flag = |key: &str| token[key].as_bool().unwrap_or(false);
        let control = flag("special");
        place(text, id, if control { TokenKind::Control } else { TokenKind::UserDefined });
        found.push(Added {
            text: text.to_string(),
            id,
            control,
            strip_left: flag("lstrip"),
            strip_right: flag("rstrip"),
            single_word: flag("single_word"),
        });
    }
    let alphabet = ByteAlphabet::new();
    let mut vocabulary = Vocabulary::default();
    for (text, kind) in tokens {
        push_token(&mut vocabulary, &alphabet, text, kind, byte_level);
    }
    Ok((vocabulary, AddedTokens::new(found)))
}

fn read_merges(merges: &Value, vocabulary: &Vocabulary, byte_level: bool) -> Result<HashMap<(u32, u32), (u32, u32)>> {
    let merges = merges.as_array().ok_or_else(|| invalid("model.merges", "an array", merges))?;
    let alphabet = ByteAlphabet::new();
    let mut table = HashMap::with_capacity(merges.len());
    for (rank, merge) in merges.iter().enumerate() {
        let pair = match merge {
            Value::String(text) => text.split_once(' '),
            Value::Array(pair) if pair.len() == 2 => pair[0].as_str().zip(pair[1].as_str()),
            _ => None,
        };
        let entry = pair.and_then(|(left, right)| merge_entry(vocabulary, &alphabet, left, right, byte_level));
        let Some((pair, merged)) = entry else {
            return Err(invalid(&format!("model.merges[{rank}]"), "two tokens that join to a third", merge));
        };
        table.entry(pair).or_insert((rank as u32, merged));
    }
    Ok(table)
}

/// The tokens before and after a single text.
fn read_post_processor(post_processor: &Value, n: usize) -> Result<(Vec<u32>, Vec<u32>)> {
    let (mut prefix, mut suffix) = (Vec::new(), Vec::new());
    for part in members(post_processor, "processors") {
        match kind_of(part) {
            "ByteLevel" => {}
            "TemplateProcessing" => {
                let mut before = true;
                for item in part["single"].as_array().map(Vec::as_slice).unwrap_or_default() {
                    if item["Sequence"].is_object() {
                        before = false;
                        continue;
                    }
                    let name = item["SpecialToken"]["id"].as_str().unwrap_or_default();
                    let what = format!("post_processor.special_tokens[{name:?}]");
                    let ids = part["special_tokens"][name]["ids"].as_array();
                    for id in ids.ok_or_else(|| invalid(&what, "a list of token ids", "none"))? {
                        let id = read_id(id, &what, n)?;
                        if before { prefix.push(id) } else { suffix.push(id) }
                    }
                }
            }
            "RobertaProcessing" | "BertProcessing" => {
                prefix.push(read_id(&part["cls"][1], "post_processor.cls", n)?);
                suffix.push(read_id(&part["sep"][1], "post_processor.sep", n)?);
            }
            other => {
                let supported = "ByteLevel, TemplateProcessing, RobertaProcessing, BertProcessing";
                return Err(unsupported("post_processor", other, supported));
            }
        }
    }
    Ok((prefix, suffix))
}
