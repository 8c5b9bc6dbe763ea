//! The tokenizer of a Hugging Face folder: `tokenizer.json`, as the `tokenizers` library writes it.
//!
//! A part or a setting that this crate does not know is an `Unsupported` error that names it; so much of one that it could
//! take the memory or the time of the page is a `Format` error.

pub(super) mod parts;
mod value;

use serde_json::Value;

use parts::{read_normalizers, read_pre_tokenizers};
use value::{invalid, kind_of, members, unsupported};

use super::added::{Added, AddedTokens};
use super::from_gguf::byte_of;
use super::models::{Bpe, Model, Unigram, WordLevel, WordPiece};
use super::pipeline::Pipeline;
use super::tokenizer::Tokenizer;
use super::vocabulary::{ByteAlphabet, PieceStyle, TokenKind, Vocabulary};
use crate::error::Result;
use crate::format::{stand_in, without_mark};

/// Builds the tokenizer from the text of a `tokenizer.json`.
pub fn build(bytes: &[u8]) -> Result<Tokenizer> {
    let root: Value = serde_json::from_slice(without_mark(bytes)).map_err(|e| match stand_in(bytes) {
        Some(found) => invalid("the file", "JSON", found),
        None => invalid("the file", "JSON", e),
    })?;
    let (normalizers, adds_space) = read_normalizers(&root["normalizer"])?;
    let (pre_tokenizers, adds_space_too) = read_pre_tokenizers(&root["pre_tokenizer"])?;
    let tokens = read_tokens(&root)?;
    let unknown = read_unknown(&root["model"], &tokens)?;
    let model = read_model(&root["model"], &tokens, unknown)?;

    let style = piece_style(&root)?;
    let adds_space = match style {
        PieceStyle::Bytes(_) => false,
        PieceStyle::MetaSpace => adds_space || adds_space_too,
        PieceStyle::Words { .. } => true,
    };
    let mut vocabulary = Vocabulary::default();
    for (text, kind) in &tokens.by_id {
        style.push(&mut vocabulary, text, *kind);
    }
    let (prefix, suffix) = read_post_processor(&root["post_processor"], vocabulary.len())?;
    Ok(Tokenizer {
        vocabulary,
        added: AddedTokens::new(tokens.added),
        pipeline: Pipeline { normalizers, pre_tokenizers, model },
        adds_space,
        unknown,
        prefix,
        suffix,
        end_tokens: Vec::new(),
        start: None,
        notes: Vec::new(),
    })
}

fn piece_style(root: &Value) -> Result<PieceStyle> {
    let is_byte_level = |part: &&Value| kind_of(part) == "ByteLevel";
    let decoders = members(&root["decoder"], "decoders");
    let mut pre_tokenizers = members(&root["pre_tokenizer"], "pretokenizers").into_iter();
    let byte_level = pre_tokenizers.any(|part| is_byte_level(&part)) || decoders.iter().any(is_byte_level);
    let mut cleanup = false;
    for part in &decoders {
        match kind_of(part) {
            "ByteLevel" | "Replace" | "ByteFallback" | "Fuse" | "Strip" | "Metaspace" => {}
            "WordPiece" => cleanup = part["cleanup"].as_bool().unwrap_or(true),
            other => {
                let supported = "ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace, WordPiece";
                return Err(unsupported("decoder", other, supported));
            }
        }
    }
    let model = &root["model"];
    Ok(match kind_of(model) {
        _ if byte_level => PieceStyle::Bytes(ByteAlphabet::new()),
        "WordPiece" => {
            let continuing = model["continuing_subword_prefix"].as_str().map(String::from);
            PieceStyle::Words { continuing, cleanup }
        }
        "WordLevel" if decoders.is_empty() => PieceStyle::Words { continuing: None, cleanup },
        _ => PieceStyle::MetaSpace,
    })
}

