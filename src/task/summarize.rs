//! Summaries of texts of any length.
//!
//! A text longer than a chunk is cut at sentences into several; each is scored, and salience is compared over all of
//! them. Key points are the most salient sentences, as they stand in the text.
//!
//! A tldr or a headline is generated after the text, greedily, or, for a model that says so ([`Writing::Copy`]), made of
//! the text's own words: a tldr is the sentence that tells the most on its own, shortened, or for longer ones such a
//! sentence of each part of the text; a headline is the beginning of that sentence, up to where the model most expects
//! a title to end. Where the text is longer than a chunk, its most salient sentences are read before either.

use std::collections::VecDeque;

use super::copy::{Written, copy};
use super::decode::{Decoding, Step};
use super::event::{Event, FinishReason, Phase, Point, Usage};
use super::model::{Model, Stopwatch};
use super::options::{SummarizeOptions, SummaryKind};
use super::points::{Article, Chunk};
use super::tasks::{TaskFormat, Writing};
use crate::error::{Error, Result};
use crate::model::LogitRows;
use crate::sample::{SampleOptions, Sampler};
use crate::session::Session;

/// No three tokens come twice in a generated summary: small models fall into loops otherwise.
const NO_REPEAT_NGRAM: usize = 3;

pub struct Summarize {
    article: Article,
    format: TaskFormat,
    options: SummarizeOptions,
    session: Option<Session>,
    logits: Vec<f32>,
    watch: Stopwatch,
    usage: Usage,
    stage: Stage,
    /// Text of the summary so far.
    written: String,
    finish: FinishReason,
}

