//! What an encoder's head says of texts and of pairs of them.

use super::model::Model;
use crate::arch::Scores;
use crate::error::{Error, Result};
use crate::model::{LogitRows, Texts};
use crate::text::Controls;
use crate::weights::Head;

/// Tokens that a pass takes of several pairs; of one it takes all.
const PASS: usize = 256;

impl Model {
    /// The file's own labels, where the model has a head for them.
    pub fn labels(&self) -> &[String] {
        self.head.as_ref().map_or(&[], |head| &head.config.labels)
    }

    /// The logits of [`Model::labels`] for a text, and how the file wants them read. Of a text with more tokens than the model reads its
    /// beginning counts.
    ///
    /// # Errors
    /// `UnsupportedTask` for a model without such a head, `NotFinite` where the weights are damaged, `Busy` where a call is
    /// inside the model at this moment; `Tokenizer`.
    pub fn label_logits(&self, text: &str) -> Result<(Vec<f32>, Scores)> {
        let head = self.require_head("classify")?;
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
        let head = self.require_head("rank")?;
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

    fn require_head(&self, task: &str) -> Result<&Head> {
        self.head.as_ref().ok_or_else(|| self.cannot(task))
    }

    /// The outputs for each text of a pass, one text's behind another's.
    fn head_logits(&self, head: &Head, pass: &Texts) -> Result<Vec<f32>> {
        let firsts: Vec<usize> = pass.ranges().map(|range| range.start).collect();
        if firsts.is_empty() {
            return Err(Error::Tokenizer {
                what: "it puts nothing around a text, and an empty text has no token".into(),
            });
        }
        let mut rows = Vec::new();
        self.encode(pass, LogitRows::Rows(&firsts), &mut rows)?;
        // What is given may be longer than the rows asked for.
        let width = self.encoder.map_or(1, |encoder| encoder.dimensions);
        let mut logits = Vec::new();
        for row in rows.chunks_exact(width).take(firsts.len()) {
            logits.extend_from_slice(&head.logits(row));
        }
        match logits.iter().find(|x| !x.is_finite()) {
            None => Ok(logits),
            Some(found) => {
                let token = pass.tokens().first().map_or(0, |token| *token as usize);
                Err(Error::NotFinite { token, found: found.to_string() })
            }
        }
    }
}
