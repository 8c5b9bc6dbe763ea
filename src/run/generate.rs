//! Continues a prompt.

use std::rc::Rc;

use serde::Deserialize;

use super::beam::Search;
use super::choose::Chooser;
use super::context::Context;
use super::decode::{Decoding, Output, Step};
use super::event::{Event, Phase};
use super::job::{Ended, Job};
use super::lent::Lent;
use super::model::Model;
use super::rules::{self, EarlyStopping};
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
    /// By an encoder-decoder: so many outputs are written at once, and the likeliest is given when it is complete.
    pub num_beams: Option<usize>,
    /// With `num_beams`: above 0 longer outputs are preferred, below 0 shorter ones; their scores are divided by the length to the power of it.
    pub length_penalty: Option<f32>,
    /// With `num_beams`: when the search ends.
    pub early_stopping: Option<EarlyStopping>,
    /// By an encoder-decoder: at least so many tokens.
    pub min_new_tokens: Option<usize>,
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

impl GenerateOptions {
    /// # Errors
    /// `InvalidOption` for what only encoder-decoders do.
    fn refuse_beams(&self) -> Result<()> {
        let set = [
            ("numBeams", self.num_beams.is_some_and(|n| n != 1)),
            ("lengthPenalty", self.length_penalty.is_some()),
            ("earlyStopping", self.early_stopping.is_some()),
            ("minNewTokens", self.min_new_tokens.is_some()),
        ];
        match set.into_iter().find(|(_, set)| *set) {
            None => Ok(()),
            Some((name, _)) => Err(refused(name, "an encoder-decoder (T5)", "another model")),
        }
    }

    /// # Errors
    /// `InvalidOption` for a search that makes no sense, or that nothing here does.
    fn check_beams(&self, beams: usize, guided: bool) -> Result<()> {
        if beams == 0 || beams > rules::MOST {
            return Err(refused("numBeams", &format!("1 to {}", rules::MOST), &beams.to_string()));
        }
        if self.length_penalty.is_some_and(|penalty| !penalty.is_finite()) {
            return Err(refused("lengthPenalty", "a finite number", "another"));
        }
        let alone = [
            ("temperature", self.temperature.is_some_and(|t| t > 0.0)),
            ("groundedIn", self.grounded_in.is_some()),
            ("responseFormat", guided),
        ];
        match alone.into_iter().find(|(_, set)| *set && beams > 1) {
            None => Ok(()),
            Some((name, _)) => Err(refused("numBeams", &format!("1 beside {name}"), &beams.to_string())),
        }
    }
}

fn refused(name: &str, expected: &str, found: &str) -> Error {
    Error::InvalidOption { name: name.into(), expected: expected.into(), found: found.into() }
}

