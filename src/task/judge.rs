//! Reads a text of any length and judges its sentences, chunk by chunk.

use std::cell::RefCell;
use std::rc::Rc;

use super::article::{Article, Chunk};
use super::format::TaskFormat;
use super::memo::Memo;
use super::salience::{Readings, Wanted, Weights};
use crate::error::{Error, Result};
use crate::language::en::{Features, features};
use crate::model::LogitRows;
use crate::run::{Context, Lease, Phase};

/// What is left of the salience of a sentence that should not stand alone: less than any other has.
const DOUBTED: f32 = 0.01;

/// A text, and what the model says of its sentences.
pub struct Judge {
    pub article: Article,
    pub session: Option<Lease>,
    pub logits: Vec<f32>,
    pub format: TaskFormat,
    context: Rc<Context>,
    wanted: Wanted,
    /// Takes nothing over from calls before, and leaves nothing to later ones.
    fresh: bool,
}

impl Judge {
    /// `article` has sentences.
    pub fn new(context: &Rc<Context>, article: Article, format: TaskFormat, wanted: Wanted, fresh: bool) -> Self {
        Judge { article, session: None, logits: Vec::new(), format, context: Rc::clone(context), wanted, fresh }
    }

    /// Judges every sentence. Gives the last chunk, which the session holds, unless what was wanted of it was known before.
    pub async fn judge(&mut self) -> Result<Chunk> {
        let all = self.article.sentences.len();
        let mut from = 0;
        loop {
            let chunk = self.article.chunk(self.context.model(), &self.format, from..all)?;
            let judged = chunk.sentences.last().map_or(all, |last| last + 1);
            let known = self.remember(&chunk);
            if !known {
                self.read(&chunk).await?;
            }
            if !known && self.wanted.model {
                self.ask(&chunk).await?;
            }
            if known || self.wanted.model {
                self.context.progress(Phase::Score, judged, all).await;
            }
            if judged >= all {
                return Ok(chunk);
            }
            from = judged;
        }
    }

    /// Reads a chunk to write after it.
    pub async fn read_to_write(&mut self, chunk: &Chunk) -> Result<()> {
        let mut read = self.begin(&chunk.tokens).await?;
        loop {
            read += self.feed(chunk.tokens.get(read..).unwrap_or_default(), LogitRows::None).await?;
            self.context.progress(Phase::Prefill, read, chunk.tokens.len()).await;
            if read >= chunk.tokens.len() {
                return Ok(());
            }
        }
    }

    /// Feeds one batch; see [`Context::read`].
    pub async fn feed(&mut self, tokens: &[u32], rows: LogitRows<'_>) -> Result<usize> {
        let Some(session) = &mut self.session else { return Ok(0) };
        self.context.read(session, tokens, rows, &mut self.logits).await
    }

    /// Whether the session has read the chunk; not where what was wanted of it was known before.
    pub fn holds(&self, chunk: &Chunk) -> bool {
        self.session.as_ref().is_some_and(|session| session.tokens().starts_with(&chunk.tokens))
    }

    /// The features of every sentence, as the weights want them.
    pub fn features(&self) -> Vec<Features> {
        features(&self.article.all())
    }

    /// Makes one number of everything known about each sentence.
    pub fn weigh(&mut self, weights: &Weights) {
        let features = self.features();
        let n = features.len();
        let doubts = self.article.doubts();
        for (sentence, features) in self.article.sentences.iter_mut().zip(&features) {
            sentence.salience = weights.salience(&sentence.readings, features, n);
        }
        for (sentence, doubted) in self.article.sentences.iter_mut().zip(doubts) {
            if doubted {
                sentence.salience *= DOUBTED;
            }
        }
    }

    /// Puts a session in place with room for a chunk and what comes after it, which has read as much as a call before
    /// left of `tokens`, and nothing else. Gives how many they are.
    async fn begin(&mut self, tokens: &[u32]) -> Result<usize> {
        // This one, too, may have read some of them.
        self.session.take().into_iter().for_each(Lease::leave);
        let room = self.format.max_chunk_tokens + self.format.reserve();
        let capacity = room.min(self.context.model().context_len());
        let session = self.session.insert(self.context.lease(tokens, capacity, self.fresh).await?);
        let n = session.position();
        self.context.count(|usage| {
            usage.prompt_tokens += n;
            usage.cached_tokens += n;
        });
        Ok(n)
    }

