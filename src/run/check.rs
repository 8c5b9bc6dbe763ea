//! Whether a model can be loaded, by what its files' headers say.

use crate::arch;
use crate::error::Result;
use crate::format::{Begun, ModelFile, peek};
use crate::model::plan;
use crate::text;
use crate::weights;

/// Checks a model of whose files the beginnings are there. Says whether all is known that headers tell: if not, it is to be asked again
/// when there are more bytes.
///
/// # Errors
/// Those of loading that headers show: architectures, settings, tokenizers, types and shapes that are not supported.
pub fn check(files: &[Begun<'_>]) -> Result<bool> {
    match peek(files)? {
        None => Ok(false),
        Some((file, all)) => known(&file).map(|()| all),
    }
}

fn known(file: &ModelFile) -> Result<()> {
    let config = arch::config(file)?;
    text::check(file)?;
    match file.tensors.is_empty() && file.unsupported_tensors.is_empty() {
        true => Ok(()),
        false => weights::check(&plan::build(&config), file),
    }
}
