//! The beginning of a GGUF file with other tensors than the one that it is made from.

use super::gguf;
use crate::error::Result;
use crate::quant::DType;

/// A tensor of the new file.
#[derive(Clone, Debug)]
pub struct NewTensor {
    /// Its name.
    pub name: String,
    /// Row-major, outermost dimension first.
    pub shape: Vec<usize>,
    /// How its numbers are stored.
    pub dtype: DType,
    /// How many bytes that are.
    pub len: usize,
}

/// What says how a file is cut into parts, aligned or stored: not true of the new one.
fn is_stale(key: &str) -> bool {
    key.starts_with("split.")
        || matches!(key, "general.alignment" | "general.file_type" | "general.quantization_version")
}

/// The bytes up to the first tensor: the metadata of `from` as it stands there, and what describes `tensors`. They follow in that
/// order, each with [`padding`] behind it. `file_type` is ggml's number for what most of them are.
///
/// # Errors
/// As [`parse`](super::parse), for `from`.
pub fn gguf_header(name: &str, from: &[u8], tensors: &[NewTensor], file_type: u32) -> Result<Vec<u8>> {
    let mut pairs: Vec<Vec<u8>> = Vec::new();
    for (key, bytes) in gguf::pairs(name, from)? {
        if !is_stale(key) {
            pairs.push(bytes.to_vec());
        }
    }
    for (key, number) in [("general.file_type", file_type), ("general.quantization_version", 2)] {
        let mut pair = Vec::new();
        string(key, &mut pair);
        // The type of a u32.
        pair.extend(4u32.to_le_bytes());
        pair.extend(number.to_le_bytes());
        pairs.push(pair);
    }
    let mut out = gguf::MAGIC.to_vec();
    out.extend(3u32.to_le_bytes());
    out.extend((tensors.len() as u64).to_le_bytes());
    out.extend((pairs.len() as u64).to_le_bytes());
    pairs.iter().for_each(|pair| out.extend(pair));
    let mut offset = 0;
    for tensor in tensors {
        string(&tensor.name, &mut out);
        out.extend((tensor.shape.len() as u32).to_le_bytes());
        tensor.shape.iter().rev().for_each(|size| out.extend((*size as u64).to_le_bytes()));
        out.extend(tensor.dtype.gguf_id().to_le_bytes());
        out.extend((offset as u64).to_le_bytes());
        offset += tensor.len + padding(tensor.len);
    }
    out.resize(out.len() + padding(out.len()), 0);
    Ok(out)
}

/// Zeros behind so many bytes.
pub fn padding(len: usize) -> usize {
    len.next_multiple_of(gguf::DEFAULT_ALIGNMENT as usize) - len
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}
