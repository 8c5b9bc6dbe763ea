//! What the start-up check (`src/backend/check.rs`) needs to know: which kernels ran, and what each unit of a single token's
//! pass wrote.
//!
//! A model runs its kernels on three paths: many rows, a dispatch for every step; one row, a dispatch for every unit; the
//! choice of a token. The check runs all three; [`GpuModel::unchecked`] says which kernels are on none of them.

use super::cache::GpuCache;
use super::device::gpu_error;
use super::forward::GpuModel;
use super::fuse::Unit;
use super::record::Dispatch;
use crate::model::{Batch, BufferId};
use crate::{Error, Result};
use std::collections::BTreeSet;

impl GpuModel {
    /// The kernels of a step over many rows, of which one is selected for the steps behind the selection.
    pub fn kernels_of_step(&self, cache: &GpuCache, step: usize) -> String {
        let many = usize::from(step < self.selection);
        names(self.of_step(cache, step).filter_map(|dispatch| dispatch.names.get(many)))
    }

    /// The kernel that chooses tokens.
    pub fn choosing_kernel(&self) -> &str {
        &self.sample.names[0]
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
        observe: &mut dyn FnMut(&str, BufferId, &[f32]),
    ) -> Result<()> {
        if batch.tokens.len() != 1 {
            return Err(Error::Internal { what: format!("{} tokens by units, expected one", batch.tokens.len()) });
        }
        self.begin(cache, &batch)?;
        let slot = self.resources.slot(0);
        let mut seen = Vec::new();
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
            let kernels = names(self.of_unit(cache, i).map(|dispatch| &dispatch.names[0]));
            if let Some((out, readback)) = readback {
                self.read_rows(readback, out, 1, &mut seen).await?;
                observe(&kernels, out, &seen);
            }
            if let Some(error) = failure.await {
                return Err(gpu_error(&kernels, error));
            }
        }
        self.gpu.check()
    }

    /// Compiled kernels that can run and that no path of the check runs. There should be none.
    pub fn unchecked(&self, cache: &GpuCache) -> Vec<String> {
        let mut known: BTreeSet<&str> = BTreeSet::from([self.choosing_kernel()]);
        for i in 0..self.plan.steps.len() {
            // That for one row runs where no unit has taken its place.
            known.extend(self.of_step(cache, i).flat_map(|dispatch| &dispatch.names).map(String::as_str));
        }
        for i in 0..self.fused.units.len() {
            known.extend(self.of_unit(cache, i).map(|dispatch| dispatch.names[0].as_str()));
        }
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

/// Each once.
fn names<'a>(all: impl Iterator<Item = &'a String>) -> String {
    let all: BTreeSet<&str> = all.map(String::as_str).collect();
    all.into_iter().collect::<Vec<_>>().join(", ")
}
