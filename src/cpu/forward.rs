//! The executor: a plan, its weights and the memory they need.

use super::ops::rope::Rotation;
use super::ops::store_kv::Layer;
use super::ops::{activation, add, attention, embed, experts, gated_activation, layer_norm, position_embed};
use super::ops::{rms_norm, rope, route, scale, select_rows, short_conv, soft_cap, store_kv};
use super::pass::{MAX_BATCH, Observe, Pass};
use super::per_thread::PerThread;
use super::quant::{Inputs, Scratch, dots};
use super::recurrent::Recurrent;
use super::relative::{self, Biases};
use super::share;
use super::simd::{Best, Dots, Vector};
use super::threads::{POOL, Pool};
use super::{Level, validate};
use crate::error::{Error, Result};
use crate::model::{Batch, BufferId, ModelConfig, Op, Plan, RowIds, Step, VectorId};
use crate::weights::{Codes, Weights};
use std::sync::Arc;

/// A model ready to run. All memory is allocated here and in [`CpuModel::new_cache`]: a forward pass allocates nothing,
/// but for the caller's logits the first time.
#[derive(Debug)]
pub struct CpuModel {
    pub(super) plan: Arc<Plan>,
    pub(super) weights: Arc<Weights>,
    level: Level,
    /// Activations by buffer id, `[rows, width]`. The output's is empty: it is the caller's, lent for one pass.
    pub(super) buffers: Vec<Vec<f32>>,
    /// One row of a table, and its bytes.
    pub(super) row: Vec<f32>,
    stored: Vec<u8>,
    /// Of one head's key or value.
    codes: Vec<i16>,
    pub(super) inputs: Inputs,
    pub(super) experts: experts::Memory,
    /// What state spaces convolve.
    pub(super) convolved: Vec<f32>,
    pub(super) scratch: PerThread<Scratch>,
    /// Whose threads share the work.
    pub(super) pool: &'static Pool,
    rotations: Vec<Rotation>,
    /// Index into `rotations` by step; unused for other operations than `Rope`.
    rotation_of_step: Vec<usize>,
    /// By the tables that they are made of.
    biases: Vec<(VectorId, Biases)>,
    pub(super) facts: validate::Facts,
    /// What an encoder has of the texts at hand.
    pub(super) own_cache: Option<CpuCache>,
}

/// Keys and values of one session.
#[derive(Clone, Debug)]
pub struct CpuCache {
    pub(super) layers: Vec<Layer>,
    /// What state spaces remember.
    pub(super) states: Recurrent,
    pub(super) capacity: usize,
    /// Attention's scratch.
    pub(super) scores: PerThread<Vec<f32>>,
    /// What the encoder of an encoder-decoder left of the source, which fills it.
    pub(super) source: Option<Arc<CpuCache>>,
}

