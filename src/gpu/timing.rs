//! How long each dispatch takes on the GPU itself, for benchmarks: every one runs in a pass of its own between two
//! timestamps (WebGPU, "Timestamp Query"). Only a model that was opened with
//! [`GpuOptions::timestamps`](super::GpuOptions::timestamps) can; the passes of others are what they are without.

use super::cache::GpuCache;
use super::choose;
use super::device::gpu_error;
use super::forward::GpuModel;
use super::launch::Dispatch;
use crate::model::{Batch, Sampling};
use crate::{Error, Result};

/// Dispatches of one submit: a query set may hold 4096 timestamps.
const MOST: usize = 2048;
/// Bytes of a timestamp.
const BYTES: u64 = 8;

/// A dispatch and how long it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    /// The kernel's name, as in messages.
    pub kernel: String,
    /// Microseconds. Platforms may round them: browsers to 100 us, unless they are told otherwise.
    pub us: f64,
}

impl GpuModel {
    /// Runs a batch as [`forward`](Self::forward) does, and after a single token the choice of the next one; gives each
    /// dispatch with its time, in order. Passes that follow one another closely overlap, those here do not: together they
    /// take longer.
    ///
    /// # Errors
    /// As [`forward`](Self::forward); [`Error::Gpu`] where the adapter has no timestamps or none were asked for.
    pub async fn forward_timed(&mut self, cache: &mut GpuCache, batch: Batch<'_>) -> Result<Vec<Timed>> {
        if !self.gpu.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            let why = "the adapter has none, or the model was opened without";
            return Err(gpu_error("timestamps", why));
        }
        let rows = self.begin(cache, &batch)?;
        self.gpu.queue.write_buffer(
            &self.drawing.settings,
            0,
            bytemuck::cast_slice(&choose::settings(&Sampling::GREEDY)),
        );
        let slot = |i: usize| self.resources.slot(usize::from(i >= self.selection));
        let mut all: Vec<(&Dispatch, u32, u32)> = Vec::new();
        if batch.tokens.len() == 1 {
            for i in 0..self.fused.units.len() {
                all.extend(self.of_unit(cache, i).map(|dispatch| (dispatch, 1, self.resources.slot(0))));
            }
            all.push((&self.choose, 1, self.resources.slot(0)));
        } else {
            for i in 0..self.plan.steps.len() {
                let n = self.rows_at(i, rows);
                all.extend(self.of_step(cache, i).filter(|_| n > 0).map(|dispatch| (dispatch, n, slot(i))));
            }
        }
        let mut times = Vec::with_capacity(all.len());
        for part in all.chunks(MOST) {
            self.time(part, &mut times).await?;
        }
        self.gpu.check()?;
        Ok(times)
    }

    /// One submit.
    async fn time(&self, dispatches: &[(&Dispatch, u32, u32)], times: &mut Vec<Timed>) -> Result<()> {
        let count = 2 * dispatches.len() as u32;
        let bytes = u64::from(count) * BYTES;
        let scope = self.gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let queries = self.gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("timestamps"),
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        use wgpu::BufferUsages as Use;
        let resolved = self.gpu.buffer_for("timestamps", bytes, Use::QUERY_RESOLVE | Use::COPY_SRC).await?;
        let readback = self.gpu.buffer_for("timestamps", bytes, Use::MAP_READ | Use::COPY_DST).await?;
        let mut encoder = self.encoder();
        for ((dispatch, n, slot), i) in dispatches.iter().zip((0u32..).step_by(2)) {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: None,
                timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                    query_set: &queries,
                    beginning_of_pass_write_index: Some(i),
                    end_of_pass_write_index: Some(i + 1),
                }),
            });
            dispatch.record(&mut pass, *n, *slot);
        }
        encoder.resolve_query_set(&queries, 0..count, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &readback, 0, bytes);
        self.gpu.queue.submit([encoder.finish()]);
        let failure = scope.pop();
        let period = f64::from(self.gpu.queue.get_timestamp_period()) / 1e3;
        let mut marks: Vec<u64> = Vec::with_capacity(count as usize);
        let read = |bytes: &[u8]| {
            marks.extend(bytes.chunks_exact(8).filter_map(|b| b.first_chunk()).map(|b| u64::from_le_bytes(*b)))
        };
        self.gpu.read(&readback, bytes, read).await?;
        if let Some(error) = failure.await {
            return Err(gpu_error("timestamps", error));
        }
        if marks.len() != count as usize {
            return Err(Error::Internal { what: format!("{} timestamps, expected {count}", marks.len()) });
        }
        times.extend(dispatches.iter().zip(marks.chunks_exact(2)).map(|((dispatch, n, _), marks)| Timed {
            kernel: dispatch.kernels[usize::from(*n > 1)].name.clone(),
            // Where a clock was set back meanwhile, nothing is known.
            us: marks.last().zip(marks.first()).map_or(0, |(end, start)| end.saturating_sub(*start)) as f64 * period,
        }));
        Ok(())
    }
}
