//! What runs a plan: one of the two devices, behind the same calls.

use std::sync::Arc;

use super::report::GpuWork;
use crate::cpu::{CpuCache, CpuModel, Level};
use crate::error::{Error, Result};
#[cfg(feature = "gpu")]
use crate::gpu::{GpuCache, GpuModel};
use crate::model::{Batch, LogitRows, Plan, Sampled, Sampling, Texts};
use crate::weights::Weights;

/// What runs the plan.
pub enum Executor {
    Cpu(CpuModel),
    #[cfg(feature = "gpu")]
    Gpu(Box<GpuModel>),
}

/// Keys and values of one session, on the device of its model.
pub enum KvCache {
    /// On the CPU.
    Cpu(CpuCache),
    /// On the GPU.
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

    /// The last place up to `n` behind which the session can go on; see [`CpuCache::held`].
    pub fn held(&self, n: usize) -> usize {
        match self {
            KvCache::Cpu(cache) => cache.held(n),
            #[cfg(feature = "gpu")]
            KvCache::Gpu(_) => n,
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

impl Executor {
    pub fn cpu(plan: &Arc<Plan>, weights: &Arc<Weights>) -> Result<Executor> {
        Ok(Executor::Cpu(CpuModel::new(Arc::clone(plan), Arc::clone(weights), Level::best())?))
    }

    pub fn max_batch(&self) -> usize {
        match self {
            Executor::Cpu(model) => model.max_batch(),
            #[cfg(feature = "gpu")]
            Executor::Gpu(model) => model.max_batch(),
        }
    }

    pub fn work(&self) -> GpuWork {
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

    pub async fn new_cache(&self, capacity: usize) -> Result<KvCache> {
        Ok(match self {
            Executor::Cpu(model) => KvCache::Cpu(model.new_cache(capacity)?),
            #[cfg(feature = "gpu")]
            Executor::Gpu(model) => KvCache::Gpu(Box::new(model.new_cache(capacity).await?)),
        })
    }

    /// A forward over so many rows took so long: see [`GpuModel::pace`].
    pub fn pace(&mut self, _rows: usize, _ms: f64) {
        #[cfg(feature = "gpu")]
        if let Executor::Gpu(model) = self {
            model.pace(_rows, _ms);
        }
    }

    pub fn resident_steps(&self) -> usize {
        match self {
            Executor::Cpu(_) => 0,
            #[cfg(feature = "gpu")]
            Executor::Gpu(model) => model.resident_steps(),
        }
    }

    pub async fn decode(
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

    pub fn encode(&mut self, texts: &Texts, rows: LogitRows<'_>, out: &mut Vec<f32>) -> Result<()> {
        match self {
            Executor::Cpu(model) => model.encode(texts, rows, out),
            #[cfg(feature = "gpu")]
            Executor::Gpu(_) => Err(Error::Internal { what: "a GPU was to encode texts".into() }),
        }
    }

    pub async fn forward(&mut self, cache: &mut KvCache, batch: Batch<'_>, logits: &mut Vec<f32>) -> Result<()> {
        match (self, cache) {
            (Executor::Cpu(model), KvCache::Cpu(cache)) => model.forward(cache, batch, logits),
            #[cfg(feature = "gpu")]
            (Executor::Gpu(model), KvCache::Gpu(cache)) => model.forward(cache, batch, logits).await,
            #[cfg(feature = "gpu")]
            _ => Err(Error::Internal { what: "a cache was used on another device than its own".into() }),
        }
    }
}
