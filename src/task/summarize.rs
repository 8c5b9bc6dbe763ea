//! Summaries of texts of any length.
//!
//! A text longer than a chunk is cut at sentences into several; each is scored, and salience is compared over all of
//! them. Key points are the most salient sentences, as they stand in the text.
//!
//! A tldr or a headline is generated after the text, greedily, or, for a model that says so ([`Writing::Copy`]), made of
//! the text's own words: a tldr is the sentence that tells the most on its own, shortened, or for longer ones such a
//! sentence of each part of the text; a headline is what a title needs of that sentence (see `headline`), or its beginning, up
//! to where the model most expects a title to end. Where the text is longer than a chunk, its most salient sentences are read before either.

use std::collections::VecDeque;

use super::copy::{Written, copy, told};
use super::decode::{Decoding, Step};
use super::event::{Event, FinishReason, Phase, Point, Support};
use super::ground::Chooser;
use super::judge::Judge;
use super::model::Model;
use super::options::{SummarizeOptions, SummaryKind};
use super::points::Chunk;
use super::stopwatch::Stopwatch;
use super::support::{copied, supports};
use super::tasks::{TaskFormat, Writing};
use crate::error::Result;
use crate::model::LogitRows;
use crate::sample::{SampleOptions, Sampler};

/// No three tokens come twice in a generated summary: small models fall into loops otherwise.
const NO_REPEAT_NGRAM: usize = 3;

pub struct Summarize {
    judge: Judge,
    format: TaskFormat,
    options: SummarizeOptions,
    watch: Stopwatch,
    stage: Stage,
    /// Text of the summary so far.
    written: String,
    finish: FinishReason,
    /// For each copied sentence, its number in the text and where it begins in what is written.
    origins: Vec<(usize, usize)>,
    /// What supports what is written: known at the end.
    supports: Option<VecDeque<Support>>,
}

/// What is being done.
enum Stage {
    /// Judge every sentence of the text.
    Judge,
    /// Read a chunk to write from: `read` of its tokens are.
    Read {
        chunk: Chunk,
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
        let format = model.require_tasks("summarize")?;
        let mut judge = Judge::new(text, format, format.salience.of(options.kind).wanted())?;
        judge.fresh = options.fresh;
        let mut summarize = Summarize {
            judge,
            format: format.clone(),
            options: options.clone(),
            watch: Stopwatch::new(model.clock()),
            stage: Stage::Judge,
            written: String::new(),
            finish: FinishReason::Stop,
            origins: Vec::new(),
            supports: None,
        };
        if summarize.generates() {
            let all = summarize.judge.article.sentences.len();
            let chunk = summarize.judge.article.chunk(model, format, 0..all)?;
            // What fits one chunk and is generated from needs no judgement.
            if chunk.sentences.len() == all {
                summarize.stage = Stage::Read { chunk, read: 0 };
            }
        }
        Ok(summarize)
    }

