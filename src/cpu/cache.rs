//! What can be done with a whole KV cache between forward passes: copy its beginning, turn it into bytes and back.

use std::sync::Arc;

use super::ops::attention::QUERIES;
use super::ops::store_kv::{FORM, Layer};
use super::per_thread::PerThread;
use super::recurrent::Recurrent;
use super::{CpuCache, CpuModel};
use crate::error::{Error, Result};

impl CpuModel {
    /// Keys and values for `capacity` positions, in 16 bits (see `store_kv`).
    ///
    /// Errors: [`Error::OutOfMemory`], and [`Error::InvalidOption`] for no position or more than the model has a learned
    /// embedding for.
    pub fn new_cache(&self, capacity: usize) -> Result<CpuCache> {
        if capacity == 0 || capacity > self.facts.positions {
            let expected = match self.facts.positions {
                usize::MAX => "at least 1 position".to_string(),
                limit => format!("1 to {limit} positions, as many as the model has embeddings for"),
            };
            return Err(Error::InvalidOption {
                name: "context length".to_string(),
                expected,
                found: capacity.to_string(),
            });
        }
        self.cache_of(capacity)
    }

    /// The same, whatever positions the model has embeddings for.
    pub(super) fn cache_of(&self, capacity: usize) -> Result<CpuCache> {
        let states = Recurrent::new(&self.facts.states, self.exact_rows() == self.max_batch())?;
        Ok(CpuCache { states, ..CpuCache::new(&self.facts.layers, capacity)? })
    }
}

impl CpuCache {
    /// For layers of these `(n_kv_heads, head_dim)`.
    pub(super) fn new(layers: &[(usize, usize)], capacity: usize) -> Result<CpuCache> {
        let layers = layers.iter().map(|&(n_kv_heads, head_dim)| Layer::new(n_kv_heads, head_dim, capacity));
        let (layers, scores) = (layers.collect::<Result<_>>()?, scores(capacity));
        Ok(CpuCache { layers, states: Recurrent::default(), capacity, scores, source: None })
    }

    /// Gives it what an encoder left of a source.
    pub fn set_source(&mut self, source: &Arc<CpuCache>) {
        self.scores = scores(self.capacity.max(source.capacity));
        self.source = Some(Arc::clone(source));
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.layers.iter().map(Layer::bytes).sum::<usize>() + self.states.bytes()
    }

    /// The last place up to `n` behind which a pass can begin: `n` itself, but for models that cannot go back to any place of a text.
    pub fn held(&self, n: usize) -> usize {
        self.states.held(n)
    }

    /// Takes over the first `n` positions of a cache of the same model; both have room for them. It has the same source then.
    pub fn copy(&mut self, from: &CpuCache, n: usize) {
        if let Some(source) = &from.source {
            self.set_source(source);
        }
        for (to, from) in self.layers.iter_mut().zip(&from.layers) {
            to.copy(from, n);
        }
        self.states.copy(&from.states, n);
    }

    /// The first `n` positions, which are held, as bytes, layer by layer, whatever layout the kernels want, then the states behind them; and
    /// the number of the form that elements have.
    pub fn save(&self, n: usize) -> (u32, Vec<u8>) {
        let mut bytes = Vec::with_capacity(n * self.position_bytes());
        self.layers.iter().for_each(|layer| layer.read(n, &mut bytes));
        self.states.read(n, &mut bytes);
        (FORM, bytes)
    }

    /// Takes over `n` positions that [`CpuCache::save`] wrote; false, and nothing changed, where the form is another one
    /// than today's, or `bytes` are not those of `n` positions of this model that fit.
    pub fn restore(&mut self, n: usize, form: u32, bytes: &[u8]) -> bool {
        let positions = n.checked_mul(self.position_bytes()).and_then(|len| bytes.split_at_checked(len));
        let Some((mut rest, states)) = positions.filter(|_| form == FORM && n <= self.capacity()) else { return false };
        if !self.states.write(n, states) {
            return false;
        }
        for layer in &mut self.layers {
            let (own, others) = rest.split_at(n * layer.position_bytes());
            layer.write(own);
            rest = others;
        }
        true
    }

    fn position_bytes(&self) -> usize {
        self.layers.iter().map(Layer::position_bytes).sum()
    }
}

/// Attention's scratch for so many positions.
fn scores(positions: usize) -> PerThread<Vec<f32>> {
    PerThread::new(move || vec![0.0; QUERIES * positions.next_multiple_of(8)])
}
