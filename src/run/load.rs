//! Loading without tasks. With them `task/mod.rs` does it, which reads their sections, too.

use std::rc::Rc;

use super::{Clock, LoadPhase, Model};
use crate::backend::DeviceRequest;
use crate::error::Result;
use crate::format::{self, ModelFile};
use crate::tensor::Bytes;

impl Model {
    /// Loads a model from its files: one GGUF file, or the files of a Hugging Face folder.
    ///
    /// `device` says where it shall run, `clock` gives milliseconds, and `progress` is told the phase, and how much of how
    /// much of it is done.
    ///
    /// # Errors
    /// What is wrong with the files, in the words of the module that found it; `Gpu` where the GPU was asked for by name
    /// and cannot be used.
    pub async fn load(
        files: Vec<(String, Bytes)>,
        device: impl Into<DeviceRequest<'_>>,
        clock: Clock,
        progress: &mut dyn FnMut(LoadPhase, usize, usize),
    ) -> Result<Rc<Model>> {
        progress(LoadPhase::Read, 0, 3);
        Self::from_file(format::parse(files)?, device, clock, progress).await
    }

    /// Loads a model from a parsed file; see [`Model::load`].
    pub async fn from_file(
        file: ModelFile,
        device: impl Into<DeviceRequest<'_>>,
        clock: Clock,
        progress: &mut dyn FnMut(LoadPhase, usize, usize),
    ) -> Result<Rc<Model>> {
        Self::open(file, device, clock, progress, |_, _| Ok(())).await
    }
}
