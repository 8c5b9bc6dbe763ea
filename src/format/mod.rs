//! Bytes to [`ModelFile`]: metadata and named tensor ranges, one file per format.
//!
//! Nothing is interpreted here beyond the container: hyperparameters are read by `model`, tensors by `weights`, the
//! tokenizer by `text`. Every length and offset is checked before it is used or allocated.

mod gguf;
mod hf;
mod json;
mod reader;
mod safetensors;

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::tensor::{Bytes, DType};

/// The naming dialect of a file's metadata and tensors; translated once, in `model::config` and `weights::names`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// GGUF v3: keys such as `llama.block_count`, tensors such as `blk.0.attn_q.weight`.
    Gguf,
    /// A Hugging Face folder: `config.json` keys, tensors such as `model.layers.0.self_attn.q_proj.weight`.
    HuggingFace,
}

/// A metadata value. Hugging Face's `config.json` is flattened into the same type, nested keys joined by a dot.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    /// Any integer type of the file.
    Int(i64),
    /// Unsigned integers above `i64::MAX`.
    UInt(u64),
    Float(f64),
    String(String),
    Bools(Vec<bool>),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    Strings(Vec<String>),
    /// An array of arrays, or a JSON array of mixed types.
    List(Vec<Value>),
    /// JSON null, a JSON object inside an array, or an empty JSON array (whose element type is unknown).
    Null,
}

impl Value {
    /// A whole number that fits `usize`.
    pub fn as_usize(&self) -> Option<usize> {
        match *self {
            Value::Int(n) => usize::try_from(n).ok(),
            Value::UInt(n) => usize::try_from(n).ok(),
            _ => None,
        }
    }

    /// A number, whole or not.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Value::Int(n) => Some(n as f64),
            Value::UInt(n) => Some(n as f64),
            Value::Float(n) => Some(n),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(b) = *self { Some(b) } else { None }
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(s) = self { Some(s) } else { None }
    }

    pub fn as_strings(&self) -> Option<&[String]> {
        if let Value::Strings(s) = self { Some(s) } else { None }
    }

    pub fn as_ints(&self) -> Option<&[i64]> {
        if let Value::Ints(n) = self { Some(n) } else { None }
    }

    pub fn as_floats(&self) -> Option<&[f32]> {
        if let Value::Floats(n) = self { Some(n) } else { None }
    }

    /// What it is, for messages: the value where it is short, else its type.
    pub fn describe(&self) -> String {
        match self {
            Value::Bool(b) => b.to_string(),
            Value::Int(n) => n.to_string(),
            Value::UInt(n) => n.to_string(),
            Value::Float(n) => n.to_string(),
            Value::String(s) => match s.char_indices().nth(60) {
                Some((end, _)) => format!("{:?}...", &s[..end]),
                None => format!("{s:?}"),
            },
            Value::Bools(v) => format!("an array of {} booleans", v.len()),
            Value::Ints(v) => format!("an array of {} whole numbers", v.len()),
            Value::Floats(v) => format!("an array of {} numbers", v.len()),
            Value::Strings(v) => format!("an array of {} strings", v.len()),
            Value::List(v) => format!("an array of {} values", v.len()),
            Value::Null => "null".to_string(),
        }
    }
}

/// Where one tensor lies.
#[derive(Clone, Debug)]
pub struct TensorInfo {
    /// The name in the file's own dialect.
    pub name: String,
    pub dtype: DType,
    /// Row-major shape, outermost dimension first (GGUF stores it innermost first; the reader turns it round).
    pub shape: Vec<usize>,
    /// Exactly the tensor's bytes.
    pub data: Bytes,
}

/// What the tokenizer is to be built from.
#[derive(Clone, Debug)]
pub enum TokenizerSource {
    /// The `tokenizer.ggml.*` keys of the metadata.
    GgufMetadata,
    /// The text of a `tokenizer.json`.
    TokenizerJson(Bytes),
    /// The file carries none; `tokenize` and `generate` from text will say so.
    None,
}

/// A parsed container.
#[derive(Clone, Debug)]
pub struct ModelFile {
    /// The name given to the file, for messages.
    pub name: String,
    pub dialect: Dialect,
    pub metadata: BTreeMap<String, Value>,
    pub tensors: Vec<TensorInfo>,
    /// A tensor the file holds in a type that [`DType`] lacks: kept by name so that the error can list it only if the
    /// plan needs it.
    pub unsupported_tensors: Vec<(String, String)>,
    pub tokenizer: TokenizerSource,
    /// Flattened `generation_config.json`, where given.
    pub generation: BTreeMap<String, Value>,
}

impl ModelFile {
    /// The tensor of that name, in the file's dialect.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.iter().find(|t| t.name == name)
    }
}

/// Reads a model from its files: one GGUF file, or the files of a Hugging Face folder. What a file is shows in its
/// first bytes; names tell the JSON files apart. A `tokenizer.json` beside a GGUF file is used where that has none.
///
/// # Errors
/// `MissingFile` where something needed was not given, `Unsupported` for other model formats, `Truncated` and `Format`
/// (with byte offsets) for damaged files.
pub fn parse(files: Vec<(String, Bytes)>) -> Result<ModelFile> {
    let mut ggufs = files.iter().filter(|(_, bytes)| bytes.starts_with(gguf::MAGIC));
    if let Some((name, bytes)) = ggufs.next() {
        if ggufs.next().is_some() {
            return Err(Error::Unsupported {
                what: "a model in several GGUF files".to_string(),
                found: hf::given(&files),
                supported: "one .gguf file".to_string(),
            });
        }
        let mut file = gguf::parse(name, bytes)?;
        if matches!(file.tokenizer, TokenizerSource::None)
            && let Some((_, json)) = files.iter().find(|(name, _)| hf::base_name(name) == "tokenizer.json")
        {
            file.tokenizer = TokenizerSource::TokenizerJson(json.clone());
        }
        return Ok(file);
    }
    for (name, bytes) in &files {
        refuse(name, bytes)?;
    }
    hf::parse(&files)
}

/// Says what a file is that cannot be a part of any model this crate reads.
fn refuse(name: &str, bytes: &[u8]) -> Result<()> {
    let base = hf::base_name(name);
    if base.ends_with(".gguf") && !bytes.starts_with(gguf::MAGIC) || base.ends_with(".safetensors") {
        let start = bytes.trim_ascii_start();
        let found = if bytes.is_empty() {
            "an empty file"
        } else if start.starts_with(b"<") {
            "an HTML page (an error page of the server?)"
        } else if start.starts_with(b"version https://git-lfs") {
            "a Git LFS pointer: the file itself has to be fetched"
        } else if base.ends_with(".gguf") {
            "something else"
        } else {
            return Ok(());
        };
        let expected = if base.ends_with(".gguf") { "the magic number GGUF" } else { "safetensors" };
        return Err(Error::Format {
            file: name.to_string(),
            what: "the beginning".to_string(),
            expected: expected.to_string(),
            found: found.to_string(),
        });
    }
    let other = match bytes {
        [b'P', b'K', 3, 4, ..] => "a zip archive or PyTorch checkpoint",
        [b'g', b'g', b'j' | b'm' | b'l', b't' | b'f' | b'l', ..]
        | [b't' | b'f' | b'l', b'j' | b'm' | b'l', b'g', b'g', ..] => "a GGML file from before GGUF",
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => "a TensorFlow Lite model",
        _ => return Ok(()),
    };
    Err(Error::Unsupported {
        what: name.to_string(),
        found: other.to_string(),
        supported: "GGUF, or a Hugging Face folder with safetensors".to_string(),
    })
}
