//! Continues a prompt.

use std::rc::Rc;

use serde::Deserialize;

use super::choose::Chooser;
use super::context::Context;
use super::decode::{Decoding, Output, Step};
use super::event::{Event, Phase};
use super::job::{Ended, Job};
use super::lent::Lent;
use super::model::Model;
use crate::error::{Error, Result};
use crate::model::LogitRows;
use crate::sample::{Guide, SampleOptions, Sampler};
use crate::text::{Controls, TokenKind};

/// Tokens written where neither the caller nor the model's files say.
const MAX_NEW_TOKENS: usize = 128;

/// What to continue.
#[derive(Clone, Copy, Debug)]
pub enum Prompt<'a> {
    /// Control tokens written out in it act, as in `transformers`: do not put text from elsewhere here unchecked.
    Text(&'a str),
    /// Text from elsewhere: control tokens written out in it are text.
    Literal(&'a str),
    /// Ids of the vocabulary.
    Tokens(&'a [u32]),
}

impl Prompt<'_> {
    /// As tokens.
    pub(super) fn tokens(&self, model: &Model) -> Result<Vec<u32>> {
        match self {
            Prompt::Tokens(tokens) => Ok(tokens.to_vec()),
            Prompt::Text(text) => model.require_tokenizer()?.encode(text, true, Controls::Parse),
            Prompt::Literal(text) => model.require_tokenizer()?.encode(text, true, Controls::Literal),
        }
    }
}

/// What control tokens do that stand written out in a prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Written {
    /// They act: for prompts that the program itself writes.
    #[default]
    Parse,
    /// They are text: for prompts from elsewhere.
    Literal,
}

/// Options of [`Model::generate`]. What is left open, the model's files decide, then the defaults named here.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct GenerateOptions {
    /// Default: the model's `generation_config.json`, else 128.
    pub max_new_tokens: Option<usize>,
    /// See [`SampleOptions::temperature`].
    pub temperature: Option<f32>,
    /// See [`SampleOptions::top_k`].
    pub top_k: Option<usize>,
    /// See [`SampleOptions::top_p`].
    pub top_p: Option<f32>,
    /// See [`SampleOptions::min_p`].
    pub min_p: Option<f32>,
    /// See [`SampleOptions::repetition_penalty`].
    pub repetition_penalty: Option<f32>,
    /// See [`SampleOptions::no_repeat_ngram`].
    pub no_repeat_ngram: Option<usize>,
    /// See [`SampleOptions::seed`].
    pub seed: Option<u64>,
    /// Output ends before the first of these.
    pub stop: Vec<String>,
    /// Ids of tokens that end the output, beside those that the model's files name.
    pub stop_tokens: Vec<u32>,
    /// Only numbers and names that occur in this text can be written.
    pub grounded_in: Option<String>,
    /// Reads ahead what stands in the text already after the last tokens; what is written is the same, sooner or later.
    /// None: where it promises to be faster.
    pub speculate: Option<bool>,
    /// Takes nothing over that calls before have read, and leaves nothing to later ones: for measurements.
    pub fresh: bool,
    /// Of a prompt that is text: what control tokens do that stand in it.
    pub controls: Written,
}

impl GenerateOptions {
    /// How tokens are chosen: as asked, else by `defaults`.
    fn sampling(&self, defaults: &SampleOptions) -> SampleOptions {
        SampleOptions {
            temperature: self.temperature.unwrap_or(defaults.temperature),
            top_k: self.top_k.unwrap_or(defaults.top_k),
            top_p: self.top_p.unwrap_or(defaults.top_p),
            min_p: self.min_p.unwrap_or(defaults.min_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(defaults.repetition_penalty),
            no_repeat_ngram: self.no_repeat_ngram.unwrap_or(defaults.no_repeat_ngram),
            seed: self.seed.unwrap_or(defaults.seed),
        }
    }
}

impl Model {
    /// Continues a prompt.
    ///
    /// # Errors
    /// `InvalidOption`, `ContextFull` where the prompt does not fit, `Tokenizer` where the model has none and the prompt
    /// is text.
    pub fn generate(self: &Rc<Self>, prompt: Prompt<'_>, options: &GenerateOptions) -> Result<Job> {
        self.generate_guided(prompt, options, None)
    }

