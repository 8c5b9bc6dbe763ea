//! The work of the `tokenizers` library: normalisation, pre-tokenisation and the model (BPE, arXiv 1508.07909; Unigram,
//! arXiv 1804.10959; WordPiece).
//!
//! The library trusts its input more than this crate may: the builders of this module's callers check ids, merges and
//! parts before they hand them over. Its own table of added tokens is not used, because it numbers tokens itself and
//! has one switch for whether control tokens written in a text act; here that is decided with each text.

use std::collections::HashSet;

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizer::Range;
use tokenizers::{
    Model, ModelWrapper, Normalizer, NormalizerWrapper, OffsetReferential, OffsetType, PreTokenizedString,
    PreTokenizer, PreTokenizerWrapper, Token,
};

use super::added::Segment;
use crate::error::{Error, Result};

/// Text to ids, between the added tokens.
#[derive(Debug)]
pub struct Pipeline {
    pub normalizer: Option<NormalizerWrapper>,
    pub pre_tokenizer: Option<PreTokenizerWrapper>,
    pub model: ModelWrapper,
}

impl Pipeline {
    /// Appends the ids of `segments`, which are parts of `text`. `allowed`: whether plain text may become this token.
    ///
    /// # Errors
    /// `Tokenizer` where the vocabulary cannot write a character, or the library reports an error.
    pub fn encode(
        &self,
        text: &str,
        segments: &[Segment],
        allowed: impl Fn(u32) -> bool,
        out: &mut Vec<u32>,
    ) -> Result<()> {
        let failed = |e: tokenizers::Error| Error::Tokenizer { what: e.to_string() };
        let mut parts = PreTokenizedString::from(text);
        parts
            .split(|_, whole| {
                let slice = |range: &std::ops::Range<usize>| whole.slice(Range::Normalized(range.clone()));
                let parts = segments.iter().map(|segment| match segment {
                    Segment::Text(range) => Some((slice(range)?, None)),
                    Segment::Token(id, range) => {
                        Some((slice(range)?, Some(vec![Token::new(*id, String::new(), (0, range.len()))])))
                    }
                });
                parts.collect::<Option<Vec<_>>>().ok_or_else(|| "text cut inside a character".into())
            })
            .map_err(failed)?;
        if let Some(normalizer) = &self.normalizer {
            parts.normalize(|part| normalizer.normalize(part)).map_err(failed)?;
            // Leaves out parts that normalisation has emptied: the cuts that follow expect some text.
            parts.split(|_, part| Ok([part])).map_err(failed)?;
        }
        if let Some(pre_tokenizer) = &self.pre_tokenizer {
            pre_tokenizer.pre_tokenize(&mut parts).map_err(failed)?;
        }
        parts
            .tokenize(|part| {
                let tokens = self.tokens(part.get())?;
                match tokens.iter().find(|token| !allowed(token.id)) {
                    Some(token) => Err(format!("plain text would become the control token {}", token.id).into()),
                    None => Ok(tokens),
                }
            })
            .map_err(failed)?;
        for (_, _, tokens) in parts.get_splits(OffsetReferential::Normalized, OffsetType::None) {
            out.extend(tokens.iter().flatten().map(|token| token.id));
        }
        Ok(())
    }

    fn tokens(&self, piece: &str) -> tokenizers::Result<Vec<Token>> {
        let tokens = self.model.tokenize(piece)?;
        // Where there is no token for unknown text, the library's BPE drops it.
        let written = tokens.last().map_or(0, |token| token.offsets.1);
        if matches!(self.model, ModelWrapper::BPE(_)) && written != piece.len() {
            let is_missing = |c: &char| self.model.tokenize(&c.to_string()).is_ok_and(|tokens| tokens.is_empty());
            let missing = piece.chars().find(is_missing).unwrap_or_default();
            let what = "the vocabulary has no token for";
            return Err(format!("{what} {missing:?} and none for unknown text; leave it out of the text").into());
        }
        Ok(tokens)
    }
}

/// The data of a byte pair encoding, checked as it comes in.
#[derive(Default)]
pub struct Bpe {
    pub ids: Vocab,
    pub merges: Vec<(String, String)>,
    pub merged: HashSet<(u32, u32)>,
    pub unknown: Option<u32>,
    pub fuse_unknown: bool,
    pub byte_fallback: bool,
    /// A piece that is a token as a whole is not merged together.
    pub whole_pieces_first: bool,
}

impl Bpe {
    pub fn contains(&self, piece: &str) -> bool {
        self.ids.contains_key(piece)
    }

    pub fn insert(&mut self, piece: String, id: u32) {
        self.ids.insert(piece, id);
    }

    /// Appends the next merge; `false` where a part, or what they join to, is no piece of the vocabulary. Of equal
    /// merges the first counts.
    #[must_use]
    pub fn merge(&mut self, left: &str, right: &str) -> bool {
        let (Some(a), Some(b)) = (self.ids.get(left), self.ids.get(right)) else { return false };
        if !self.ids.contains_key(&format!("{left}{right}")) {
            return false;
        }
        if self.merged.insert((*a, *b)) {
            self.merges.push((left.to_string(), right.to_string()));
        }
        true
    }

