//! GGUF, version 2 and 3, little-endian (specification: `docs/gguf.md` of the ggml project).
//!
//! Layout: magic `GGUF`, `u32` version, `u64` tensor count, `u64` metadata count, the metadata pairs, the tensor
//! descriptions, padding to `general.alignment` (32 where absent), then the tensors at offsets from there.

use std::collections::BTreeMap;

use super::model_file::{Dialect, ModelFile, TensorInfo, TokenizerSource, Value};
use super::reader::Reader;
use crate::error::{Error, Result};
use crate::order;
use crate::quant::{DType, type_name};
use crate::tensor::Bytes;

/// The first four bytes of every GGUF file.
pub(super) const MAGIC: &[u8; 4] = b"GGUF";

pub(super) const DEFAULT_ALIGNMENT: u64 = 32;
/// The specification allows keys of at most 2^16 - 1 bytes.
const MAX_KEY_BYTES: usize = 65_535;
/// ggml's `GGML_MAX_DIMS`.
const MAX_DIMS: u32 = 4;
/// Arrays of arrays are legal but unused; this many levels are read.
const MAX_ARRAY_DEPTH: usize = 4;

/// A tensor's description before its bytes are found.
struct Description<'a> {
    name: &'a str,
    shape: Vec<usize>,
    type_id: u32,
    offset: u64,
    /// Where the offset itself stands in the file, for messages.
    offset_at: usize,
}

/// Reads a GGUF file.
///
/// # Errors
/// `Truncated` and `Format` with the byte offset; `Unsupported` for other versions and for big-endian files.
pub(super) fn parse(name: &str, bytes: &Bytes) -> Result<ModelFile> {
    read(name, bytes, bytes.len() as u64, Some(bytes))
}

/// The same from the beginning of a file of `len` bytes. Its tensors have no bytes.
///
/// # Errors
/// As [`parse`]; `Truncated` also where the beginning ends before the tensors do.
pub(super) fn peek(name: &str, beginning: &[u8], len: u64) -> Result<ModelFile> {
    read(name, beginning, len, None)
}

fn read(name: &str, beginning: &[u8], len: u64, all: Option<&Bytes>) -> Result<ModelFile> {
    let mut r = Reader::new(name, beginning);
    let magic = r.take(MAGIC.len() as u64, "the magic number")?;
    if magic != MAGIC {
        return Err(r.invalid(0, "the magic number", "GGUF", format!("bytes {magic:?}")));
    }
    version(&mut r)?;
    let n_tensors = r.u64("the tensor count")?;
    let n_pairs = r.u64("the metadata count")?;

    let metadata = metadata(&mut r, n_pairs)?;
    let alignment = alignment(&r, &metadata)?;
    let descriptions = descriptions(&mut r, n_tensors)?;
    let data_start = (r.at() as u64).next_multiple_of(alignment);
    let (tensors, unsupported_tensors) = locate(&r, (name, len, all), &descriptions, data_start, alignment)?;

    let tokenizer = match metadata.contains_key("tokenizer.ggml.model") {
        true => TokenizerSource::GgufMetadata,
        false => TokenizerSource::None,
    };
    Ok(ModelFile {
        name: name.to_string(),
        dialect: Dialect::Gguf,
        metadata,
        tensors,
        unsupported_tensors,
        tokenizer,
        generation: BTreeMap::new(),
    })
}

fn version(r: &mut Reader) -> Result<()> {
    let version = r.u32("the version")?;
    if version == 2 || version == 3 {
        return Ok(());
    }
    // The magic is the same in both byte orders; a swapped small version number gives the order away.
    let found = match version.swap_bytes() {
        swapped @ 1..=255 => format!("big-endian GGUF version {swapped}"),
        _ => format!("GGUF version {version}"),
    };
    Err(Error::Unsupported {
        what: "this GGUF file".to_string(),
        found,
        supported: "little-endian versions 2 and 3; convert the file again with a current converter".to_string(),
    })
}

fn metadata(r: &mut Reader, n_pairs: u64) -> Result<BTreeMap<String, Value>> {
    // Key length, type and one byte of value.
    let n_pairs = r.count(n_pairs, 8 + 4 + 1, "the metadata")?;
    let mut metadata = BTreeMap::new();
    for _ in 0..n_pairs {
        let at = r.at();
        let key = r.string("a metadata key")?;
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(r.invalid(at, "a metadata key", "1 to 65535 bytes", key.len()));
        }
        let kind = r.u32(key)?;
        let value = value(r, kind, key, 0)?;
        if metadata.insert(key.to_string(), value).is_some() {
            return Err(r.invalid(at, "the metadata", "every key once", format!("{key} twice")));
        }
    }
    Ok(metadata)
}

