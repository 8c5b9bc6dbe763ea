//! How the source of an encoder-decoder is read.

use std::sync::Arc;

use super::context::Context;
use super::event::Phase;
use super::lease::Lease;
use super::model::Model;
use crate::cpu::{CpuCache, SourcePass};
use crate::error::{Error, Result};

impl Model {
    /// # Errors
    /// `UnsupportedTask` for an encoder-decoder, and for an encoder.
    pub(crate) fn require_continuing(&self, task: &str) -> Result<()> {
        self.require_decoder()?;
        match self.source {
            None => Ok(()),
            Some(_) => Err(Error::UnsupportedTask {
                task: task.into(),
                why: "it is an encoder-decoder, which makes one text of another and continues none: use generate"
                    .into(),
            }),
        }
    }

    fn begin_source(&self, tokens: &[u32]) -> Result<SourcePass> {
        self.backend.try_borrow_mut().map_err(|_| Error::Busy)?.on_cpu()?.begin_source(tokens.to_vec())
    }

    fn read_source(&self, pass: &mut SourcePass) -> Result<(usize, usize)> {
        Ok(self.backend.try_borrow_mut().map_err(|_| Error::Busy)?.on_cpu()?.read_source(pass))
    }

    fn finish_source(&self, pass: SourcePass) -> Result<Arc<CpuCache>> {
        self.backend.try_borrow_mut().map_err(|_| Error::Busy)?.on_cpu()?.finish_source(pass)
    }
}

impl Context {
    /// A session for `capacity` tokens that writes from a source, which is read first.
    pub(super) async fn lease_source(&self, tokens: &[u32], capacity: usize) -> Result<Lease> {
        let mut lease = self.lease_empty(capacity).await?;
        let mut pass = loop {
            match self.model().begin_source(tokens) {
                Err(Error::Busy) => self.busy().await,
                pass => break pass?,
            }
        };
        loop {
            match self.model().read_source(&mut pass) {
                Err(Error::Busy) => self.busy().await,
                read => {
                    let (done, total) = read?;
                    // Counted in tokens, as prompts are.
                    self.progress(Phase::Prefill, tokens.len() * done / total.max(1), tokens.len()).await;
                    if done == total {
                        break;
                    }
                }
            }
        }
        // Between two pieces of work nobody is inside of the model.
        lease.set_source(&self.model().finish_source(pass)?);
        Ok(lease)
    }
}
