//! Reads a text of any length and judges its sentences, chunk by chunk.

use super::event::{Event, Phase, Usage};
use super::model::Model;
use super::points::{Article, Chunk};
use super::salience::{Wanted, Weights};
use super::tasks::TaskFormat;
use crate::error::{Error, Result};
use crate::language::en::{Features, features};
use crate::model::LogitRows;
use crate::session::Session;

/// The work of judging, in steps.
pub struct Judge {
    pub article: Article,
    pub session: Option<Session>,
    pub logits: Vec<f32>,
    /// Tokens read.
    pub usage: Usage,
    /// Takes nothing over from calls before, and leaves nothing to later ones.
    pub fresh: bool,
    format: TaskFormat,
    wanted: Wanted,
    stage: Stage,
}

enum Stage {
    /// Cut the next chunk, beginning with this sentence.
    Cut(usize),
    /// Read a chunk: `read` of its tokens are.
    Read { chunk: Chunk, read: usize },
    /// Ask about every sentence of the chunk at once: `read` of the tokens that ask are.
    Ask { chunk: Chunk, question: Vec<u32>, read: usize },
    /// The last chunk is in the session, and what asked about it.
    Done(Chunk),
}

impl Judge {
    /// # Errors
    /// `InvalidOption` for a text without words.
    pub fn new(text: &str, format: &TaskFormat, wanted: Wanted) -> Result<Self> {
        let article = Article::new(text);
        article.require_sentences()?;
        let (format, stage) = (format.clone(), Stage::Cut(0));
        let usage = Usage::default();
        Ok(Judge { article, session: None, logits: Vec::new(), usage, fresh: false, format, wanted, stage })
    }

    /// Puts a session in place with room for a chunk and what comes after it, which has read as much as a call before
    /// left of `tokens`, and nothing else. Gives how many they are.
    pub async fn begin(&mut self, model: &Model, tokens: &[u32]) -> Result<usize> {
        self.leave(model);
        let tokens = if self.fresh { &[] } else { tokens };
        let capacity = (self.format.max_chunk_tokens + self.format.reserve()).min(model.context_len());
        let session = self.session.insert(model.session_for(tokens, capacity).await?);
        self.usage.prompt_tokens += session.position();
        self.usage.cached_tokens += session.position();
        Ok(session.position())
    }

    /// Feeds one batch; see [`Session::feed`]. Feeding nothing does nothing.
    pub async fn feed(&mut self, model: &Model, tokens: &[u32], rows: LogitRows<'_>) -> Result<usize> {
        let Some(session) = self.session.as_mut().filter(|_| !tokens.is_empty()) else { return Ok(0) };
        let n = model.feed(session, tokens, rows, &mut self.logits).await?;
        self.usage.prompt_tokens += n;
        Ok(n)
    }

    /// Whether the session has read the chunk; not where what was wanted of it was known before.
    pub fn holds(&self, chunk: &Chunk) -> bool {
        self.session.as_ref().is_some_and(|session| session.tokens().starts_with(&chunk.tokens))
    }

    /// The job is over. `sound`: nothing failed.
    pub fn end(mut self, model: &Model, sound: bool) {
        if sound {
            self.leave(model);
        }
    }

    /// Leaves the session to later calls.
    fn leave(&mut self, model: &Model) {
        self.session.take().into_iter().filter(|_| !self.fresh).for_each(|session| model.keep(session));
    }

    /// One pass through the device; nothing where every sentence is judged.
    pub async fn next(&mut self, model: &Model) -> Result<Option<Event>> {
        loop {
            if let Stage::Cut(from) = self.stage {
                let all = self.article.sentences.len();
                let chunk = self.article.chunk(model, &self.format, from..all)?;
                if let Some(done) = self.remember(model, &chunk) {
                    self.finish_chunk(chunk);
                    return Ok(Some(Event::Progress { phase: Phase::Score, done, total: all }));
                }
                self.stage = Stage::Read { chunk, read: 0 };
            }
            let done = match &self.stage {
                Stage::Done(_) => return Ok(None),
                Stage::Read { .. } => Some(self.read(model).await?),
                _ => self.ask(model).await?,
            };
            if let Some(done) = done {
                return Ok(Some(Event::Progress { phase: Phase::Score, done, total: self.article.sentences.len() }));
            }
        }
    }

    /// The chunk that the session holds at the end.
    pub fn take_chunk(&mut self) -> Chunk {
        match &mut self.stage {
            Stage::Done(chunk) => std::mem::take(chunk),
            _ => Chunk::default(),
        }
    }

    /// The features of every sentence, as the weights want them.
    pub fn features(&self) -> Vec<Features> {
        features(&self.article.all())
    }

    /// Makes one number of everything known about each sentence.
    pub fn weigh(&mut self, weights: &Weights) {
        let features = self.features();
        let n = features.len();
        for (sentence, features) in self.article.sentences.iter_mut().zip(&features) {
            sentence.salience = weights.salience(&sentence.readings, features, n);
        }
    }

