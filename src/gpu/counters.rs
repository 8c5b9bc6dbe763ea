//! What the engine did, counted by itself.

use std::cell::Cell;

/// Counts since the model was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Kernels started by forward passes.
    pub dispatches: u64,
    /// Command buffers submitted by forward passes.
    pub submits: u64,
    /// Results mapped to be read.
    pub readbacks: u64,
    /// Tokens chosen on the GPU.
    pub sampled: u64,
    /// Buffers made.
    pub buffers: u64,
    /// Bind groups made.
    pub bind_groups: u64,
}

/// Counters that are changed through a shared reference.
#[derive(Debug, Default)]
pub(super) struct Counting(Cell<Counters>);

impl Counting {
    pub(super) fn get(&self) -> Counters {
        self.0.get()
    }

    pub(super) fn add(&self, change: impl FnOnce(&mut Counters)) {
        let mut counters = self.0.get();
        change(&mut counters);
        self.0.set(counters);
    }
}
