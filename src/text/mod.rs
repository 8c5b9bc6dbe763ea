//! Tokenizer and streaming detokenizer.
//!
//! Text becomes tokens by the `tokenizers` library, with the parts that the metadata of a GGUF file or a
//! `tokenizer.json` names. Around it stands what the library leaves open: which tokens are control tokens and whether they
//! act when written in a text, decoding byte by byte as tokens stream in, and checks of everything that comes from a
//! file. What is not known is an error when loading, never a guess.

mod added;
mod from_gguf;
mod from_json;
mod pipeline;
mod stream;
mod tokenizer;
mod vocabulary;

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
