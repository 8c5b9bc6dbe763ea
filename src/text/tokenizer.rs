//! Text to token ids and back.

use std::ops::Range;

use super::added::AddedTokens;
use super::pipeline::Pipeline;
use super::vocabulary::{TokenKind, Vocabulary};
use crate::error::{Error, Result};

/// What control tokens do that stand written out in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controls<'a> {
    /// They are control tokens, as in `transformers`: for prompts that the program itself writes.
    Parse,
    /// They are plain text: for text from elsewhere, which must not steer the model.
    Literal,
    /// As [`Controls::Parse`], but for those that would take in one of these bytes of the text: for prompts into which text
    /// from elsewhere was put.
    Except(&'a [u32]),
}

/// A tokenizer, whatever file it came from.
#[derive(Debug)]
pub struct Tokenizer {
    pub(super) vocabulary: Vocabulary,
    pub(super) added: AddedTokens,
    pub(super) pipeline: Pipeline,
    /// The first token of a text decodes with a space that was not in the text.
    pub(super) adds_space: bool,
    pub(super) unknown: Option<u32>,
    /// Added before and after the text, where asked for.
    pub(super) prefix: Vec<u32>,
    pub(super) suffix: Vec<u32>,
    /// Tokens that end a generation.
    pub(super) end_tokens: Vec<u32>,
    /// The begin-of-text token.
    pub(super) start: Option<u32>,
    /// What its file left open, and what was taken for it.
    pub(super) notes: Vec<String>,
}

impl Tokenizer {
    /// Number of tokens.
    pub fn vocab_size(&self) -> usize {
        self.vocabulary.len()
    }

    /// Tokens that end a generation, as the tokenizer's file says.
    pub fn end_tokens(&self) -> &[u32] {
        &self.end_tokens
    }

    /// The begin-of-text token, where the tokenizer's file names one.
    pub fn start_token(&self) -> Option<u32> {
        self.start
    }

    /// What the tokenizer's file left open, and what was taken for it, in words.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The id of a control token by its text, for example `<|end|>`.
    pub fn control(&self, text: &str) -> Option<u32> {
        self.added.control(text)
    }

    /// The texts and ids of all control tokens, in no order.
    pub fn controls(&self) -> impl Iterator<Item = (&str, u32)> {
        self.added.controls()
    }

    /// What a token is for; `None` for an id outside of the vocabulary.
    pub fn kind(&self, id: u32) -> Option<TokenKind> {
        self.vocabulary.kind(id)
    }

    /// The ids of `text`. With `add_special` the tokens that the model expects around a text (such as a begin-of-text
    /// token) are added.
    ///
    /// # Errors
    /// `Tokenizer` where the vocabulary has no way to write a character, not even byte by byte.
    pub fn encode(&self, text: &str, add_special: bool, controls: Controls<'_>) -> Result<Vec<u32>> {
        let mut out = Vec::with_capacity(text.len() / 3 + 2);
        if add_special {
            out.extend_from_slice(&self.prefix);
        }
        let literal = if let Controls::Except(bytes) = controls { bytes } else { &[] };
        let segments = self.added.segments(text, controls != Controls::Literal, literal);
        let allowed = |id| Some(id) == self.unknown || self.kind(id).is_some_and(|kind| kind != TokenKind::Control);
        self.pipeline.encode(text, &segments, allowed, &mut out)?;
        if add_special {
            out.extend_from_slice(&self.suffix);
        }
        Ok(out)
    }

