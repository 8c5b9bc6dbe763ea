//! What people ask for: generate, summarize, classify, entities, keywords, answer.
//!
//! A [`Model`] is loaded once; each call on it is a [`Job`] with a session of its own, or that of an [`OpenSession`]. A
//! job advances by [`Job::next`], one bounded piece of work at a time (a batch of the prompt, or one token), so that
//! whoever drives it can stop, show progress, or let another job go on in between. Jobs never see each other's tokens.

mod answer;
mod classify;
mod copy;
mod decode;
mod device;
mod entities;
mod event;
mod generate;
mod ground;
mod headline_words;
mod judge;
mod keywords;
mod measure;
mod memo;
mod model;
mod open_session;
mod options;
mod points;
mod pool;
mod resident;
mod salience;
mod stop;
mod stopwatch;
mod summarize;
mod support;
mod tasks;

pub use crate::language::en::features::NAMES as FEATURE_NAMES;
pub use event::{
    Answer, Entity, Event, FinishReason, GpuUsage, Keyword, Label, Measured, Phase, Piece, Place, Point, Support,
    Timings, Usage,
};
pub use generate::Prompt;
pub use model::{Clock, LoadPhase, Model, ModelInfo};
pub use open_session::OpenSession;
pub use options::{
    AnswerOptions, ClassifyOptions, EntityOptions, GenerateOptions, KeywordOptions, Labels, Length, Sampling,
    SummarizeOptions, SummaryKind,
};

use std::rc::Rc;

use crate::backend::GpuWork;
use crate::error::{Error, Result};

/// A call in progress. Dropping it ends it; the model stays usable.
pub struct Job {
    model: Rc<Model>,
    state: State,
    gpu: GpuUsage,
}

enum State {
    Generate(Box<generate::Generate>),
    Summarize(Box<summarize::Summarize>),
    Measure(Box<measure::Measure>),
    Classify(Box<classify::Classify>),
    Entities(Box<entities::Entities>),
    Keywords(Box<keywords::Keywords>),
    Ask(Box<answer::Ask>),
    Append(Box<open_session::Append>),
    Done(Event),
    Failed(Error),
}

impl Job {
    fn new(model: &Rc<Model>, state: State) -> Job {
        Job { model: Rc::clone(model), state, gpu: GpuUsage::default() }
    }

    /// Does the next piece of work and says what came of it. After [`Event::Done`] it is given again; after an error,
    /// the error is.
    ///
    /// # Errors
    /// `Busy` where another job is inside its `next` at this moment; the call can be repeated. Any other error ends the
    /// job.
    pub async fn next(&mut self) -> Result<Event> {
        let before = self.model.work();
        let mut result = match &mut self.state {
            State::Generate(job) => job.next(&self.model).await,
            State::Summarize(job) => job.next(&self.model).await,
            State::Measure(job) => job.next(&self.model).await,
            State::Classify(job) => job.next(&self.model).await,
            State::Entities(job) => job.next(&self.model).await,
            State::Keywords(job) => job.next(&self.model).await,
            State::Ask(job) => job.next().await,
            State::Append(job) => job.next(&self.model).await,
            State::Done(event) => return Ok(event.clone()),
            State::Failed(error) => return Err(error.clone()),
        };
        if let Err(Error::Replaying { done, total }) = result {
            result = Ok(Event::Progress { phase: Phase::Replay, done, total });
        }
        self.count(before, &mut result);
        match &result {
            Ok(event @ Event::Done { .. }) => self.end(State::Done(event.clone()), true),
            Ok(_) | Err(Error::Busy) => {}
            Err(error) => self.end(State::Failed(error.clone()), false),
        }
        result
    }

    /// Adds what the GPU was told to do since `before`: nobody else uses the device inside a `next`.
    fn count(&mut self, before: GpuWork, result: &mut Result<Event>) {
        let work = self.model.work().since(before);
        self.gpu.all = self.gpu.all.and(work);
        if !matches!(result, Ok(Event::Progress { .. })) {
            self.gpu.writing = self.gpu.writing.and(work);
        }
        if let Ok(Event::Done { usage, .. }) = result
            && self.gpu.all != GpuWork::default()
        {
            usage.gpu = Some(self.gpu);
        }
    }

