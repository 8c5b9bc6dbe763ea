//! Drives a call from outside, one piece of work at a time.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as Waker, Poll};

use super::context::Context;
use super::event::{Event, FinishReason, GpuUsage};
use super::model::Model;
use crate::backend::GpuWork;
use crate::error::{Error, Result};

/// How a call ended: what [`Event::Done`] says, but for what the job counts itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// Why.
    pub finish_reason: FinishReason,
    /// All that was written.
    pub text: String,
}

impl Ended {
    /// Everything that was asked for was given, and nothing is written.
    pub fn given() -> Self {
        Ended { finish_reason: FinishReason::Stop, text: String::new() }
    }
}

type Work = Pin<Box<dyn Future<Output = Result<Ended>>>>;

/// A call in progress. Dropping it ends it; the model stays usable.
pub struct Job {
    context: Rc<Context>,
    /// Absent once the call is over.
    work: Option<Work>,
    /// What it ended with.
    end: Option<Result<Event>>,
    gpu: GpuUsage,
}

/// What came of a piece of work.
enum Outcome {
    Given(Result<Event>),
    Ended(Result<Ended>),
}

impl Job {
    /// A call that does what `task` says. Nothing is done before the first [`Job::next`].
    pub fn new<F>(model: &Rc<Model>, task: impl FnOnce(Rc<Context>) -> F) -> Job
    where
        F: Future<Output = Result<Ended>> + 'static,
    {
        let context = Rc::new(Context::new(model));
        let work: Work = Box::pin(task(Rc::clone(&context)));
        Job { context, work: Some(work), end: None, gpu: GpuUsage::default() }
    }

    /// Does the next piece of work and says what came of it. After [`Event::Done`] it is given again; after an error,
    /// the error is.
    ///
    /// # Errors
    /// `Busy` where another job is inside its `next` at this moment; the call can be repeated. Any other error ends the
    /// job.
    pub async fn next(&mut self) -> Result<Event> {
        if let Some(end) = &self.end {
            return end.clone();
        }
        let before = self.context.model().work();
        self.context.begin();
        match poll_fn(|waker| self.poll(waker)).await {
            Outcome::Given(given) => {
                self.count(before, !matches!(given, Ok(Event::Progress { .. })));
                given
            }
            Outcome::Ended(ended) => {
                self.count(before, true);
                self.work = None;
                self.context.return_sessions(ended.is_ok());
                let end = ended.map(|Ended { finish_reason, text }| {
                    let (mut usage, timings) = self.context.totals();
                    usage.gpu = Some(self.gpu).filter(|gpu| gpu.all != GpuWork::default());
                    Event::Done { finish_reason, text, usage, timings }
                });
                self.end.insert(end).clone()
            }
        }
    }

    /// Lets the call go on until it gives something or ends. Where it waits for the device, the device wakes it.
    fn poll(&mut self, waker: &mut Waker<'_>) -> Poll<Outcome> {
        let Some(work) = &mut self.work else {
            return Poll::Ready(Outcome::Ended(Err(Error::Internal { what: "a call without work".into() })));
        };
        let polled = work.as_mut().poll(waker);
        // Both at once where it gives its last and ends without waiting: it never does, for giving waits.
        match (self.context.take(), polled) {
            (_, Poll::Ready(ended)) => Poll::Ready(Outcome::Ended(ended)),
            (Some(given), Poll::Pending) => Poll::Ready(Outcome::Given(given)),
            (None, Poll::Pending) => Poll::Pending,
        }
    }

    /// Adds what the GPU was told to do since `before`: nobody else uses the device inside a `next`.
    fn count(&mut self, before: GpuWork, writing: bool) {
        let work = self.context.model().work().since(before);
        self.gpu.all = self.gpu.all.and(work);
        if writing {
            self.gpu.writing = self.gpu.writing.and(work);
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // First what it holds, then where that goes.
        self.work = None;
        self.context.return_sessions(true);
    }
}
