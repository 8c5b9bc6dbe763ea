//! What a model is, from the beginnings of its files: so that one that cannot run is refused before its weights are there.

use super::model_file::{Dialect, ModelFile, TokenizerSource};
use super::{gguf, hf, json, refuse, safetensors, split};
use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// A file of which the beginning is there.
#[derive(Clone, Copy, Debug)]
pub struct Begun<'a> {
    /// Its name.
    pub name: &'a str,
    /// The bytes that are there.
    pub beginning: &'a [u8],
    /// How many there will be.
    pub len: usize,
}

/// So much shows what a file is not.
const MAGIC_BYTES: usize = 64;

/// What there is to know so far, and whether that is all that headers say. Tensors have no bytes; there are none while their header is
/// not whole, or where they are spread over several files. `None` while nothing is known.
///
/// # Errors
/// As [`parse`](super::parse), where more bytes would not help.
pub fn peek(files: &[Begun<'_>]) -> Result<Option<(ModelFile, bool)>> {
    for file in files.iter().filter(|file| file.beginning.len() >= MAGIC_BYTES.min(file.len)) {
        if file.beginning.starts_with(gguf::MAGIC) {
            return unless_cut_off(file, gguf::peek(file.name, file.beginning, file.len as u64)).map(|found| {
                found.map(|mut model| {
                    if split::count(&model) > 1 {
                        model.tensors.clear();
                    }
                    (model, true)
                })
            });
        }
        refuse(file.name, file.beginning)?;
    }
    let config = files.iter().find(|file| hf::is_config(file.name) && file.beginning.len() == file.len);
    let Some(config) = config else { return Ok(None) };
    let mut model = ModelFile {
        name: hf::CONFIG.to_string(),
        dialect: Dialect::HuggingFace,
        metadata: json::flatten(hf::CONFIG, config.beginning)?,
        tensors: Vec::new(),
        unsupported_tensors: Vec::new(),
        tokenizer: TokenizerSource::None,
        generation: BTreeMap::new(),
    };
    let mut weights = files.iter().filter(|file| hf::is_own(file.name) && hf::is_weights(file.name, file.beginning));
    let (Some(only), None) = (weights.next(), weights.next()) else { return Ok(Some((model, false))) };
    // One of several parts says so in its name.
    if hf::base_name(only.name).contains("-of-") {
        return Ok(Some((model, true)));
    }
    let Some(tensors) = unless_cut_off(only, safetensors::peek(only.name, only.beginning))? else {
        return Ok(Some((model, false)));
    };
    (model.tensors, model.unsupported_tensors) = tensors;
    Ok(Some((model, true)))
}

/// `None` where a file's beginning is too short to tell.
fn unless_cut_off<T>(file: &Begun<'_>, found: Result<T>) -> Result<Option<T>> {
    match found {
        Err(Error::Truncated { .. }) if file.beginning.len() < file.len => Ok(None),
        found => found.map(Some),
    }
}
