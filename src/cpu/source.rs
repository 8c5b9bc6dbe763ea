//! Encoder-decoders: the encoder's pass over a source, and what the decoder attends to of it. It is made in parts, so that a caller can
//! stop, or let others run, between them.

use std::sync::Arc;

use super::CpuModel;
use super::forward::CpuCache;
use super::pass::{Observe, Pass};
use crate::error::{Error, Result};
use crate::model::LogitRows;

/// Steps of the plan that run at once: about a layer.
const STEPS: usize = 16;

/// A source that is being read.
#[derive(Debug)]
pub struct SourcePass {
    tokens: Vec<u32>,
    cache: CpuCache,
    /// The activations: other passes may come in between.
    buffers: Vec<Vec<f32>>,
    /// The next step.
    at: usize,
}

impl CpuModel {
    /// Begins to read a source.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a token id outside of the vocabulary, [`Error::ContextFull`] for more tokens than the model has
    /// positions, [`Error::OutOfMemory`], and [`Error::Internal`] for no token or a model without an encoder.
    pub fn begin_source(&self, tokens: Vec<u32>) -> Result<SourcePass> {
        let n = tokens.len();
        if self.plan.source_steps == 0 || n == 0 {
            return Err(Error::Internal { what: format!("a source of {n} tokens was to be read by this model") });
        }
        self.check_tokens(&tokens)?;
        if n > self.facts.positions {
            return Err(Error::ContextFull { limit: self.facts.positions, found: n });
        }
        let cache = CpuCache::new(&self.facts.source_layers, n)?;
        Ok(SourcePass { tokens, cache, buffers: vec![Vec::new(); self.buffers.len()], at: 0 })
    }

    /// Reads about a layer's part of the source; says how many of how many steps are done.
    pub fn read_source(&mut self, pass: &mut SourcePass) -> (usize, usize) {
        self.read_source_traced(pass, &mut |_, _| ())
    }

    /// [`CpuModel::read_source`], showing `observe` the output rows of every step that has an output.
    pub fn read_source_traced(&mut self, pass: &mut SourcePass, observe: Observe<'_>) -> (usize, usize) {
        let total = self.plan.source_steps;
        // Products of one input are taken together: not cut apart.
        let mut end = (pass.at + STEPS).min(total);
        while end < total && self.products_at(end) > 0 {
            end += 1;
        }
        let SourcePass { tokens, cache, buffers, at } = pass;
        self.inputs.make_room(tokens.len(), self.row.len());
        std::mem::swap(&mut self.buffers, buffers);
        let (ends, rows, steps) = (&[tokens.len()][..], LogitRows::None, (*at, end));
        self.steps(cache, Pass { tokens, segments: &[], position: 0, ends, rows, steps }, 0, observe);
        std::mem::swap(&mut self.buffers, buffers);
        *at = end;
        (end, total)
    }

    /// What the decoder attends to, once all steps are done.
    pub fn finish_source(&self, pass: SourcePass) -> Result<Arc<CpuCache>> {
        let mut cache = pass.cache;
        // The encoder's own keys and values nobody reads any more.
        if let (Some(own), Some(&(n_kv_heads, head_dim))) = (cache.layers.first_mut(), self.facts.source_layers.first())
        {
            *own = super::ops::store_kv::Layer::new(n_kv_heads, head_dim, 0)?;
        }
        Ok(Arc::new(cache))
    }
}