    /// Gives the session back to where it came from.
    fn end(&mut self, end: State, sound: bool) {
        match std::mem::replace(&mut self.state, end) {
            State::Generate(job) => job.end(&self.model, sound),
            State::Summarize(job) => job.end(&self.model, sound),
            State::Measure(job) => job.end(&self.model, sound),
            State::Keywords(job) => job.end(&self.model, sound),
            State::Append(job) => job.end(sound),
            // Their sessions are of no use to others.
            State::Classify(_) | State::Entities(_) | State::Ask(_) | State::Done(_) | State::Failed(_) => {}
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.end(State::Failed(Error::Busy), true);
    }
}

impl Model {
    /// Continues a prompt.
    ///
    /// # Errors
    /// `InvalidOption`, `ContextFull` where the prompt does not fit, `Tokenizer` where the model has none and the prompt
    /// is text.
    pub fn generate(self: &Rc<Self>, prompt: Prompt<'_>, options: &GenerateOptions) -> Result<Job> {
        let job = generate::Generate::new(self, prompt.tokens(self)?, options, None)?;
        Ok(Job::new(self, State::Generate(Box::new(job))))
    }

    /// Summarises a text of any length.
    ///
    /// # Errors
    /// `UnsupportedTask` where the model was not trained to, `InvalidOption` for a text without words.
    pub fn summarize(self: &Rc<Self>, text: &str, options: &SummarizeOptions) -> Result<Job> {
        let job = summarize::Summarize::new(self, text, options)?;
        Ok(Job::new(self, State::Summarize(Box::new(job))))
    }

    /// Gives what is known of every sentence of a text, as [`Event::Measured`].
    ///
    /// # Errors
    /// As [`Model::summarize`].
    pub fn measure(self: &Rc<Self>, text: &str) -> Result<Job> {
        let job = measure::Measure::new(self, text)?;
        Ok(Job::new(self, State::Measure(Box::new(job))))
    }

    /// Says how likely each label fits a text, as [`Event::Label`], the likeliest first.
    ///
    /// # Errors
    /// `UnsupportedTask` where the model was not trained to, `InvalidOption` for a text without words and for labels that
    /// make no sense.
    pub fn classify(self: &Rc<Self>, text: &str, options: &ClassifyOptions) -> Result<Job> {
        let job = classify::Classify::new(self, text, options)?;
        Ok(Job::new(self, State::Classify(Box::new(job))))
    }

    /// Finds names, numbers, dates and the like, as [`Event::Entity`], in the order of the text.
    ///
    /// # Errors
    /// `UnsupportedTask` where the model was not trained to find names and more is asked for than what form alone shows,
    /// `InvalidOption` for a text without words and for types that it does not know.
    pub fn extract_entities(self: &Rc<Self>, text: &str, options: &EntityOptions) -> Result<Job> {
        let job = entities::Entities::new(self, text, options)?;
        Ok(Job::new(self, State::Entities(Box::new(job))))
    }

    /// Finds the phrases that say what a text is about, as [`Event::Keyword`], the best first. Any model will do; one that
    /// judges sentences does better.
    ///
    /// # Errors
    /// `InvalidOption` for a text without words and a limit of 0.
    pub fn extract_keywords(self: &Rc<Self>, text: &str, options: &KeywordOptions) -> Result<Job> {
        let job = keywords::Keywords::new(self, text, options)?;
        Ok(Job::new(self, State::Keywords(Box::new(job))))
    }

    /// Finds where a text answers a question: one [`Event::Answer`], or none.
    ///
    /// # Errors
    /// `InvalidOption` for a text or question without words.
    pub fn answer(self: &Rc<Self>, question: &str, text: &str, options: &AnswerOptions) -> Result<Job> {
        let job = answer::Ask::new(self, question, text, options)?;
        Ok(Job::new(self, State::Ask(Box::new(job))))
    }
}
