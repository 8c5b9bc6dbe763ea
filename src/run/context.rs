//! What a task has while it runs: sessions to read with, and the caller to report to.
//!
//! Whatever is given to the caller also hands control back to it: the task goes on with the caller's next
//! [`Job::next`](super::Job::next). That is the only channel between them, a slot for one event.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use super::event::{Event, Phase, Timings, Usage};
use super::lease::{Home, Lease, Returns};
use super::lent::Lent;
use super::model::Model;
use super::stopwatch::Stopwatch;
use crate::error::{Error, Result};
use crate::model::{LogitRows, Sampled};
use crate::session::{Continuation, Session};

/// One call's side of a [`Job`](super::Job).
pub struct Context {
    model: Rc<Model>,
    /// What the caller gets next.
    given: RefCell<Option<Result<Event>>>,
    usage: Cell<Usage>,
    watch: RefCell<Stopwatch>,
    returns: Rc<Returns>,
}

/// A batch that was read.
#[derive(Clone, Copy, Debug)]
pub struct Fed {
    /// How many tokens it had.
    pub tokens: usize,
    /// How long that took.
    pub ms: f64,
}

impl Context {
    pub(super) fn new(model: &Rc<Model>) -> Self {
        Context {
            model: Rc::clone(model),
            given: RefCell::default(),
            usage: Cell::default(),
            watch: RefCell::new(Stopwatch::new(model.clock())),
            returns: Rc::new(Returns::new(model)),
        }
    }

    /// The model that the call is on.
    pub fn model(&self) -> &Rc<Model> {
        &self.model
    }

    /// The call works from now on; only the first time counts.
    pub(super) fn begin(&self) {
        self.watch.borrow_mut().start();
    }

    /// What was given since it was last taken.
    pub(super) fn take(&self) -> Option<Result<Event>> {
        self.given.take()
    }

    /// Tokens and times up to now.
    pub(super) fn totals(&self) -> (Usage, Timings) {
        (self.usage.get(), self.watch.borrow().finish())
    }

    /// Brings sessions back to where they came from. `sound`: nothing failed.
    pub(super) fn return_sessions(&self, sound: bool) {
        self.returns.go_home(sound);
    }

    /// Gives the caller a result, and waits until it asks for more.
    pub async fn emit(&self, event: Event) {
        if !matches!(event, Event::Progress { .. }) {
            self.watch.borrow_mut().first();
        }
        self.give(Ok(event)).await;
    }

    /// Tells the caller how far it is, and waits until it asks for more.
    pub async fn progress(&self, phase: Phase, done: usize, total: usize) {
        self.give(Ok(Event::Progress { phase, done, total })).await;
    }

    async fn give(&self, given: Result<Event>) {
        self.given.replace(Some(given));
        // Without a waker: the caller's next step polls in any case.
        poll_fn(|_| if self.given.borrow().is_some() { Poll::Pending } else { Poll::Ready(()) }).await;
    }

    /// The prompt was read; of several prompts the last counts.
    pub fn prefilled(&self) {
        self.watch.borrow_mut().prefilled();
    }

    /// Changes what is counted.
    pub fn count(&self, change: impl FnOnce(&mut Usage)) {
        let mut usage = self.usage.get();
        change(&mut usage);
        self.usage.set(usage);
    }

    /// A session for `capacity` tokens that has read as much of the beginning of `tokens` as a call before left, and
    /// nothing else. What it has read is left to later calls, unless the call is `fresh`: then it takes nothing over, too.
    pub async fn lease(&self, tokens: &[u32], capacity: usize, fresh: bool) -> Result<Lease> {
        let (tokens, home) = if fresh { (&[][..], Home::Nowhere) } else { (tokens, Home::Kept) };
        loop {
            match self.model.session_for(tokens, capacity).await {
                Err(Error::Busy) => self.give(Err(Error::Busy)).await,
                session => return Ok(Lease::new(&self.returns, session?, home)),
            }
        }
    }

