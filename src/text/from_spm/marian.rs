//! Marian's vocabulary: the pieces of two SentencePiece models, of both languages, with ids of their own in `vocab.json`. A text is cut by the
//! source's model, and what comes of it looked up there; what is not there is unknown.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::format::{shown, without_mark};
use crate::text::added::{Added, AddedTokens};
use crate::text::models::{Model, WordLevel};
use crate::text::tokenizer::Tokenizer;
use crate::text::vocabulary::{PieceStyle, TokenKind, Vocabulary};

/// The tokenizer of the source's pieces, by their ids in `vocab.json`.
pub fn renamed(mut tokenizer: Tokenizer, vocab: &[u8]) -> Result<Tokenizer> {
    let wrong = |what: &str, expected: &str, found: String| Error::Format {
        file: "vocab.json".into(),
        what: what.into(),
        expected: expected.into(),
        found,
    };
    let root: Value =
        serde_json::from_slice(without_mark(vocab)).map_err(|e| wrong("the file", "JSON", e.to_string()))?;
    let tokens = root.as_object().ok_or_else(|| wrong("the file", "an object of texts and ids", shown(&root)))?;
    let mut by_id = vec![None; tokens.len()];
    for (text, id) in tokens {
        let place = id.as_u64().and_then(|id| by_id.get_mut(usize::try_from(id).ok()?));
        let expected = "an id of its own, below the number of tokens";
        match place {
            Some(place @ None) => *place = Some(text.as_str()),
            _ => return Err(wrong(&format!("{text:?}"), expected, shown(id))),
        }
    }
    let id = |text: &str| tokens.get(text).and_then(Value::as_u64).map(|id| id as u32);
    let required = |text: &str| id(text).ok_or_else(|| wrong(&format!("{text:?}"), "an id", "nothing".into()));
    let (unknown, end) = (required("<unk>")?, required("</s>")?);
    let is_control = |text: &str| matches!(text, "</s>" | "<pad>" | "<unk>");
    let (mut vocabulary, mut added) = (Vocabulary::default(), Vec::new());
    for (id, text) in (0u32..).zip(by_id.iter().copied().flatten()) {
        let control = is_control(text);
        // The language that is to be written, in models that know several.
        let is_code = text.starts_with(">>") && text.ends_with("<<");
        if control || is_code {
            let (strip_left, strip_right, single_word) = (false, false, false);
            added.push(Added { text: text.into(), id, control, strip_left, strip_right, single_word, leads: is_code });
        }
        let kind = match (control, is_code) {
            (true, _) => TokenKind::Control,
            (_, true) => TokenKind::UserDefined,
            _ => TokenKind::Normal,
        };
        PieceStyle::MetaSpace.push(&mut vocabulary, text, kind);
    }
    let ids = tokens.keys().filter(|text| !is_control(text)).filter_map(|text| Some((text.clone(), id(text)?)));
    let Model::Unigram(model) = &mut tokenizer.pipeline.model else {
        return Err(Error::Unsupported {
            what: "source.spm".into(),
            found: "a BPE model".into(),
            supported: "Unigram, as Marian's models have it".into(),
        });
    };
    model.renamed = Some(WordLevel { ids: ids.collect(), unknown });
    (tokenizer.vocabulary, tokenizer.added) = (vocabulary, AddedTokens::new(added));
    (tokenizer.unknown, tokenizer.start) = (Some(unknown), None);
    (tokenizer.prefix, tokenizer.suffix, tokenizer.end_tokens) = (Vec::new(), vec![end], vec![end]);
    Ok(tokenizer)
}
