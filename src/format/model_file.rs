//! What a container holds: metadata, named tensors, and what the tokenizer is to be built from.

use std::collections::BTreeMap;

use crate::tensor::{Bytes, DType};

/// The naming dialect of a file's metadata and tensors; translated once, by the tables in `arch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// GGUF v3: keys such as `llama.block_count`, tensors such as `blk.0.attn_q.weight`.
    Gguf,
    /// A Hugging Face folder: `config.json` keys, tensors such as `model.layers.0.self_attn.q_proj.weight`.
    HuggingFace,
}

/// The metadata key of a chat template, in Jinja.
pub const CHAT_TEMPLATE: &str = "tokenizer.chat_template";
/// The metadata key of the text of a `tokenizer_config.json`.
pub const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// A metadata value. Hugging Face's `config.json` is flattened into the same type, nested keys joined by a dot.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// Any integer type of the file.
    Int(i64),
    /// Unsigned integers above `i64::MAX`.
    UInt(u64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    String(String),
    /// An array of `Bool`.
    Bools(Vec<bool>),
    /// An array of `Int`.
    Ints(Vec<i64>),
    /// An array of numbers with fractions.
    Floats(Vec<f32>),
    /// An array of texts.
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

    /// The value of a `Bool`.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(b) = *self { Some(b) } else { None }
    }

    /// The text of a `String`.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(s) = self { Some(s) } else { None }
    }

    /// The elements of `Strings`.
    pub fn as_strings(&self) -> Option<&[String]> {
        if let Value::Strings(s) = self { Some(s) } else { None }
    }

    /// The elements of `Ints`.
    pub fn as_ints(&self) -> Option<&[i64]> {
        if let Value::Ints(n) = self { Some(n) } else { None }
    }

    /// The elements of `Floats`.
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
    /// How its numbers are stored.
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
    /// SentencePiece's own file, with the text of the `vocab.json` beside it.
    SentencePiece {
        /// The model of the source's pieces, or of all.
        model: Bytes,
        /// The ids of the pieces, where they have others (Marian).
        vocab: Option<Bytes>,
    },
    /// The file carries none; `tokenize` and `generate` from text will say so.
    None,
}

/// A parsed container.
#[derive(Clone, Debug)]
pub struct ModelFile {
    /// The name given to the file, for messages.
    pub name: String,
    /// Which names the keys and tensors have.
    pub dialect: Dialect,
    /// The values by key.
    pub metadata: BTreeMap<String, Value>,
    /// In the file's order.
    pub tensors: Vec<TensorInfo>,
    /// A tensor the file holds in a type that [`DType`] lacks: kept by name so that the error can list it only if the
    /// plan needs it.
    pub unsupported_tensors: Vec<(String, String)>,
    /// What its tokenizer is made from.
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
