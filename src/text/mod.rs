//! Tokenizer and streaming detokenizer.
//!
//! Text becomes tokens in the steps that the metadata of a GGUF file, a `tokenizer.json` or a SentencePiece model names: added tokens are found,
//! what lies between is normalised, cut into pieces, and given to the model piece by piece. The steps give the same ids as the
//! `tokenizers` library, against which the tests hold them. Control tokens written in a text act only where asked for, decoding goes
//! byte by byte as tokens stream in, and everything that comes from a file is checked. What is not known is an error when
//! loading, never a guess.

mod added;
mod from_gguf;
mod from_json;
mod from_spm;
mod models;
mod normal_form;
mod normalizer;
mod pattern;
mod pipeline;
mod pre_tokenizer;
mod precompiled;
mod regex;
mod stream;
mod tokenizer;
mod unicode;
mod vocabulary;

#[cfg(target_arch = "wasm32")]
pub use normal_form::ask_for_normal_forms;
#[cfg(target_arch = "wasm32")]
pub use regex::ask_for_properties;
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
            TokenizerSource::SentencePiece { model, vocab } => from_spm::build(file, model, vocab.as_deref()).map(Some),
            TokenizerSource::None => Ok(None),
        }
    }
}

/// Whether a file's tokenizer is of a kind that can be built, as far as its metadata says.
///
/// # Errors
/// As [`Tokenizer::from_file`].
pub fn check(file: &ModelFile) -> Result<()> {
    match &file.tokenizer {
        TokenizerSource::GgufMetadata => from_gguf::check(file),
        TokenizerSource::TokenizerJson(_) | TokenizerSource::SentencePiece { .. } | TokenizerSource::None => Ok(()),
    }
}
