//! Safetensors: a `u64` header length, a JSON header, then the tensors' bytes, one after the other without gaps.
//! (<https://github.com/huggingface/safetensors#format>)

use serde_json::{Map, Value as Json};

use super::model_file::TensorInfo;
use super::reader::Reader;
use crate::error::{Error, Result};
use crate::order;
use crate::tensor::{Bytes, DType};

/// The tensors of one file, and the names and types of those that [`DType`] lacks.
pub(super) type Tensors = (Vec<TensorInfo>, Vec<(String, String)>);

/// Of 40,000 tensors. In memory, JSON takes up to 50 times its length.
const MAX_HEADER: u64 = 4 << 20;

/// The types of the format, and how many bits an element has.
const TYPES: [(&str, u64); 20] = [
    ("F32", 32),
    ("F16", 16),
    ("BF16", 16),
    ("F64", 64),
    ("BOOL", 8),
    ("U8", 8),
    ("I8", 8),
    ("U16", 16),
    ("I16", 16),
    ("U32", 32),
    ("I32", 32),
    ("U64", 64),
    ("I64", 64),
    ("C64", 64),
    ("F8_E4M3", 8),
    ("F8_E5M2", 8),
    ("F8_E8M0", 8),
    ("F6_E2M3", 6),
    ("F6_E3M2", 6),
    ("F4", 4),
];

/// Whether the bytes begin like a safetensors file: a header length inside the file and an opening brace.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    match (bytes.first_chunk::<8>(), bytes.get(8)) {
        (Some(len), Some(b'{')) => u64::from_le_bytes(*len) <= bytes.len() as u64,
        _ => false,
    }
}

/// Reads one safetensors file, in the order of the tensors' names.
///
/// # Errors
/// `Truncated` where the header reaches beyond the end, `Format` where it contradicts itself or the tensors' bytes are not all there.
pub(super) fn parse(name: &str, bytes: &Bytes) -> Result<Tensors> {
    let (header, start) = header(name, bytes)?;
    let invalid = |found: String| invalid(name, start, "JSON that describes tensors lying one after the other", found);
    let mut described = Vec::new();
    for (tensor, about) in header {
        let read = Described::read(&about).ok_or_else(|| invalid(format!("something else of {tensor:?}")))?;
        described.push((tensor, read));
    }
    order::sort_by_key(&mut described, |(_, read)| read.offsets);
    let (mut tensors, mut unsupported, mut end) = (Vec::new(), Vec::new(), 0);
    for (tensor, Described { type_name, shape, size, offsets }) in described {
        if offsets.0 != end || Some(offsets.1) != end.checked_add(size) {
            let expected = format!("{tensor:?}, which takes {size} bytes, from byte {end} on");
            return Err(invalid(format!("{expected}, at bytes {} to {}", offsets.0, offsets.1)));
        }
        end = offsets.1;
        let range = start.saturating_add(offsets.0)..start.saturating_add(end);
        match (dtype(type_name), bytes.slice(range)) {
            (Some(dtype), Some(data)) => tensors.push(TensorInfo { name: tensor, dtype, shape, data }),
            // That some lie outside is said below.
            _ => unsupported.push((tensor, type_name.to_string())),
        }
    }
    // Where bytes are missing, that is mostly an interrupted download.
    let found = bytes.len() - start;
    if end != found {
        return Err(Error::Format {
            file: name.to_string(),
            what: format!("the tensor data at byte {start}"),
            expected: format!("{end} bytes, as the header describes (a cut-off download has fewer)"),
            found: format!("{found} bytes"),
        });
    }
    order::sort_by(&mut tensors, |a, b| a.name.cmp(&b.name));
    order::sort(&mut unsupported);
    Ok((tensors, unsupported))
}

/// The tensors of a file of which the header is there, without their bytes.
///
/// # Errors
/// `Truncated` where the header is not whole, `Format` where it is no JSON.
pub(super) fn peek(name: &str, beginning: &[u8]) -> Result<Tensors> {
    let (mut tensors, mut unsupported) = (Vec::new(), Vec::new());
    for (tensor, about) in header(name, beginning)?.0 {
        // What is not as it should be is said when the file is parsed.
        let (Some(type_name), Some(shape)) = (about["dtype"].as_str(), about["shape"].as_array()) else { continue };
        let shape = shape.iter().map(|size| size.as_u64().unwrap_or(0) as usize).collect();
        match dtype(type_name) {
            Some(dtype) => tensors.push(TensorInfo { name: tensor, dtype, shape, data: Bytes::new(Vec::new()) }),
            None => unsupported.push((tensor, type_name.to_string())),
        }
    }
    Ok((tensors, unsupported))
}

/// The names of floats are the same here and there.
fn dtype(name: &str) -> Option<DType> {
    DType::from_name(name).filter(|dtype| !dtype.is_quantised())
}

/// What a header says of each tensor, and where it ends.
fn header(name: &str, bytes: &[u8]) -> Result<(Map<String, Json>, usize)> {
    let len = Reader::new(name, bytes).u64("the safetensors header length")?;
    let end = len.saturating_add(8);
    let whole = usize::try_from(end).unwrap_or(usize::MAX);
    if len > MAX_HEADER {
        let found = format!("a length of {len} bytes, which is too large");
        return Err(invalid(name, whole, "at most 4 MiB", found));
    }
    let header = bytes.get(8..whole).ok_or_else(|| Error::Truncated {
        file: name.to_string(),
        what: "the safetensors header at byte 8".to_string(),
        expected: end,
        found: bytes.len() as u64,
    })?;
    let mut header = match serde_json::from_slice(header) {
        Ok(Json::Object(header)) => header,
        Ok(_) => return Err(invalid(name, whole, "a JSON object", "another JSON value".to_string())),
        Err(e) => return Err(invalid(name, whole, "JSON", e.to_string())),
    };
    header.remove("__metadata__");
    Ok((header, whole))
}

fn invalid(name: &str, end: usize, expected: &str, found: String) -> Error {
    Error::Format {
        file: name.to_string(),
        what: format!("the safetensors header at bytes 8 to {end}"),
        expected: expected.to_string(),
        found,
    }
}

/// A tensor as the header describes it.
struct Described {
    type_name: &'static str,
    shape: Vec<usize>,
    /// Bytes, by type and shape.
    size: usize,
    /// In the bytes behind the header.
    offsets: (usize, usize),
}

impl Described {
    /// `None` where something is missing, of another type, or larger than memory.
    fn read(about: &Json) -> Option<Described> {
        let number = |json: &Json| usize::try_from(json.as_u64()?).ok();
        let type_name = about.get("dtype")?.as_str()?;
        let (type_name, mut bits) = *TYPES.iter().find(|(known, _)| *known == type_name)?;
        let mut shape = Vec::new();
        for size in about.get("shape")?.as_array()? {
            bits = bits.checked_mul(size.as_u64()?)?;
            shape.push(number(size)?);
        }
        let [from, to] = about.get("data_offsets")?.as_array()?.as_slice() else { return None };
        let offsets = (number(from)?, number(to)?);
        let size = usize::try_from(bits / 8).ok().filter(|_| bits.is_multiple_of(8))?;
        Some(Described { type_name, shape, size, offsets })
    }
}
