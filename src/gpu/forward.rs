//! The forward pass: write the batch, walk the dispatches, read the logits.

use super::cache::GpuCache;
use super::choose::Drawing;
use super::counters::Counters;
use super::device::{Gpu, gpu_error};
use super::fuse::Fused;
use super::fused::unit::Unit;
use super::kernel;
use super::launch::Dispatch;
use super::pipelines::Pipelines;
use super::resources::Resources;
use crate::model::{Batch, BufferId, Plan, Step};
use crate::{Error, Result};
use std::sync::Arc;

/// How long one submit of a prompt may take: about three frames.
const SUBMIT_MS: f64 = 50.0;
/// More submits than that cost more than they help.
const MAX_PARTS: usize = 32;

/// A plan with its weights on the GPU, ready to run.
pub struct GpuModel {
    pub(super) plan: Arc<Plan>,
    pub(super) gpu: Gpu,
    pub(super) pipelines: Pipelines,
    pub(super) resources: Resources,
    /// Per step: the dispatches that need no cache.
    pub(super) dispatches: Vec<Vec<Dispatch>>,
    /// The first step that runs over the selection instead of the batch.
    pub(super) selection: usize,
    /// How a single token runs.
    pub(super) fused: Fused,
    /// Per unit of it: the dispatches that need no cache, where they are not those of a step.
    pub(super) fused_dispatches: Vec<Vec<Dispatch>>,
    /// Per unit: its norm and biases, see [`dots::vectors`](super::fused::dots::vectors).
    pub(super) unit_vectors: Vec<Option<wgpu::Buffer>>,
    /// Chooses a token.
    pub(super) choose: Dispatch,
    pub(super) drawing: Drawing,
    /// Where chosen tokens are mapped; one fewer while a run uses it.
    pub(super) result_readbacks: Vec<wgpu::Buffer>,
    pub(super) max_batch: usize,
    /// Up to how many tokens it chooses in one submit.
    pub(super) resident_steps: usize,
    /// Milliseconds that a row of a prompt takes, see [`GpuModel::pace`].
    pub(super) row_ms: Option<f64>,
    /// Tells the caches of different models apart.
    pub(super) id: u64,
    /// The plan's vectors: rotary factors are needed once more for each cache.
    pub(super) rope_factors: Vec<Vec<f32>>,
    /// Where results are mapped; absent while a forward uses it, so that an abandoned one leaves nothing mapped.
    pub(super) readback: Option<wgpu::Buffer>,
}

/// How many rows a forward runs over.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    batch: u32,
    selected: u32,
}

impl GpuModel {
    /// Runs one batch. `logits` becomes the selected rows' logits `[rows, n_vocab]`; it is empty where
    /// none is asked for.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a token id outside of the vocabulary, [`Error::ContextFull`] where the cache has no
    /// room, [`Error::Internal`] for an empty or too large batch or a cache of another model; [`Error::Gpu`] where the
    /// device failed or was lost. After an error the logits are empty.
    pub async fn forward(&mut self, cache: &mut GpuCache, batch: Batch<'_>, logits: &mut Vec<f32>) -> Result<()> {
        logits.clear();
        let rows = self.begin(cache, &batch)?;
        let n = self.logit_rows(rows);
        let out = self.plan.output;
        let readback = if n > 0 { Some(self.take_readback(out, n).await?) } else { None };
        let steps = self.plan.steps.len();
        let parts = if rows.batch == 1 { 1 } else { self.parts(rows.batch as usize).clamp(1, steps.max(1)) };
        // What runs before the last submit is waited for: nothing else gets its turn on the GPU behind a queue.
        for part in 1..parts {
            let range = steps * (part - 1) / parts..steps * part / parts;
            let encoder = self.record_steps(cache, range, rows);
            self.gpu.scoped("forward", 0, || self.gpu.queue.submit([encoder.finish()])).await?;
            self.gpu.counting.add(|c| c.submits += 1);
            self.gpu.finished().await?;
        }
        let scope = self.gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let mut encoder = if rows.batch == 1 {
            let mut encoder = self.encoder();
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            self.record_one(&mut pass, cache, self.resources.slot(0), rows.selected > 0);
            drop(pass);
            encoder
        } else {
            self.record_steps(cache, steps * (parts - 1) / parts..steps, rows)
        };
        if let Some(readback) = &readback {
            self.copy_out(&mut encoder, out, n, readback)?;
        }
        self.gpu.queue.submit([encoder.finish()]);
        self.gpu.counting.add(|c| {
            c.submits += 1;
            c.readbacks += u64::from(readback.is_some());
        });
        let failure = scope.pop();
        match readback {
            Some(readback) => self.read_rows(readback, out, n, logits).await?,
            // A caller that streams in a long prompt learns of failures, and can stop, between batches.
            None => self.gpu.finished().await?,
        }
        if let Some(error) = failure.await {
            logits.clear();
            return Err(gpu_error("forward", error));
        }
        self.gpu.check()
    }