/// Id of the token for unknown text.
fn read_unknown(model: &Value, tokens: &Tokens<'_>) -> Result<Option<u32>> {
    if !model["unk_id"].is_null() {
        return read_id(&model["unk_id"], "model.unk_id", tokens.model.len()).map(Some);
    }
    let Some(unknown) = model["unk_token"].as_str() else { return Ok(None) };
    match tokens.model.iter().find(|(text, _)| *text == unknown) {
        Some((_, id)) => Ok(Some(*id)),
        None => Err(invalid("model.unk_token", "a token of the vocabulary", unknown)),
    }
}

/// Builds the model, from which no text can come out as a control token.
fn read_model(model: &Value, tokens: &Tokens<'_>, unknown: Option<u32>) -> Result<Model> {
    let is_control = |id: u32| {
        Some(id) != unknown && tokens.by_id.get(id as usize).is_some_and(|(_, kind)| *kind == TokenKind::Control)
    };
    match kind_of(model) {
        "WordPiece" | "WordLevel" => {
            // Words are looked up part by part, in time that grows with the cube of their length.
            let longest = model["max_input_chars_per_word"].as_u64().unwrap_or_default();
            if longest > 1000 {
                return Err(invalid("model.max_input_chars_per_word", "at most 1000", longest));
            }
            let ids =
                || tokens.model.iter().filter(|(_, id)| !is_control(*id)).map(|(text, id)| (text.to_string(), *id));
            let Some(unknown) = unknown else {
                return Err(invalid("model.unk_token", "a token of the vocabulary", &model["unk_token"]));
            };
            if kind_of(model) == "WordLevel" {
                return Ok(Model::WordLevel(WordLevel { ids: ids().collect(), unknown }));
            }
            let continuing = &model["continuing_subword_prefix"];
            let what = "model.continuing_subword_prefix";
            let continuing = continuing.as_str().ok_or_else(|| invalid(what, "a text", continuing))?.into();
            let max_chars = &model["max_input_chars_per_word"];
            let what = "model.max_input_chars_per_word";
            let max_chars = max_chars.as_u64().ok_or_else(|| invalid(what, "a number", max_chars))? as usize;
            Ok(Model::WordPiece(WordPiece { ids: ids().collect(), unknown, continuing, max_chars }))
        }
        "Unigram" => {
            let scores = model["vocab"].as_array().into_iter().flatten().map(|entry| entry[1].as_f64());
            let mut pieces = Vec::with_capacity(tokens.model.len());
            for ((text, id), score) in tokens.model.iter().zip(scores) {
                let what = || format!("model.vocab[{id}]");
                let score = score.filter(|s| s.is_finite()).ok_or_else(|| invalid(&what(), "a score", "none"))?;
                // Every place of a text is tried up to the longest.
                if text.len() > 512 {
                    return Err(invalid(&what(), "at most 512 bytes", *text));
                }
                // Ids are places in the list, so a control token's stays, under a name that is not in texts.
                let text = if is_control(*id) { format!("\0control {id}\0") } else { text.to_string() };
                pieces.push((text, score));
            }
            let fallback = model["byte_fallback"].as_bool().unwrap_or(false);
            Ok(Model::Unigram(Unigram::new(pieces, unknown, fallback)))
        }
        _ => read_bpe(model, tokens, unknown, is_control),
    }
}

