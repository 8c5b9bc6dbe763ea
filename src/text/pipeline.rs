//! Normalisation, pre-tokenisation and the model, one after the other.
//!
//! Parts behave as those of the same names in the `tokenizers` library, against which the tests hold them. Unlike there, what a
//! text grows to is limited: parts come from files of unknown origin.

use std::ops::Range;

use super::added::Segment;
use super::models::Model;
use super::normalizer::Normalizer;
use super::pre_tokenizer::{Piece, PreTokenizer};
use crate::error::{Error, Result};

/// Text to ids, between the added tokens.
#[derive(Debug)]
pub struct Pipeline {
    pub normalizers: Vec<Normalizer>,
    pub pre_tokenizers: Vec<PreTokenizer>,
    pub model: Model,
}

/// How many times longer a text may become; one character becomes 33 bytes of 3 at most by Unicode's own rules.
const MAX_GROWTH: usize = 32;
const MAX_SHORT: usize = 1 << 16;

impl Pipeline {
    /// Appends the ids of `segments`, which are parts of `text`. `allowed`: whether plain text may become this token.
    ///
    /// # Errors
    /// `Tokenizer` where the vocabulary cannot write a character, or the file's rules do not get along with the text.
    pub fn encode(
        &self,
        text: &str,
        segments: &[Segment],
        allowed: impl Fn(u32) -> bool,
        out: &mut Vec<u32>,
    ) -> Result<()> {
        let failed = |what: String| Error::Tokenizer { what };
        for segment in segments {
            let range = match segment {
                Segment::Token(id, _) => {
                    out.push(*id);
                    continue;
                }
                Segment::Text(range) => range.clone(),
            };
            let first = range.start == 0;
            let part = text.get(range).ok_or_else(|| failed("text cut inside a character".into()))?;
            for piece in self.pieces(part, first).map_err(failed)? {
                let n_before = out.len();
                self.model.encode(&piece.text, out).map_err(failed)?;
                if let Some(id) = out[n_before..].iter().find(|id| !allowed(**id)) {
                    return Err(failed(format!("plain text would become the control token {id}")));
                }
            }
        }
        Ok(())
    }

    /// Appends the ids of a text, and for each the bytes of its word. Rules change what they read, so that a word is looked for by the
    /// spaces around it, and inside of those character by character; where they do more than that, all between two spaces is one word.
    ///
    /// # Errors
    /// As [`Pipeline::encode`].
    pub fn encode_words(&self, text: &str, ids: &mut Vec<u32>, words: &mut Vec<Range<usize>>) -> Result<()> {
        let failed = |what: String| Error::Tokenizer { what };
        let mut start = 0;
        while start < text.len() {
            // The last space before a word belongs to it, as tokenizers of bytes have it.
            let rest = &text[start..];
            let mut chars = rest.char_indices().zip(rest.chars().skip(1)).skip(1);
            let end = chars.find(|((_, c), next)| c.is_whitespace() && !next.is_whitespace());
            let run = &rest[..end.map_or(rest.len(), |((at, _), _)| at)];
            let pieces = self.pieces(run, start == 0).map_err(failed)?;
            // Where each character ends in the text, and in what the rules make of it.
            let mut ends = Vec::new();
            if pieces.len() > 1 {
                let mut made = 0;
                for (at, c) in run.char_indices() {
                    let own = self.pieces(&run[at..at + c.len_utf8()], start == 0 && at == 0).map_err(failed)?;
                    made += own.iter().map(|piece| piece.text.len()).sum::<usize>();
                    ends.push((at + c.len_utf8(), made));
                }
                if made != pieces.iter().map(|piece| piece.text.len()).sum::<usize>() {
                    ends.clear();
                }
            }
            let (mut from, mut made) = (0, 0);
            for piece in pieces {
                let n_before = ids.len();
                self.model.encode(&piece.text, ids).map_err(failed)?;
                made += piece.text.len();
                // What the rules leave out, such as an accent of its own, belongs to what is before it.
                let n = ends.partition_point(|(_, end)| *end <= made);
                let to = if ends.is_empty() { run.len() } else { ends[..n].last().map_or(from, |(at, _)| *at) };
                let word = &run[from..to];
                let first = start + from + (word.len() - word.trim_start().len());
                words.resize(
                    words.len() + ids.len() - n_before,
                    first..(start + from + word.trim_end().len()).max(first),
                );
                if !ends.is_empty() {
                    from = to;
                }
            }
            start += run.len();
        }
        Ok(())
    }

    /// The pieces of a text that the model gets. `first`: nothing comes before it.
    pub fn pieces(&self, text: &str, first: bool) -> std::result::Result<Vec<Piece>, String> {
        let most = (text.len() * MAX_GROWTH).max(MAX_SHORT);
        let check = |n: usize| {
            if n <= most {
                Ok(())
            } else {
                Err(format!("its rules make {} bytes of text more than {most}", text.len()))
            }
        };
        let mut piece = Piece { text: text.to_string(), first, keeps_start: true };
        for normalizer in &self.normalizers {
            normalizer.apply(&mut piece)?;
            check(piece.text.len())?;
        }
        if piece.text.is_empty() {
            return Ok(Vec::new());
        }
        let mut pieces = vec![piece];
        for pre_tokenizer in &self.pre_tokenizers {
            pieces = pre_tokenizer.apply(pieces)?;
            check(pieces.iter().map(|piece| piece.text.len()).sum())?;
        }
        Ok(pieces)
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
