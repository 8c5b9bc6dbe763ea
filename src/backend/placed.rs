//! A model that was put on a device, and why there.

use std::sync::Arc;

use super::executor::Executor;
use super::reason::Reason;
use super::report::{DeviceKind, DeviceReport};
use crate::cpu::{Level, threads};
use crate::error::Result;
use crate::model::{MatrixId, Op, Plan, Step};
use crate::weights::Weights;

/// The model, the reason, and what the report says besides.
pub struct Placed {
    pub on: Executor,
    pub reason: Reason,
    /// See [`DeviceReport::adapter`], and so on.
    pub adapter: Option<String>,
    pub kernels: Option<String>,
    pub threads: usize,
    pub measured: Option<String>,
}

impl Placed {
    /// A model on the CPU, for this reason.
    ///
    /// # Errors
    /// `Weights` and `Internal` where weights and plan do not fit each other.
    pub fn on_cpu(plan: &Arc<Plan>, weights: &Arc<Weights>, reason: Reason) -> Result<Placed> {
        let threads = threads_worth(bytes_per_token(plan, weights));
        let on = Executor::cpu(plan, weights)?;
        Ok(Placed { on, reason, adapter: None, kernels: None, threads, measured: None })
    }

    /// The model, and the report in words.
    pub fn reported(self) -> (Executor, DeviceReport) {
        let Placed { on, reason, adapter, kernels, threads, measured } = self;
        let (kind, reason) = match &on {
            Executor::Cpu(_) => (DeviceKind::Cpu, format!("{reason}; CPU instructions: {}", Level::best().name())),
            #[cfg(feature = "gpu")]
            Executor::Gpu(_) => (DeviceKind::Gpu, reason.to_string()),
        };
        (on, DeviceReport { kind, reason, adapter, kernels, threads, measured })
    }
}

/// How many threads are worth starting for a model that reads so many bytes of weights a token. Measured in Chromium with
/// two threads against one, prefill of 128 tokens and decoding: 1.8 and 1.2 times as fast at 3 MB, 1.6 and 1.4 times at
/// 16 MB, 1.8 and 1.5 times at 140 MB. Shorter sections than of 3 MB are over before another thread has seen that they
/// began.
pub fn threads_worth(bytes: usize) -> usize {
    match bytes {
        ..1_000_000 => 1,
        1_000_000..8_000_000 => 2,
        _ => threads::MAX_THREADS,
    }
}

/// Bytes of matrices that one token reads: all but the embedding table, of which it reads a row, unless that is the
/// output head too, and of experts those that it takes.
pub fn bytes_per_token(plan: &Plan, weights: &Weights) -> usize {
    let bytes = |id: MatrixId| weights.matrices.get(id.0).map_or(0, |matrix| matrix.data.len());
    let of = |step: &Step| match step.op {
        Op::Linear { weight, .. } => bytes(weight),
        Op::Experts { n_used, gate, up, down, .. } => n_used * (bytes(gate) + bytes(up) + bytes(down)),
        _ => 0,
    };
    plan.steps.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::mixture;
    use super::*;

    /// 2 of 6 experts in each of 2 layers, tied embeddings.
    #[test]
    fn a_token_reads_the_experts_that_it_takes() {
        let (plan, weights) = mixture();
        let (attention, router, expert) = (2 * (32 * 32 * 2 + 16 * 32 * 2), 4 * 6 * 32, 2 * 3 * 32 * 32);
        assert_eq!(bytes_per_token(&plan, &weights), 2 * 320 * 32 + 2 * (attention + router + 2 * expert));
    }
}
