//! What a family's file says of itself.

use super::names::Names;
use super::settings::Settings;
use crate::error::Result;
use crate::model::ModelConfig;

/// A family of models.
pub(super) struct Family {
    /// GGUF files.
    pub(super) gguf: Origin,
    /// Hugging Face folders.
    pub(super) hugging_face: Origin,
}

/// How a family's models come in one dialect.
pub(super) struct Origin {
    /// Architectures in GGUF files, model classes in Hugging Face folders.
    pub(super) known: &'static [&'static str],
    /// Reads the settings, whose prefix is set.
    pub(super) config: fn(&Settings<'_>) -> Result<ModelConfig>,
    /// What the tensors are called.
    pub(super) names: Names,
}
