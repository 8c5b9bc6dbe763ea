//! The loop of writing: choose a token, show its text, feed it back.

use super::event::{FinishReason, Piece};
use super::ground::Chooser;
use super::model::Model;
use super::stop::StopFilter;
use crate::error::Result;
use crate::model::LogitRows;
use crate::session::Session;
use crate::text::Detokenizer;

/// The state of writing one output after a prompt was read.
pub struct Decoding {
    sampler: Chooser,
    stream: Detokenizer,
    stop: StopFilter,
    end_tokens: Vec<u32>,
    /// Tokens that may still be written.
    left: usize,
    /// The chosen token that the model has not read yet.
    unread: Option<u32>,
    finished: Option<FinishReason>,
    /// All text shown so far.
    pub text: String,
    /// Tokens written, without the one that ended the output.
    pub tokens: usize,
}

/// The outcome of one step.
pub enum Step {
    Piece(Piece),
    Finished(FinishReason),
}

impl Decoding {
    /// `start_of_text`: see [`Detokenizer::new`]. `max_tokens`: at least 1.
    pub fn new(
        sampler: impl Into<Chooser>,
        stop: &[String],
        end_tokens: Vec<u32>,
        max_tokens: usize,
        start_of_text: bool,
    ) -> Self {
        Decoding {
            sampler: sampler.into(),
            stream: Detokenizer::new(start_of_text),
            stop: StopFilter::new(stop),
            end_tokens,
            left: max_tokens,
            unread: None,
            finished: if max_tokens == 0 { Some(FinishReason::Length) } else { None },
            text: String::new(),
            tokens: 0,
        }
    }

    /// Writes one token. `logits` are those after the last token read, `[n_vocab]`; they are replaced by the next ones.
    pub async fn step(&mut self, model: &Model, session: &mut Session, logits: &mut Vec<f32>) -> Result<Step> {
        if let Some(reason) = self.finished {
            return Ok(Step::Finished(reason));
        }
        if let Some(token) = self.unread {
            model.feed(session, &[token], LogitRows::Last, logits).await?;
            self.unread = None;
        }
        let choice = self.sampler.sample(logits)?;
        let mut shown = String::new();
        if self.end_tokens.contains(&choice.token) {
            self.finished = Some(FinishReason::Stop);
        } else {
            self.tokens += 1;
            self.left = self.left.saturating_sub(1);
            self.unread = Some(choice.token);
            let text = match model.tokenizer() {
                Some(tokenizer) => self.stream.push(tokenizer, choice.token)?,
                None => "",
            };
            let (text, stopped) = self.stop.push(text);
            shown = text;
            if stopped {
                self.finished = Some(FinishReason::Stop);
            } else if self.left == 0 || session.room() == 0 {
                self.finished = Some(FinishReason::Length);
            }
            if stopped {
                return Ok(self.show(shown, choice.token, choice.logprob));
            }
        }
        if let Some(reason) = self.finished {
            // Nothing follows: what was held back is final.
            let (text, stopped) = self.stop.push(self.stream.finish());
            shown += &text;
            if !stopped {
                shown += &self.stop.finish();
            }
            if reason == FinishReason::Stop && shown.is_empty() {
                return Ok(Step::Finished(reason));
            }
        }
        Ok(self.show(shown, choice.token, choice.logprob))
    }

    fn show(&mut self, shown: String, token: u32, logprob: f32) -> Step {
        self.text += &shown;
        Step::Piece(Piece { text: shown, token, logprob })
    }
}