    /// The ids of a text from elsewhere with what its file has before and after each text; its end is cut off where that would be more
    /// than `max`.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn encode_within(&self, text: &str, max: usize) -> Result<Vec<u32>> {
        Ok(self.within(&self.encode(text, false, Controls::Literal)?, max))
    }

    /// The ids of a text with what its file has before and after each text, cut off in the same way.
    pub fn within(&self, ids: &[u32], max: usize) -> Vec<u32> {
        let room = max.saturating_sub(self.prefix.len() + self.suffix.len());
        let whole = self.prefix.iter().chain(ids.iter().take(room)).chain(&self.suffix);
        whole.copied().take(max).collect()
    }

    /// Two texts of plain tokens as one, with what the tokenizer's file has around a text and `separators` ends between them; each token
    /// with whether it belongs to the second. At most `max`: the longer text is cut off first, as `tokenizers` does by `longest_first`.
    pub fn pair(&self, a: &[u32], b: &[u32], separators: usize, max: usize) -> Vec<(u32, bool)> {
        let ends = self.suffix.len() * (separators + 1);
        let room = max.saturating_sub(self.prefix.len() + ends);
        let (mut n, mut m) = (a.len(), b.len());
        if n + m > room {
            let shorter = n.min(m).min(room / 2);
            let longer = room - shorter;
            (n, m) = if n > m { (longer, shorter) } else { (shorter, longer) };
        }
        let mut all = Vec::new();
        let mut push = |ids: &[u32], most: usize, second| all.extend(ids.iter().take(most).map(|id| (*id, second)));
        push(&self.prefix, max, false);
        push(a, n, false);
        for i in 0..separators {
            push(&self.suffix, max, i > 0);
        }
        push(b, m, true);
        push(&self.suffix, max, true);
        all.truncate(max);
        all
    }

    /// How many tokens the tokenizer's file has before a text, and behind it.
    pub fn around(&self) -> (usize, usize) {
        (self.prefix.len(), self.suffix.len())
    }

    /// The ids of a text in which control tokens are plain text, and for each the bytes of its word: of what the tokenizer takes as one,
    /// without the spaces around it.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`], and `Tokenizer` where a word by itself becomes other tokens than among others.
    pub fn encode_with_words(&self, text: &str) -> Result<(Vec<u32>, Vec<Range<usize>>)> {
        let ids = self.encode(text, false, Controls::Literal)?;
        let (mut found, mut words) = (Vec::with_capacity(ids.len()), Vec::with_capacity(ids.len()));
        self.pipeline.encode_words(text, &mut found, &mut words)?;
        let changed =
            || Error::Tokenizer { what: "its words depend on each other, so nothing can be found in a text".into() };
        if found == ids { Ok((ids, words)) } else { Err(changed()) }
    }

    /// The ids of a text in which control tokens are plain text, and for each the byte of the text where it ends. A
    /// character that several tokens spell belongs to the first of them.
    ///
    /// # Errors
    /// `Tokenizer` where the tokens do not spell the text: the tokenizer changes what it reads.
    pub fn encode_with_ends(&self, text: &str) -> Result<(Vec<u32>, Vec<usize>)> {
        let ids = self.encode(text, false, Controls::Literal)?;
        let mut ends = Vec::with_capacity(ids.len());
        let mut at = 0;
        let spelled = |at: usize, bytes: &[u8]| text.as_bytes().get(at..at + bytes.len()) == Some(bytes);
        let changed =
            || Error::Tokenizer { what: "its tokens do not spell the text, so nothing can be found in it".into() };
        for id in &ids {
            let bytes = self.decoded(*id)?;
            if !spelled(at, bytes) {
                return Err(changed());
            }
            at += bytes.len();
            ends.push((at..text.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(text.len()));
        }
        if at < text.len() { Err(changed()) } else { Ok((ids, ends)) }
    }

    /// The ids of a text that continues another one. A tokenizer that puts a space before each text puts one here, too:
    /// it stands for the one that `text` begins with.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn encode_more(&self, text: &str, controls: Controls<'_>) -> Result<Vec<u32>> {
        let text = if self.adds_space { text.strip_prefix(' ').unwrap_or(text) } else { text };
        self.encode(text, false, controls)
    }

    /// What a token writes: nothing for control tokens and for ids outside of the vocabulary.
    pub fn bytes(&self, id: u32) -> &[u8] {
        self.decoded(id).unwrap_or_default()
    }

    /// The bytes of one token; empty for control tokens.
    pub(super) fn decoded(&self, id: u32) -> Result<&[u8]> {
        self.vocabulary.decoded(id)
    }
}
