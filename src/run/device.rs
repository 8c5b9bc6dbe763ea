//! What is known of a model's device without asking it: it cannot be asked while it works.

use crate::backend::{Backend, DeviceReport, GpuWork};

/// What is known of the device without asking it.
pub struct Device {
    pub report: DeviceReport,
    /// See [`Backend::moves`].
    pub moves: u64,
    /// How many tokens may be read ahead of being written, and forgotten again: see [`Backend::exact_rows`].
    pub exact_rows: usize,
    /// See [`Backend::resident_steps`].
    pub resident_steps: usize,
    /// See [`Backend::work`].
    pub work: GpuWork,
}

impl Device {
    pub fn of(backend: &Backend) -> Device {
        Device {
            report: backend.report().clone(),
            moves: backend.moves(),
            // What cannot go back does not read ahead.
            exact_rows: if backend.goes_back() { backend.exact_rows() } else { 1 },
            resident_steps: backend.resident_steps(),
            work: backend.work(),
        }
    }
}
