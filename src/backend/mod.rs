//! Chooses between CPU and GPU, with a stated reason, and runs a plan on the choice.

#[cfg(feature = "gpu")]
mod agreement;
#[cfg(feature = "gpu")]
mod avoid;
#[cfg(feature = "gpu")]
mod calibrate;
mod choice;
mod executor;
#[cfg(feature = "gpu")]
mod fault;
#[cfg(all(test, feature = "gpu"))]
mod fixtures;
#[cfg(feature = "gpu")]
mod long_past;
mod placed;
mod reason;
mod recover;
mod report;
#[cfg(feature = "gpu")]
mod startup;

use std::sync::Arc;

pub use executor::KvCache;
pub use report::{Clock, DeviceChoice, DeviceKind, DeviceReport, DeviceRequest, GpuWork};

use crate::cpu::CpuModel;
use crate::cpu::threads::POOL;
use crate::error::{Error, Result};
use executor::Executor;
use placed::Placed;
use reason::Reason;

use crate::model::{Batch, LogitRows, ModelConfig, Plan, Sampled, Sampling, Texts};
use crate::weights::Weights;

/// A model on the device that runs it, with what it takes to put it on another one: see `recover.rs`.
pub struct Backend {
    on: Executor,
    report: DeviceReport,
    /// How often the model has moved: caches that were made before are gone.
    moves: u64,
    /// What the devices before did.
    earlier: GpuWork,
    home: recover::Home,
}

impl Backend {
    /// Puts a model on a device. `clock` must go on while the device works: the choice is made by what is measured, and whether
    /// threads are worth it.
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
        POOL.watch(clock);
        let placed = choice::load(&plan, &weights, request.into(), clock, progress).await?;
        Ok(Backend::new(placed, recover::Home::new(plan, weights, clock)))
    }

    /// The CPU backend at the level that this build runs fastest.
    ///
    /// # Errors
    /// `Weights` and `Internal` where weights and plan do not fit each other.
    pub fn cpu(plan: Arc<Plan>, weights: Arc<Weights>) -> Result<Backend> {
        let placed = Placed::on_cpu(&plan, &weights, Reason::Asked)?;
        Ok(Backend::new(placed, recover::Home::new(plan, weights, || 0.0)))
    }

    fn new(placed: Placed, home: recover::Home) -> Backend {
        let (on, report) = placed.reported();
        Backend { on, report, moves: 0, earlier: GpuWork::default(), home }
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

    /// Whether this failure is one of the device, so that the same work may succeed on another one.
    pub fn survives(&self, error: &Error) -> bool {
        let on_cpu = matches!(self.on, Executor::Cpu(_));
        !on_cpu && matches!(error, Error::Gpu { .. } | Error::OutOfMemory { .. })
    }

    /// Puts the model on a new device after this failure of the old one: a GPU, or, where none can be opened, where its
    /// memory did not suffice, or where one was lost a moment ago, the CPU. Caches made before are of no use from then
    /// on; [`Backend::moves`] says so. Where the future is dropped half-way, nothing has changed.
    ///
    /// # Errors
    /// Those of the CPU: there is nothing left to go to.
    pub async fn recover(&mut self, error: &Error) -> Result<()> {
        let now = (self.home.clock)();
        let placed = self.home.place_again(error, now).await?;
        self.earlier = self.work();
        (self.on, self.report) = placed.reported();
        self.home.lost_at(now);
        self.moves += 1;
        Ok(())
    }

    /// For tests: the GPU is gone, as if the platform had taken it away. Says whether there was one.
    #[doc(hidden)]
    pub fn lose_device(&self) -> bool {
        match &self.on {
            Executor::Cpu(_) => false,
            #[cfg(feature = "gpu")]
            Executor::Gpu(model) => {
                model.destroy_device();
                true
            }
        }
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

    /// Whether a session can go back to any place of its text at no cost: not where layers keep what the text has become.
    pub fn goes_back(&self) -> bool {
        !self.home.plan().config.is_recurrent()
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

    /// The model on the CPU, which alone reads sources.
    ///
    /// # Errors
    /// `Internal` where a GPU runs it.
    pub fn on_cpu(&mut self) -> Result<&mut CpuModel> {
        match &mut self.on {
            Executor::Cpu(model) => Ok(model),
            #[cfg(feature = "gpu")]
            Executor::Gpu(_) => Err(Error::Internal { what: "a GPU was to read a source".into() }),
        }
    }

    /// One pass of an encoder; `out` becomes the rows asked for.
    ///
    /// # Errors
    /// As [`CpuModel::encode`].
    pub fn encode(&mut self, texts: &Texts, rows: LogitRows<'_>, out: &mut Vec<f32>) -> Result<()> {
        self.on.encode(texts, rows, out)
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
