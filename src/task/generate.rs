//! Continues a prompt.

use super::decode::{Decoding, Step};
use super::event::{Event, FinishReason, Phase, Timings, Usage};
use super::ground::Chooser;
use super::model::Model;
use super::open_session::Lent;
use super::options::GenerateOptions;
use super::stopwatch::Stopwatch;
use crate::error::{Error, Result};
use crate::model::LogitRows;
use crate::sample::Sampler;
use crate::session::Session;
use crate::text::{Controls, TokenKind};

/// Tokens written where neither the caller nor the model's files say.
const MAX_NEW_TOKENS: usize = 128;

/// What to continue.
#[derive(Clone, Copy, Debug)]
pub enum Prompt<'a> {
    /// Control tokens written out in it act, as in `transformers`: do not put text from elsewhere here unchecked.
    Text(&'a str),
    Tokens(&'a [u32]),
}

impl Prompt<'_> {
    /// As tokens.
    pub(super) fn tokens(&self, model: &Model) -> Result<Vec<u32>> {
        match self {
            Prompt::Tokens(tokens) => Ok(tokens.to_vec()),
            Prompt::Text(text) => model.require_tokenizer()?.encode(text, true, Controls::Parse),
        }
    }
}

pub struct Generate {
    prompt: Vec<u32>,
    /// Tokens of the prompt that were read.
    read: usize,
    /// Tokens of the prompt that were read by calls before.
    cached: usize,
    capacity: usize,
    session: Option<Session>,
    /// The session that is written to, where it is not the call's own.
    lent: Option<Lent>,
    /// See [`GenerateOptions::fresh`].
    fresh: bool,
    decoding: Decoding,
    logits: Vec<f32>,
    watch: Stopwatch,
}

impl Generate {
    pub fn new(model: &Model, mut tokens: Vec<u32>, options: &GenerateOptions, lent: Option<Lent>) -> Result<Self> {
        if tokens.is_empty() {
            let start = model.start_token().ok_or_else(|| Error::InvalidOption {
                name: "prompt".into(),
                expected: "some text (this model has no token to begin with)".into(),
                found: "nothing".into(),
            })?;
            tokens.push(start);
        }
        let limit = model.context_len();
        if tokens.len() >= limit {
            return Err(Error::ContextFull { limit, found: tokens.len() });
        }
        let max_new = options.max_new_tokens.or(model.defaults().max_new_tokens).unwrap_or(MAX_NEW_TOKENS);
        if max_new == 0 {
            return Err(Error::InvalidOption {
                name: "maxNewTokens".into(),
                expected: "at least 1".into(),
                found: "0".into(),
            });
        }
        let max_new = max_new.min(limit - tokens.len());
        let sampling = options.sampling.over(&model.defaults().sampling);
        let mut sampler = Sampler::new(sampling, model.vocab_size(), max_new)?;
        tokens.iter().for_each(|token| sampler.observe(*token));
        let is_text = |id: &u32| {
            let kind = model.tokenizer().and_then(|t| t.kind(*id));
            !matches!(kind, Some(TokenKind::Control))
        };
        let start_of_text = !tokens.iter().any(is_text);
        let end = model.end_tokens().to_vec();
        let chooser = match &options.grounded_in {
            Some(source) => Chooser::grounded(sampler, model.require_tokenizer()?, source, &end),
            None => sampler.into(),
        };
        let mut decoding = Decoding::new(chooser, &options.stop, end, max_new, start_of_text);
        decoding.speculate(options.speculate);
        Ok(Generate {
            // The last token written is never read back.
            capacity: tokens.len() + max_new,
            prompt: tokens,
            read: 0,
            cached: 0,
            session: None,
            lent,
            fresh: options.fresh,
            decoding,
            logits: Vec::new(),
            watch: Stopwatch::new(model.clock()),
        })
    }

    pub async fn next(&mut self, model: &Model) -> Result<Event> {
        self.watch.start();
        let session = match &mut self.session {
            Some(session) => session,
            empty => {
                // The last token is read in any case: its logits are wanted.
                let before = self.prompt.get(..self.prompt.len() - 1).unwrap_or_default();
                let known = if self.fresh { &[] } else { before };
                let mut session = match &self.lent {
                    Some(lent) => lent.session(model, known, self.capacity).await?,
                    None => model.session_for(known, self.capacity).await?,
                };
                session.truncate(before.len());
                self.read = session.position();
                self.cached = self.read;
                empty.insert(session)
            }
        };
        if self.read < self.prompt.len() {
            let rest = self.prompt.get(self.read..).unwrap_or_default();
            self.read += model.feed(session, rest, LogitRows::Last, &mut self.logits).await?;
            if self.read == self.prompt.len() {
                self.watch.prefilled();
            }
            return Ok(Event::Progress { phase: Phase::Prefill, done: self.read, total: self.prompt.len() });
        }
        match self.decoding.step(model, session, &mut self.logits).await? {
            Step::Piece(piece) => {
                self.watch.first();
                Ok(Event::Piece(piece))
            }
            Step::Finished(reason) => Ok(self.done(reason)),
        }
    }

    fn done(&mut self, finish_reason: FinishReason) -> Event {
        let timings: Timings = self.watch.finish();
        let mut usage = Usage { prompt_tokens: self.prompt.len(), cached_tokens: self.cached, ..Usage::default() };
        self.decoding.count(&mut usage);
        Event::Done { finish_reason, text: std::mem::take(&mut self.decoding.text), usage, timings }
    }

    /// The job is over. `sound`: nothing failed.
    pub fn end(self, model: &Model, sound: bool) {
        let mut session = self.session.filter(|_| sound);
        if let Some(session) = &mut session {
            self.decoding.settle(session);
        }
        match (self.lent, session) {
            (Some(lent), session) => {
                let mut tokens = self.prompt;
                tokens.extend(self.decoding.written);
                lent.give_back(tokens, session);
            }
            (None, Some(session)) if !self.fresh => model.keep(session),
            (None, _) => {}
        }
    }
}
