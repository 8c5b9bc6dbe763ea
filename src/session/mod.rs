//! Position and KV cache: tokens in, logits out.
//!
//! A session owns its position; no caller passes one. It does not own the model: several sessions can take turns on one
//! backend without seeing each other. It knows its tokens, so that another text that begins with them can go on from
//! where they differ, and so that a lost device can be survived: its cache is computed again on the next one.

mod lookup;
mod save;

pub use lookup::{MAX_DRAFT, PassCosts, Speculation};
pub use save::{Saved, identity};

use crate::backend::{Backend, KvCache};
use crate::cpu::CpuCache;
use crate::error::{Error, Result};
use crate::model::{Batch, LogitRows, Sampled, Sampling};
use std::sync::Arc;

/// What a device that chooses tokens itself goes on with.
#[derive(Clone, Copy, Debug)]
pub struct Continuation<'a> {
    /// The token that was chosen last and is not read yet.
    pub token: u32,
    /// How many tokens are chosen.
    pub n: usize,
    /// How.
    pub sampling: Sampling<'a>,
}

/// One sequence of tokens and the model's memory of it. The default one has room for nothing.
#[derive(Default)]
pub struct Session {
    /// Absent where the device that held it was lost: it is computed again when it is needed.
    cache: Option<KvCache>,
    /// [`Backend::moves`] when the cache was made.
    moves: u64,
    capacity: usize,
    tokens: Vec<u32>,
    /// Of these, how many at the beginning were fed in whole batches from the first token on.
    whole: usize,
    /// What was computed again so far, where the cache is on another device than the model.
    rebuilt: Option<Rebuilt>,
}

/// A cache that is being computed again.
struct Rebuilt {
    cache: KvCache,
    /// [`Backend::moves`] when it was made.
    moves: u64,
    /// Tokens that it has.
    position: usize,
}

impl Session {
    /// A session for up to `capacity` tokens. All of its memory is allocated here.
    ///
    /// # Errors
    /// `OutOfMemory` where the device has no room; `InvalidOption` where the model has fewer positions.
    pub async fn new(backend: &Backend, capacity: usize) -> Result<Self> {
        let cache = unless_lost(backend, backend.new_cache(capacity).await)?;
        Ok(Session {
            cache,
            moves: backend.moves(),
            capacity,
            tokens: Vec::with_capacity(capacity),
            whole: 0,
            rebuilt: None,
        })
    }

