//! Reads a text of any length and judges its sentences, chunk by chunk.

use super::event::{Event, Phase};
use super::features::{Features, features};
use super::model::Model;
use super::points::{Article, Chunk};
use super::salience::{Wanted, Weights};
use super::tasks::TaskFormat;
use crate::error::{Error, Result};
use crate::model::LogitRows;
use crate::session::Session;

/// The work of judging, in steps.
pub struct Judge {
    pub article: Article,
    pub session: Option<Session>,
    pub logits: Vec<f32>,
    /// Tokens read.
    pub tokens: usize,
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
        Ok(Judge { article, session: None, logits: Vec::new(), tokens: 0, format, wanted, stage })
    }

    /// A session with room for a chunk and what comes after it.
    pub async fn session(&mut self, model: &Model) -> Result<&mut Session> {
        if self.session.is_none() {
            let capacity = (self.format.max_chunk_tokens + self.format.reserve()).min(model.context_len());
            self.session = Some(model.new_session(capacity).await?);
        }
        self.session.as_mut().ok_or_else(|| Error::Internal { what: "a session that was made is not there".into() })
    }

    /// One pass through the device; nothing where every sentence is judged.
    pub async fn next(&mut self, model: &Model) -> Result<Option<Event>> {
        loop {
            if let Stage::Cut(from) = self.stage {
                let all = self.article.sentences.len();
                let chunk = self.article.chunk(model, &self.format, from..all)?;
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
        self.session(model).await?;
        let (Stage::Read { chunk, read }, Some(session)) = (&mut self.stage, &mut self.session) else { return Ok(0) };
        if *read == 0 {
            session.truncate(0);
        }
        let rest = chunk.tokens.get(*read..).unwrap_or_default();
        let first = chunk.sentences_in(*read);
        let marks: Vec<usize> = match self.wanted.mark {
            true => chunk.ends.iter().skip(first).map(|end| end - 1 - *read).collect(),
            false => Vec::new(),
        };
        let n = model.feed(session, rest, LogitRows::Rows(&marks), &mut self.logits).await?;
        for (k, logits) in self.logits.chunks_exact(model.vocab_size()).enumerate() {
            let sentence = chunk.sentences.get(first + k).and_then(|i| self.article.sentences.get_mut(*i));
            if let Some(sentence) = sentence {
                sentence.readings.mark = Some(difference(logits, &self.format)?);
            }
        }
        *read += n;
        self.tokens += n;
        let done = chunk.sentences.first().copied().unwrap_or(0) + chunk.sentences_in(*read);
        if *read == chunk.tokens.len() {
            let chunk = std::mem::take(chunk);
            if self.wanted.model {
                let marks = self.format.marks.iter().take(chunk.sentences.len());
                let question = std::iter::once(self.format.key_points).chain(marks.copied()).collect();
                self.stage = Stage::Ask { chunk, question, read: 0 };
            } else {
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
        self.tokens += n;
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
        Ok(Some(self.finish_chunk(chunk)))
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
