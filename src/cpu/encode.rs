//! Encoders: whole texts in one pass, each of which sees all of itself and nothing of the others. No row is padding.

use super::CpuModel;
use super::pass::{MAX_BATCH, Observe, Pass};
use crate::error::{Error, Result};
use crate::model::{LogitRows, Texts};

impl CpuModel {
    /// Reads texts; `out` becomes what the plan gives for the rows asked for, `[rows, width]`. Memory grows with the longest pass.
    ///
    /// # Errors
    /// Before anything is changed: [`Error::InvalidOption`] for a token id outside of the vocabulary, [`Error::ContextFull`] for a text
    /// with more tokens than the model has positions, [`Error::OutOfMemory`], and [`Error::Internal`] for a decoder, no text, or
    /// rows and segments that are not there.
    pub fn encode(&mut self, texts: &Texts, rows: LogitRows<'_>, out: &mut Vec<f32>) -> Result<()> {
        self.encode_traced(texts, rows, out, &mut |_, _| ())
    }

    /// [`CpuModel::encode`], showing `observe` the output rows of every step that has an output.
    pub fn encode_traced(
        &mut self,
        texts: &Texts,
        rows: LogitRows<'_>,
        out: &mut Vec<f32>,
        observe: Observe<'_>,
    ) -> Result<()> {
        let n = texts.tokens().len();
        if self.plan.config.encoder().is_none() || n == 0 {
            return Err(Error::Internal { what: format!("{n} tokens were to be encoded by this model") });
        }
        rows.check(n)?;
        self.check_tokens(texts.tokens())?;
        let segments = self.plan.config.segments.max(1);
        if texts.segments().iter().any(|segment| *segment as usize >= segments) {
            return Err(Error::Internal { what: format!("a segment beyond the {segments} of the model") });
        }
        let longest = texts.ranges().map(|range| range.len()).max().unwrap_or(0);
        if longest > self.facts.positions {
            return Err(Error::ContextFull { limit: self.facts.positions, found: longest });
        }
        let cache = self.own_cache.take().filter(|cache| cache.capacity() >= n);
        let mut cache = match cache {
            Some(cache) => cache,
            None => self.cache_of(n.next_multiple_of(MAX_BATCH))?,
        };
        self.inputs.make_room(n, self.row.len());
        let (tokens, segments, ends) = (texts.tokens(), texts.segments(), texts.ends());
        self.pass(
            &mut cache,
            Pass { tokens, segments, position: 0, ends, rows, steps: (0, self.plan.steps.len()) },
            out,
            observe,
        );
        self.own_cache = Some(cache);
        Ok(())
    }
}
