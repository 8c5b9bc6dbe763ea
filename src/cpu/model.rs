//! The executor: a plan, its weights and the memory they need.

use super::out::Out;
use super::rope::Rotation;
use super::store_kv::Layer;
use super::vector::{Scalar, Vector};
use super::{Level, activation, add, attention, check, embed, gated_activation, layer_norm, linear};
use super::{position_embed, rms_norm, rope, select_rows, store_kv};
use crate::error::{Error, Result};
use crate::model::{Batch, BufferId, Op, Plan, Step};
use crate::tensor::DType;
use crate::weights::Weights;
use std::sync::Arc;

/// Rows per forward pass. More would make better use of each weight read, and the page wait longer for an abort.
const MAX_BATCH: usize = 128;

/// Models of this width and more have their prompts' activations rounded coarsely (see `linear`). Narrower ones are fast
/// enough without, and have fewer terms for rounding errors to cancel in.
const COARSE_FROM: usize = 256;

/// A model ready to run. All memory is allocated here and in [`CpuModel::new_cache`]: a forward pass allocates nothing,
/// but for the caller's logits the first time.
#[derive(Debug)]
pub struct CpuModel {
    plan: Arc<Plan>,
    weights: Arc<Weights>,
    level: Level,
    /// Activations by buffer id, `[max_batch, width]`. The logits' is empty: it is the caller's, lent for one pass.
    buffers: Vec<Vec<f32>>,
    /// One row of a table.
    row: Vec<f32>,
    inputs: linear::Inputs,
    panel: linear::Panel,
    rotations: Vec<Rotation>,
    /// Index into `rotations` by step; unused for other operations than `Rope`.
    rotation_of_step: Vec<usize>,
    facts: check::Facts,
}

/// Keys and values of one session.
#[derive(Clone, Debug)]
pub struct CpuCache {
    pub(super) layers: Vec<Layer>,
    capacity: usize,
    /// Attention's scratch.
    scores: Vec<f32>,
}

impl CpuCache {
    /// How many positions there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }
}

type Observe<'a> = &'a mut dyn FnMut(&Step, &[f32]);

impl CpuModel {
    /// Checks that plan and weights fit together and allocates the activations.
    ///
    /// Errors: [`Error::Weights`] where shapes differ from the plan's or numbers are not finite, [`Error::Unsupported`] where this build cannot
    /// run `level`, [`Error::Internal`] for a plan that contradicts itself.
    pub fn new(plan: Arc<Plan>, weights: Arc<Weights>, level: Level) -> Result<CpuModel> {
        if !level.is_available() {
            return Err(Error::Unsupported {
                what: "the CPU level".to_string(),
                found: level.name().to_string(),
                supported: Level::best().name().to_string(),
            });
        }
        let facts = check::plan(&plan, &weights)?;
        let buffers = plan.buffers.iter().enumerate().map(|(i, spec)| {
            let rows = if i == plan.logits.0 { 0 } else { MAX_BATCH };
            vec![0.0; rows * spec.width]
        });
        let buffers = buffers.collect();
        let (mut kinds, mut rotations, mut rotation_of_step) = (Vec::new(), Vec::new(), Vec::new());
        for step in &plan.steps {
            let mut index = 0;
            if let Op::Rope { rope, factors, .. } = &step.op {
                let kind = (*rope, *factors);
                index = kinds.iter().position(|k| *k == kind).unwrap_or(kinds.len());
                if index == kinds.len() {
                    kinds.push(kind);
                    let factors = factors.map(|id| weights.vectors[id.0].as_slice());
                    rotations.push(Rotation::new(rope, factors, MAX_BATCH));
                }
            }
            rotation_of_step.push(index);
        }
        let widest = plan.matrices.iter().map(|m| m.cols).max().unwrap_or(0);
        let inputs = linear::Inputs::new(MAX_BATCH, widest, plan.config.d_model >= COARSE_FROM);
        let (row, panel) = (vec![0.0; widest], linear::Panel::new(widest));
        Ok(CpuModel { plan, weights, level, buffers, row, inputs, panel, rotations, rotation_of_step, facts })
    }

