//! What an encoder's head says of texts and of pairs of them.

use super::model::Model;
use std::ops::Range;

use crate::arch::{Reads, Scores};
use crate::error::{Error, Result};
use crate::model::{LogitRows, Texts};
use crate::text::Controls;
use crate::weights::Head;

/// Tokens of a question, at most, as `transformers` cuts them.
const MAX_QUESTION: usize = 64;

/// What a head says of the tokens of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLogits<'a> {
    /// What the outputs of a row stand for.
    pub labels: &'a [String],
    /// The outputs of the first row, which no token of the text has, then those of each token, row by row.
    pub logits: Vec<f32>,
    /// The bytes of the word that each token is of.
    pub words: Vec<Range<usize>>,
}

/// Tokens that a pass takes of several pairs; of one it takes all.
const PASS: usize = 256;

impl Model {
    /// The file's own labels of texts, where the model has a head for them.
    pub fn labels(&self) -> &[String] {
        self.head.as_ref().filter(|head| head.config.reads == Reads::Text).map_or(&[], |head| &head.config.labels)
    }

    /// The logits of [`Model::labels`] for a text, and how the file wants them read. Of a text with more tokens than the model reads its
    /// beginning counts.
    ///
    /// # Errors
    /// `UnsupportedTask` for a model without such a head, `NotFinite` where the weights are damaged, `Busy` where a call is
    /// inside the model at this moment; `Tokenizer`.
    pub fn label_logits(&self, text: &str) -> Result<(Vec<f32>, Scores)> {
        let head = self.require_head("classify", Reads::Text)?;
        let ids = self.require_tokenizer()?.encode_within(text, self.context_len())?;
        let mut pass = Texts::default();
        pass.push(ids.into_iter().map(|id| (id, 0)));
        Ok((self.head_logits(head, &pass)?, head.config.scores))
    }

    /// How well the first of these texts answer a query, by a head with one output that reads both together (a cross-encoder): its
    /// logits, of as many texts as one pass takes, at least one. Of a pair that is too long the longer text is cut off.
    ///
    /// # Errors
    /// `UnsupportedTask` for a model without such a head; else as [`Model::label_logits`].
    pub fn score_some(&self, query: &str, texts: &[impl AsRef<str>]) -> Result<Vec<f32>> {
        let head = self.require_head("rank", Reads::Text)?;
        if head.config.labels.len() != 1 {
            return Err(self.cannot("rank"));
        }
        let tokenizer = self.require_tokenizer()?;
        let query = tokenizer.encode(query, false, Controls::Literal)?;
        let mut pass = Texts::default();
        for text in texts {
            let text = tokenizer.encode(text.as_ref(), false, Controls::Literal)?;
            let pair = tokenizer.pair(&query, &text, head.config.separators, self.context_len());
            if !pass.tokens().is_empty() && pass.tokens().len() + pair.len() > PASS {
                break;
            }
            let segment = |second: bool| u32::from(second && self.segments > 1);
            pass.push(pair.into_iter().map(|(id, second)| (id, segment(second))));
        }
        self.head_logits(head, &pass)
    }

    /// What a head that reads every row says of the beginning of a text: of as many whole words as the model reads at once. With a
    /// question where the head answers such: of one that is long its beginning counts.
    ///
    /// # Errors
    /// `UnsupportedTask` for a model without such a head; else as [`Model::label_logits`], and `Tokenizer` where the tokenizer's words
    /// cannot be found again in the text.
    pub fn read_tokens(&self, text: &str, question: Option<&str>) -> Result<TokenLogits<'_>> {
        let head = match question {
            None => self.require_head("entities", Reads::Tokens)?,
            Some(_) => self.require_head("answer", Reads::Span)?,
        };
        let tokenizer = self.require_tokenizer()?;
        let (mut ids, mut words) = tokenizer.encode_with_words(text)?;
        let mut asked = tokenizer.encode(question.unwrap_or_default(), false, Controls::Literal)?;
        let separators = if question.is_some() { head.config.separators } else { 0 };
        let (before, behind) = tokenizer.around();
        let room = self.context_len().saturating_sub(before + behind * (separators + 1));
        asked.truncate(MAX_QUESTION.min(room / 2));
        let room = room - asked.len();
        if ids.len() > room {
            // A word is not cut, unless there is no other.
            let is_cut = |end: usize| end > 0 && words[end] == words[end - 1];
            let whole = (1..=room).rev().find(|end| !is_cut(*end)).unwrap_or(room);
            ids.truncate(whole);
            words.truncate(whole);
        }
        let pair = tokenizer.pair(&asked, &ids, separators, self.context_len());
        let from = pair.len().saturating_sub(behind + ids.len());
        let segment = |second: bool| u32::from(second && question.is_some() && self.segments > 1);
        let mut pass = Texts::default();
        pass.push(pair.into_iter().map(|(id, second)| (id, segment(second))));
        let all = self.rows_logits(head, &pass)?;
        let n = head.config.labels.len();
        let part = |rows: Range<usize>| all.get(rows.start * n..rows.end * n).unwrap_or_default();
        let logits = [part(0..1), part(from..from + ids.len())].concat();
        Ok(TokenLogits { labels: &head.config.labels, logits, words })
    }

    pub(super) fn require_head(&self, task: &str, reads: Reads) -> Result<&Head> {
        self.head.as_ref().filter(|head| head.config.reads == reads).ok_or_else(|| self.cannot(task))
    }

    /// The outputs for each text of a pass, one text's behind another's.
    fn head_logits(&self, head: &Head, pass: &Texts) -> Result<Vec<f32>> {
        let rows = self.pooled(pass, head.config.pooling, self.row_width())?;
        self.outputs(head, pass, &rows.concat())
    }

    /// The outputs for every row of a pass, one row's behind another's.
    fn rows_logits(&self, head: &Head, pass: &Texts) -> Result<Vec<f32>> {
        let mut rows = Vec::new();
        if !pass.tokens().is_empty() {
            self.encode(pass, LogitRows::All, &mut rows)?;
        }
        // What is given may be longer than the rows asked for.
        rows.truncate(pass.tokens().len() * self.row_width());
        self.outputs(head, pass, &rows)
    }

    fn row_width(&self) -> usize {
        self.encoder.map_or(1, |encoder| encoder.width)
    }

    fn outputs(&self, head: &Head, pass: &Texts, rows: &[f32]) -> Result<Vec<f32>> {
        let Some(first) = pass.tokens().first() else {
            return Err(Error::Tokenizer {
                what: "it puts nothing around a text, and an empty text has no token".into(),
            });
        };
        let mut logits = Vec::new();
        for row in rows.chunks_exact(self.row_width()) {
            logits.extend_from_slice(&head.logits(row));
        }
        match logits.iter().find(|x| !x.is_finite()) {
            None => Ok(logits),
            Some(found) => Err(Error::NotFinite { token: *first as usize, found: found.to_string() }),
        }
    }
}
