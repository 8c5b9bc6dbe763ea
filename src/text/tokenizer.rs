//! Text to token ids and back.

use std::collections::HashMap;
use std::ops::Range;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::added::{AddedTokens, Segment};
use super::merge::{Merger, NO_TOKEN, Symbol};
use super::split::Splitter;
use super::vocabulary::{TokenKind, Vocabulary};
use crate::error::{Error, Result};

/// What control tokens do that stand written out in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controls {
    /// They are control tokens, as in `transformers`: for prompts that the program itself writes.
    Parse,
    /// They are plain text: for text from elsewhere, which must not steer the model.
    Literal,
}

/// Whether a space is put before the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrefixSpace {
    Never,
    /// Before the first piece only.
    First,
    /// Before each piece of text between control tokens.
    Always,
}

/// Changes to the text before it is cut.
#[derive(Clone, Debug)]
pub struct Normalise {
    /// Unicode normal form C.
    pub nfc: bool,
    /// Spaces are written as `▁`.
    pub meta_space: bool,
    pub prefix_space: PrefixSpace,
    /// The prefix is left out where the text already starts with white space.
    pub prefix_only_if_missing: bool,
}

/// Which neighbours merge, and in which order.
#[derive(Debug)]
pub enum Merges {
    /// `(left, right) -> (rank, merged)`: the order of training.
    Ranked(HashMap<(u32, u32), (u32, u32)>),
    /// Rank by token id: whatever joins to a token may merge, the highest score (lowest rank) first.
    Scored(Vec<u32>),
}

/// A tokenizer, whatever file it came from.
#[derive(Debug)]
pub struct Tokenizer {
    pub(super) vocabulary: Vocabulary,
    pub(super) added: AddedTokens,
    pub(super) normalise: Normalise,
    pub(super) splitters: Vec<Splitter>,
    /// Symbols start as bytes; else as characters.
    pub(super) byte_level: bool,
    pub(super) merges: Merges,
    /// A piece that is a token as a whole is not merged together.
    pub(super) whole_pieces_first: bool,
    pub(super) unknown: Option<u32>,
    /// Neighbouring unknown characters become one token.
    pub(super) fuse_unknown: bool,
    /// Added before and after the text, where asked for.
    pub(super) prefix: Vec<u32>,
    pub(super) suffix: Vec<u32>,
    /// Tokens that end a generation.
    pub(super) end_tokens: Vec<u32>,
    /// The begin-of-text token.
    pub(super) start: Option<u32>,
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

    /// The id of a control token by its text, for example `<|end|>`.
    pub fn control(&self, text: &str) -> Option<u32> {
        self.added.control(text)
    }

    /// What a token is for; `None` for an id outside of the vocabulary.
    pub fn kind(&self, id: u32) -> Option<TokenKind> {
        self.vocabulary.kind(id)
    }

    /// Whether the first token of a text decodes with a space that was not in the text.
    pub(super) fn adds_space(&self) -> bool {
        self.normalise.meta_space && self.normalise.prefix_space != PrefixSpace::Never
    }

    /// The ids of `text`. With `add_special` the tokens that the model expects around a text (such as a begin-of-text
    /// token) are added.
    ///
    /// # Errors
    /// `Tokenizer` where the vocabulary has no way to write a character, not even byte by byte.
    pub fn encode(&self, text: &str, add_special: bool, controls: Controls) -> Result<Vec<u32>> {
        let mut out = Vec::with_capacity(text.len() / 3 + 2);
        if add_special {
            out.extend_from_slice(&self.prefix);
        }
        let mut scratch = Scratch::default();
        for (i, segment) in self.added.segments(text, controls == Controls::Parse).into_iter().enumerate() {
            match segment {
                Segment::Token(id) => out.push(id),
                Segment::Text(range) => self.encode_segment(&text[range], i == 0, &mut scratch, &mut out)?,
            }
        }
        if add_special {
            out.extend_from_slice(&self.suffix);
        }
        Ok(out)
    }