    /// Appends the merges of a vocabulary with scores: whatever two pieces join to a third may merge, the highest score
    /// first. Of equal scores the longer left part goes first, as where SentencePiece models are converted.
    ///
    /// `None` where the pieces are so long that the parts cannot be tried.
    pub fn merge_by_score(&mut self, score: impl Fn(u32) -> f32) -> Option<()> {
        // Looking up all parts of a piece takes time by the square of its length.
        self.ids.keys().try_fold(MAX_PART_BYTES, |left, piece| left.checked_sub(piece.len().checked_pow(2)?))?;
        let mut merges: Vec<(f32, usize, u32, &str)> = Vec::new();
        for (piece, id) in &self.ids {
            for (at, _) in piece.char_indices().skip(1) {
                if self.contains(&piece[..at]) && self.contains(&piece[at..]) {
                    merges.push((score(*id), at, *id, piece));
                }
            }
        }
        merges.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)));
        let merges: Vec<_> =
            merges.iter().map(|(_, at, _, piece)| (piece[..*at].into(), piece[*at..].into())).collect();
        self.merges = merges;
        Some(())
    }

    /// Adds the token for unknown text and the byte tokens, and builds the library's model.
    ///
    /// # Errors
    /// `Tokenizer` where the library refuses the data.
    pub fn build(mut self, byte_ids: &[Option<u32>; 256]) -> Result<ModelWrapper> {
        for (byte, id) in byte_ids.iter().enumerate() {
            if let Some(id) = id {
                self.ids.insert(byte_piece(byte as u8), *id);
            }
        }
        // No text may become the unknown token by merging, so it goes by a name that no piece has.
        let mut name = String::from("<unknown>");
        while self.contains(&name) {
            name.push('>');
        }
        let mut builder = BPE::builder();
        if let Some(id) = self.unknown {
            self.ids.insert(name.clone(), id);
            builder = builder.unk_token(name);
        }
        builder
            .vocab_and_merges(self.ids, self.merges)
            .fuse_unk(self.fuse_unknown)
            .byte_fallback(self.byte_fallback)
            .ignore_merges(self.whole_pieces_first)
            // The library's cache outlives the tokenizer.
            .cache_capacity(0)
            .build()
            .map(ModelWrapper::BPE)
            .map_err(|e| Error::Tokenizer { what: format!("the vocabulary cannot be used: {e}") })
    }
}

/// Sum of squared piece lengths up to which merges are derived from scores: hundreds of times what real vocabularies have.
const MAX_PART_BYTES: usize = 1 << 30;

/// How the library looks up the token of a byte.
pub fn byte_piece(byte: u8) -> String {
    format!("<0x{byte:02X}>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bpe(pieces: &[&str]) -> Bpe {
        let mut bpe = Bpe::default();
        (0..).zip(pieces).for_each(|(id, piece)| bpe.insert(piece.to_string(), id));
        bpe
    }

    fn encode(model: ModelWrapper, text: &str) -> Result<Vec<u32>> {
        let pipeline = Pipeline { normalizer: None, pre_tokenizer: None, model };
        let mut out = Vec::new();
        pipeline.encode(text, &[Segment::Text(0..text.len())], |id| id != 9, &mut out)?;
        Ok(out)
    }

    #[test]
    fn merges_are_checked_and_applied_in_order() {
        let mut data = bpe(&["a", "b", "c", "ab", "bc"]);
        assert!(data.merge("b", "c") && data.merge("a", "b") && data.merge("b", "c"));
        assert!(!data.merge("a", "x") && !data.merge("x", "a") && !data.merge("a", "c"));
        assert_eq!(encode(data.build(&[None; 256]).unwrap(), "abcab").unwrap(), [0, 4, 3]);
    }

    #[test]
    fn scores_order_the_merges() {
        let scores = [0.0, 0.0, 0.0, -1.0, -2.0, -3.0];
        let mut data = bpe(&["a", "b", "c", "ab", "bc", "abc"]);
        data.merge_by_score(|id| scores[id as usize]).unwrap();
        assert_eq!(encode(data.build(&[None; 256]).unwrap(), "abcbc").unwrap(), [5, 4]);
        let mut long = Bpe::default();
        long.insert("a".repeat(1 << 20), 0);
        assert!(long.merge_by_score(|_| 0.0).is_none(), "too long to try");
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let error = encode(bpe(&["a", "b"]).build(&[None; 256]).unwrap(), "abyx").unwrap_err().to_string();
        assert!(error.contains("'y'"), "{error}");
        let mut unknown = bpe(&["a", "<unknown>"]);
        unknown.unknown = Some(7);
        assert_eq!(encode(unknown.build(&[None; 256]).unwrap(), "abca").unwrap(), [0, 7, 7, 0]);
        let mut control = bpe(&["a"]);
        control.insert("b".into(), 9);
        assert!(encode(control.build(&[None; 256]).unwrap(), "ab").is_err());
    }
}
