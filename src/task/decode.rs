//! The loop of writing: choose a token, show its text, feed it back.

use super::event::{FinishReason, Piece, Usage};
use super::ground::Chooser;
use super::model::Model;
use super::resident::Resident;
use super::stop::StopFilter;
use crate::error::Result;
use crate::model::LogitRows;
use crate::session::{MAX_DRAFT, Session, Speculation};
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
    speculation: Speculation,
    resident: Resident,
    finished: Option<FinishReason>,
    /// All text shown so far.
    pub text: String,
    /// Tokens written, without the one that ended the output.
    pub written: Vec<u32>,
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
            speculation: Speculation::new(None),
            resident: Resident::default(),
            finished: if max_tokens == 0 { Some(FinishReason::Length) } else { None },
            text: String::new(),
            written: Vec::new(),
        }
    }

    /// Whether tokens that may come next are read ahead; see [`Speculation::new`].
    pub fn speculate(&mut self, wanted: Option<bool>) {
        self.speculation = Speculation::new(wanted);
    }

    /// Says how many tokens were written, and read ahead.
    pub fn count(&self, usage: &mut Usage) {
        usage.completion_tokens = self.written.len();
        usage.drafted_tokens = self.speculation.drafted;
        usage.accepted_tokens = self.speculation.accepted;
    }

    /// Makes the session forget what was read ahead and not written.
    pub fn settle(&self, session: &mut Session) {
        session.truncate(session.position().saturating_sub(self.ahead()));
    }

    /// Tokens read that are not written yet, the one written last included where it was read.
    fn ahead(&self) -> usize {
        self.speculation.ahead() + self.resident.pending.len()
    }

    /// Writes one token. `logits` are those after the last token read, `[n_vocab]`; they are replaced by the next ones.
    pub async fn step(&mut self, model: &Model, session: &mut Session, logits: &mut Vec<f32>) -> Result<Step> {
        if let Some(reason) = self.finished {
            return Ok(Step::Finished(reason));
        }
        if let Some(token) = self.unread {
            let most = self.left.min(session.room());
            if !self.resident.run(token, most, &mut self.sampler, model, session).await? {
                self.read(token, model, session, logits).await?;
            }
            self.unread = None;
        }
        let resident = self.resident.next(&mut self.sampler);
        let choice = match resident {
            Some(choice) => choice,
            None => {
                let n_vocab = model.vocab_size();
                let row = logits.chunks_exact(n_vocab).nth(self.speculation.row()).unwrap_or_default();
                self.sampler.sample(row)?
            }
        };
        let mut shown = String::new();
        if self.end_tokens.contains(&choice.token) {
            self.finished = Some(FinishReason::Stop);
        } else {
            self.written.push(choice.token);
            self.left = self.left.saturating_sub(1);
            let ahead = self.speculation.ahead();
            if resident.is_some() {
                // All but the last of a run were read by it.
                self.unread = Some(choice.token).filter(|_| self.resident.pending.is_empty());
            } else if !self.speculation.check(choice.token) {
                session.truncate(session.position().saturating_sub(ahead));
                self.unread = Some(choice.token);
            }
            let text = match model.tokenizer() {
                Some(tokenizer) => self.stream.push(tokenizer, choice.token)?,
                None => "",
            };
            let (text, stopped) = self.stop.push(text);
            shown = text;
            if stopped {
                self.finished = Some(FinishReason::Stop);
            } else if self.left == 0 || session.room() + self.ahead() == 0 {
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

    /// Reads the token that was written last, and ahead what probably follows it.
    async fn read(&mut self, token: u32, model: &Model, session: &mut Session, logits: &mut Vec<f32>) -> Result<()> {
        // Rows that nobody will ask for are not worth a guess, and neither are tokens without room.
        let most = self.left.min(session.room()).min(model.exact_rows()).saturating_sub(1);
        let draft = self.speculation.propose(session.tokens(), token, most, &mut model.costs().borrow_mut());
        let mut tokens = [token; 1 + MAX_DRAFT];
        tokens.iter_mut().skip(1).zip(draft).for_each(|(to, from)| *to = *from);
        let n = 1 + draft.len();
        let rows = if n == 1 { LogitRows::Last } else { LogitRows::All };
        let start = (model.clock())();
        if let Err(error) = model.feed(session, tokens.get(..n).unwrap_or_default(), rows, logits).await {
            self.speculation.withdraw();
            return Err(error);
        }
        model.costs().borrow_mut().record(n, (model.clock())() - start);
        Ok(())
    }

    fn show(&mut self, shown: String, token: u32, logprob: f32) -> Step {
        self.text += &shown;
        Step::Piece(Piece { text: shown, token, logprob })
    }
}
