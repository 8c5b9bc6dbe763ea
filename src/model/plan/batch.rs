//! What one forward pass is asked for.

use std::ops::Range;

use crate::error::{Error, Result};

/// Which rows of a batch need logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogitRows<'a> {
    /// None: a prefill chunk that is not the last. Steps from `SelectRows` on are skipped.
    None,
    /// The last row only.
    Last,
    /// These rows of the batch, counted from 0: each below the number of tokens, and no more than those.
    Rows(&'a [usize]),
    /// Every row.
    All,
}

impl LogitRows<'_> {
    /// How many rows of a batch of `n` tokens these are.
    pub fn count(self, n: usize) -> usize {
        match self {
            LogitRows::None => 0,
            LogitRows::Last => n.min(1),
            LogitRows::Rows(rows) => rows.len(),
            LogitRows::All => n,
        }
    }

    /// Which rows of a batch of `n` tokens these are, in the order of their logits.
    pub fn of(self, n: usize) -> impl ExactSizeIterator<Item = usize> {
        let first = if self == LogitRows::Last { n.saturating_sub(1) } else { 0 };
        (0..self.count(n)).map(move |k| match self {
            LogitRows::Rows(rows) => rows.get(k).copied().unwrap_or(0),
            _ => first + k,
        })
    }

    /// # Errors
    /// `Internal` for rows that a batch of `n` tokens does not have.
    pub fn check(self, n: usize) -> Result<()> {
        match self.of(n).find(|row| *row >= n) {
            None if self.count(n) <= n => Ok(()),
            _ => Err(Error::Internal { what: format!("logits of the rows {self:?} of a batch of {n} tokens") }),
        }
    }
}

/// One forward pass: consecutive tokens of one session.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// 1 to the backend's `max_batch` token ids, each below `n_vocab`.
    pub tokens: &'a [u32],
    /// Position of the first token: how many rows of the KV cache are already valid.
    pub position: usize,
    /// Which rows get logits.
    pub logits: LogitRows<'a>,
}

/// One pass of an encoder: whole texts, one behind the other. None sees anything of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    tokens: Vec<u32>,
    /// Of each token.
    segments: Vec<u32>,
    /// Where each text ends among the tokens.
    ends: Vec<usize>,
}

impl Texts {
    /// Adds a text of at least one token, and the segment of each.
    pub fn push(&mut self, text: impl IntoIterator<Item = (u32, u32)>) {
        for (token, segment) in text {
            self.tokens.push(token);
            self.segments.push(segment);
        }
        if self.ends.last().copied().unwrap_or(0) < self.tokens.len() {
            self.ends.push(self.tokens.len());
        }
    }

    /// The token ids of all texts.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// The segment of each token.
    pub fn segments(&self) -> &[u32] {
        &self.segments
    }

    /// Where each text ends among the tokens.
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// The tokens' range of each text.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| start..*end)
    }
}
