//! Safetensors, through the `safetensors` crate: a `u64` header length, a JSON header, then the tensors' bytes.

use std::ops::Range;

use safetensors::{SafeTensorError, SafeTensors};

use super::json;
use super::model_file::TensorInfo;
use super::reader::Reader;
use crate::error::{Error, Result};
use crate::order;
use crate::tensor::{Bytes, DType};

/// The tensors of one file, and the names and types of those that [`DType`] lacks.
pub(super) type Tensors = (Vec<TensorInfo>, Vec<(String, String)>);

/// Whether the bytes begin like a safetensors file: a header length inside the file and an opening brace.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    match (bytes.first_chunk::<8>(), bytes.get(8)) {
        (Some(len), Some(b'{')) => u64::from_le_bytes(*len) <= bytes.len() as u64,
        _ => false,
    }
}

/// Reads one safetensors file, in the order of the tensors' bytes.
///
/// # Errors
/// `Truncated` where header or tensors reach beyond the end, `Format` where the header contradicts itself.
pub(super) fn parse(name: &str, bytes: &Bytes) -> Result<Tensors> {
    let parsed = SafeTensors::deserialize(bytes).map_err(|e| explain(name, bytes, e))?;
    let mut tensors = Vec::with_capacity(parsed.len());
    let mut unsupported = Vec::new();
    for (tensor, view) in parsed.iter() {
        // The names of floats are the same here and there.
        let type_name = format!("{:?}", view.dtype());
        let Some(dtype) = DType::from_name(&type_name) else {
            unsupported.push((tensor.to_string(), type_name));
            continue;
        };
        let data = offsets(bytes, view.data()).and_then(|range| bytes.slice(range)).ok_or_else(|| Error::Internal {
            what: format!("safetensors gave bytes of {tensor} from outside of {name}"),
        })?;
        tensors.push(TensorInfo { name: tensor.to_string(), dtype, shape: view.shape().to_vec(), data });
    }
    // The crate keeps its names in a hash map: bring them into an order that does not change from run to run.
    order::sort_by(&mut tensors, |a, b| a.name.cmp(&b.name));
    order::sort(&mut unsupported);
    Ok((tensors, unsupported))
}

/// The tensors of a file of which the header is there, without their bytes.
///
/// # Errors
/// `Truncated` where the header is not whole, `Format` where it is no JSON.
pub(super) fn peek(name: &str, beginning: &[u8]) -> Result<Tensors> {
    let mut r = Reader::new(name, beginning);
    let len = r.u64("the safetensors header length")?;
    let header = json::parse(name, r.take(len, "the safetensors header")?)?;
    let (mut tensors, mut unsupported) = (Vec::new(), Vec::new());
    for (tensor, about) in header.into_iter().filter(|(tensor, _)| tensor != "__metadata__") {
        // What is not as it should be is said when the file is parsed.
        let (Some(type_name), Some(shape)) = (about["dtype"].as_str(), about["shape"].as_array()) else { continue };
        let shape = shape.iter().map(|size| size.as_u64().unwrap_or(0) as usize).collect();
        match DType::from_name(type_name) {
            Some(dtype) => tensors.push(TensorInfo { name: tensor, dtype, shape, data: Bytes::new(Vec::new()) }),
            None => unsupported.push((tensor, type_name.to_string())),
        }
    }
    Ok((tensors, unsupported))
}

/// Where `part` lies in `whole`, of which it is a slice.
fn offsets(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    Some(start..start.checked_add(part.len())?)
}

fn explain(name: &str, bytes: &[u8], error: SafeTensorError) -> Error {
    let header = bytes.first_chunk::<8>().map_or(0, |len| u64::from_le_bytes(*len));
    let truncated = |what: &str, expected: u64| Error::Truncated {
        file: name.to_string(),
        what: what.to_string(),
        expected,
        found: bytes.len() as u64,
    };
    match error {
        SafeTensorError::HeaderTooSmall => truncated("the safetensors header length at byte 0", 8),
        SafeTensorError::InvalidHeaderLength => truncated("the safetensors header at byte 8", header.saturating_add(8)),
        // The header's last offset is not the end of the file: mostly an interrupted download.
        SafeTensorError::MetadataIncompleteBuffer => Error::Format {
            file: name.to_string(),
            what: format!("the tensor data at byte {}", header.saturating_add(8)),
            expected: "as many bytes as the header describes (a cut-off download has fewer)".to_string(),
            found: format!("{} bytes", (bytes.len() as u64).saturating_sub(header.saturating_add(8))),
        },
        other => Error::Format {
            file: name.to_string(),
            what: format!("the safetensors header at bytes 8 to {}", header.saturating_add(8)),
            expected: "JSON that describes tensors lying one after the other".to_string(),
            found: other.to_string(),
        },
    }
}