    /// A session for `capacity` tokens that is of no use to other calls.
    pub async fn lease_empty(&self, capacity: usize) -> Result<Lease> {
        loop {
            match self.model.new_session(capacity).await {
                Err(Error::Busy) => self.give(Err(Error::Busy)).await,
                session => return Ok(Lease::new(&self.returns, session?, Home::Nowhere)),
            }
        }
    }

    /// Another call is inside of the model: the caller is told, and this call waits until it asks again.
    pub(super) async fn busy(&self) {
        self.give(Err(Error::Busy)).await;
    }

    /// A session that has read the same.
    pub(super) async fn copy(&self, session: &Session) -> Result<Session> {
        loop {
            match self.model.copy_session(session, session.capacity()).await {
                Err(Error::Busy) => self.busy().await,
                copy => return copy,
            }
        }
    }

    /// The session of an open text, with room for `capacity` tokens, of which it has read some of the beginning. `text` is
    /// what the text is if the call ends now.
    pub(super) async fn lease_text(
        &self,
        lent: Lent,
        tokens: &[u32],
        capacity: usize,
        text: Vec<u32>,
    ) -> Result<Lease> {
        loop {
            match lent.session(&self.model, tokens, capacity).await {
                Err(Error::Busy) => self.give(Err(Error::Busy)).await,
                session => return Ok(Lease::new(&self.returns, session?, Home::Text(lent, text))),
            }
        }
    }

    /// Reads at most one batch of `tokens`; see [`Session::feed`]. `None` where a lost device was replaced, or a part of
    /// what was read before was read again: that was reported, and the batch is to be read now, or another one.
    pub async fn try_feed(
        &self,
        session: &mut Session,
        tokens: &[u32],
        rows: LogitRows<'_>,
        logits: &mut Vec<f32>,
    ) -> Result<Option<Fed>> {
        let start = self.now();
        let fed = loop {
            match self.model.feed(session, tokens, rows, logits).await {
                Err(Error::Busy) => self.give(Err(Error::Busy)).await,
                fed => break fed?,
            }
        };
        match fed {
            Some(tokens) => Ok(Some(Fed { tokens, ms: self.now() - start })),
            None => {
                self.replayed(session).await;
                Ok(None)
            }
        }
    }

    /// Reads at most one batch of `tokens` and gives how many they were; see [`Session::feed`]. Reading nothing does
    /// nothing. Where the device is lost meanwhile, that is reported and the session read again.
    pub async fn feed(
        &self,
        session: &mut Session,
        tokens: &[u32],
        rows: LogitRows<'_>,
        logits: &mut Vec<f32>,
    ) -> Result<usize> {
        if tokens.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(fed) = self.try_feed(session, tokens, rows, logits).await? {
                return Ok(fed.tokens);
            }
        }
    }

    /// [`Context::feed`], counted as a part of the prompt.
    pub async fn read(
        &self,
        session: &mut Session,
        tokens: &[u32],
        rows: LogitRows<'_>,
        logits: &mut Vec<f32>,
    ) -> Result<usize> {
        let n = self.feed(session, tokens, rows, logits).await?;
        self.count(|usage| usage.prompt_tokens += n);
        Ok(n)
    }

    /// Has the device choose tokens; see [`Session::decode`]. Gives how long it took where it did; `None` as in
    /// [`Context::try_feed`].
    pub(super) async fn try_decode(
        &self,
        session: &mut Session,
        next: Continuation<'_>,
        chosen: &mut Vec<Sampled>,
    ) -> Result<Option<(bool, f64)>> {
        let start = self.now();
        let done = loop {
            match self.model.decode(session, next, chosen).await {
                Err(Error::Busy) => self.give(Err(Error::Busy)).await,
                done => break done?,
            }
        };
        match done {
            Some(done) => Ok(Some((done, self.now() - start))),
            None => {
                self.replayed(session).await;
                Ok(None)
            }
        }
    }

    async fn replayed(&self, session: &Session) {
        let (done, total) = session.replayed();
        self.progress(Phase::Replay, done, total).await;
    }

    fn now(&self) -> f64 {
        (self.model.clock())()
    }
}
