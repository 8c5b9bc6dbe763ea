//! BERT's tokenizer: words in lower case without accents, cut into the longest pieces of the vocabulary.
//!
//! As llama.cpp writes it: a piece that begins a word has `▁` before it, one inside a word has nothing.

use super::super::models::{Model, WordPiece};
use super::super::normalizer::Normalizer;
use super::super::pipeline::Pipeline;
use super::super::pre_tokenizer::PreTokenizer;
use super::super::tokenizer::Tokenizer;
use super::super::vocabulary::TokenKind;
use super::keys::{Keys, kind, read_tokens};
use crate::error::Result;
use crate::format::Value;

/// The mark of a word's beginning in the file, and that of a word's inside in [`WordPiece`].
const BEGINNING: &str = "▁";
const INSIDE: &str = "##";
/// Where BERT's own vocabulary has `[UNK]`.
const UNKNOWN: u32 = 100;
/// BERT's own limit.
const MAX_CHARS: usize = 100;

pub fn build(keys: &Keys<'_>) -> Result<Tokenizer> {
    let tokens = keys.tokens()?;
    let n = tokens.len();
    let unknown = match keys.id("unknown_token_id", n)? {
        Some(id) => id,
        None if n > UNKNOWN as usize => UNKNOWN,
        None => return Err(keys.invalid("unknown_token_id", "the id of the token for unknown words", "nothing")),
    };
    let types = keys.per_token("token_type", n, Value::as_ints)?;
    let mut kinds = Vec::with_capacity(n);
    let mut word_piece =
        WordPiece { ids: Default::default(), unknown, continuing: INSIDE.into(), max_chars: MAX_CHARS };
    for (id, text) in (0u32..).zip(tokens) {
        let kind = match types {
            _ if id == unknown => TokenKind::Unknown,
            Some(types) => kind(types.get(id as usize).copied(), text),
            None if text.starts_with('[') && text.ends_with(']') && text.len() > 2 => TokenKind::Control,
            None => TokenKind::Normal,
        };
        kinds.push(kind);
        if kind == TokenKind::Normal {
            let piece = text.strip_prefix(BEGINNING).map_or_else(|| format!("{INSIDE}{text}"), String::from);
            // Where a piece comes twice, the first counts.
            word_piece.ids.entry(piece).or_insert(id);
        }
    }
    let (vocabulary, added) = read_tokens(tokens, &kinds, false);
    let special =
        |first, second| -> Result<Vec<u32>> { Ok(keys.id(first, n)?.or(keys.id(second, n)?).into_iter().collect()) };
    let suffix = special("seperator_token_id", "eos_token_id")?;
    Ok(Tokenizer {
        vocabulary,
        added,
        pipeline: Pipeline {
            normalizers: vec![Normalizer::Bert {
                clean_text: true,
                spaces_around_chinese: true,
                strip_accents: true,
                lowercase: true,
            }],
            pre_tokenizers: vec![PreTokenizer::Bert],
            model: Model::WordPiece(word_piece),
        },
        adds_space: true,
        unknown: Some(unknown),
        prefix: special("cls_token_id", "bos_token_id")?,
        end_tokens: suffix.clone(),
        suffix,
        start: None,
        notes: Vec::new(),
    })
}
