//! Several tokens in one submit and one readback: the GPU chooses each token and goes on from it by itself.
//!
//! The positions of all steps are written before (a slot of the batch buffer each); a token goes from the sampling
//! kernel to the embedding through the buffer of token ids. Everything was made at load.

use super::cache::GpuCache;
use super::choose::{self, MAX_STEPS, RESULT_BYTES};
use super::device::gpu_error;
use super::forward::GpuModel;
use super::kernel;
use crate::model::{Sampled, Sampling};
use crate::{Error, Result};

/// What was wrong with the logits that a token was chosen from; see `shaders/choose.wgsl`.
const ALL_BANNED: u32 = 2;

impl GpuModel {
    /// Reads `token` at `position`, chooses the next token, reads that one, and so on: `n` tokens are chosen, and all but
    /// the last of them read. `chosen` becomes those tokens; fewer than `n` where the logits of one were no numbers (and
    /// what was read behind the last of them counts for nothing).
    ///
    /// # Errors
    /// As [`forward`](Self::forward); and [`Error::NotFinite`] and [`Error::InvalidOption`] where nothing could be chosen
    /// the first time, as the sampler on the CPU says it.
    pub async fn decode(
        &mut self,
        cache: &mut GpuCache,
        token: u32,
        position: usize,
        n: usize,
        sampling: Sampling<'_>,
        chosen: &mut Vec<Sampled>,
    ) -> Result<()> {
        chosen.clear();
        self.gpu.check()?;
        self.check_decode(cache, token, position, n)?;
        self.write_decode(token, position, n, &sampling);
        let readback = match self.result_readbacks.pop() {
            Some(buffer) => buffer,
            None => self.new_result_readback().await?,
        };
        let mut encoder = self.encoder();
        let scope = self.gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for step in 0..n {
                let slot = self.resources.slot(kernel::STEP_SLOTS + step);
                self.record_one(&mut pass, cache, slot, true);
                self.choose.record(&mut pass, 1, slot);
            }
            let own = n as u64;
            self.gpu.counting.add(|c| c.dispatches += own);
        }
        encoder.copy_buffer_to_buffer(&self.drawing.results, 0, &readback, 0, n as u64 * RESULT_BYTES);
        self.gpu.queue.submit([encoder.finish()]);
        self.gpu.counting.add(|c| {
            c.submits += 1;
            c.readbacks += 1;
            c.sampled += n as u64;
        });
        let failure = scope.pop();
        let mut wrong = None;
        let read = |bytes: &[u8]| {
            for result in bytes.chunks_exact(RESULT_BYTES as usize) {
                let word = |i: usize| {
                    let bytes = result.get(4 * i..).and_then(|rest| rest.first_chunk::<4>());
                    bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
                };
                if word(2) != 0 {
                    wrong = Some((word(2), word(3)));
                    break;
                }
                chosen.push(Sampled { token: word(0), logprob: f32::from_bits(word(1)) });
            }
        };
        self.gpu.read(&readback, n as u64 * RESULT_BYTES, read).await?;
        self.result_readbacks.push(readback);
        if let Some(error) = failure.await {
            chosen.clear();
            return Err(gpu_error("decode", error));
        }
        self.gpu.check()?;
        match wrong {
            Some((ALL_BANNED, _)) if chosen.is_empty() => Err(Error::InvalidOption {
                name: "banned tokens".into(),
                expected: "at least one token that may come".into(),
                found: "all are banned".into(),
            }),
            Some((_, token)) if chosen.is_empty() => {
                Err(Error::NotFinite { token: token as usize, found: "no finite number".into() })
            }
            _ => Ok(()),
        }
    }

    fn check_decode(&self, cache: &GpuCache, token: u32, position: usize, n: usize) -> Result<()> {
        if n == 0 || n > MAX_STEPS {
            return Err(Error::Internal { what: format!("{n} tokens in one submit, expected 1 to {MAX_STEPS}") });
        }
        let first = crate::model::Batch { tokens: &[token], position, logits: crate::model::LogitRows::Last };
        self.check(cache, &first)?;
        match position + n {
            end if end > cache.capacity => Err(Error::ContextFull { limit: cache.capacity, found: end }),
            _ => Ok(()),
        }
    }

    /// Writes what a run of `n` steps depends on.
    fn write_decode(&self, token: u32, position: usize, n: usize, sampling: &Sampling<'_>) {
        let queue = &self.gpu.queue;
        queue.write_buffer(&self.resources.tokens, 0, bytemuck::bytes_of(&token));
        // Only where the selection is a step of its own.
        queue.write_buffer(&self.resources.selected, 0, bytemuck::bytes_of(&0u32));
        for step in 0..n {
            let batch = kernel::Batch { n: 1, position: (position + step) as u32, step: step as u32 };
            let slot = self.resources.slot(kernel::STEP_SLOTS + step);
            queue.write_buffer(&self.resources.batches, u64::from(slot), bytemuck::bytes_of(&batch));
        }
        let settings = choose::settings(sampling);
        queue.write_buffer(&self.drawing.settings, 0, bytemuck::cast_slice(&settings));
        // Masks of another vocabulary would be the caller's mistake: what is beyond the buffer is left out.
        let words = choose::mask_words(self.plan.config.n_vocab) / 2;
        let write = |mask: &[u64], at: usize| {
            let mask = mask.get(..words.min(mask.len())).unwrap_or_default();
            queue.write_buffer(&self.drawing.masks, (at * 8) as u64, bytemuck::cast_slice(mask));
        };
        if sampling.repetition_penalty != 1.0 {
            write(sampling.seen, 0);
        }
        if sampling.banned.iter().any(|word| *word != 0) {
            write(sampling.banned, words);
        }
    }

    /// A buffer that results are mapped from.
    pub(super) async fn new_result_readback(&self) -> Result<wgpu::Buffer> {
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        self.gpu.buffer_for("results", MAX_STEPS as u64 * RESULT_BYTES, usage).await
    }
}