    /// Gives how many sentences of the text were read whole.
    async fn read(&mut self, model: &Model) -> Result<usize> {
        let Stage::Read { chunk, read: 0 } = &self.stage else { return self.read_on(model).await };
        // What the model says at a mark is not kept with the session: to learn it, everything is read.
        let known = if self.wanted.mark { Vec::new() } else { chunk.tokens.clone() };
        let n = self.begin(model, &known).await?;
        if let Stage::Read { read, .. } = &mut self.stage {
            *read = n;
        }
        self.read_on(model).await
    }

    async fn read_on(&mut self, model: &Model) -> Result<usize> {
        let (Stage::Read { chunk, read }, Some(session)) = (&mut self.stage, &mut self.session) else { return Ok(0) };
        let rest = chunk.tokens.get(*read..).unwrap_or_default();
        let first = chunk.sentences_in(*read);
        let marks: Vec<usize> = match self.wanted.mark {
            true => chunk.ends.iter().skip(first).map(|end| end - 1 - *read).collect(),
            false => Vec::new(),
        };
        self.logits.clear();
        let n = match rest.is_empty() {
            true => 0,
            false => model.feed(session, rest, LogitRows::Rows(&marks), &mut self.logits).await?,
        };
        for (k, logits) in self.logits.chunks_exact(model.vocab_size()).enumerate() {
            let sentence = chunk.sentences.get(first + k).and_then(|i| self.article.sentences.get_mut(*i));
            if let Some(sentence) = sentence {
                sentence.readings.mark = Some(difference(logits, &self.format)?);
            }
        }
        *read += n;
        self.usage.prompt_tokens += n;
        let done = chunk.sentences.first().copied().unwrap_or(0) + chunk.sentences_in(*read);
        if *read == chunk.tokens.len() {
            let chunk = std::mem::take(chunk);
            if self.wanted.model {
                let marks = self.format.marks.iter().take(chunk.sentences.len());
                let question = std::iter::once(self.format.key_points).chain(marks.copied()).collect();
                self.stage = Stage::Ask { chunk, question, read: 0 };
            } else {
                self.note(model, &chunk);
                self.finish_chunk(chunk);
            }
        }
        Ok(done)
    }

    /// Gives how many sentences of the text are judged, once the chunk is.
    async fn ask(&mut self, model: &Model) -> Result<Option<usize>> {
        let (Stage::Ask { chunk, question, read }, Some(session)) = (&mut self.stage, &mut self.session) else {
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
                sentence.readings.model = Some(difference(logits, &self.format)?);
            }
        }
        *read += n;
        if *read < question.len() {
            return Ok(None);
        }
        let chunk = std::mem::take(chunk);
        self.note(model, &chunk);
        Ok(Some(self.finish_chunk(chunk)))
    }

    /// Takes over what a call before has learnt of the chunk, where that is all that is wanted. Gives how many sentences of
    /// the text are judged then.
    fn remember(&mut self, model: &Model, chunk: &Chunk) -> Option<usize> {
        let memo = model.memo().borrow();
        let readings = memo.get(&chunk.tokens, self.wanted).filter(|_| !self.fresh)?;
        for (i, known) in chunk.sentences.iter().zip(readings) {
            self.article.sentences.get_mut(*i)?.readings = *known;
        }
        // What asked about it counts as read, too, as if it had been asked again.
        let asked = if self.wanted.model { 1 + chunk.sentences.len() } else { 0 };
        self.usage.prompt_tokens += chunk.tokens.len() + asked;
        self.usage.cached_tokens += chunk.tokens.len() + asked;
        chunk.sentences.last().map(|last| last + 1)
    }

    /// Leaves what was learnt of the chunk to later calls.
    fn note(&self, model: &Model, chunk: &Chunk) {
        let known = chunk.sentences.iter().filter_map(|i| self.article.sentences.get(*i)).map(|s| s.readings);
        if !self.fresh {
            model.memo().borrow_mut().keep(&chunk.tokens, known.collect());
        }
    }

    fn finish_chunk(&mut self, chunk: Chunk) -> usize {
        let judged = chunk.sentences.last().map_or(0, |i| i + 1);
        self.stage = if judged < self.article.sentences.len() { Stage::Cut(judged) } else { Stage::Done(chunk) };
        judged
    }
}

/// Logit of yes minus logit of no.
fn difference(logits: &[f32], format: &TaskFormat) -> Result<f32> {
    let logit = |token: u32| {
        let found = logits.get(token as usize).copied().unwrap_or(f32::NAN);
        if found.is_finite() {
            return Ok(found);
        }
        Err(Error::NotFinite { token: token as usize, found: found.to_string() })
    };
    Ok(logit(format.yes)? - logit(format.no)?)
}
