//! Chooses between CPU and GPU, with a stated reason, and runs a plan on the choice.

#[cfg(feature = "gpu")]
mod avoid;
#[cfg(feature = "gpu")]
mod calibrate;
#[cfg(feature = "gpu")]
mod check;
mod choice;
#[cfg(feature = "gpu")]
mod long_past;
mod recover;
mod report;

use std::sync::Arc;

pub use report::{Clock, DeviceChoice, DeviceKind, DeviceReport, DeviceRequest, GpuWork};

use crate::cpu::{CpuCache, CpuModel, Level};
use crate::error::{Error, Result};
#[cfg(feature = "gpu")]
use crate::gpu::{GpuCache, GpuModel};
use crate::model::{Batch, ModelConfig, Plan, Sampled, Sampling};
use crate::weights::Weights;

/// A model on the device that runs it, with what it takes to put it on another one: see [`recover`].
pub struct Backend {
    on: Executor,
    report: DeviceReport,
    /// How often the model has moved: caches that were made before are gone.
    moves: u64,
    /// What the devices before did.
    earlier: GpuWork,
    home: recover::Home,
}

/// What runs the plan.
enum Executor {
    Cpu(CpuModel),
    #[cfg(feature = "gpu")]
    Gpu(Box<GpuModel>),
}

/// Keys and values of one session, on the device of its model.
pub enum KvCache {
    Cpu(CpuCache),
    #[cfg(feature = "gpu")]
    Gpu(Box<GpuCache>),
}

impl KvCache {
    /// Bytes of its keys and values.
    pub fn bytes(&self) -> usize {
        match self {
            KvCache::Cpu(cache) => cache.bytes(),
            #[cfg(feature = "gpu")]
            KvCache::Gpu(cache) => cache.bytes(),
        }
    }

    /// The first `n` positions as bytes, with a number for their form; `None` where they lie on the GPU.
    pub fn save(&self, n: usize) -> Option<(u32, Vec<u8>)> {
        match self {
            KvCache::Cpu(cache) => Some(cache.save(n)),
            #[cfg(feature = "gpu")]
            KvCache::Gpu(_) => None,
        }
    }

    /// Takes over `n` saved positions, where their form is this device's; says whether it did.
    pub fn restore(&mut self, n: usize, form: u32, bytes: &[u8]) -> bool {
        match self {
            KvCache::Cpu(cache) => cache.restore(n, form, bytes),
            #[cfg(feature = "gpu")]
            KvCache::Gpu(_) => false,
        }
    }
}

impl Backend {
    /// Puts a model on a device. `clock` must go on while the device works: the choice is made by what is measured.
    ///
    /// `Auto` never fails because of the GPU: whatever goes wrong there, the CPU runs the model and the report says why.
    /// `progress(done, total)` counts the GPU's kernels and matrices.
    ///
    /// # Errors
    /// `Gpu` where the GPU was asked for by name and cannot be used; otherwise what the executors say.
    pub async fn load(
        plan: Arc<Plan>,
        weights: Arc<Weights>,
        request: impl Into<DeviceRequest<'_>>,
        clock: Clock,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Backend> {
        let (on, report) = choice::load(&plan, &weights, request.into(), clock, progress).await?;
        Ok(Backend {
            on,
            report,
            moves: 0,
            earlier: GpuWork::default(),
            home: recover::Home::new(plan, weights, clock),
        })
    }

    /// The CPU backend at the level that this build runs fastest.
    ///
    /// # Errors
    /// `Weights` and `Internal` where weights and plan do not fit each other.
    pub fn cpu(plan: Arc<Plan>, weights: Arc<Weights>) -> Result<Backend> {
        let on = Executor::cpu(&plan, &weights)?;
        let report = choice::cpu_report(&plan, &weights, "asked for");
        Ok(Backend {
            on,
            report,
            moves: 0,
            earlier: GpuWork::default(),
            home: recover::Home::new(plan, weights, || 0.0),
        })
    }

    /// Where the model runs at this moment, and why.
    pub fn report(&self) -> &DeviceReport {
        &self.report
    }

    /// How often the model has moved to another device since it was loaded. A cache can be used as long as the number is
    /// what it was when the cache was made.
    pub fn moves(&self) -> u64 {
        self.moves
    }

    /// What GPUs were told to do for this model so far, on whichever device: it never becomes less.
    pub fn work(&self) -> GpuWork {
        self.earlier.and(self.on.work())
    }

    /// Rows per forward.
    pub fn max_batch(&self) -> usize {
        self.on.max_batch()
    }

    /// Up to how many rows of a batch come out with the same bits as each of them alone. On the GPU the kernels for one
    /// row sum in another order than those for several.
    pub fn exact_rows(&self) -> usize {
        match &self.on {
            Executor::Cpu(model) => model.exact_rows(),
            #[cfg(feature = "gpu")]
            Executor::Gpu(_) => 1,
        }
    }

    /// A cache for `capacity` positions.
    ///
    /// # Errors
    /// `OutOfMemory` where the device has no room, `InvalidOption` where the model has fewer positions.
    pub async fn new_cache(&self, capacity: usize) -> Result<KvCache> {
        self.on.new_cache(capacity).await
    }

    /// A cache for `capacity` positions with the first `n` positions of another, which has them.
    ///
    /// # Errors
    /// As [`Backend::new_cache`]; `Internal` for a cache of the other device.
    pub async fn copy_cache(&self, from: &KvCache, n: usize, capacity: usize) -> Result<KvCache> {
        match (&self.on, from) {
            (Executor::Cpu(model), KvCache::Cpu(from)) => {
                let mut cache = model.new_cache(capacity)?;
                cache.copy(from, n.min(capacity));
                Ok(KvCache::Cpu(cache))
            }
            #[cfg(feature = "gpu")]
            (Executor::Gpu(model), KvCache::Gpu(from)) => {
                Ok(KvCache::Gpu(Box::new(model.copy_cache(from, n, capacity).await?)))
            }
            #[cfg(feature = "gpu")]
            _ => Err(Error::Internal { what: "a cache was used on another device than its own".into() }),
        }
    }

    /// Up to how many tokens the device chooses itself in one [`decode`](Self::decode); 0 where it cannot.
    pub fn resident_steps(&self) -> usize {
        self.on.resident_steps()
    }

    /// Reads `token` at `position` and chooses `n` tokens, each read before the next but for the last. `chosen` becomes
    /// them, or those before the first whose logits are no numbers.
    ///
    /// # Errors
    /// Those of the executor; `Internal` where the device does not choose tokens, or for a cache of the other device.
    pub async fn decode(
        &mut self,
        cache: &mut KvCache,
        token: u32,
        position: usize,
        n: usize,
        sampling: Sampling<'_>,
        chosen: &mut Vec<Sampled>,
    ) -> Result<()> {
        self.on.decode(cache, token, position, n, sampling, chosen).await
    }

    /// One forward pass; `logits` becomes `[selected rows, n_vocab]`.
    ///
    /// # Errors
    /// Those of the executors; `Internal` for a cache of the other device.
    pub async fn forward(&mut self, cache: &mut KvCache, batch: Batch<'_>, logits: &mut Vec<f32>) -> Result<()> {
        let start = (self.home.clock)();
        self.on.forward(cache, batch, logits).await?;
        self.on.pace(batch.tokens.len(), (self.home.clock)() - start);
        Ok(())
    }
}

/// Brings weights into the order in which they are multiplied, in place, as far as nobody else holds their bytes.
pub fn arrange(weights: Weights, config: &ModelConfig) -> Weights {
    weights.into_panels(CpuModel::codes(config))
}

impl Executor {
    fn cpu(plan: &Arc<Plan>, weights: &Arc<Weights>) -> Result<Executor> {
        Ok(Executor::Cpu(CpuModel::new(Arc::clone(plan), Arc::clone(weights), Level::best())?))
    }

