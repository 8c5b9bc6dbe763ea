//! GGUF files in parts (`-00001-of-00003.gguf`), as llama.cpp's `gguf-split` writes them: each part has some of the tensors, the first
//! one all metadata.

use std::collections::BTreeSet;

use super::model_file::{ModelFile, Value};
use crate::error::{Error, Result};
use crate::order;

/// How many parts a model's file is one of; 1 where it is whole.
pub(super) fn count(file: &ModelFile) -> usize {
    file.metadata.get("split.count").and_then(Value::as_usize).unwrap_or(1).max(1)
}

/// One file of all parts, in whichever order.
///
/// # Errors
/// `MissingFile` where a part is missing, `Format` where the files are not the parts of one model.
pub(super) fn join(mut parts: Vec<ModelFile>) -> Result<ModelFile> {
    let number = |file: &ModelFile| file.metadata.get("split.no").and_then(Value::as_usize).unwrap_or(0);
    crate::order::sort_by_key(&mut parts, number);
    let n = parts.iter().map(count).max().unwrap_or(1);
    let given = parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(missing) = (0..n).find(|i| !parts.iter().any(|part| number(part) == *i)) {
        let expected = format!("all {n} parts of the split GGUF file, also part {}", missing + 1);
        return Err(Error::MissingFile { expected, found: given });
    }
    let too_many = parts.len() > n;
    let mut parts = parts.into_iter();
    let Some(mut whole) = parts.next() else {
        return Err(Error::MissingFile { expected: "a GGUF file".into(), found: given });
    };
    let mut names: BTreeSet<String> = order::set(whole.tensors.iter().map(|tensor| tensor.name.clone()));
    for part in parts {
        let twice = part.tensors.iter().find(|tensor| !names.insert(tensor.name.clone()));
        if too_many || count(&part) != n || twice.is_some() {
            return Err(Error::Format {
                file: part.name,
                what: "the GGUF files given".into(),
                expected: "one file, or each part of one model once".into(),
                found: twice.map_or_else(|| given.clone(), |tensor| format!("{} twice, in {given}", tensor.name)),
            });
        }
        whole.tensors.extend(part.tensors);
        whole.unsupported_tensors.extend(part.unsupported_tensors);
    }
    Ok(whole)
}
