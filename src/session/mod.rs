//! Position and KV cache: tokens in, logits out.
//!
//! A session owns its position; no caller passes one. It does not own the model: several sessions can take turns on one
//! backend without seeing each other.

use crate::backend::{Backend, KvCache};
use crate::error::{Error, Result};
use crate::model::{Batch, LogitRows};

/// One sequence of tokens and the model's memory of it.
pub struct Session {
    cache: KvCache,
    capacity: usize,
    position: usize,
}

impl Session {
    /// A session for up to `capacity` tokens. All of its memory is allocated here.
    ///
    /// # Errors
    /// `OutOfMemory` where the device has no room; `InvalidOption` where the model has fewer positions.
    pub async fn new(backend: &Backend, capacity: usize) -> Result<Self> {
        Ok(Session { cache: backend.new_cache(capacity).await?, capacity, position: 0 })
    }

    /// Tokens seen so far.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Tokens that still fit.
    pub fn room(&self) -> usize {
        self.capacity - self.position
    }

    /// Forgets everything from the `n`th token on; does nothing where there are fewer.
    pub fn truncate(&mut self, n: usize) {
        self.position = self.position.min(n);
    }

    /// Feeds the first tokens of `tokens`, at most one batch, and gives how many they were: a caller can stop, or let
    /// others run, between batches. Where they were the last of `tokens`, `logits` becomes the rows asked for,
    /// `[rows, n_vocab]`; else it is empty, except that [`LogitRows::All`] and [`LogitRows::Rows`] (ascending rows of
    /// `tokens`) give the rows of every batch.
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
        if tokens.len() > self.room() {
            return Err(Error::ContextFull { limit: self.capacity, found: self.position + tokens.len() });
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
        let batch = Batch { tokens: part, position: self.position, logits: rows };
        backend.forward(&mut self.cache, batch, logits).await?;
        self.position += n;
        Ok(n)
    }
}