    /// Rows per forward pass at most, also where all their logits are asked for.
    pub fn max_batch(&self) -> usize {
        MAX_BATCH
    }

    /// Up to how many rows of a batch come out with the same bits as each of them alone. Whole numbers do not care in
    /// which order they are summed, but large batches of wide models are rounded coarsely; float weights are summed in
    /// another order for one row than for several.
    pub fn exact_rows(&self) -> usize {
        let whole = |step: &Step| match step.op {
            Op::Linear { weight, .. } => self.weights.matrices[weight.0].dtype.block_len() > 1,
            _ => true,
        };
        match self.plan.steps.iter().all(whole) {
            false => 1,
            true if self.plan.config.d_model >= COARSE_FROM => linear::EXACT_ROWS,
            true => MAX_BATCH,
        }
    }

    /// Which instructions run the kernels.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Keys and values for `capacity` positions, in f32.
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
        let layers = self.facts.layers.iter().map(|&(n_kv_heads, head_dim)| Layer::new(n_kv_heads, head_dim, capacity));
        let layers = layers.collect::<Result<Vec<_>>>()?;
        let scores = vec![0.0; attention::QUERIES * capacity.next_multiple_of(8)];
        Ok(CpuCache { layers, capacity, scores })
    }

    /// Runs one batch: its keys and values go to `cache` at `batch.position..`, its logits `[selected rows, n_vocab]`
    /// replace the contents of `logits`.
    ///
    /// Errors, before anything is changed: [`Error::InvalidOption`] for a token id outside of the vocabulary,
    /// [`Error::ContextFull`] where the cache has no room, [`Error::Internal`] for an empty or too large batch or a
    /// cache of another model.
    pub fn forward(&mut self, cache: &mut CpuCache, batch: Batch<'_>, logits: &mut Vec<f32>) -> Result<()> {
        self.forward_traced(cache, batch, logits, &mut |_, _| ())
    }

    /// [`CpuModel::forward`], showing `observe` the output rows of every step that has an output.
    pub fn forward_traced(
        &mut self,
        cache: &mut CpuCache,
        batch: Batch<'_>,
        logits: &mut Vec<f32>,
        observe: Observe<'_>,
    ) -> Result<()> {
        self.check_batch(cache, batch)?;
        let selected = batch.logits.count(batch.tokens.len());
        // Old contents need no clearing: the last step writes every element.
        logits.resize(selected * self.plan.buffers[self.plan.logits.0].width, 0.0);
        std::mem::swap(logits, &mut self.buffers[self.plan.logits.0]);
        match self.level {
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Level::Simd128 => self.run::<super::vector::Simd128>(cache, batch, selected, observe),
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Level::Relaxed => self.run::<super::vector::Relaxed>(cache, batch, selected, observe),
            _ => self.run::<Scalar>(cache, batch, selected, observe),
        }
        std::mem::swap(logits, &mut self.buffers[self.plan.logits.0]);
        Ok(())
    }

    fn check_batch(&self, cache: &CpuCache, batch: Batch<'_>) -> Result<()> {
        let n = batch.tokens.len();
        if n == 0 || n > MAX_BATCH {
            return Err(Error::Internal { what: format!("a batch of {n} tokens, expected 1 to {MAX_BATCH}") });
        }
        batch.logits.check(n)?;
        let shapes = cache.layers.iter().map(|l| (l.n_kv_heads, l.head_dim));
        if !shapes.eq(self.facts.layers.iter().copied()) {
            return Err(Error::Internal { what: "the KV cache belongs to another model".to_string() });
        }
        let end = batch.position.saturating_add(n);
        if end > cache.capacity {
            return Err(Error::ContextFull { limit: cache.capacity, found: end });
        }
        let n_vocab = self.facts.n_vocab;
        if let Some(id) = batch.tokens.iter().find(|&&id| id as usize >= n_vocab) {
            return Err(Error::InvalidOption {
                name: "token id".to_string(),
                expected: format!("below {n_vocab}, the size of the vocabulary"),
                found: id.to_string(),
            });
        }
        Ok(())
    }

    fn run<V: Vector>(&mut self, cache: &mut CpuCache, batch: Batch<'_>, selected: usize, observe: Observe<'_>) {
        let Batch { tokens, position, logits } = batch;
        for rotation in &mut self.rotations {
            rotation.prepare(position, tokens.len());
        }
        let plan = Arc::clone(&self.plan);
        let weights = Arc::clone(&self.weights);
        let mut n = tokens.len();
        // What `inputs` hold: several products often have one input.
        let mut prepared: Option<(BufferId, DType)> = None;
        for (step, &rotation) in plan.steps.iter().zip(&self.rotation_of_step) {
            if matches!(step.op, Op::SelectRows { .. }) && selected == 0 {
                return;
            }
            // No operation reads what it writes, so its output can leave the table meanwhile.
            let mut out = step.op.out().map(|id| std::mem::take(&mut self.buffers[id.0])).unwrap_or_default();
            let buffers = &self.buffers;
            let input = |id: BufferId| &buffers[id.0][..n * plan.buffers[id.0].width];
            if let Op::SelectRows { x, .. } = step.op {
                let x = input(x);
                n = selected;
                let width = step.op.out().map_or(0, |id| plan.buffers[id.0].width);
                select_rows::run(x, logits.of(tokens.len()), width, &mut out[..n * width]);
            } else {
                let rows = step.op.out().map_or(0, |id| n * plan.buffers[id.0].width);
                let out = &mut out[..rows];
                match step.op {
                    Op::Embed { table, .. } => embed::run::<V>(&weights.matrices[table.0], tokens, out),
                    Op::PositionEmbed { x, table, .. } => {
                        let table = &weights.matrices[table.0];
                        position_embed::run::<V>(input(x), table, position, &mut self.row[..table.cols], out)
                    }
                    Op::RmsNorm { x, weight, eps, .. } => {
                        rms_norm::run::<V>(input(x), &weights.vectors[weight.0], eps, out)
                    }
                    Op::LayerNorm { x, weight, bias, eps, .. } => {
                        let (weight, bias) = (&weights.vectors[weight.0], &weights.vectors[bias.0]);
                        layer_norm::run::<V>(input(x), weight, bias, eps, out)
                    }
                    Op::Linear { x, weight, bias, .. } => {
                        let weight = &weights.matrices[weight.0];
                        let bias = bias.map(|id| weights.vectors[id.0].as_slice());
                        if prepared != Some((x, weight.dtype)) {
                            self.inputs.prepare::<V>(input(x), weight.cols, weight.dtype);
                            prepared = Some((x, weight.dtype));
                        }
                        let (inputs, panel, out) = (&self.inputs, &mut self.panel, Out::new(out, weight.rows));
                        // SAFETY: this is the only thread.
                        unsafe { linear::rows::<V>(input(x), inputs, weight, bias, 0..weight.rows, panel, out) }
                    }
                    Op::Rope { x, n_heads, head_dim, .. } => {
                        rope::run(input(x), n_heads, head_dim, &self.rotations[rotation], out)
                    }
                    Op::StoreKv { k, v, layer } => {
                        store_kv::run(input(k), input(v), position, &mut cache.layers[layer])
                    }
                    Op::Attention { q, layer, n_heads, scale, .. } => {
                        let (layer, scores) = (&cache.layers[layer], &mut cache.scores);
                        attention::run::<V>(input(q), n_heads, scale, layer, position, scores, out)
                    }
                    Op::GatedActivation { gate, up, activation, .. } => {
                        gated_activation::run::<V>(input(gate), input(up), activation, out)
                    }
                    Op::Activation { x, activation, .. } => activation::run::<V>(input(x), activation, out),
                    Op::Add { a, b, .. } => add::run::<V>(input(a), input(b), out),
                    Op::SelectRows { .. } => {}
                }
            }
            if let Some(id) = step.op.out() {
                prepared = prepared.filter(|(x, _)| *x != id);
                observe(step, &out[..n * plan.buffers[id.0].width]);
                self.buffers[id.0] = out;
            }
        }
    }
}
