//! Tokenizers, streaming detokenization and sentence boundaries.

mod memory;
mod sentences;
mod tokenizer_json;
mod vocabularies;
