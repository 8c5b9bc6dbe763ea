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
