//! A lost device survived: the model is put on a new one, or on the CPU.
//!
//! Browsers take a GPU away whenever they see fit: a driver update, a laptop that slept, another page that crashed the
//! graphics process. The weights stay at hand for that: the bytes of the model's file in memory, as on the CPU. (Wasm
//! memory never shrinks, so that in a page this costs nothing that loading had not taken already.) Caches cannot be
//! saved; a [`Session`](crate::session::Session) computes its own again from its tokens.

use std::sync::Arc;

use super::choice;
use super::placed::Placed;
use super::reason::{Reason, Stay};
use super::report::Clock;
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

    /// What the model computes.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The model on a new device after this failure of the old one, at the time `now`.
    ///
    /// # Errors
    /// Those of the CPU.
    pub async fn place_again(&self, failure: &Error, now: f64) -> Result<Placed> {
        let again = self.lost.is_some_and(|before| now - before < SHORT_MS);
        let opened = match failure {
            Error::OutOfMemory { .. } => Err(Stay::Memory),
            _ if again => Err(Stay::LostTwice { seconds: SHORT_MS / 1000.0 }),
            // Even an adapter that computes on the CPU: it was good enough before.
            _ => choice::gpu(&self.plan, &self.weights, None, &mut |_, _| {}).await.map_err(Stay::NoNew),
        };
        let failure = failure.clone();
        match opened {
            Ok(placed) => Ok(Placed { reason: Reason::Reopened { failure, then: Box::new(placed.reason) }, ..placed }),
            Err(stay) => Placed::on_cpu(&self.plan, &self.weights, Reason::Moved { failure, stay }),
        }
    }

    /// Remembers when a device was lost.
    pub fn lost_at(&mut self, now: f64) {
        self.lost = Some(now);
    }
}