/// The metadata pairs of a file as they stand in it, with their keys.
///
/// # Errors
/// As [`parse`].
pub(super) fn pairs<'a>(name: &'a str, bytes: &'a [u8]) -> Result<Vec<(&'a str, &'a [u8])>> {
    let mut r = Reader::new(name, bytes);
    r.take(MAGIC.len() as u64, "the magic number")?;
    version(&mut r)?;
    r.u64("the tensor count")?;
    let n_pairs = r.u64("the metadata count")?;
    let mut pairs = Vec::new();
    for _ in 0..n_pairs {
        let start = r.at();
        let key = r.string("a metadata key")?;
        let kind = r.u32(key)?;
        value(&mut r, kind, key, 0)?;
        pairs.push((key, bytes.get(start..r.at()).unwrap_or_default()));
    }
    Ok(pairs)
}

fn value(r: &mut Reader, kind: u32, key: &str, depth: usize) -> Result<Value> {
    Ok(match kind {
        0 => Value::Int(r.u8(key)?.into()),
        1 => Value::Int(r.i8(key)?.into()),
        2 => Value::Int(r.u16(key)?.into()),
        3 => Value::Int(r.i16(key)?.into()),
        4 => Value::Int(r.u32(key)?.into()),
        5 => Value::Int(r.i32(key)?.into()),
        6 => Value::Float(r.f32(key)?.into()),
        7 => Value::Bool(boolean(r, key)?),
        8 => Value::String(r.string(key)?.to_string()),
        9 => array(r, key, depth)?,
        10 => {
            let n = r.u64(key)?;
            i64::try_from(n).map_or(Value::UInt(n), Value::Int)
        }
        11 => Value::Int(r.i64(key)?),
        12 => Value::Float(r.f64(key)?),
        _ => return Err(r.invalid(r.at() - 4, &format!("the type of {key}"), "0 to 12", kind)),
    })
}

fn boolean(r: &mut Reader, key: &str) -> Result<bool> {
    match r.u8(key)? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(r.invalid(r.at() - 1, key, "a boolean, 0 or 1", other)),
    }
}

fn array(r: &mut Reader, key: &str, depth: usize) -> Result<Value> {
    let at = r.at();
    if depth >= MAX_ARRAY_DEPTH {
        return Err(r.invalid(at, key, format!("arrays nested at most {MAX_ARRAY_DEPTH} deep"), "deeper ones"));
    }
    let kind = r.u32(key)?;
    let n = r.u64(key)?;
    let min_bytes = match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        8 | 10..=12 => 8,
        9 => 12,
        _ => return Err(r.invalid(at, &format!("the element type of {key}"), "0 to 12", kind)),
    };
    let n = r.count(n, min_bytes, key)?;
    Ok(match kind {
        0 => Value::Ints(collect(n, || r.u8(key).map(i64::from))?),
        1 => Value::Ints(collect(n, || r.i8(key).map(i64::from))?),
        2 => Value::Ints(collect(n, || r.u16(key).map(i64::from))?),
        3 => Value::Ints(collect(n, || r.i16(key).map(i64::from))?),
        4 => Value::Ints(collect(n, || r.u32(key).map(i64::from))?),
        5 => Value::Ints(collect(n, || r.i32(key).map(i64::from))?),
        6 => Value::Floats(collect(n, || r.f32(key))?),
        7 => Value::Bools(collect(n, || boolean(r, key))?),
        8 => Value::Strings(collect(n, || r.string(key).map(str::to_string))?),
        10 => Value::Ints(collect(n, || {
            let element = r.u64(key)?;
            i64::try_from(element).map_err(|_| r.invalid(r.at() - 8, key, "elements up to 2^63 - 1", element))
        })?),
        11 => Value::Ints(collect(n, || r.i64(key))?),
        12 => Value::Floats(collect(n, || r.f64(key).map(|element| element as f32))?),
        _ => Value::List(collect(n, || array(r, key, depth + 1))?),
    })
}

/// `n` items; `Reader::count` has checked `n` against the file's length.
fn collect<T>(n: usize, mut item: impl FnMut() -> Result<T>) -> Result<Vec<T>> {
    let mut items = Vec::with_capacity(n);
    for _ in 0..n {
        items.push(item()?);
    }
    Ok(items)
}

fn alignment(r: &Reader, metadata: &BTreeMap<String, Value>) -> Result<u64> {
    match metadata.get("general.alignment") {
        None => Ok(DEFAULT_ALIGNMENT),
        // u32 in the specification, so no more than 2^31.
        Some(&Value::Int(n)) if (1..=1 << 31).contains(&n) && (n as u64).is_power_of_two() => Ok(n as u64),
        Some(other) => Err(r.invalid(r.at(), "general.alignment", "a power of two", format!("{other:?}"))),
    }
}