/// What is being done.
enum Stage {
    /// Cut the next chunk, beginning with sentence `from`; beyond the last sentence: the most salient ones once more.
    Cut {
        from: usize,
    },
    /// Read a chunk: `read` of its tokens are.
    Read {
        chunk: Chunk,
        read: usize,
        judged: bool,
    },
    /// Judge the sentences of a chunk that was read: `read` of the tokens that ask are.
    Judge {
        chunk: Chunk,
        question: Vec<u32>,
        read: usize,
    },
    /// Give out the chosen sentences.
    Give {
        points: VecDeque<usize>,
    },
    /// Copy `sentences` after a chunk of `prefix` tokens: first what is `ready`.
    Copy {
        prefix: usize,
        sentences: VecDeque<usize>,
        ready: Written,
    },
    /// Ask for a text after the chunk that was read, then generate it.
    Ask,
    Generate(Box<Decoding>),
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
        Ok(Summarize {
            article,
            format: format.clone(),
            options: options.clone(),
            session: None,
            logits: Vec::new(),
            watch: Stopwatch::new(model.clock()),
            usage: Usage::default(),
            stage: Stage::Cut { from: 0 },
            written: String::new(),
            finish: FinishReason::Stop,
        })
    }

    pub async fn next(&mut self, model: &Model) -> Result<Event> {
        self.watch.start();
        loop {
            // Cutting and giving are quick; each pass through a device but the last of a chunk ends in an event.
            let event = match &mut self.stage {
                Stage::Cut { .. } => self.cut(model)?,
                Stage::Read { .. } => self.read(model).await?,
                Stage::Judge { .. } => self.judge(model).await?,
                Stage::Give { points } => match points.pop_front() {
                    Some(i) => Some(self.give(i)),
                    None => Some(self.done()),
                },
                Stage::Copy { .. } => self.copy(model).await?,
                Stage::Ask => self.ask(model).await?,
                Stage::Generate(_) => Some(self.generate(model).await?),
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    fn cut(&mut self, model: &Model) -> Result<Option<Event>> {
        let Stage::Cut { from } = self.stage else { return Ok(None) };
        let all = self.article.sentences.len();
        self.stage = if from < all {
            let chunk = self.article.chunk(model, &self.format, from..all)?;
            // What fits one chunk and is generated from needs no judgement.
            let judged = self.generates() && chunk.sentences.len() == all;
            Stage::Read { chunk, read: 0, judged }
        } else {
            Stage::Read { chunk: self.article.salient_chunk(model, &self.format)?, read: 0, judged: true }
        };
        Ok(None)
    }

    async fn read(&mut self, model: &Model) -> Result<Option<Event>> {
        let session = match &mut self.session {
            Some(session) => session,
            empty => {
                let capacity = (self.format.max_chunk_tokens + self.format.reserve()).min(model.context_len());
                empty.insert(model.new_session(capacity).await?)
            }
        };
        let Stage::Read { chunk, read, judged } = &mut self.stage else { return Ok(None) };
        if *read == 0 {
            session.truncate(0);
        }
        let rest = chunk.tokens.get(*read..).unwrap_or_default();
        let n = model.feed(session, rest, LogitRows::None, &mut self.logits).await?;
        *read += n;
        self.usage.prompt_tokens += n;
        let (read, judged) = (*read, *judged);
        let event = if judged {
            Event::Progress { phase: Phase::Prefill, done: read, total: chunk.tokens.len() }
        } else {
            let before = chunk.sentences.first().copied().unwrap_or(0);
            let done = before + chunk.sentences_in(read);
            Event::Progress { phase: Phase::Score, done, total: self.article.sentences.len() }
        };
        if read == chunk.tokens.len() {
            let chunk = std::mem::take(chunk);
            if judged {
                self.begin_writing(&chunk);
            } else {
                let marks = self.format.marks.iter().take(chunk.sentences.len());
                let question = std::iter::once(self.format.key_points).chain(marks.copied()).collect();
                self.stage = Stage::Judge { chunk, question, read: 0 };
            }
        }
        Ok(Some(event))
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
        let all = self.article.sentences.len();
        let judged = chunk.sentences.last().map_or(0, |i| i + 1);
        if judged < all {
            self.stage = Stage::Cut { from: judged };
        } else if self.options.kind == SummaryKind::KeyPoints {
            self.watch.prefilled();
            let points = self.article.most_salient(self.options.length.points());
            self.stage = Stage::Give { points: points.into() };
        } else if chunk.sentences.len() == all {
            let chunk = std::mem::take(chunk);
            self.begin_writing(&chunk);
        } else {
            self.stage = Stage::Cut { from: all };
        }
        Ok(Some(Event::Progress { phase: Phase::Score, done: judged, total: all }))
    }

    fn give(&mut self, i: usize) -> Event {
        self.watch.first();
        let Some(sentence) = self.article.sentences.get(i) else { return self.done() };
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

    fn generates(&self) -> bool {
        self.options.kind != SummaryKind::KeyPoints && self.format.writing == Writing::Generate
    }

    /// Chooses what to write from a chunk that was read.
    fn begin_writing(&mut self, chunk: &Chunk) {
        if self.generates() {
            self.stage = Stage::Ask;
            return;
        }
        self.watch.prefilled();
        let n = match self.options.kind {
            SummaryKind::Tldr => self.options.length.sentences(),
            _ => 1,
        };
        let sentences = self.article.telling(chunk, n);
        self.stage = Stage::Copy { prefix: chunk.tokens.len(), sentences, ready: Written::default() };
    }

    async fn copy(&mut self, model: &Model) -> Result<Option<Event>> {
        let (Stage::Copy { prefix, sentences, ready }, Some(session)) = (&mut self.stage, &mut self.session) else {
            return Ok(None);
        };
        if let Some(piece) = ready.pieces.pop_front() {
            self.watch.first();
            self.written += &piece.text;
            self.usage.completion_tokens += 1;
            return Ok(Some(Event::Piece(piece)));
        }
        let Some(sentence) = sentences.front() else { return Ok(Some(self.done())) };
        session.truncate(*prefix);
        let sentence = self.article.sentence(*sentence);
        let lead = if self.written.is_empty() { "" } else { " " };
        *ready = copy(model, session, &self.format, self.options.kind, sentence, lead, &mut self.logits).await?;
        sentences.pop_front();
        self.usage.prompt_tokens += 1;
        if ready.cut {
            self.finish = FinishReason::Length;
        }
        Ok(None)
    }

    async fn ask(&mut self, model: &Model) -> Result<Option<Event>> {
        let Some(session) = &mut self.session else { return Ok(None) };
        let (task, most) = match self.options.kind {
            SummaryKind::Headline => (self.format.headline, self.format.headline_max_tokens),
            _ => (self.format.tldr, self.format.tldr_max_tokens),
        };
        self.usage.prompt_tokens += model.feed(session, &[task], LogitRows::Last, &mut self.logits).await?;
        self.watch.prefilled();
        let options = SampleOptions { no_repeat_ngram: NO_REPEAT_NGRAM, ..SampleOptions::default() };
        let mut sampler = Sampler::new(options, model.vocab_size(), most)?;
        self.format.unwritten().for_each(|token| sampler.ban(token));
        self.stage = Stage::Generate(Box::new(Decoding::new(sampler, &[], vec![self.format.end], most, true)));
        Ok(None)
    }

    async fn generate(&mut self, model: &Model) -> Result<Event> {
        let (Stage::Generate(decoding), Some(session)) = (&mut self.stage, &mut self.session) else {
            return Ok(self.done());
        };
        match decoding.step(model, session, &mut self.logits).await? {
            Step::Piece(mut piece) => {
                self.watch.first();
                self.usage.completion_tokens = decoding.tokens;
                if self.written.is_empty() {
                    // The first word has the space that stands before every word.
                    piece.text.drain(..piece.text.len() - piece.text.trim_start().len());
                }
                self.written += &piece.text;
                Ok(Event::Piece(piece))
            }
            Step::Finished(reason) => {
                self.finish = reason;
                Ok(self.done())
            }
        }
    }

    fn done(&mut self) -> Event {
        let text = std::mem::take(&mut self.written);
        Event::Done { finish_reason: self.finish, text, usage: self.usage, timings: self.watch.finish() }
    }
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