impl CpuCache {
    /// How many positions there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }
}

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
        let facts = validate::plan(&plan, &weights)?;
        // What only steps behind the selection write is as long as the rows asked for: a vocabulary is wide.
        let selection = plan.steps.iter().position(|step| matches!(step.op, Op::SelectRows { .. }));
        let batch_steps = &plan.steps[..selection.unwrap_or(plan.steps.len())];
        let buffers = plan.buffers.iter().enumerate().map(|(i, spec)| {
            let of_batch = batch_steps.iter().any(|step| step.op.out() == Some(BufferId(i)));
            vec![0.0; if of_batch { MAX_BATCH * spec.width } else { 0 }]
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
        let biases = relative::of(&plan);
        let widest = plan.matrices.iter().map(|m| m.cols).max().unwrap_or(0);
        let coarse = plan.config.rounds_coarsely();
        let inputs = Inputs::new(MAX_BATCH, widest, coarse);
        let experts = experts::Memory::new(coarse);
        let ssms = plan.config.layers.iter().filter_map(|layer| layer.ssm);
        let convolved = vec![0.0; MAX_BATCH * ssms.map(|ssm| ssm.conv_width()).max().unwrap_or(0)];
        let scratch = PerThread::new(move || Scratch::new(widest));
        let (row, stored) = (vec![0.0; widest], Vec::with_capacity(4 * widest));
        let codes =
            facts.layers.iter().chain(&facts.source_layers).map(|&(_, head_dim)| head_dim.next_multiple_of(8)).max();
        let codes = vec![0; codes.unwrap_or(0)];
        let pool = &POOL;
        Ok(CpuModel {
            plan,
            weights,
            level,
            buffers,
            row,
            stored,
            codes,
            inputs,
            experts,
            convolved,
            scratch,
            pool,
            rotations,
            rotation_of_step,
            biases,
            facts,
            own_cache: None,
        })
    }

    /// As what the codes of a model's `Q8_0` matrices are best stored in panels on this engine; every way gives the same results.
    pub fn codes(config: &ModelConfig) -> Codes {
        let dots = dots::<Best>().filter(|_| config.rounds_coarsely());
        dots.map_or(Codes::Signed, Dots::codes)
    }

    /// The same with the threads of another pool than [`POOL`]. The results do not depend on them.
    pub fn with_pool(self, pool: &'static Pool) -> CpuModel {
        CpuModel { pool, ..self }
    }

    /// The same with activations rounded finely, whatever the model's width (see `linear`): slower, and nearly as exact as f32.
    pub fn with_fine_rounding(self) -> CpuModel {
        let inputs = Inputs::new(MAX_BATCH, self.row.len(), false);
        let experts = experts::Memory::new(false);
        CpuModel { inputs, experts, ..self }
    }

    /// Rows per forward pass at most, also where all their logits are asked for.
    pub fn max_batch(&self) -> usize {
        MAX_BATCH
    }

    /// Up to how many rows of a batch come out with the same bits as each of them alone: whole numbers do not care in
    /// which order they are summed, float weights are summed in another order for one row than for several.
    pub fn exact_rows(&self) -> usize {
        let quantised = |id: usize| self.weights.matrices[id].dtype.is_quantised();
        let whole = |step: &Step| match step.op {
            Op::Linear { weight, .. } => quantised(weight.0),
            Op::Experts { routes, gate, up, down, .. } => {
                let n = self.plan.buffers[routes.0].width;
                [gate, up, down].into_iter().all(|first| (first.0..first.0 + n).all(quantised))
            }
            _ => true,
        };
        if self.plan.steps.iter().all(whole) { MAX_BATCH } else { 1 }
    }

    /// Which instructions run the kernels.
    pub fn level(&self) -> Level {
        self.level
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
        let Batch { tokens, position, logits: rows } = batch;
        cache.states.begin(position, tokens.len());
        let steps = (self.plan.source_steps, self.plan.steps.len());
        let pass = Pass { tokens, segments: &[], position, ends: &[tokens.len()], rows, steps };
        self.pass(cache, pass, logits, observe);
        Ok(())
    }

    /// One pass, checked before. `out` becomes the rows asked for.
    pub(super) fn pass(&mut self, cache: &mut CpuCache, pass: Pass<'_>, out: &mut Vec<f32>, observe: Observe<'_>) {
        let selected = pass.rows.count(pass.tokens.len());
        // Old contents need no clearing: the last step writes every element.
        out.resize(selected * self.plan.buffers[self.plan.output.0].width, 0.0);
        std::mem::swap(out, &mut self.buffers[self.plan.output.0]);
        let pool = self.pool;
        if pass.tokens.len() == 1 {
            pool.pass(|| self.steps(cache, pass, selected, observe));
        } else {
            self.steps(cache, pass, selected, observe);
        }
        std::mem::swap(out, &mut self.buffers[self.plan.output.0]);
    }

    /// Those of a pass; `selected` rows come out.
    pub(super) fn steps(&mut self, cache: &mut CpuCache, pass: Pass<'_>, selected: usize, observe: Observe<'_>) {
        match self.level {
            #[cfg(not(feature = "one-level"))]
            Level::Scalar => self.run::<super::simd::Scalar>(cache, pass, selected, observe),
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd", not(feature = "one-level")))]
            Level::Simd128 => self.run::<super::simd::Simd128>(cache, pass, selected, observe),
            // `new` let no other pass.
            _ => self.run::<Best>(cache, pass, selected, observe),
        }
    }

    fn check_batch(&self, cache: &CpuCache, batch: Batch<'_>) -> Result<()> {
        let n = batch.tokens.len();
        if self.plan.config.encoder().is_some() {
            return Err(Error::Internal { what: "an encoder was to read a part of a text".to_string() });
        }
        if n == 0 || n > MAX_BATCH {
            return Err(Error::Internal { what: format!("a batch of {n} tokens, expected 1 to {MAX_BATCH}") });
        }
        batch.logits.check(n)?;
        let shapes = cache.layers.iter().map(|l| (l.n_kv_heads, l.head_dim));
        if !shapes.eq(self.facts.layers.iter().copied()) || !cache.states.fits(&self.facts.states) {
            return Err(Error::Internal { what: "the KV cache belongs to another model".to_string() });
        }
        if self.plan.source_steps > 0 && cache.source.is_none() {
            return Err(Error::Internal { what: "an encoder-decoder was to write without a source".to_string() });
        }
        if cache.held(batch.position) != batch.position {
            return Err(Error::Internal { what: format!("the states behind {} tokens are not there", batch.position) });
        }
        let end = batch.position.saturating_add(n);
        if end > cache.capacity {
            return Err(Error::ContextFull { limit: cache.capacity, found: end });
        }
        self.check_tokens(batch.tokens)
    }

    pub(super) fn check_tokens(&self, tokens: &[u32]) -> Result<()> {
        let n_vocab = self.facts.n_vocab;
        if let Some(id) = tokens.iter().find(|&&id| id as usize >= n_vocab) {
            return Err(Error::InvalidOption {
                name: "token id".to_string(),
                expected: format!("below {n_vocab}, the size of the vocabulary"),
                found: id.to_string(),
            });
        }
        Ok(())
    }

    fn run<V: Vector>(&mut self, cache: &mut CpuCache, pass: Pass<'_>, selected: usize, observe: Observe<'_>) {
        let Pass { tokens, segments, position, ends, rows, steps: (mut at, end) } = pass;
        for rotation in &mut self.rotations {
            rotation.prepare(pass.positions());
        }
        for (table, biases) in &mut self.biases {
            biases.prepare(&self.weights.vectors[table.0], position + tokens.len());
        }
        let plan = Arc::clone(&self.plan);
        let weights = Arc::clone(&self.weights);
        let mut n = tokens.len();
        while let Some(step) = plan.steps[..end].get(at) {
            let products = self.products_at(at);
            if products > 0 {
                self.multiply::<V>(&plan.steps[at..at + products], n, observe);
                at += products;
                continue;
            }
            let rotation = self.rotation_of_step[at];
            at += 1;
            match step.op {
                Op::Experts { .. } => {
                    self.mix::<V>(step, n, observe);
                    continue;
                }
                Op::Ssm { .. } => {
                    self.remember::<V>(step, &mut cache.states, n, observe);
                    continue;
                }
                _ => {}
            }
            if matches!(step.op, Op::SelectRows { .. }) && selected == 0 {
                return;
            }
            // No operation reads what it writes, so its output can leave the table meanwhile.
            let mut out = step.op.out().map(|id| std::mem::take(&mut self.buffers[id.0])).unwrap_or_default();
            let buffers = &self.buffers;
            let input = |id: BufferId| &buffers[id.0][..n * plan.buffers[id.0].width];
            let width = step.op.out().map_or(0, |id| plan.buffers[id.0].width);
            if out.len() < n * width {
                out.resize(n * width, 0.0);
            }
            if let Op::SelectRows { x, .. } = step.op {
                let x = input(x);
                n = selected;
                select_rows::run(x, rows.of(tokens.len()), width, &mut out[..n * width]);
            } else {
                let out = &mut out[..n * width];
                match step.op {
                    Op::Embed { table, ids, .. } => {
                        let ids = if ids == RowIds::Tokens { tokens } else { segments };
                        embed::run::<V>(&weights.matrices[table.0], ids, &mut self.stored, out)
                    }
                    Op::PositionEmbed { x, table, .. } => {
                        let table = &weights.matrices[table.0];
                        let memory = (&mut self.row[..table.cols], &mut self.stored);
                        position_embed::run::<V>(input(x), table, pass.positions(), memory, out)
                    }
                    Op::RmsNorm { x, weight, eps, .. } => {
                        let (x, weight) = (input(x), &weights.vectors[weight.0]);
                        share::rows(self.pool, width, out, |at, out| rms_norm::run::<V>(&x[at], weight, eps, out))
                    }
                    Op::LayerNorm { x, weight, bias, eps, .. } => {
                        let (x, weight, bias) = (input(x), &weights.vectors[weight.0], &weights.vectors[bias.0]);
                        share::rows(self.pool, width, out, |at, out| {
                            layer_norm::run::<V>(&x[at], weight, bias, eps, out)
                        })
                    }
                    Op::Rope { x, n_heads, head_dim, .. } => {
                        rope::run(input(x), n_heads, head_dim, &self.rotations[rotation], out)
                    }
                    Op::StoreKv { k, v, layer } => {
                        store_kv::run::<V>(input(k), input(v), position, &mut self.codes, &mut cache.layers[layer])
                    }
                    Op::Attention { q, layer, n_heads, scale, causal, window, soft_cap, relative, cross, .. } => {
                        let source = cache.source.as_deref().filter(|_| cross);
                        let (q, layer) = (input(q), &source.unwrap_or(cache).layers[layer]);
                        let seen = attention::Seen { causal, window };
                        let relative = relative.and_then(|(table, _)| {
                            self.biases.iter().find(|(known, _)| *known == table).map(|(_, biases)| biases)
                        });
                        let source = source.map(CpuCache::capacity);
                        #[rustfmt::skip]
                        let queries = attention::Queries {
                            q, n_heads, scale, soft_cap, seen, layer, position, ends, relative, source,
                        };
                        share::attention::<V>(self.pool, queries, &cache.scores, out)
                    }
                    Op::ShortConv { x, weight, layer, .. } => {
                        let memory = (&mut self.row[..width], &mut *self.codes);
                        let (weight, layer) = (&weights.vectors[weight.0], &mut cache.layers[layer]);
                        short_conv::run::<V>(input(x), weight, position, memory, layer, out)
                    }
                    Op::Route { x, n_used, normalise, .. } => route::run::<V>(input(x), width, n_used, normalise, out),
                    Op::GatedActivation { gate, up, activation, .. } => {
                        let (gate, up) = (input(gate), input(up));
                        share::rows(self.pool, width, out, |at, out| {
                            gated_activation::run::<V>(&gate[at.clone()], &up[at], activation, out)
                        })
                    }
                    Op::Activation { x, activation, .. } => {
                        let x = input(x);
                        share::rows(self.pool, width, out, |at, out| activation::run::<V>(&x[at], activation, out))
                    }
                    Op::Add { a, b, .. } => add::run::<V>(input(a), input(b), out),
                    Op::Scale { x, factor, .. } => scale::run::<V>(input(x), factor, out),
                    Op::SoftCap { x, cap, .. } => {
                        let x = input(x);
                        share::rows(self.pool, width, out, |at, out| soft_cap::run::<V>(&x[at], cap, out))
                    }
                    Op::SelectRows { .. } | Op::Linear { .. } | Op::Experts { .. } | Op::Ssm { .. } => {}
                }
            }
            if let Some(id) = step.op.out() {
                observe(step, &out[..n * plan.buffers[id.0].width]);
                self.buffers[id.0] = out;
            }
        }
    }
}
