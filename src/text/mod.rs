//! Tokenizer, streaming detokenizer and sentence boundaries.
//!
//! The tokenizers of the model families that this crate runs are all byte pair encodings; they differ in data (how text
//! is cut first, what a symbol is, what ranks merges), so one [`Tokenizer`] runs them all. It is built from the metadata
//! of a GGUF file or from a `tokenizer.json`. What it does not know is an error when loading, never a guess.

mod added;
mod from_gguf;
mod from_json;
mod merge;
mod sentences;
mod split;
mod stream;
mod tokenizer;
mod vocabulary;

pub use sentences::sentences;
pub use stream::Detokenizer;
pub use tokenizer::{Controls, Tokenizer};
pub use vocabulary::TokenKind;

use crate::error::Result;
use crate::format::{ModelFile, TokenizerSource};

impl Tokenizer {
    /// The tokenizer of a model file; `None` where the file carries none.
    ///
    /// # Errors
    /// `Format` for damaged data, `Unsupported` for a kind of tokenizer that this crate does not know, naming the part.
    pub fn from_file(file: &ModelFile) -> Result<Option<Tokenizer>> {
        match &file.tokenizer {
            TokenizerSource::GgufMetadata => from_gguf::build(file).map(Some),
            TokenizerSource::TokenizerJson(json) => from_json::build(json).map(Some),
            TokenizerSource::None => Ok(None),
        }
    }
}
