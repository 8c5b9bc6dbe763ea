//! The loop of writing: choose a token, show its text, feed it back.

use super::bursts::Bursts;
use super::choose::Chooser;
use super::context::Context;
use super::event::{FinishReason, Piece, Usage};
use super::lease::Lease;
use super::stop::StopFilter;
use crate::error::Result;
use crate::model::{LogitRows, Sampled};
use crate::session::{MAX_DRAFT, Speculation};
use crate::text::Detokenizer;

/// What is written, and how.
pub struct Output {
    /// Chooses the tokens.
    pub chooser: Chooser,
    /// The output ends before the first of these.
    pub stop: Vec<String>,
    /// Tokens that end it.
    pub end_tokens: Vec<u32>,
    /// Tokens of it, at most.
    pub max_tokens: usize,
    /// At least so many come before one that ends it.
    pub min_tokens: usize,
    /// See [`Detokenizer::new`].
    pub start_of_text: bool,
    /// Whether tokens that may come next are read ahead; see [`Speculation::new`].
    pub speculate: Option<bool>,
}

/// The state of writing one output after a prompt was read.
pub struct Decoding {
    chooser: Chooser,
    stream: Detokenizer,
    stop: StopFilter,
    end_tokens: Vec<u32>,
    /// Tokens that may still be written.
    left: usize,
    min_tokens: usize,
    /// The chosen token that the model has not read yet.
    unread: Option<u32>,
    speculation: Speculation,
    bursts: Bursts,
    finished: Option<FinishReason>,
    /// All text shown so far.
    pub text: String,
    /// How many tokens were written, without the one that ended the output.
    written: usize,
}

/// The outcome of one step.
pub enum Step {
    Piece(Piece),
    Finished(FinishReason),
}

impl Decoding {
    pub fn new(output: Output) -> Self {
        Decoding {
            chooser: output.chooser,
            stream: Detokenizer::new(output.start_of_text),
            stop: StopFilter::new(&output.stop),
            end_tokens: output.end_tokens,
            left: output.max_tokens,
            min_tokens: output.min_tokens,
            unread: None,
            speculation: Speculation::new(output.speculate),
            bursts: Bursts::default(),
            finished: if output.max_tokens == 0 { Some(FinishReason::Length) } else { None },
            text: String::new(),
            written: 0,
        }
    }

    /// Says how many tokens were written, and read ahead.
    fn count(&self, usage: &mut Usage) {
        usage.completion_tokens = self.written;
        usage.drafted_tokens = self.speculation.drafted;
        usage.accepted_tokens = self.speculation.accepted;
    }

    /// Tokens read that are not written yet, the one written last included where it was read.
    fn ahead(&self) -> usize {
        self.speculation.ahead() + self.bursts.pending.len()
    }

    /// Writes one token. `logits` are those after the last token read, `[n_vocab]`; they are replaced by the next ones.
    pub async fn step(&mut self, context: &Context, session: &mut Lease, logits: &mut Vec<f32>) -> Result<Step> {
        let step = self.write(context, session, logits).await;
        session.set_ahead(self.ahead());
        context.count(|usage| self.count(usage));
        step
    }

    async fn write(&mut self, context: &Context, session: &mut Lease, logits: &mut Vec<f32>) -> Result<Step> {
        if let Some(reason) = self.finished {
            return Ok(Step::Finished(reason));
        }
        while let Some(token) = self.unread {
            let most = self.left.min(session.room());
            let read = match self.bursts.run(token, most, &self.chooser, context, session).await? {
                Some(false) => self.read(token, context, session, logits).await?,
                Some(true) => true,
                // On another device what is best may be something else.
                None => false,
            };
            if read {
                self.unread = None;
            }
        }
        let model = context.model();
        let chosen = self.bursts.next(&mut self.chooser)?;
        let Sampled { token, logprob } = match chosen {
            Some(sampled) => sampled,
            None => {
                if self.written < self.min_tokens {
                    self.end_tokens.iter().for_each(|token| self.chooser.ban_once(*token));
                }
                let row = logits.chunks_exact(model.vocab_size()).nth(self.speculation.row()).unwrap_or_default();
                self.chooser.sample(row)?
            }
        };
        let mut shown = String::new();
        if self.end_tokens.contains(&token) {
            self.finished = Some(FinishReason::Stop);
        } else {
            self.written += 1;
            session.write(token);
            self.left = self.left.saturating_sub(1);
            let ahead = self.speculation.ahead();
            if chosen.is_some() {
                // All but the last of a run were read by it.
                self.unread = Some(token).filter(|_| self.bursts.pending.is_empty());
            } else if !self.speculation.check(token) {
                let position = session.position().saturating_sub(ahead);
                session.truncate(position);
                self.unread = Some(token);
            }
            let text = match model.tokenizer() {
                Some(tokenizer) => self.stream.push(tokenizer, token)?,
                None => "",
            };
            let (text, stopped) = self.stop.push(text);
            shown = text;
            if stopped || self.chooser.is_complete() {
                self.finished = Some(FinishReason::Stop);
            } else if self.left == 0 || session.room() + self.ahead() == 0 {
                self.finished = Some(FinishReason::Length);
            }
            if stopped {
                return Ok(self.show(shown, token, logprob));
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
        Ok(self.show(shown, token, logprob))
    }

    /// Reads the token that was written last, and ahead what probably follows it. Says whether it did: not where the device
    /// was lost meanwhile.
    async fn read(
        &mut self,
        token: u32,
        context: &Context,
        session: &mut Lease,
        logits: &mut Vec<f32>,
    ) -> Result<bool> {
        let model = context.model();
        // Rows that nobody will ask for are not worth a guess, and neither are tokens without room.
        let most = self.left.min(session.room()).min(model.exact_rows()).saturating_sub(1);
        let draft = self.speculation.propose(session.tokens(), token, most, &mut model.costs().borrow_mut());
        let mut tokens = [token; 1 + MAX_DRAFT];
        tokens.iter_mut().skip(1).zip(draft).for_each(|(to, from)| *to = *from);
        let n = 1 + draft.len();
        let rows = if n == 1 { LogitRows::Last } else { LogitRows::All };
        match context.try_feed(session, tokens.get(..n).unwrap_or_default(), rows, logits).await {
            Ok(Some(fed)) => {
                model.costs().borrow_mut().record(n, fed.ms);
                Ok(true)
            }
            other => {
                self.speculation.withdraw();
                other.map(|_| false)
            }
        }
    }

    fn show(&mut self, shown: String, token: u32, logprob: f32) -> Step {
        self.text += &shown;
        Step::Piece(Piece { text: shown, token, logprob })
    }
}
