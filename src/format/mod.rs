//! Bytes to [`ModelFile`]: metadata and named tensor ranges, one file per format.
//!
//! Nothing is interpreted here beyond the container: hyperparameters are read by `model`, tensors by `weights`, the
//! tokenizer by `text`. Every length and offset is checked before it is used or allocated.

mod gguf;
mod hf;
mod json;
mod model_file;
mod peek;
mod reader;
mod safetensors;
mod split;
mod stand_in;
mod write;

pub use json::{shown, without_mark};
pub use model_file::{CHAT_TEMPLATE, Dialect, ModelFile, TOKENIZER_CONFIG, TensorInfo, TokenizerSource, Value};
pub use peek::{Begun, peek};
pub use stand_in::stand_in;
pub use write::{NewTensor, gguf_header, padding};

use crate::error::{Error, Result};
use crate::tensor::Bytes;

/// Reads a model from its files: one GGUF file or all parts of a split one, or the files of a Hugging Face folder. What a file is shows in its
/// first bytes; names tell the JSON files apart. A `tokenizer.json` beside a GGUF file is used where that has none.
///
/// # Errors
/// `MissingFile` where something needed was not given, `Unsupported` for other model formats, `Truncated` and `Format`
/// (with byte offsets) for damaged files.
pub fn parse(files: Vec<(String, Bytes)>) -> Result<ModelFile> {
    let ggufs = files.iter().filter(|(_, bytes)| bytes.starts_with(gguf::MAGIC));
    let parts = ggufs.map(|(name, bytes)| gguf::parse(name, bytes)).collect::<Result<Vec<_>>>()?;
    if !parts.is_empty() {
        let mut file = split::join(parts)?;
        if matches!(file.tokenizer, TokenizerSource::None)
            && let Some((_, json)) = files.iter().find(|(name, _)| hf::base_name(name) == "tokenizer.json")
        {
            file.tokenizer = TokenizerSource::TokenizerJson(json.clone());
        }
        hf::add_chat(&files, &mut file.metadata);
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
        let found = match stand_in(bytes) {
            Some(found) => found.to_string(),
            None if base.ends_with(".gguf") => format!("{:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(24)])),
            None => return Ok(()),
        };
        let expected = if base.ends_with(".gguf") { "the magic number GGUF" } else { "safetensors" };
        return Err(Error::Format {
            file: name.to_string(),
            what: "the beginning".to_string(),
            expected: expected.to_string(),
            found,
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
