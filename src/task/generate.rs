//! Continues a prompt.

use super::decode::{Decoding, Step};
use super::event::{Event, FinishReason, Phase, Timings, Usage};
use super::ground::Chooser;
use super::model::{Model, Stopwatch};
use super::options::GenerateOptions;
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

pub struct Generate {
    prompt: Vec<u32>,
    /// Tokens of the prompt that were read.
    read: usize,
    capacity: usize,
    session: Option<Session>,
    decoding: Decoding,
    logits: Vec<f32>,
    watch: Stopwatch,
}

impl Generate {
    pub fn new(model: &Model, prompt: Prompt<'_>, options: &GenerateOptions) -> Result<Self> {
        let mut tokens = match prompt {
            Prompt::Tokens(tokens) => tokens.to_vec(),
            Prompt::Text(text) => model.require_tokenizer()?.encode(text, true, Controls::Parse)?,
        };
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
        let decoding = Decoding::new(chooser, &options.stop, end, max_new, start_of_text);
        Ok(Generate {
            // The last token written is never read back.
            capacity: tokens.len() + max_new,
            prompt: tokens,
            read: 0,
            session: None,
            decoding,
            logits: Vec::new(),
            watch: Stopwatch::new(model.clock()),
        })
    }

    pub async fn next(&mut self, model: &Model) -> Result<Event> {
        self.watch.start();
        let session = match &mut self.session {
            Some(session) => session,
            empty => empty.insert(model.new_session(self.capacity).await?),
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
        let usage = Usage { prompt_tokens: self.prompt.len(), completion_tokens: self.decoding.tokens };
        Event::Done { finish_reason, text: std::mem::take(&mut self.decoding.text), usage, timings }
    }
}
