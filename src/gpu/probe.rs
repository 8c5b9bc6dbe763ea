//! What the start-up check (`src/backend/startup.rs`) needs to know: which kernels ran, and what each unit of a single token's
//! pass wrote.
//!
//! A model runs its kernels on three paths: many rows, a dispatch for every step; one row, a dispatch for every unit; the
//! choice of a token. The check runs all three; [`GpuModel::unchecked`] says which kernels are on none of them. Attention does
//! something else where the past is long: [`GpuModel::attend`] runs it over one that is made up.

use super::cache::{GpuCache, LayerCache};
use super::device::gpu_error;
use super::forward::GpuModel;
use super::fused::unit::Unit;
use super::kernel::{KernelId, names};
use super::launch::Dispatch;
use super::ops::attention::Shape;
use crate::model::{Batch, BufferId, LogitRows};
use crate::order;
use crate::{Error, Result};
use std::collections::BTreeSet;

/// What some kernels gave.
#[derive(Clone, Debug)]
pub struct Given {
    /// The kernels, each once.
    pub kernels: Vec<KernelId>,
    /// The rows that they wrote, `[rows, width]`.
    pub values: Vec<f32>,
}

/// One attention over a past that was made up.
pub struct Attended {
    /// Heads of queries.
    pub n_heads: usize,
    /// Heads of keys and values.
    pub n_kv_heads: usize,
    /// Elements of a head.
    pub head_dim: usize,
    /// Factor on the scores.
    pub scale: f32,
    /// What a row sees, and what is done to scores: see [`Op::Attention`](crate::model::Op::Attention).
    pub causal: bool,
    /// See [`Op::Attention`](crate::model::Op::Attention).
    pub window: Option<usize>,
    /// See [`Op::Attention`](crate::model::Op::Attention).
    pub soft_cap: Option<f32>,
    /// Queries of the last positions, `[rows, n_heads, head_dim]`.
    pub q: Vec<f32>,
    /// Keys `[length, n_kv_heads, head_dim]`.
    pub k: Vec<f32>,
    /// Values, likewise.
    pub v: Vec<f32>,
    /// By the kernel for many rows, of all queries.
    pub many: Given,
    /// By that for one, of the last query.
    pub one: Given,
    /// Where attention is split for one row: what it and the projection behind it give, and what the plain kernels give.
    pub split: Option<[Given; 2]>,
}

impl GpuModel {
    /// The kernels of a step over many rows, of which one is selected for the steps behind the selection.
    pub fn kernels_of_step(&self, cache: &GpuCache, step: usize) -> Vec<KernelId> {
        let many = usize::from(step < self.selection);
        each_once(self.of_step(cache, step).filter_map(|dispatch| dispatch.kernels.get(many)))
    }

    /// The kernel that chooses tokens.
    pub fn choosing_kernel(&self) -> &KernelId {
        &self.choose.kernels[0]
    }

