//! SentencePiece's Unigram, as T5, Marian and XLM-RoBERTa have it.

use super::super::models::{Model, Unigram};
use super::super::pipeline::Pipeline;
use super::super::tokenizer::Tokenizer;
use super::super::vocabulary::TokenKind;
use super::keys::{Keys, kind, read_tokens};
use super::sentence_piece::normalizer;
use crate::error::Result;
use crate::format::Value;

/// Every place of a text is tried up to the longest piece.
const MOST_BYTES: usize = 512;
/// Where T5 has `</s>` and `<unk>`.
const END: u32 = 1;
const UNKNOWN: u32 = 2;

pub fn build(keys: &Keys<'_>) -> Result<Tokenizer> {
    let tokens = keys.tokens()?;
    let n = tokens.len();
    let default = |id: u32| Some(id).filter(|id| (*id as usize) < n);
    let (bos, eos) = (keys.id("bos_token_id", n)?, keys.id("eos_token_id", n)?.or(default(END)));
    let unknown = keys.id("unknown_token_id", n)?.or(default(UNKNOWN));
    let types = keys.per_token("token_type", n, Value::as_ints)?;
    let scores = keys.per_token("scores", n, Value::as_floats)?;
    let scores = scores.ok_or_else(|| keys.invalid("scores", "an array with one number per token", "nothing"))?;
    let mut kinds = Vec::with_capacity(n);
    let mut pieces = Vec::with_capacity(n);
    let mut byte_ids = [None; 256];
    for ((id, text), score) in (0u32..).zip(tokens).zip(scores) {
        let kind = match types {
            Some(types) => kind(types.get(id as usize).copied(), text),
            None if Some(id) == unknown => TokenKind::Unknown,
            None if Some(id) == bos || Some(id) == eos => TokenKind::Control,
            None => TokenKind::Normal,
        };
        if text.len() > MOST_BYTES || !score.is_finite() {
            let found = format!("{} bytes with the score {score}", text.len());
            return Err(keys.invalid(
                &format!("tokens[{id}]"),
                &format!("at most {MOST_BYTES} bytes with a score"),
                &found,
            ));
        }
        if let TokenKind::Byte(byte) = kind {
            byte_ids[usize::from(byte)] = Some(id);
        }
        // Ids are places in the list, so what no text becomes stays there, without one.
        let is_piece = kind == TokenKind::Normal && !text.is_empty();
        pieces.push(if is_piece { (text.clone(), f64::from(*score)) } else { (String::new(), 0.0) });
        kinds.push(kind);
    }
    let byte_ids = byte_ids.iter().copied().collect::<Option<Vec<u32>>>();
    let byte_ids = byte_ids.and_then(|ids| ids.into_boxed_slice().try_into().ok());
    let (vocabulary, added) = read_tokens(tokens, &kinds, false);
    let (normalizer, adds_space) = normalizer(keys)?;
    let with = |flag: bool, id: Option<u32>| if flag { id.into_iter().collect() } else { Vec::new() };
    let model = Model::Unigram(Unigram::of_sentence_piece(pieces, unknown, byte_ids));
    Ok(Tokenizer {
        vocabulary,
        added,
        pipeline: Pipeline { normalizers: vec![normalizer], pre_tokenizers: Vec::new(), model },
        adds_space,
        unknown,
        prefix: with(keys.flag("add_bos_token", false)?, bos),
        suffix: with(keys.flag("add_eos_token", true)?, eos),
        end_tokens: eos.into_iter().collect(),
        start: bos,
        notes: Vec::new(),
    })
}
