//! Bytes to [`ModelFile`]: metadata and named tensor ranges, one file per format.
//!
//! Nothing is interpreted here beyond the container: hyperparameters are read by `model`, tensors by `weights`, the
//! tokenizer by `text`. Every length and offset is checked before it is used or allocated.

use std::collections::BTreeMap;

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
    /// JSON null, or an empty JSON array (whose element type is unknown).
    Null,
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
