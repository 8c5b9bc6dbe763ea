//! Tokens that the device chooses itself, several in one go: on a GPU what costs is asking and reading back.

use std::collections::VecDeque;

use super::choose::Chooser;
use super::context::Context;
use crate::error::Result;
use crate::model::Sampled;
use crate::session::{Continuation, Session};

/// How long one run may take: text must flow, a page must paint, and a call must be able to stop.
const TARGET_MS: f64 = 50.0;

/// How many tokens the next run chooses: one, then twice as many as before while a run stays well below the target.
#[derive(Clone, Copy, Debug)]
struct Pace(usize);

impl Pace {
    /// A run of `n` tokens took so long.
    fn record(&mut self, n: usize, ms: f64) {
        let fits = if ms > 0.0 { (TARGET_MS / ms * n as f64) as usize } else { usize::MAX };
        self.0 = fits.clamp(1, 2 * n.max(1));
    }
}

/// Runs of tokens and what is left of the last one.
#[derive(Debug)]
pub struct Bursts {
    /// Chosen by the device, not written yet.
    pub pending: VecDeque<Sampled>,
    pace: Pace,
    draws: Vec<u32>,
    chosen: Vec<Sampled>,
}

impl Default for Bursts {
    fn default() -> Self {
        Bursts { pending: VecDeque::new(), pace: Pace(1), draws: Vec::new(), chosen: Vec::new() }
    }
}

impl Bursts {
    /// Reads `token`, which was written last, and has the device choose up to `most` tokens behind it, where it can and the
    /// sampler alone decides. Says whether it did; `None` as in [`Context::try_feed`].
    pub async fn run(
        &mut self,
        token: u32,
        most: usize,
        chooser: &Chooser,
        context: &Context,
        session: &mut Session,
    ) -> Result<Option<bool>> {
        let n = self.pace.0.min(most).min(context.model().resident_steps());
        let Some((sampler, n)) = chooser.plain(n).filter(|(_, n)| *n > 0) else { return Ok(Some(false)) };
        let Some(sampling) = sampler.sampling(n, &mut self.draws) else { return Ok(Some(false)) };
        let next = Continuation { token, n, sampling };
        let Some((done, ms)) = context.try_decode(session, next, &mut self.chosen).await? else { return Ok(None) };
        if done {
            self.pace.record(n, ms);
            self.pending.extend(self.chosen.drain(..));
        }
        Ok(Some(done))
    }

    /// The next token of the last run.
    pub fn next(&mut self, chooser: &mut Chooser) -> Result<Option<Sampled>> {
        let sampled = self.pending.pop_front();
        if let Some(sampled) = &sampled {
            chooser.accept(sampled.token)?;
        }
        Ok(sampled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_grow_while_they_are_short_and_shrink_to_the_target() {
        let mut pace = Pace(1);
        let mut runs = Vec::new();
        for _ in 0..5 {
            runs.push(pace.0);
            pace.record(pace.0, 3.0 * pace.0 as f64);
        }
        assert_eq!(runs, [1, 2, 4, 8, 16]);
        assert_eq!(pace.0, 16, "of 3 ms each, 16 fit into 50 ms");
        pace.record(16, 400.0);
        assert_eq!(pace.0, 2);
        pace.record(2, 1000.0);
        assert_eq!(pace.0, 1, "one at least");
        // A clock that stands still.
        pace.record(1, 0.0);
        assert_eq!(pace.0, 2);
    }
}
