//! Passes through the device under a model: who may use it when, and what was learnt of it.

use std::cell::Ref;

use super::device::Device;
use super::model::Model;
use crate::backend::{Backend, DeviceReport, GpuWork};
use crate::error::{Error, Result};
use crate::model::{LogitRows, Sampled, Texts};
use crate::session::{Continuation, PassCosts, Session};

impl Model {
    /// Where the model runs now, and why: another device than at first, where that one was lost.
    pub fn device(&self) -> DeviceReport {
        self.device.borrow().report.clone()
    }

    /// How often the model has moved to another device.
    pub fn moves(&self) -> u64 {
        self.device.borrow().moves
    }

    /// What GPUs were told to do for this model so far.
    pub(super) fn work(&self) -> GpuWork {
        self.device.borrow().work
    }

    /// A session for `capacity` tokens.
    // The borrow is held while the device works, on purpose: it is the lock that makes a second call `Busy`.
    #[allow(clippy::await_holding_refcell_ref)]
    pub(super) async fn new_session(&self, capacity: usize) -> Result<Session> {
        Session::new(&*self.backend()?, capacity).await
    }

    /// How many tokens may be read at once without changing a bit of what is written.
    pub(super) fn exact_rows(&self) -> usize {
        self.device.borrow().exact_rows
    }

    /// The device, for sessions.
    ///
    /// # Errors
    /// `Busy` where another call is inside the model at this moment; `UnsupportedTask` for an encoder.
    pub(super) fn backend(&self) -> Result<Ref<'_, Backend>> {
        self.require_decoder()?;
        self.backend.try_borrow().map_err(|_| Error::Busy)
    }

    /// One pass of an encoder; see [`Backend::encode`].
    ///
    /// # Errors
    /// `Busy` where another call is inside the model at this moment.
    pub(super) fn encode(&self, texts: &Texts, rows: LogitRows<'_>, out: &mut Vec<f32>) -> Result<()> {
        self.backend.try_borrow_mut().map_err(|_| Error::Busy)?.encode(texts, rows, out)
    }

    /// Feeds one batch; see [`Session::feed_or_replay`].
    ///
    /// # Errors
    /// `Busy` where another call is inside the model at this moment: everything is as it was.
    // The borrow is held while the device works, on purpose: it is the lock that makes a second call `Busy`.
    #[allow(clippy::await_holding_refcell_ref)]
    pub(super) async fn feed(
        &self,
        session: &mut Session,
        tokens: &[u32],
        rows: LogitRows<'_>,
        logits: &mut Vec<f32>,
    ) -> Result<Option<usize>> {
        let mut backend = self.backend.try_borrow_mut().map_err(|_| Error::Busy)?;
        let fed = session.feed_or_replay(&mut backend, tokens, rows, logits).await;
        self.notice(&backend);
        fed
    }

    /// Up to how many tokens [`decode`](Self::decode) gives at once; 0 where the device does not choose tokens.
    pub(super) fn resident_steps(&self) -> usize {
        self.device.borrow().resident_steps
    }

    /// Has the device choose tokens; see [`Session::decode_or_replay`].
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    // The borrow is held while the device works, on purpose: it is the lock that makes a second call `Busy`.
    #[allow(clippy::await_holding_refcell_ref)]
    pub(super) async fn decode(
        &self,
        session: &mut Session,
        next: Continuation<'_>,
        chosen: &mut Vec<Sampled>,
    ) -> Result<Option<bool>> {
        let mut backend = self.backend.try_borrow_mut().map_err(|_| Error::Busy)?;
        let done = session.decode_or_replay(&mut backend, next, chosen).await;
        self.notice(&backend);
        done
    }

    /// Learns what was done, and of a move to another device.
    fn notice(&self, backend: &Backend) {
        self.device.borrow_mut().work = backend.work();
        if backend.moves() != self.moves() {
            self.device.replace(Device::of(backend));
            // What passes cost elsewhere says nothing here.
            self.costs().replace(PassCosts::default());
        }
    }

    /// For tests: takes the GPU away, as a platform may at any moment. Says whether there was one.
    #[doc(hidden)]
    pub fn lose_device(&self) -> bool {
        self.backend.try_borrow().is_ok_and(|backend| backend.lose_device())
    }
}
