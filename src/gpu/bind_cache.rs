//! Caches, and the dispatches of a model that work on them: bound once for each.

use super::cache::{CacheBuffers, GpuCache};
use super::forward::GpuModel;
use super::launch::{self, sorted};
use super::{fused, ops};
use crate::model::Op;
use crate::{Error, Result};

impl GpuModel {
    /// A cache for `capacity` positions.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] where the capacity is 0 or the model's position table is shorter;
    /// [`Error::Gpu`] or [`Error::OutOfMemory`] where the GPU cannot hold it.
    pub async fn new_cache(&self, capacity: usize) -> Result<GpuCache> {
        let mut most = u32::MAX as usize;
        for step in &self.plan.steps {
            if let Op::PositionEmbed { table, .. } = step.op {
                most = most.min(self.resources.matrix(table)?.rows);
            }
        }
        if capacity == 0 || capacity > most {
            return Err(Error::InvalidOption {
                name: "context length".to_string(),
                expected: format!("1 to {most} positions, as many as the model has embeddings for"),
                found: capacity.to_string(),
            });
        }
        let half = self.resources.variants.half_kv;
        let buffers = CacheBuffers::allocate(&self.gpu, &self.plan, &self.rope_factors, capacity, half).await?;
        let mut launches = Vec::new();
        let mut steps = Vec::new();
        for (i, step) in self.plan.steps.iter().enumerate() {
            for launch in ops::cached_launches(&self.resources, &buffers, &step.op)?.unwrap_or_default() {
                steps.push(i);
                launches.push(launch);
            }
        }
        let of_steps = launches.len();
        let mut units = Vec::new();
        for (i, (unit, vectors)) in self.fused.units.iter().zip(&self.unit_vectors).enumerate() {
            if let Some(launch) = fused::cached_unit_launch(&self.resources, &buffers, unit, vectors.as_ref())? {
                units.push(i);
                launches.push(launch);
            }
        }
        let mut bound = launch::bind(&self.gpu, &self.pipelines, &self.resources, &launches).await?;
        let fused = sorted(self.fused.units.len(), units, bound.split_off(of_steps));
        let dispatches = sorted(self.plan.steps.len(), steps, bound);
        Ok(GpuCache { capacity, model: self.id, dispatches, fused, buffers })
    }

    /// A cache for `capacity` positions with the first `n` positions of another; both have room for them.
    ///
    /// # Errors
    /// As [`new_cache`](Self::new_cache), and [`Error::Internal`] for the cache of another model.
    pub async fn copy_cache(&self, from: &GpuCache, n: usize, capacity: usize) -> Result<GpuCache> {
        if from.model != self.id || n > from.capacity.min(capacity) {
            return Err(Error::Internal { what: format!("{n} positions of a KV cache cannot be copied") });
        }
        let to = self.new_cache(capacity).await?;
        let copy = || {
            let descriptor = wgpu::CommandEncoderDescriptor { label: Some("copy of a cache") };
            let mut encoder = self.gpu.device.create_command_encoder(&descriptor);
            for (to, from) in to.buffers.layers().zip(from.buffers.layers()) {
                let bytes = n as u64 * from.position_bytes();
                encoder.copy_buffer_to_buffer(&from.k, 0, &to.k, 0, bytes);
                encoder.copy_buffer_to_buffer(&from.v, 0, &to.v, 0, bytes);
            }
            self.gpu.queue.submit([encoder.finish()]);
        };
        self.gpu.scoped("copy of a cache", 0, copy).await?;
        Ok(to)
    }
}