fn read_bpe(
    model: &Value,
    tokens: &Tokens<'_>,
    unknown: Option<u32>,
    is_control: impl Fn(u32) -> bool,
) -> Result<Model> {
    let is_bpe = kind_of(model) == "BPE" || model["type"].is_null() && model["merges"].is_array();
    if !is_bpe {
        return Err(unsupported("model.type", kind_of(model), "BPE, Unigram, WordPiece, WordLevel"));
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
        if model[key].as_str().is_some_and(|s| !s.is_empty()) {
            return Err(unsupported(&format!("model.{key}"), &model[key], "none"));
        }
    }
    if model["dropout"].as_f64().is_some_and(|p| p != 0.0) {
        return Err(unsupported("model.dropout", &model["dropout"], "none"));
    }
    let flag = |key: &str| model[key].as_bool().unwrap_or(false);
    let mut bpe = Bpe::default();
    bpe.unknown = unknown;
    bpe.fuse_unknown = flag("fuse_unk");
    bpe.whole_pieces_first = flag("ignore_merges");
    let byte_fallback = flag("byte_fallback");
    let mut byte_ids = [None; 256];
    for (text, id) in &tokens.model {
        match byte_of(text).filter(|_| byte_fallback) {
            Some(byte) => byte_ids[usize::from(byte)] = Some(*id),
            None if Some(*id) == unknown || is_control(*id) => {}
            None => bpe.insert(text.to_string(), *id),
        }
    }
    let n_bytes = byte_ids.iter().flatten().count();
    bpe.byte_ids = match n_bytes {
        0 => None,
        256 => Some(Box::new(byte_ids.map(Option::unwrap_or_default))),
        _ => return Err(invalid("model.vocab", "a token for each of the 256 bytes, or for none", n_bytes)),
    };
    let merges = model["merges"].as_array().ok_or_else(|| invalid("model.merges", "an array", &model["merges"]))?;
    for (rank, merge) in merges.iter().enumerate() {
        let pair = match merge {
            Value::String(text) => text.split_once(' '),
            Value::Array(pair) if pair.len() == 2 => pair[0].as_str().zip(pair[1].as_str()),
            _ => None,
        };
        if !pair.is_some_and(|(left, right)| bpe.merge(left, right)) {
            return Err(invalid(&format!("model.merges[{rank}]"), "two tokens that join to a third", merge));
        }
    }
    Ok(Model::Bpe(bpe.finish()))
}

fn read_id(value: &Value, what: &str, n: usize) -> Result<u32> {
    let id = value.as_u64().filter(|id| *id < n as u64);
    id.map(|id| id as u32).ok_or_else(|| invalid(what, &format!("a token id below {n}"), value))
}

/// The tokens of a file.
struct Tokens<'a> {
    /// The model's vocabulary. No two share an id.
    model: Vec<(&'a str, u32)>,
    added: Vec<Added>,
    /// The model's vocabulary, then the added ones over it.
    by_id: Vec<(&'a str, TokenKind)>,
}

fn read_tokens(root: &Value) -> Result<Tokens<'_>> {
    let vocab = &root["model"]["vocab"];
    let n_vocab = vocab.as_object().map(|v| v.len()).or(vocab.as_array().map(Vec::len));
    let n_vocab = n_vocab.ok_or_else(|| invalid("model.vocab", "an object or a list", "none"))?;
    let added = root["added_tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
    // Ids may have holes, but not so many that the table would be mostly holes.
    let limit = 2 * (n_vocab + added.len()) + 1024;

    let mut model = Vec::with_capacity(n_vocab);
    match vocab {
        Value::Array(pieces) if kind_of(&root["model"]) == "Unigram" => {
            for (id, piece) in (0u32..).zip(pieces) {
                let what = || format!("model.vocab[{id}]");
                model.push((piece[0].as_str().ok_or_else(|| invalid(&what(), "a text and a score", piece))?, id));
            }
        }
        Value::Object(pieces) if kind_of(&root["model"]) != "Unigram" => {
            for (text, id) in pieces {
                model.push((text.as_str(), read_id(id, &format!("model.vocab[{text:?}]"), limit)?));
            }
        }
        _ => return Err(invalid("model.vocab", "the vocabulary of this kind of model", kind_of(&root["model"]))),
    }

    let byte_fallback = root["model"]["byte_fallback"].as_bool().unwrap_or(false);
    let mut by_id: Vec<(&str, TokenKind)> = Vec::new();
    let mut place = |text, id: u32, kind| {
        let id = id as usize;
        if by_id.len() <= id {
            by_id.resize(id + 1, ("", TokenKind::Unused));
        }
        std::mem::replace(&mut by_id[id], (text, kind))
    };
    for (text, id) in &model {
        let kind = byte_of(text).filter(|_| byte_fallback).map_or(TokenKind::Normal, TokenKind::Byte);
        let (other, before) = place(text, *id, kind);
        if before != TokenKind::Unused {
            return Err(invalid(
                &format!("model.vocab[{text:?}]"),
                "an id of its own",
                format!("that of {other:?}, {id}"),
            ));
        }
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
            leads: false,
        });
    }
    Ok(Tokens { model, added: found, by_id })
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