fn descriptions<'a>(r: &mut Reader<'a>, n_tensors: u64) -> Result<Vec<Description<'a>>> {
    // Name length, dimension count, one dimension, type and offset.
    let n_tensors = r.count(n_tensors, 8 + 4 + 8 + 4 + 8, "the tensor descriptions")?;
    let mut descriptions: Vec<Description> = Vec::with_capacity(n_tensors);
    for _ in 0..n_tensors {
        let name = r.string("a tensor name")?;
        let at = r.at();
        let n_dims = r.u32(name)?;
        if n_dims == 0 || n_dims > MAX_DIMS {
            return Err(r.invalid(at, &format!("tensor {name}"), "1 to 4 dimensions", n_dims));
        }
        let mut shape = Vec::with_capacity(n_dims as usize);
        for _ in 0..n_dims {
            let at = r.at();
            let size = r.u64(name)?;
            match usize::try_from(size) {
                Ok(size) if size > 0 => shape.push(size),
                _ => return Err(r.invalid(at, &format!("a dimension of tensor {name}"), "1 or more", size)),
            }
        }
        shape.reverse();
        let type_id = r.u32(name)?;
        let offset_at = r.at();
        let offset = r.u64(name)?;
        descriptions.push(Description { name, shape, type_id, offset, offset_at });
    }
    let mut names: Vec<&str> = descriptions.iter().map(|d| d.name).collect();
    order::sort(&mut names);
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(r.invalid(r.at(), "the tensors", "every name once", format!("{} twice", pair[0]))),
        None => Ok(descriptions),
    }
}

type Located = (Vec<TensorInfo>, Vec<(String, String)>);

/// Finds each tensor's bytes and checks that they are inside the file (its name, its length, its bytes if they are there) and their own.
fn locate(
    r: &Reader,
    (file, len, bytes): (&str, u64, Option<&Bytes>),
    descriptions: &[Description],
    data_start: u64,
    alignment: u64,
) -> Result<Located> {
    let mut tensors = Vec::with_capacity(descriptions.len());
    let mut unsupported = Vec::new();
    let mut ranges = Vec::with_capacity(descriptions.len());
    for d in descriptions {
        let what = format!("tensor {}", d.name);
        if d.offset % alignment != 0 {
            return Err(r.invalid(d.offset_at, &what, format!("an offset in steps of {alignment}"), d.offset));
        }
        let Some(dtype) = DType::from_gguf_id(d.type_id) else {
            unsupported.push((d.name.to_string(), type_name(d.type_id)));
            continue;
        };
        let cols = d.shape.last().copied().unwrap_or(1);
        if cols % dtype.block_len() != 0 {
            let expected = format!("rows in whole blocks of {} elements ({dtype})", dtype.block_len());
            return Err(r.invalid(d.offset_at, &what, expected, format!("{cols} elements")));
        }
        let size = d.shape.iter().try_fold(1usize, |n, &size| n.checked_mul(size)).and_then(|n| dtype.bytes_for(n));
        let range = size.and_then(|size| {
            let start = data_start.checked_add(d.offset)?;
            Some((start, start.checked_add(size as u64)?))
        });
        let Some((start, end)) = range else {
            let found = format!("shape {:?} at offset {}", d.shape, d.offset);
            return Err(r.invalid(d.offset_at, &what, "a size that can be addressed", found));
        };
        let truncated = || Error::Truncated {
            file: file.to_string(),
            what: format!("{what} at byte {start}"),
            expected: end - start,
            found: len.saturating_sub(start),
        };
        let data = match (usize::try_from(start), usize::try_from(end), bytes) {
            (Ok(start), Ok(end), Some(bytes)) => bytes.slice(start..end).ok_or_else(truncated)?,
            (Ok(_), Ok(_), None) if end <= len => Bytes::new(Vec::new()),
            _ => return Err(truncated()),
        };
        ranges.push((start, end, d.name));
        tensors.push(TensorInfo { name: d.name.to_string(), dtype, shape: d.shape.clone(), data });
    }
    order::sort(&mut ranges);
    for pair in ranges.windows(2) {
        let ((_, end, first), (start, _, second)) = (pair[0], pair[1]);
        if start < end {
            let found = format!("{second} starting at byte {start}, inside {first}, which ends at {end}");
            return Err(r.invalid(start as usize, "the tensor data", "tensors that do not overlap", found));
        }
    }
    Ok((tensors, unsupported))
}