    /// Continues a prompt with what a guide allows.
    ///
    /// # Errors
    /// As [`Model::generate`], and what the guide says.
    pub fn generate_guided(
        self: &Rc<Self>,
        prompt: Prompt<'_>,
        options: &GenerateOptions,
        guide: Option<Box<dyn Guide>>,
    ) -> Result<Job> {
        let prompt = match prompt {
            Prompt::Text(text) if options.controls == Written::Literal => Prompt::Literal(text),
            other => other,
        };
        let continuing = Continuing::new(self, prompt.tokens(self)?, options, guide)?;
        Ok(Job::new(self, |context| run(context, continuing, None)))
    }
}

/// What is continued and how, checked.
pub(super) struct Continuing {
    prompt: Vec<u32>,
    capacity: usize,
    /// See [`GenerateOptions::fresh`].
    fresh: bool,
    decoding: Decoding,
}

impl Continuing {
    /// How many tokens stand before the first that is written.
    pub fn prompt_len(&self) -> usize {
        self.prompt.len()
    }

    pub fn new(
        model: &Model,
        mut tokens: Vec<u32>,
        options: &GenerateOptions,
        guide: Option<Box<dyn Guide>>,
    ) -> Result<Self> {
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
        let max_tokens = max_new.min(limit - tokens.len());
        let sampling = options.sampling(&model.defaults().sampling);
        let mut sampler = Sampler::new(sampling, model.vocab_size(), max_tokens)?;
        tokens.iter().for_each(|token| sampler.observe(*token));
        let is_text = |id: &u32| {
            let kind = model.tokenizer().and_then(|t| t.kind(*id));
            !matches!(kind, Some(TokenKind::Control))
        };
        let mut end_tokens = [model.end_tokens(), &options.stop_tokens].concat();
        // Control tokens read as nothing: no text would ever show them.
        end_tokens.extend(options.stop.iter().filter_map(|stop| model.tokenizer()?.control(stop)));
        // A form says of every byte what it is: none is taken away.
        let start_of_text = guide.is_none() && !tokens.iter().any(is_text);
        let chooser = match (&options.grounded_in, guide) {
            (None, None) => sampler.into(),
            (Some(source), None) => Chooser::grounded(sampler, model.require_tokenizer()?, source, &end_tokens),
            (None, Some(guide)) => Chooser::guided(sampler, guide, &end_tokens)?,
            (Some(_), Some(_)) => {
                return Err(Error::InvalidOption {
                    name: "groundedIn".into(),
                    expected: "nothing beside responseFormat".into(),
                    found: "a text".into(),
                });
            }
        };
        let decoding = Decoding::new(Output {
            chooser,
            stop: options.stop.clone(),
            end_tokens,
            max_tokens,
            start_of_text,
            speculate: options.speculate,
        });
        // The last token written is never read back.
        Ok(Continuing { capacity: tokens.len() + max_tokens, prompt: tokens, fresh: options.fresh, decoding })
    }
}

/// Reads the prompt, then writes token by token. `lent`: the text that is written to, where it is not the call's own.
pub(super) async fn run(context: Rc<Context>, continuing: Continuing, lent: Option<Lent>) -> Result<Ended> {
    let Continuing { prompt, capacity, fresh, mut decoding } = continuing;
    // The last token is read in any case: its logits are wanted.
    let before = prompt.get(..prompt.len() - 1).unwrap_or_default();
    let mut session = match lent {
        Some(lent) => {
            let known = if fresh { &[] } else { before };
            context.lease_text(lent, known, capacity, prompt.clone()).await?
        }
        None => context.lease(before, capacity, fresh).await?,
    };
    // A text may have been replaced.
    let common = session.tokens().iter().zip(before).take_while(|(a, b)| a == b).count();
    session.truncate(common);
    let mut read = session.position();
    context.count(|usage| (usage.prompt_tokens, usage.cached_tokens) = (prompt.len(), read));
    let mut logits = Vec::new();
    while read < prompt.len() {
        let rest = prompt.get(read..).unwrap_or_default();
        read += context.feed(&mut session, rest, LogitRows::Last, &mut logits).await?;
        if read == prompt.len() {
            context.prefilled();
        }
        context.progress(Phase::Prefill, read, prompt.len()).await;
    }
    loop {
        match decoding.step(&context, &mut session, &mut logits).await? {
            Step::Piece(piece) => context.emit(Event::Piece(piece)).await,
            Step::Finished(finish_reason) => return Ok(Ended { finish_reason, text: decoding.text }),
        }
    }
}