    /// A session for up to `capacity` tokens that begins with the first `n` of this one, without computing them again.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub async fn copy(&self, backend: &Backend, n: usize, capacity: usize) -> Result<Self> {
        let n = n.min(self.position()).min(capacity);
        let cache = match &self.cache {
            Some(cache) if self.is_on(backend) => unless_lost(backend, backend.copy_cache(cache, n, capacity).await)?,
            _ => None,
        };
        let mut tokens = Vec::with_capacity(capacity);
        tokens.extend_from_slice(self.tokens.get(..n).unwrap_or_default());
        let whole = self.whole_batches(backend, n);
        Ok(Session { cache, moves: backend.moves(), capacity, tokens, whole, rebuilt: None })
    }

    /// Gives it what an encoder left of a source, from which it writes; copies have the same.
    pub fn set_source(&mut self, source: &Arc<CpuCache>) {
        if let Some(KvCache::Cpu(cache)) = &mut self.cache {
            cache.set_source(source);
        }
    }

    /// Whether its cache lies on the device that the model runs on; else the next feed reads its tokens again.
    pub fn is_on(&self, backend: &Backend) -> bool {
        self.cache.is_some() && self.moves == backend.moves()
    }

    /// Tokens seen so far.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// How many tokens were seen so far.
    pub fn position(&self) -> usize {
        self.tokens.len()
    }

    /// How many tokens there is room for in all.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Tokens that still fit.
    pub fn room(&self) -> usize {
        self.capacity - self.position()
    }

    /// Bytes of its keys and values.
    pub fn bytes(&self) -> usize {
        self.cache.as_ref().map_or(0, KvCache::bytes)
    }

    /// Of the first `n` tokens, behind how many it can go on at once: behind all, but of a model that cannot go back to any place of a text.
    /// Whoever reads on anywhere else has it read some tokens again first.
    pub fn held(&self, n: usize) -> usize {
        let n = n.min(self.position());
        self.cache.as_ref().map_or(n, |cache| cache.held(n))
    }

    /// Forgets everything from the `n`th token on; does nothing where there are fewer.
    pub fn truncate(&mut self, n: usize) {
        self.tokens.truncate(n);
        if let Some(rebuilt) = &mut self.rebuilt {
            rebuilt.position = rebuilt.position.min(n);
        }
    }

    /// How many of `tokens` need not be read again by a session that begins with them: as many as this one begins with.
    /// Where the numbers that a batch gives depend on its size, only whole batches from the first token on count: they
    /// are what a new session would compute, bit for bit.
    pub fn reusable(&self, backend: &Backend, tokens: &[u32]) -> usize {
        let common = self.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        let exact = backend.exact_rows() >= backend.max_batch();
        self.held(if exact { common } else { self.whole_batches(backend, common) })
    }

    /// How many of the first `n` tokens were fed in whole batches: those of a batch of which some are not among them do
    /// not count.
    fn whole_batches(&self, backend: &Backend, n: usize) -> usize {
        let n = self.whole.min(n);
        n - n % backend.max_batch()
    }

    /// The session as bytes; see [`Saved`]. `more` tokens follow those that it has seen.
    pub fn save(&self, identity: u64, more: &[u32]) -> Vec<u8> {
        let mut tokens = self.tokens.clone();
        tokens.extend_from_slice(more);
        let held = self.held(self.position());
        let cache = self.cache.as_ref().filter(|_| held > 0).and_then(|cache| cache.save(held));
        let (form, cache) = cache.unwrap_or_default();
        Saved { tokens, positions: if cache.is_empty() { 0 } else { held }, form, cache: &cache }.write(identity)
    }

    /// Takes over what a saved session had computed, where this device keeps keys and values in the same form; else the
    /// session stays empty, and its tokens must be fed again. Says how many tokens it has seen then.
    pub fn restore(&mut self, saved: &Saved<'_>) -> usize {
        let tokens = saved.tokens.get(..saved.positions).unwrap_or_default();
        if let Some(cache) = &mut self.cache
            && cache.restore(tokens.len(), saved.form, saved.cache)
        {
            self.tokens.clear();
            self.tokens.extend_from_slice(tokens);
            // How the saved tokens were fed is not known.
            self.whole = 0;
            self.rebuilt = None;
        }
        self.position()
    }

    /// Reads a token and has the device choose the next ones, of which all but the last are read; `chosen` becomes them. See
    /// [`Backend::decode`]. Says whether it did: a device may be lost ([`Session::feed`]) and be replaced by one that does
    /// not choose tokens. Nothing was read then.
    ///
    /// After an error, and where the future is dropped half-way, the session is where it was before.
    ///
    /// # Errors
    /// `ContextFull` where `n` tokens do not fit, and what the backend says.
    pub async fn decode(
        &mut self,
        backend: &mut Backend,
        next: Continuation<'_>,
        chosen: &mut Vec<Sampled>,
    ) -> Result<bool> {
        loop {
            if let Some(done) = self.decode_or_replay(backend, next, chosen).await? {
                return Ok(done);
            }
        }
    }

    /// [`Session::decode`]; `None` where a lost device was replaced, or a batch was read again there, in its place: the call is to
    /// be repeated, or not, and [`Session::replayed`] says how far it is.
    pub async fn decode_or_replay(
        &mut self,
        backend: &mut Backend,
        next: Continuation<'_>,
        chosen: &mut Vec<Sampled>,
    ) -> Result<Option<bool>> {
        let n = next.n;
        if n > self.room() {
            return Err(Error::ContextFull { limit: self.capacity, found: self.position() + n });
        }
        if n > backend.resident_steps() {
            return Ok(Some(false));
        }
        match self.try_decode(backend, next, chosen).await {
            Err(error) if backend.survives(&error) => backend.recover(&error).await.map(|()| None),
            other => other.map(|done| done.then_some(true)),
        }
    }

    /// [`Session::decode`] on the device as it is; `false` where something was read again in its place.
    async fn try_decode(
        &mut self,
        backend: &mut Backend,
        next: Continuation<'_>,
        chosen: &mut Vec<Sampled>,
    ) -> Result<bool> {
        if !self.is_on(backend) && !self.replay(backend).await? {
            return Ok(false);
        }
        let position = self.position();
        self.whole = self.whole_batches(backend, position);
        let Some(cache) = &mut self.cache else {
            return Err(Error::Internal { what: "a session is without its cache".into() });
        };
        let Continuation { token, n, sampling } = next;
        backend.decode(cache, token, position, n, sampling, chosen).await?;
        self.tokens.push(token);
        let read = chosen.len().saturating_sub(1);
        self.tokens.extend(chosen.iter().take(read).map(|sampled| sampled.token));
        Ok(true)
    }

    /// Feeds the first tokens of `tokens`, at most one batch, and gives how many they were: a caller can stop, or let
    /// others run, between batches. Where they were the last of `tokens`, `logits` becomes the rows asked for,
    /// `[rows, n_vocab]`; else it is empty, except that [`LogitRows::All`] and [`LogitRows::Rows`] (ascending rows of
    /// `tokens`) give the rows of every batch.
    ///
    /// A device that is lost meanwhile, or was lost since, is replaced ([`Backend::recover`]), and what the session has
    /// read is read again there, in whole batches; the caller notices the time only.
    ///
    /// After an error, and where the future is dropped half-way, the session is where it was before.
    ///
    /// # Errors
    /// `ContextFull` where not all of `tokens` fit (nothing is fed then), and what the backend says.
    pub async fn feed(
        &mut self,
        backend: &mut Backend,
        tokens: &[u32],
        rows: LogitRows<'_>,
        logits: &mut Vec<f32>,
    ) -> Result<usize> {
        // It ends: a GPU that is lost again soon is given up, and the CPU's failures are not survived.
        loop {
            if let Some(n) = self.feed_or_replay(backend, tokens, rows, logits).await? {
                return Ok(n);
            }
        }
    }

    /// [`Session::feed`]; `None` as in [`Session::decode_or_replay`].
    pub async fn feed_or_replay(
        &mut self,
        backend: &mut Backend,
        tokens: &[u32],
        rows: LogitRows<'_>,
        logits: &mut Vec<f32>,
    ) -> Result<Option<usize>> {
        if tokens.len() > self.room() {
            return Err(Error::ContextFull { limit: self.capacity, found: self.position() + tokens.len() });
        }
        match self.try_feed(backend, tokens, rows, logits).await {
            Err(error) if backend.survives(&error) => backend.recover(&error).await.map(|()| None),
            other => other,
        }
    }

    /// How many of how many tokens were read again, where something is being read again.
    pub fn replayed(&self) -> (usize, usize) {
        let caught_up = match &self.cache {
            Some(KvCache::Cpu(cache)) => cache.held(self.position()),
            _ => 0,
        };
        (self.rebuilt.as_ref().map_or(caught_up, |rebuilt| rebuilt.position), self.position())
    }

    /// [`Session::feed`] on the device as it is; `None` where something was read again in its place.
    async fn try_feed(
        &mut self,
        backend: &mut Backend,
        tokens: &[u32],
        rows: LogitRows<'_>,
        logits: &mut Vec<f32>,
    ) -> Result<Option<usize>> {
        if !self.is_on(backend) && !self.replay(backend).await? || !self.catch_up(backend).await? {
            return Ok(None);
        }
        let n = tokens.len().min(backend.max_batch());
        let part = tokens.get(..n).unwrap_or_default();
        let rows = match rows {
            LogitRows::Last if n < tokens.len() => LogitRows::None,
            LogitRows::Rows(rows) => {
                LogitRows::Rows(rows.get(..rows.partition_point(|row| *row < n)).unwrap_or_default())
            }
            other => other,
        };
        self.whole = self.whole_batches(backend, self.position());
        let batch = Batch { tokens: part, position: self.position(), logits: rows };
        let Some(cache) = &mut self.cache else {
            return Err(Error::Internal { what: "a session is without its cache".into() });
        };
        backend.forward(cache, batch, logits).await?;
        if self.whole == self.position() && n == backend.max_batch() {
            self.whole += n;
        }
        self.tokens.extend_from_slice(part);
        Ok(Some(n))
    }

    /// Reads tokens again behind which it cannot go on at once: at most one batch. Says whether there were none.
    async fn catch_up(&mut self, backend: &mut Backend) -> Result<bool> {
        let held = self.held(self.position());
        let rest = self.tokens.get(held..).unwrap_or_default();
        let part = rest.get(..rest.len().min(backend.max_batch())).unwrap_or_default();
        if let Some(cache) = self.cache.as_mut().filter(|_| !part.is_empty()) {
            let batch = Batch { tokens: part, position: held, logits: LogitRows::None };
            backend.forward(cache, batch, &mut Vec::new()).await?;
        }
        Ok(part.is_empty())
    }

    /// Computes the cache again, on the device that the model runs on now: at most one batch. Says whether that was all.
    async fn replay(&mut self, backend: &mut Backend) -> Result<bool> {
        let known = self.rebuilt.take().filter(|rebuilt| rebuilt.moves == backend.moves());
        let mut rebuilt = match known {
            Some(rebuilt) => rebuilt,
            None => Rebuilt { cache: backend.new_cache(self.capacity).await?, moves: backend.moves(), position: 0 },
        };
        let position = rebuilt.position;
        let rest = self.tokens.get(position..).unwrap_or_default();
        let part = rest.get(..rest.len().min(backend.max_batch())).unwrap_or_default();
        if !part.is_empty() {
            let batch = Batch { tokens: part, position, logits: LogitRows::None };
            backend.forward(&mut rebuilt.cache, batch, &mut Vec::new()).await?;
            rebuilt.position += part.len();
        }
        if rebuilt.position < self.position() {
            self.rebuilt = Some(rebuilt);
            return Ok(false);
        }
        self.whole = rebuilt.position - rebuilt.position % backend.max_batch();
        (self.cache, self.moves) = (Some(rebuilt.cache), rebuilt.moves);
        Ok(true)
    }
}

/// What was made, or nothing yet where the device was lost.
fn unless_lost(backend: &Backend, made: Result<KvCache>) -> Result<Option<KvCache>> {
    match made {
        Ok(cache) => Ok(Some(cache)),
        // Of memory, callers can make more.
        Err(error) if backend.survives(&error) && !matches!(error, Error::OutOfMemory { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
