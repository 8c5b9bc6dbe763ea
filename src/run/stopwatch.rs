//! How long the parts of a call take.

use super::event::Timings;
use super::model::Clock;

/// Measures a job, from its first step.
#[derive(Clone, Debug)]
pub struct Stopwatch {
    clock: Clock,
    started: Option<f64>,
    prefilled: Option<f64>,
    first: Option<f64>,
}

impl Stopwatch {
    pub fn new(clock: Clock) -> Self {
        Stopwatch { clock, started: None, prefilled: None, first: None }
    }

    /// The job works; only the first call counts.
    pub fn start(&mut self) {
        self.started.get_or_insert_with(self.clock);
    }

    /// The prompt was read; of several prompts the last counts.
    pub fn prefilled(&mut self) {
        self.prefilled = Some((self.clock)());
    }

    /// Output is ready; only the first call counts.
    pub fn first(&mut self) {
        self.first.get_or_insert_with(self.clock);
    }

    pub fn finish(&self) -> Timings {
        let now = (self.clock)();
        let started = self.started.unwrap_or(now);
        let prefilled = self.prefilled.unwrap_or(now);
        Timings {
            prefill_ms: prefilled - started,
            first_token_ms: self.first.unwrap_or(now) - started,
            decode_ms: now - prefilled,
        }
    }
}
