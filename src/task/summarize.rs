//! Summaries of texts of any length.
//!
//! A text longer than a chunk is cut at sentences into several; each is scored, and salience is compared over all of
//! them. Key points are the most salient sentences, as they stand in the text. A headline or a tldr is written from the
//! text, or, where it is longer than a chunk, from its most salient sentences in their order; a tldr of several sentences
//! part by part.

use std::collections::VecDeque;

use super::decode::{Decoding, Step};
use super::event::{Event, FinishReason, Phase, Point, Usage};
use super::model::{Model, Stopwatch};
use super::options::{SummarizeOptions, SummaryKind};
use super::points::{Article, Chunk};
use super::tasks::TaskFormat;
use crate::error::{Error, Result};
use crate::model::LogitRows;
use crate::sample::{SampleOptions, Sampler};
use crate::session::Session;

/// Greedy, and no three tokens come twice: small models fall into loops otherwise.
const NO_REPEAT_NGRAM: usize = 3;

pub struct Summarize {
    article: Article,
    format: TaskFormat,
    options: SummarizeOptions,
    sampling: SampleOptions,
    session: Option<Session>,
    logits: Vec<f32>,
    watch: Stopwatch,
    usage: Usage,
    stage: Stage,
    /// Text of the summary so far.
    written: String,
}

/// What is being done.
enum Stage {
    /// Cut the next chunk, beginning with sentence `from`.
    Cut { from: usize },
    /// Read a chunk, to judge it: `read` of its tokens are.
    Read { chunk: Chunk, read: usize },
    /// Judge the sentences of a chunk that was read: `read` of the tokens that ask are.
    Judge { chunk: Chunk, question: Vec<u32>, read: usize },
    /// Give out the chosen sentences.
    Give { points: VecDeque<usize> },
    /// Read the first of `parts`, to write from it: `read` of its tokens are, of all parts `before` were and `total` will
    /// be.
    Prefill { parts: VecDeque<Chunk>, read: usize, before: usize, total: usize },
    /// Write; then go on with the other parts.
    Write { decoding: Box<Decoding>, parts: VecDeque<Chunk>, before: usize, total: usize },
}

impl Summarize {
    pub fn new(model: &Model, text: &str, options: &SummarizeOptions) -> Result<Self> {
        let format = model.tasks().ok_or_else(|| Error::UnsupportedTask {
            task: "summarize".into(),
            why:
                "its file has no key nanolm.tasks, which describes how to ask it. Use the default model, or `generate` \
                  with a prompt of your own"
                    .into(),
        })?;
        let article = Article::new(text);
        if article.sentences.is_empty() {
            return Err(Error::InvalidOption {
                name: "text".into(),
                expected: "a text with at least one sentence".into(),
                found: if text.is_empty() { "an empty text".into() } else { "only white space".into() },
            });
        }
        let guarded = SampleOptions { no_repeat_ngram: NO_REPEAT_NGRAM, ..SampleOptions::default() };
        let sampling = options.sampling.over(&guarded);
        sampling.validate()?;
        Ok(Summarize {
            article,
            format: format.clone(),
            options: options.clone(),
            sampling,
            session: None,
            logits: Vec::new(),
            watch: Stopwatch::new(model.clock()),
            usage: Usage::default(),
            stage: Stage::Cut { from: 0 },
            written: String::new(),
        })
    }

