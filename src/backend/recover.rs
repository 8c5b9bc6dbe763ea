//! A lost device survived: the model is put on a new one, or on the CPU.
//!
//! Browsers take a GPU away whenever they see fit: a driver update, a laptop that slept, another page that crashed the
//! graphics process. The weights stay at hand for that: the bytes of the model's file in memory, as on the CPU. (Wasm
//! memory never shrinks, so that in a page this costs nothing that loading had not taken already.) Caches cannot be
//! saved; a [`Session`](crate::session::Session) computes its own again from its tokens.

use std::sync::Arc;

use super::{Backend, Clock, Executor, choice};
use crate::error::{Error, Result};
use crate::model::Plan;
use crate::weights::Weights;

/// After a second loss within so many milliseconds the model stays on the CPU: that GPU does not last.
const SHORT_MS: f64 = 60_000.0;

/// What a model can be put on a device from, whenever that is needed.
pub struct Home {
    plan: Arc<Plan>,
    weights: Arc<Weights>,
    pub(super) clock: Clock,
    /// When the last device was lost.
    lost: Option<f64>,
}

impl Home {
    pub fn new(plan: Arc<Plan>, weights: Arc<Weights>, clock: Clock) -> Home {
        Home { plan, weights, clock, lost: None }
    }
}

impl Backend {
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
        let what = match error {
            Error::Gpu { what, why } => format!("{what}: {why}"),
            other => other.to_string(),
        };
        let again = self.home.lost.is_some_and(|before| now - before < SHORT_MS);
        let opened = match error {
            Error::OutOfMemory { .. } => Err("its memory does not suffice".to_string()),
            _ if again => Err(format!("it was lost twice within {} s", SHORT_MS / 1000.0)),
            _ => self.reopen().await,
        };
        self.earlier = self.work();
        (self.on, self.report) = match opened {
            Ok((on, mut report)) => {
                report.reason = format!("opened anew after the GPU was lost ({what}); {}", report.reason);
                (on, report)
            }
            Err(why) => {
                let reason = format!("moved from the GPU, which was lost ({what}): {why}");
                let Home { plan, weights, .. } = &self.home;
                (Executor::cpu(plan, weights)?, choice::cpu_report(plan, weights, &reason))
            }
        };
        self.home.lost = Some(now);
        self.moves += 1;
        Ok(())
    }

    /// The model on a GPU that was just opened and checked, or why not.
    async fn reopen(&self) -> Result<(Executor, super::DeviceReport), String> {
        #[cfg(feature = "gpu")]
        {
            let Home { plan, weights, .. } = &self.home;
            // Even an adapter that computes on the CPU: it was good enough before.
            let opened = choice::gpu(plan, weights, None, &mut |_, _| {}).await;
            opened.map_err(|error| match error {
                Error::Gpu { what, why } => format!("no new one: {what}: {why}"),
                other => format!("no new one: {other}"),
            })
        }
        #[cfg(not(feature = "gpu"))]
        Err("this build is without it".into())
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
}