    /// Encodes text without added tokens. `first`: nothing came before it.
    fn encode_segment(&self, text: &str, first: bool, scratch: &mut Scratch, out: &mut Vec<u32>) -> Result<()> {
        let text = self.normalised(text, first);
        scratch.pieces.clear();
        scratch.pieces.push(0..text.len());
        for splitter in &self.splitters {
            std::mem::swap(&mut scratch.pieces, &mut scratch.wider);
            scratch.pieces.clear();
            for range in scratch.wider.drain(..) {
                splitter.split(&text, range, &mut scratch.pieces);
            }
        }
        for range in std::mem::take(&mut scratch.pieces) {
            self.encode_piece(&text[range], &mut scratch.merger, out)?;
        }
        Ok(())
    }

    fn normalised(&self, text: &str, first: bool) -> String {
        let rules = &self.normalise;
        let mut out = String::with_capacity(text.len() + 8);
        let wants_space = match rules.prefix_space {
            PrefixSpace::Never => false,
            PrefixSpace::First => first,
            PrefixSpace::Always => true,
        };
        let has_space = || text.starts_with(' ') || rules.meta_space && text.starts_with('▁');
        if wants_space && !(rules.prefix_only_if_missing && has_space()) {
            out.push(' ');
        }
        if rules.nfc && !is_nfc(text) {
            out.extend(text.nfc());
        } else {
            out.push_str(text);
        }
        if rules.meta_space { out.replace(' ', "▁") } else { out }
    }

    fn encode_piece(&self, piece: &str, merger: &mut Merger, out: &mut Vec<u32>) -> Result<()> {
        let bytes = piece.as_bytes();
        if self.whole_pieces_first
            && let Some(id) = self.vocabulary.id(bytes)
        {
            out.push(id);
            return Ok(());
        }
        let token = |range: &Range<usize>| self.vocabulary.id(&bytes[range.clone()]).unwrap_or(NO_TOKEN);
        merger.clear();
        if self.byte_level {
            for at in 0..bytes.len() {
                let range = at..at + 1;
                merger.push(range.clone(), token(&range));
            }
        } else {
            for (at, c) in piece.char_indices() {
                let range = at..at + c.len_utf8();
                merger.push(range.clone(), token(&range));
            }
        }
        let rank = |a: &Symbol, b: &Symbol| match &self.merges {
            Merges::Ranked(pairs) => pairs.get(&(a.token, b.token)).copied(),
            Merges::Scored(ranks) => {
                let id = self.vocabulary.id(&bytes[a.range.start..b.range.end])?;
                ranks.get(id as usize).map(|rank| (*rank, id))
            }
        };
        let mut failed = None;
        let mut after_unknown = false;
        merger.merge(rank, |symbol| {
            if symbol.token != NO_TOKEN {
                out.push(symbol.token);
                after_unknown = false;
                return;
            }
            let part = &bytes[symbol.range.clone()];
            let start = out.len();
            out.extend(part.iter().map_while(|byte| self.vocabulary.byte_id(*byte)));
            if out.len() - start == part.len() {
                after_unknown = false;
                return;
            }
            out.truncate(start);
            match self.unknown {
                Some(_) if after_unknown && self.fuse_unknown => {}
                Some(unknown) => out.push(unknown),
                None => failed = Some(symbol.range.clone()),
            }
            after_unknown = true;
        });
        match failed {
            Some(range) => Err(Error::Tokenizer {
                what: format!(
                    "the vocabulary has no token for {:?} and none for unknown text; leave it out of the text",
                    String::from_utf8_lossy(&bytes[range])
                ),
            }),
            None => Ok(()),
        }
    }

    /// The text of `ids`, without control tokens. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// `InvalidOption` for an id outside of the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        let mut stream = super::Detokenizer::new(true);
        let mut out = String::new();
        for &id in ids {
            out.push_str(stream.push(self, id)?);
        }
        out.push_str(stream.finish());
        Ok(out)
    }

    /// The bytes of one token; empty for control tokens.
    pub(super) fn decoded(&self, id: u32) -> Result<&[u8]> {
        self.vocabulary.decoded(id)
    }
}

#[derive(Default)]
struct Scratch {
    pieces: Vec<Range<usize>>,
    wider: Vec<Range<usize>>,
    merger: Merger,
}