    pub async fn next(&mut self, model: &Model) -> Result<Event> {
        self.watch.start();
        loop {
            // Cutting and giving are quick; each pass through a device ends in an event.
            let event = match &mut self.stage {
                Stage::Cut { .. } => self.cut(model)?,
                Stage::Read { .. } => self.read(model).await?,
                Stage::Judge { .. } => self.judge(model).await?,
                Stage::Give { points } => match points.pop_front() {
                    Some(i) => Some(self.give(i)),
                    None => Some(self.done(FinishReason::Stop)),
                },
                Stage::Prefill { .. } => self.prefill(model).await?,
                Stage::Write { .. } => self.write(model).await?,
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    fn cut(&mut self, model: &Model) -> Result<Option<Event>> {
        let Stage::Cut { from } = self.stage else { return Ok(None) };
        let all = self.article.sentences.len();
        let chunk = if from < all {
            self.article.chunk(model, &self.format, from..all)?
        } else {
            self.article.salient_chunk(model, &self.format)?
        };
        let whole = from == 0 && chunk.sentences.len() == all;
        self.stage = if self.options.kind != SummaryKind::KeyPoints && (whole || from >= all) {
            let n = if self.options.kind == SummaryKind::Tldr { self.options.length.sentences() } else { 1 };
            let parts = self.article.parts(model, &self.format, chunk, n)?;
            let total = parts.iter().map(|part| part.tokens.len()).sum();
            Stage::Prefill { parts, read: 0, before: 0, total }
        } else {
            Stage::Read { chunk, read: 0 }
        };
        Ok(None)
    }

    /// Makes the session, the first time.
    async fn open(&mut self, model: &Model) -> Result<()> {
        if self.session.is_none() {
            let f = &self.format;
            let after = 1 + f.marks.len().max(f.headline_max_tokens).max(f.tldr_max_tokens);
            let capacity = (f.max_chunk_tokens + after).min(model.context_len());
            self.session = Some(model.new_session(capacity).await?);
        }
        Ok(())
    }

    async fn read(&mut self, model: &Model) -> Result<Option<Event>> {
        self.open(model).await?;
        let (Stage::Read { chunk, read }, Some(session)) = (&mut self.stage, &mut self.session) else {
            return Ok(None);
        };
        let n = feed(model, session, &chunk.tokens, *read, &mut self.logits).await?;
        *read += n;
        self.usage.prompt_tokens += n;
        let before = chunk.sentences.first().copied().unwrap_or(0);
        let done = before + chunk.sentences_in(*read);
        if *read == chunk.tokens.len() {
            let marks = self.format.marks.iter().take(chunk.sentences.len());
            let question = std::iter::once(self.format.key_points).chain(marks.copied()).collect();
            self.stage = Stage::Judge { chunk: std::mem::take(chunk), question, read: 0 };
        }
        Ok(Some(Event::Progress { phase: Phase::Score, done, total: self.article.sentences.len() }))
    }

    /// Asks about every sentence of the chunk at once.
    async fn judge(&mut self, model: &Model) -> Result<Option<Event>> {
        let (Stage::Judge { chunk, question, read }, Some(session)) = (&mut self.stage, &mut self.session) else {
            return Ok(None);
        };
        let rest = question.get(*read..).unwrap_or_default();
        let n = model.feed(session, rest, LogitRows::All, &mut self.logits).await?;
        self.usage.prompt_tokens += n;
        for (row, logits) in self.logits.chunks_exact(model.vocab_size()).enumerate() {
            // The first token of the question is not a mark.
            let Some(at) = (*read + row).checked_sub(1) else { continue };
            let sentence = chunk.sentences.get(at).and_then(|i| self.article.sentences.get_mut(*i));
            if let Some(sentence) = sentence {
                sentence.salience = Some(salience(logits, &self.format)?);
            }
        }
        *read += n;
        if *read < question.len() {
            return Ok(None);
        }
        let judged = chunk.sentences.last().map_or(0, |i| i + 1);
        self.watch.prefilled();
        self.stage = match self.options.kind {
            SummaryKind::KeyPoints if judged == self.article.sentences.len() => {
                let points = self.article.most_salient(self.options.length.points());
                Stage::Give { points: points.into() }
            }
            _ => Stage::Cut { from: judged },
        };
        Ok(Some(Event::Progress { phase: Phase::Score, done: judged, total: self.article.sentences.len() }))
    }

    fn give(&mut self, i: usize) -> Event {
        self.watch.first();
        let Some(sentence) = self.article.sentences.get(i) else {
            return self.done(FinishReason::Stop);
        };
        let text = self.article.sentence(i).to_string();
        if !self.written.is_empty() {
            self.written.push('\n');
        }
        self.written += &text;
        Event::Point(Point {
            utf16: self.article.utf16(&sentence.bytes),
            bytes: sentence.bytes.clone(),
            score: sentence.salience.unwrap_or(0.0),
            text,
        })
    }

    /// Reads the next part and asks for a text about it.
    async fn prefill(&mut self, model: &Model) -> Result<Option<Event>> {
        self.open(model).await?;
        let (Stage::Prefill { parts, read, before, total }, Some(session)) = (&mut self.stage, &mut self.session)
        else {
            return Ok(None);
        };
        let Some(part) = parts.front() else { return Ok(Some(self.done(FinishReason::Stop))) };
        if *read < part.tokens.len() {
            let n = feed(model, session, &part.tokens, *read, &mut self.logits).await?;
            *read += n;
            self.usage.prompt_tokens += n;
            return Ok(Some(Event::Progress { phase: Phase::Prefill, done: *before + *read, total: *total }));
        }
        let (task, most) = match self.options.kind {
            SummaryKind::Headline => (self.format.headline, self.format.headline_max_tokens),
            _ => (self.format.tldr, self.format.tldr_max_tokens),
        };
        model.feed(session, &[task], LogitRows::Last, &mut self.logits).await?;
        self.usage.prompt_tokens += 1;
        self.watch.prefilled();
        let mut sampler = Sampler::new(self.sampling.clone(), model.vocab_size(), most)?;
        self.format.controls().filter(|token| *token != self.format.end).for_each(|token| sampler.ban(token));
        let lead = if self.written.is_empty() { "" } else { " " };
        let decoding = Decoding::new(sampler, &[], vec![self.format.end], most, true).as_sentence(lead);
        let (before, total) = (*before + *read, *total);
        parts.pop_front();
        let parts = std::mem::take(parts);
        self.stage = Stage::Write { decoding: Box::new(decoding), parts, before, total };
        Ok(None)
    }

    async fn write(&mut self, model: &Model) -> Result<Option<Event>> {
        let (Stage::Write { decoding, parts, before, total }, Some(session)) = (&mut self.stage, &mut self.session)
        else {
            return Ok(None);
        };
        match decoding.step(model, session, &mut self.logits).await? {
            Step::Piece(piece) => {
                self.watch.first();
                Ok(Some(Event::Piece(piece)))
            }
            Step::Finished(reason) => {
                self.usage.completion_tokens += decoding.tokens;
                self.written += &decoding.text;
                if parts.is_empty() {
                    return Ok(Some(self.done(reason)));
                }
                let (parts, before, total) = (std::mem::take(parts), *before, *total);
                self.stage = Stage::Prefill { parts, read: 0, before, total };
                Ok(None)
            }
        }
    }

    fn done(&mut self, finish_reason: FinishReason) -> Event {
        let text = std::mem::take(&mut self.written);
        Event::Done { finish_reason, text, usage: self.usage, timings: self.watch.finish() }
    }
}

/// Feeds the next tokens of a text of its own, of which `read` were fed.
async fn feed(
    model: &Model,
    session: &mut Session,
    tokens: &[u32],
    read: usize,
    logits: &mut Vec<f32>,
) -> Result<usize> {
    if read == 0 {
        session.truncate(0);
    }
    model.feed(session, tokens.get(read..).unwrap_or_default(), LogitRows::None, logits).await
}

/// The probability of yes against no.
fn salience(logits: &[f32], format: &TaskFormat) -> Result<f32> {
    let logit = |token: u32| {
        let found = logits.get(token as usize).copied().unwrap_or(f32::NAN);
        if found.is_finite() {
            return Ok(found);
        }
        Err(Error::NotFinite { token: token as usize, found: found.to_string() })
    };
    Ok(1.0 / (1.0 + (logit(format.no)? - logit(format.yes)?).exp()))
}