    fn max_batch(&self) -> usize {
        match self {
            Executor::Cpu(model) => model.max_batch(),
            #[cfg(feature = "gpu")]
            Executor::Gpu(model) => model.max_batch(),
        }
    }

    fn work(&self) -> GpuWork {
        match self {
            Executor::Cpu(_) => GpuWork::default(),
            #[cfg(feature = "gpu")]
            Executor::Gpu(model) => {
                let counters = model.counters();
                GpuWork {
                    dispatches: counters.dispatches,
                    submits: counters.submits,
                    readbacks: counters.readbacks,
                    chosen: counters.sampled,
                }
            }
        }
    }

    async fn new_cache(&self, capacity: usize) -> Result<KvCache> {
        Ok(match self {
            Executor::Cpu(model) => KvCache::Cpu(model.new_cache(capacity)?),
            #[cfg(feature = "gpu")]
            Executor::Gpu(model) => KvCache::Gpu(Box::new(model.new_cache(capacity).await?)),
        })
    }

    /// A forward over so many rows took so long: see [`GpuModel::pace`].
    fn pace(&mut self, _rows: usize, _ms: f64) {
        #[cfg(feature = "gpu")]
        if let Executor::Gpu(model) = self {
            model.pace(_rows, _ms);
        }
    }

    fn resident_steps(&self) -> usize {
        match self {
            Executor::Cpu(_) => 0,
            #[cfg(feature = "gpu")]
            Executor::Gpu(model) => model.resident_steps(),
        }
    }

    async fn decode(
        &mut self,
        cache: &mut KvCache,
        token: u32,
        position: usize,
        n: usize,
        sampling: Sampling<'_>,
        chosen: &mut Vec<Sampled>,
    ) -> Result<()> {
        match (self, cache) {
            #[cfg(feature = "gpu")]
            (Executor::Gpu(model), KvCache::Gpu(cache)) => {
                model.decode(cache, token, position, n, sampling, chosen).await
            }
            _ => {
                let what = format!("{n} tokens were to be chosen at {position} by a device that does not choose");
                chosen.clear();
                let _ = (token, sampling);
                Err(Error::Internal { what })
            }
        }
    }

    async fn forward(&mut self, cache: &mut KvCache, batch: Batch<'_>, logits: &mut Vec<f32>) -> Result<()> {
        match (self, cache) {
            (Executor::Cpu(model), KvCache::Cpu(cache)) => model.forward(cache, batch, logits),
            #[cfg(feature = "gpu")]
            (Executor::Gpu(model), KvCache::Gpu(cache)) => model.forward(cache, batch, logits).await,
            #[cfg(feature = "gpu")]
            _ => Err(Error::Internal { what: "a cache was used on another device than its own".into() }),
        }
    }
}