    /// [`forward`](Self::forward), submitting each step alone; `observe` sees the rows `[n, width]` that each step
    /// wrote. Steps that write no buffer are not shown.
    pub async fn forward_traced(
        &mut self,
        cache: &mut GpuCache,
        batch: Batch<'_>,
        logits: &mut Vec<f32>,
        observe: &mut dyn FnMut(&Step, &[f32]),
    ) -> Result<()> {
        logits.clear();
        let rows = self.begin(cache, &batch)?;
        let plan = Arc::clone(&self.plan);
        let mut seen = Vec::new();
        for (i, step) in plan.steps.iter().enumerate() {
            let n = self.rows_at(i, rows);
            if n == 0 {
                continue;
            }
            let readback = match step.op.out() {
                Some(out) => Some((out, self.take_readback(out, n).await?)),
                None => None,
            };
            let mut encoder = self.encoder();
            let scope = self.gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
            self.record(&mut encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default()), cache, i, rows);
            if let Some((out, readback)) = &readback {
                self.copy_out(&mut encoder, *out, n, readback)?;
            }
            self.gpu.queue.submit([encoder.finish()]);
            let failure = scope.pop();
            if let Some((out, readback)) = readback {
                self.read_rows(readback, out, n, &mut seen).await?;
                observe(step, &seen);
                if out == plan.output {
                    logits.clone_from(&seen);
                }
            }
            if let Some(error) = failure.await {
                logits.clear();
                return Err(gpu_error(&step.name, error));
            }
        }
        self.gpu.check()
    }

    /// Checks the batch and writes what changes from batch to batch.
    pub(super) fn begin(&self, cache: &GpuCache, batch: &Batch<'_>) -> Result<Rows> {
        self.gpu.check()?;
        self.check(cache, batch)?;
        let (n, position) = (batch.tokens.len() as u32, batch.position as u32);
        let selected: Vec<u32> = batch.logits.of(batch.tokens.len()).map(|row| row as u32).collect();
        let whole = kernel::Batch { n, position, step: 0 };
        // No step behind the selection asks for positions.
        let selection = kernel::Batch { n: selected.len() as u32, position, step: 0 };
        let queue = &self.gpu.queue;
        queue.write_buffer(&self.resources.tokens, 0, bytemuck::cast_slice(batch.tokens));
        queue.write_buffer(&self.resources.selected, 0, bytemuck::cast_slice(&selected));
        queue.write_buffer(&self.resources.batches, 0, bytemuck::bytes_of(&whole));
        queue.write_buffer(&self.resources.batches, self.resources.uniform_stride, bytemuck::bytes_of(&selection));
        Ok(Rows { batch: n, selected: selection.n })
    }

    pub(super) fn check(&self, cache: &GpuCache, batch: &Batch<'_>) -> Result<()> {
        if cache.model != self.id {
            return Err(Error::Internal { what: "the KV cache belongs to another model".to_string() });
        }
        let n = batch.tokens.len();
        if n == 0 || n > self.max_batch {
            return Err(Error::Internal { what: format!("a batch of {n} tokens, expected 1 to {}", self.max_batch) });
        }
        batch.logits.check(n)?;
        let end = batch.position.saturating_add(n);
        if end > cache.capacity {
            return Err(Error::ContextFull { limit: cache.capacity, found: end });
        }
        let n_vocab = self.plan.config.n_vocab;
        if let Some(token) = batch.tokens.iter().find(|&&token| token as usize >= n_vocab) {
            return Err(Error::InvalidOption {
                name: "token id".to_string(),
                expected: format!("below {n_vocab}, the size of the vocabulary"),
                found: token.to_string(),
            });
        }
        Ok(())
    }

    /// How many rows step `i` runs over.
    pub(super) fn rows_at(&self, i: usize, rows: Rows) -> u32 {
        if i >= self.selection { rows.selected } else { rows.batch }
    }

    /// How many rows of logits are asked for.
    fn logit_rows(&self, rows: Rows) -> u32 {
        self.rows_at(self.plan.steps.len().saturating_sub(1), rows)
    }

    pub(super) fn encoder(&self) -> wgpu::CommandEncoder {
        self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("forward") })
    }

    fn record_steps(&self, cache: &GpuCache, steps: std::ops::Range<usize>, rows: Rows) -> wgpu::CommandEncoder {
        let mut encoder = self.encoder();
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        steps.for_each(|i| self.record(&mut pass, cache, i, rows));
        drop(pass);
        encoder
    }

    fn record(&self, pass: &mut wgpu::ComputePass<'_>, cache: &GpuCache, i: usize, rows: Rows) {
        let n = self.rows_at(i, rows);
        if n == 0 {
            return;
        }
        let slot = self.resources.slot(usize::from(i >= self.selection));
        self.record_all([&self.dispatches, &cache.dispatches], i, pass, n, slot);
    }

    /// Records the pass of a single token, whose batch is at offset `slot`; `logits`: up to the logits.
    pub(super) fn record_one(&self, pass: &mut wgpu::ComputePass<'_>, cache: &GpuCache, slot: u32, logits: bool) {
        let units = self.fused.units.iter().enumerate();
        for (i, unit) in units.take_while(|(i, _)| logits || *i < self.fused.selection) {
            match unit {
                Unit::Step(step) => self.record_all([&self.dispatches, &cache.dispatches], *step, pass, 1, slot),
                _ => self.record_all([&self.fused_dispatches, &cache.fused], i, pass, 1, slot),
            }
        }
    }

    fn record_all(
        &self,
        lists: [&Vec<Vec<Dispatch>>; 2],
        i: usize,
        pass: &mut wgpu::ComputePass<'_>,
        n: u32,
        slot: u32,
    ) {
        for dispatch in lists.into_iter().filter_map(|list| list.get(i)).flatten() {
            dispatch.record(pass, n, slot);
            self.gpu.counting.add(|c| c.dispatches += 1);
        }
    }

    /// Learns that a forward over `rows` rows took `ms` milliseconds. Passes over many rows that take longer than a page
    /// may wait for its turn are submitted in parts from then on, which changes no bit of what they give.
    pub fn pace(&mut self, rows: usize, ms: f64) {
        if rows > 1 && ms.is_finite() {
            self.row_ms = Some(ms.max(0.0) / rows as f64);
        }
    }

    /// In how many submits a pass over so many rows is to be made.
    fn parts(&self, rows: usize) -> usize {
        // As long as nothing is known of the device: a few, in case it is slow.
        self.row_ms.map_or(4, |ms| (ms * rows as f64 / SUBMIT_MS).ceil() as usize).clamp(1, MAX_PARTS)
    }

    /// Up to how many tokens it chooses in one [`decode`](Self::decode).
    pub fn resident_steps(&self) -> usize {
        self.resident_steps
    }

    /// Whether a single token takes fewer dispatches than the plan has steps.
    pub fn is_fused(&self) -> bool {
        self.fused.units.len() < self.plan.steps.len()
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        self.gpu.counting.get()
    }

    /// A mappable buffer for `n` rows of an activation buffer: the last one, where it is large enough.
    pub(super) async fn take_readback(&mut self, from: BufferId, n: u32) -> Result<wgpu::Buffer> {
        let bytes = self.row_bytes(from)? * u64::from(n);
        match self.readback.take() {
            Some(buffer) if buffer.size() >= bytes => Ok(buffer),
            _ => {
                let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
                self.gpu.buffer_for("readback", bytes, usage).await
            }
        }
    }

    /// Bytes from row to row of an activation buffer.
    fn row_bytes(&self, id: BufferId) -> Result<u64> {
        Ok((self.resources.activation(id)?.stride * 4) as u64)
    }

    /// Records the copy of `n` rows.
    pub(super) fn copy_out(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        from: BufferId,
        n: u32,
        to: &wgpu::Buffer,
    ) -> Result<()> {
        let bytes = self.row_bytes(from)? * u64::from(n);
        encoder.copy_buffer_to_buffer(&self.resources.activation(from)?.buffer, 0, to, 0, bytes);
        Ok(())
    }

    /// Reads `n` rows, copied from the buffer `from`, without their padding.
    pub(super) async fn read_rows(
        &mut self,
        readback: wgpu::Buffer,
        from: BufferId,
        n: u32,
        rows: &mut Vec<f32>,
    ) -> Result<()> {
        rows.clear();
        let (width, row_bytes) = (self.resources.activation(from)?.width, self.row_bytes(from)?);
        let unpad = |bytes: &[u8]| {
            for row in bytes.chunks_exact(row_bytes as usize) {
                // A mapped range has no alignment that Rust knows of.
                let values = row.chunks_exact(4).take(width).filter_map(|value| value.first_chunk::<4>());
                rows.extend(values.map(|value| f32::from_le_bytes(*value)));
            }
        };
        self.gpu.read(&readback, row_bytes * u64::from(n), unpad).await?;
        self.readback = Some(readback);
        Ok(())
    }
}