    pub async fn next(&mut self, model: &Model) -> Result<Event> {
        self.watch.start();
        loop {
            // Giving is quick; each pass through a device ends in an event, but those that begin to write.
            let event = match &mut self.stage {
                Stage::Judge => match self.judge.next(model).await? {
                    None => self.judged(model)?,
                    event => event,
                },
                Stage::Read { .. } => self.read(model).await?,
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

    /// Chooses among the sentences, all of which are judged.
    fn judged(&mut self, model: &Model) -> Result<Option<Event>> {
        self.judge.weigh(self.format.salience.of(self.options.kind));
        let chunk = self.judge.take_chunk();
        if self.options.kind == SummaryKind::KeyPoints {
            self.watch.prefilled();
            let points = self.judge.article.most_salient(self.options.length.points());
            self.stage = Stage::Give { points: points.into() };
        } else if chunk.sentences.len() < self.judge.article.sentences.len() {
            let chunk = self.judge.article.salient_chunk(model, &self.format)?;
            self.stage = Stage::Read { chunk, read: 0 };
        } else if self.judge.holds(&chunk) {
            self.begin_writing(&chunk);
        } else {
            // It was judged by a call before; its tokens are counted.
            self.judge.usage.prompt_tokens -= chunk.tokens.len();
            self.judge.usage.cached_tokens -= chunk.tokens.len();
            self.stage = Stage::Read { chunk, read: 0 };
        }
        Ok(None)
    }

    async fn read(&mut self, model: &Model) -> Result<Option<Event>> {
        let Stage::Read { chunk, read } = &mut self.stage else { return Ok(None) };
        if *read == 0 {
            *read = self.judge.begin(model, &chunk.tokens).await?;
        }
        let rest = chunk.tokens.get(*read..).unwrap_or_default();
        *read += self.judge.feed(model, rest, LogitRows::None).await?;
        let event = Event::Progress { phase: Phase::Prefill, done: *read, total: chunk.tokens.len() };
        if *read == chunk.tokens.len() {
            let chunk = std::mem::take(chunk);
            self.begin_writing(&chunk);
        }
        Ok(Some(event))
    }

    fn give(&mut self, i: usize) -> Event {
        self.watch.first();
        let article = &self.judge.article;
        let Some(sentence) = article.sentences.get(i) else { return self.done() };
        let text = article.sentence(i).to_string();
        if !self.written.is_empty() {
            self.written.push('\n');
        }
        self.written += &text;
        Event::Point(Point { place: article.place(sentence.bytes.clone()), score: sentence.salience, text })
    }

    fn supports(&self) -> VecDeque<Support> {
        let article = &self.judge.article;
        if self.generates() {
            return supports(article, &self.written).into();
        }
        let ends = self.origins.iter().skip(1).map(|(_, start)| start - 1).chain([self.written.len()]);
        let each = self.origins.iter().zip(ends);
        each.map(|((i, start), end)| copied(article, &self.written, *start..end.max(*start), *i)).collect()
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
        let chosen_by_model = self.format.salience.chooses(self.options.kind);
        let sentences = self.judge.article.telling(chunk, n, chosen_by_model);
        self.stage = Stage::Copy { prefix: chunk.tokens.len(), sentences, ready: Written::default() };
    }

    async fn copy(&mut self, model: &Model) -> Result<Option<Event>> {
        let (Stage::Copy { prefix, sentences, ready }, Some(session)) = (&mut self.stage, &mut self.judge.session)
        else {
            return Ok(None);
        };
        if let Some(piece) = ready.pieces.pop_front() {
            self.watch.first();
            self.written += &piece.text;
            self.judge.usage.completion_tokens += 1;
            return Ok(Some(Event::Piece(piece)));
        }
        let Some(sentence) = sentences.front() else { return Ok(Some(self.done())) };
        session.truncate(*prefix);
        let lead = if self.written.is_empty() { "" } else { " " };
        let kind = self.options.kind;
        let text = told(&self.format, kind, &self.judge.article, *sentence);
        *ready = copy(model, session, &self.format, kind, &text, lead, &mut self.judge.logits).await?;
        self.origins.push((*sentence, self.written.len() + lead.len()));
        sentences.pop_front();
        self.judge.usage.prompt_tokens += 1;
        if ready.cut {
            self.finish = FinishReason::Length;
        }
        Ok(None)
    }

    async fn ask(&mut self, model: &Model) -> Result<Option<Event>> {
        let (task, most) = match self.options.kind {
            SummaryKind::Headline => (self.format.headline, self.format.headline_max_tokens),
            _ => (self.format.tldr, self.format.tldr_max_tokens),
        };
        self.judge.feed(model, &[task], LogitRows::Last).await?;
        self.watch.prefilled();
        let options = SampleOptions { no_repeat_ngram: NO_REPEAT_NGRAM, ..SampleOptions::default() };
        let mut sampler = Sampler::new(options, model.vocab_size(), most)?;
        self.format.unwritten().for_each(|token| sampler.ban(token));
        let end = vec![self.format.end];
        let chooser = match model.tokenizer().filter(|_| self.options.grounded) {
            Some(tokenizer) => Chooser::grounded(sampler, tokenizer, &self.judge.article.text, &end),
            None => sampler.into(),
        };
        let mut decoding = Decoding::new(chooser, &[], end, most, true);
        decoding.speculate(self.options.speculate);
        self.stage = Stage::Generate(Box::new(decoding));
        Ok(None)
    }

    async fn generate(&mut self, model: &Model) -> Result<Event> {
        let (Stage::Generate(decoding), Some(session)) = (&mut self.stage, &mut self.judge.session) else {
            return Ok(self.done());
        };
        match decoding.step(model, session, &mut self.judge.logits).await? {
            Step::Piece(mut piece) => {
                self.watch.first();
                decoding.count(&mut self.judge.usage);
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

    /// The job is over. `sound`: nothing failed.
    pub fn end(mut self, model: &Model, sound: bool) {
        if let (Stage::Generate(decoding), Some(session)) = (&self.stage, &mut self.judge.session) {
            decoding.settle(session);
        }
        self.judge.end(model, sound);
    }

    /// What supports each sentence of the summary, then the end.
    fn done(&mut self) -> Event {
        if self.supports.is_none() {
            self.supports = Some(self.supports());
        }
        if let Some(support) = self.supports.as_mut().and_then(VecDeque::pop_front) {
            return Event::Support(support);
        }
        let text = std::mem::take(&mut self.written);
        Event::Done { finish_reason: self.finish, text, usage: self.judge.usage, timings: self.watch.finish() }
    }
}