impl Model {
    /// Continues a prompt. An encoder-decoder makes another text of it.
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
    /// What an encoder-decoder reads first, and how it searches.
    source: Option<(Vec<u32>, Option<Search>)>,
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
        let mut source = None;
        if let Some(rules) = &model.source {
            if tokens.len() > limit {
                return Err(Error::ContextFull { limit, found: tokens.len() });
            }
            source = Some(std::mem::replace(&mut tokens, rules.prefix.clone()));
        } else {
            options.refuse_beams()?;
        }
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
        let rules = model.source.as_ref();
        // The token that it begins with does not count.
        let given = rules.map_or(0, |rules| rules.prefix.len() - 1);
        let mut max_tokens = max_new.saturating_sub(given).max(1).min(limit - tokens.len());
        let min_tokens = options.min_new_tokens.or(rules.map(|rules| rules.min_new_tokens)).unwrap_or(0);
        let mut sampling = options.sampling(&model.defaults().sampling);
        let mut beams = options.num_beams.or(rules.map(|rules| rules.num_beams)).unwrap_or(1);
        if options.num_beams.is_none()
            && (options.temperature.is_some_and(|t| t > 0.0) || guide.is_some() || options.grounded_in.is_some())
        {
            beams = 1;
        }
        if beams > 1 && options.temperature.is_none() {
            sampling.temperature = 0.0;
        }
        options.check_beams(beams, guide.is_some())?;
        let mut sampler = Sampler::new(sampling, model.vocab_size(), max_tokens)?;
        tokens.iter().for_each(|token| sampler.observe(*token));
        if let Some(rules) = rules {
            rules.prefix.iter().for_each(|token| sampler.follow(*token));
            rules.banned.iter().for_each(|token| sampler.ban(*token));
        }
        let is_text = |id: &u32| {
            let kind = model.tokenizer().and_then(|t| t.kind(*id));
            !matches!(kind, Some(TokenKind::Control))
        };
        let mut end_tokens = [model.end_tokens(), &options.stop_tokens].concat();
        // Control tokens read as nothing: no text would ever show them.
        end_tokens.extend(options.stop.iter().filter_map(|stop| model.tokenizer()?.control(stop)));
        // A form says of every byte what it is: none is taken away.
        let start_of_text = guide.is_none() && !tokens.iter().any(is_text);
        let last = rules.and_then(|rules| rules.last);
        let search = rules.filter(|_| beams > 1).map(|rules| Search {
            num_beams: beams,
            length_penalty: options.length_penalty.unwrap_or(rules.length_penalty),
            early_stopping: options.early_stopping.unwrap_or(rules.early_stopping),
            sampler: sampler.clone(),
            end_tokens: end_tokens.clone(),
            stop: options.stop.clone(),
            given,
            max_tokens: given + max_tokens,
            min_tokens,
            last,
        });
        if last.is_some() {
            // Which has no text: the longest outputs are shorter by it.
            max_tokens -= 1;
        }
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
            min_tokens: min_tokens.saturating_sub(given),
            start_of_text,
            speculate: options.speculate,
        });
        // The last token written is never read back.
        let source = source.map(|source| (source, search));
        // Searches read one more where the last is given.
        let capacity = tokens.len() + max_tokens + 1;
        Ok(Continuing { capacity: capacity.min(limit), prompt: tokens, fresh: options.fresh, decoding, source })
    }
}

/// Reads the prompt, then writes token by token. `lent`: the text that is written to, where it is not the call's own.
pub(super) async fn run(context: Rc<Context>, continuing: Continuing, lent: Option<Lent>) -> Result<Ended> {
    let Continuing { prompt, capacity, fresh, mut decoding, source } = continuing;
    // The last token is read in any case: its logits are wanted.
    let before = prompt.get(..prompt.len() - 1).unwrap_or_default();
    let mut session = match (lent, &source) {
        (_, Some((source, _))) => context.lease_source(source, capacity).await?,
        (Some(lent), None) => {
            let known = if fresh { &[] } else { before };
            context.lease_text(lent, known, capacity, prompt.clone()).await?
        }
        (None, None) => context.lease(before, capacity, fresh).await?,
    };
    // A text may have been replaced.
    let common = session.tokens().iter().zip(before).take_while(|(a, b)| a == b).count();
    let held = session.held(common);
    session.truncate(held);
    let mut read = session.position();
    let read_in_all = source.as_ref().map_or(prompt.len(), |(source, _)| source.len());
    context.count(|usage| (usage.prompt_tokens, usage.cached_tokens) = (read_in_all, read));
    let mut logits = Vec::new();
    while read < prompt.len() {
        let rest = prompt.get(read..).unwrap_or_default();
        read += context.feed(&mut session, rest, LogitRows::Last, &mut logits).await?;
        if read == prompt.len() {
            context.prefilled();
        }
        context.progress(Phase::Prefill, read, prompt.len()).await;
    }
    if let Some((_, Some(search))) = source {
        return search.run(&context, std::mem::take(&mut *session), &logits).await;
    }
    loop {
        match decoding.step(&context, &mut session, &mut logits).await? {
            Step::Piece(piece) => context.emit(Event::Piece(piece)).await,
            Step::Finished(finish_reason) => return Ok(Ended { finish_reason, text: decoding.text }),
        }
    }
}