    /// Runs one token, submitting each unit alone; `observe` is told its kernels, the buffer that it wrote, and the row
    /// `[width]` there. Units that only store keys and values are not shown.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub async fn forward_units(
        &mut self,
        cache: &mut GpuCache,
        batch: Batch<'_>,
        observe: &mut dyn FnMut(&[KernelId], BufferId, &[f32]),
    ) -> Result<()> {
        if batch.tokens.len() != 1 {
            return Err(Error::Internal { what: format!("{} tokens by units, expected one", batch.tokens.len()) });
        }
        self.begin(cache, &batch)?;
        let slot = self.resources.slot(0);
        let mut seen = Vec::new();
        // Kernels whose results are seen in those of the next unit only.
        let mut before: Vec<KernelId> = Vec::new();
        for i in 0..self.fused.units.len() {
            let out = match self.fused.units.get(i) {
                Some(Unit::Step(step)) => self.plan.steps.get(*step).and_then(|step| step.op.out()),
                Some(unit) => unit.out(),
                None => None,
            };
            let readback = match out {
                Some(out) => Some((out, self.take_readback(out, 1).await?)),
                None => None,
            };
            let mut encoder = self.encoder();
            let scope = self.gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
            {
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                self.of_unit(cache, i).for_each(|dispatch| dispatch.record(&mut pass, 1, slot));
            }
            if let Some((out, readback)) = &readback {
                self.copy_out(&mut encoder, *out, 1, readback)?;
            }
            self.gpu.queue.submit([encoder.finish()]);
            let failure = scope.pop();
            let mut kernels = std::mem::take(&mut before);
            kernels.extend(each_once(self.of_unit(cache, i).map(|dispatch| &dispatch.kernels[0])));
            if matches!(self.fused.units.get(i), Some(Unit::Attend(_))) {
                before.clone_from(&kernels);
            }
            if let Some((out, readback)) = readback {
                self.read_rows(readback, out, 1, &mut seen).await?;
                observe(&kernels, out, &seen);
            }
            if let Some(error) = failure.await {
                return Err(gpu_error(&names(&kernels), error));
            }
        }
        self.gpu.check()
    }

    /// Runs the first attention of the plan, and the projection behind it where it is split, over `length` positions of made
    /// up keys and values, which stay in the cache. `None` where the plan has no attention.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub async fn attend(&mut self, cache: &mut GpuCache, length: usize) -> Result<Option<Attended>> {
        let found = self.plan.steps.iter().enumerate().find_map(|(step, s)| Some((step, Shape::of(&s.op)?)));
        let Some((step, (query, layer, shape, out))) = found else { return Ok(None) };
        let Shape { n_heads, n_kv_heads, head_dim, scale, causal, window, soft_cap } = shape;
        let rows = self.max_batch.min(length).min(2);
        let (q, k, v) = (
            made_up(1, rows * n_heads * head_dim),
            made_up(2, length * n_kv_heads * head_dim),
            made_up(3, length * n_kv_heads * head_dim),
        );
        let past = cache.buffers.layer(layer)?;
        for (buffer, values) in [(&past.k, &k), (&past.v, &v)] {
            self.gpu.queue.write_buffer(buffer, 0, &past.bytes_of(values));
        }
        let stride = self.resources.activation(query)?.stride;
        for (row, values) in q.chunks(n_heads * head_dim).enumerate() {
            let at = (row * stride * 4) as u64;
            self.gpu.queue.write_buffer(&self.resources.activation(query)?.buffer, at, bytemuck::cast_slice(values));
        }
        let tokens = [0; 2];
        let batch = |n: usize| Batch {
            tokens: tokens.get(..n).unwrap_or_default(),
            position: length - n,
            logits: LogitRows::None,
        };
        self.begin(cache, &batch(rows))?;
        let many = self.give(cache, &[(false, step)], rows as u32, out).await?;
        self.begin(cache, &batch(1))?;
        let last = q.chunks(n_heads * head_dim).next_back().unwrap_or_default();
        self.gpu.queue.write_buffer(&self.resources.activation(query)?.buffer, 0, bytemuck::cast_slice(last));
        let one = self.give(cache, &[(false, step)], 1, out).await?;
        let units = self.fused.units.windows(2).zip(0usize..).find_map(|(pair, i)| match pair {
            [Unit::Attend(attend), Unit::Project(project)] if attend.layer == layer => {
                Some((i, project.residual, project.out))
            }
            _ => None,
        });
        let split = match units {
            None => None,
            Some((unit, residual, out)) => {
                if let Some(residual) = residual {
                    // It would hide what is wrong with a small sum.
                    let zeros = vec![0u8; self.resources.activation(residual)?.stride * 4];
                    self.gpu.queue.write_buffer(&self.resources.activation(residual)?.buffer, 0, &zeros);
                }
                let by_units = self.give(cache, &[(true, unit), (true, unit + 1)], 1, out).await?;
                let alone = (step..step + 1).chain(self.fused.steps_of(unit + 1, &self.plan));
                let steps: Vec<_> = alone.map(|step| (false, step)).collect();
                Some([by_units, self.give(cache, &steps, 1, out).await?])
            }
        };
        Ok(Some(Attended { n_heads, n_kv_heads, head_dim, scale, causal, window, soft_cap, q, k, v, many, one, split }))
    }

    /// Runs steps, or units where the flag says so, over `n` rows, and reads what is in a buffer then.
    async fn give(&mut self, cache: &GpuCache, what: &[(bool, usize)], n: u32, out: BufferId) -> Result<Given> {
        let readback = self.take_readback(out, n).await?;
        let mut encoder = self.encoder();
        let scope = self.gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let mut kernels = Vec::new();
        {
            let slot = self.resources.slot(0);
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for &(unit, i) in what {
                let dispatches: Vec<&Dispatch> =
                    if unit { self.of_unit(cache, i).collect() } else { self.of_step(cache, i).collect() };
                for dispatch in dispatches {
                    dispatch.record(&mut pass, n, slot);
                    kernels.push(&dispatch.kernels[usize::from(n > 1)]);
                }
            }
        }
        let kernels = each_once(kernels.into_iter());
        self.copy_out(&mut encoder, out, n, &readback)?;
        self.gpu.queue.submit([encoder.finish()]);
        let failure = scope.pop();
        let mut rows = Vec::new();
        self.read_rows(readback, out, n, &mut rows).await?;
        match failure.await {
            Some(error) => Err(gpu_error(&names(&kernels), error)),
            None => Ok(Given { kernels, values: rows }),
        }
    }

    /// Compiled kernels that can run and that no path of the check runs. There should be none.
    pub fn unchecked(&self, cache: &GpuCache) -> Vec<String> {
        let mut known: BTreeSet<&KernelId> = order::set([self.choosing_kernel()]);
        for i in 0..self.plan.steps.len() {
            // That for one row runs where no unit has taken its place.
            known.extend(self.of_step(cache, i).flat_map(|dispatch| &dispatch.kernels));
        }
        for i in 0..self.fused.units.len() {
            known.extend(self.of_unit(cache, i).map(|dispatch| &dispatch.kernels[0]));
        }
        let known: BTreeSet<&str> = order::set(known.into_iter().map(|kernel| kernel.name.as_str()));
        self.pipelines.names().filter(|name| !known.contains(name)).map(str::to_string).collect()
    }

    pub(super) fn of_step<'a>(&'a self, cache: &'a GpuCache, i: usize) -> impl Iterator<Item = &'a Dispatch> {
        [&self.dispatches, &cache.dispatches].into_iter().filter_map(move |list| list.get(i)).flatten()
    }

    pub(super) fn of_unit<'a>(&'a self, cache: &'a GpuCache, i: usize) -> impl Iterator<Item = &'a Dispatch> {
        let (lists, at) = match self.fused.units.get(i) {
            Some(Unit::Step(step)) => ([&self.dispatches, &cache.dispatches], *step),
            _ => ([&self.fused_dispatches, &cache.fused], i),
        };
        lists.into_iter().filter_map(move |list| list.get(at)).flatten()
    }
}

/// Numbers between -2 and 2, any f16 holds each of them.
fn made_up(seed: u32, n: usize) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 24) as f32 - 127.5) / 64.0
    };
    (0..n).map(|_| next()).collect()
}

impl LayerCache {
    /// Keys or values `[positions, n_kv_heads, head_dim]` as they lie in the cache.
    fn bytes_of(&self, values: &[f32]) -> Vec<u8> {
        let padding = self.head_dim.next_multiple_of(4) - self.head_dim;
        let mut bytes = Vec::new();
        for head in values.chunks(self.head_dim.max(1)) {
            for value in head.iter().chain(std::iter::repeat_n(&0.0, padding)) {
                match self.half {
                    true => bytes.extend_from_slice(&half::f16::from_f32(*value).to_le_bytes()),
                    false => bytes.extend_from_slice(&value.to_le_bytes()),
                }
            }
        }
        bytes
    }
}

/// The kernels, sorted, each once.
fn each_once<'a>(all: impl Iterator<Item = &'a KernelId>) -> Vec<KernelId> {
    order::set(all).into_iter().cloned().collect()
}
