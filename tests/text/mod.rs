//! Tokenizers, streaming detokenization and sentence boundaries.

mod sentences;
mod tokenizer_json;
mod vocabularies;