    /// Reads a chunk, and what the model says at the sentences' marks in it.
    async fn read(&mut self, chunk: &Chunk) -> Result<()> {
        // What the model says at a mark is not kept with the session: to learn it, everything is read.
        let mut read = self.begin(if self.wanted.mark { &[] } else { &chunk.tokens }).await?;
        loop {
            let first = chunk.sentences_in(read);
            let marks: Vec<usize> = match self.wanted.mark {
                true => chunk.ends.iter().skip(first).map(|end| end - 1 - read).collect(),
                false => Vec::new(),
            };
            self.logits.clear();
            let n = self.feed(chunk.tokens.get(read..).unwrap_or_default(), LogitRows::Rows(&marks)).await?;
            for (k, logits) in self.logits.chunks_exact(self.context.model().vocab_size()).enumerate() {
                let sentence = chunk.sentences.get(first + k).and_then(|i| self.article.sentences.get_mut(*i));
                if let Some(sentence) = sentence {
                    sentence.readings.mark = Some(difference(logits, &self.format)?);
                }
            }
            read += n;
            let whole = read >= chunk.tokens.len();
            if whole && !self.wanted.model {
                self.note(chunk);
            }
            let done = chunk.sentences.first().copied().unwrap_or(0) + chunk.sentences_in(read);
            self.context.progress(Phase::Score, done, self.article.sentences.len()).await;
            if whole {
                return Ok(());
            }
        }
    }

    /// Asks about every sentence of the chunk that was read at once.
    async fn ask(&mut self, chunk: &Chunk) -> Result<()> {
        let marks = self.format.marks.iter().take(chunk.sentences.len());
        let question: Vec<u32> = std::iter::once(self.format.key_points).chain(marks.copied()).collect();
        let mut read = 0;
        while read < question.len() {
            let n = self.feed(question.get(read..).unwrap_or_default(), LogitRows::All).await?;
            for (row, logits) in self.logits.chunks_exact(self.context.model().vocab_size()).enumerate() {
                // The first token of the question is not a mark.
                let Some(at) = (read + row).checked_sub(1) else { continue };
                let sentence = chunk.sentences.get(at).and_then(|i| self.article.sentences.get_mut(*i));
                if let Some(sentence) = sentence {
                    sentence.readings.model = Some(difference(logits, &self.format)?);
                }
            }
            read += n;
        }
        self.note(chunk);
        Ok(())
    }

    fn memo(&self) -> Option<&RefCell<Memo>> {
        self.context.model().section::<RefCell<Memo>>().filter(|_| !self.fresh)
    }

    /// Takes over what a call before has learnt of the chunk, where that is all that is wanted; says whether it did.
    fn remember(&mut self, chunk: &Chunk) -> bool {
        let known =
            self.memo().and_then(|memo| memo.borrow().get(&chunk.tokens, self.wanted).map(<[Readings]>::to_vec));
        let Some(known) = known else { return false };
        for (i, readings) in chunk.sentences.iter().zip(known) {
            if let Some(sentence) = self.article.sentences.get_mut(*i) {
                sentence.readings = readings;
            }
        }
        // What asked about it counts as read, too, as if it had been asked again.
        let asked = if self.wanted.model { 1 + chunk.sentences.len() } else { 0 };
        self.context.count(|usage| {
            usage.prompt_tokens += chunk.tokens.len() + asked;
            usage.cached_tokens += chunk.tokens.len() + asked;
        });
        true
    }

    /// Leaves what was learnt of the chunk to later calls.
    fn note(&self, chunk: &Chunk) {
        let known = chunk.sentences.iter().filter_map(|i| self.article.sentences.get(*i)).map(|s| s.readings);
        if let Some(memo) = self.memo() {
            memo.borrow_mut().keep(&chunk.tokens, known.collect());
        }
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
