//! Tokenizers, streaming detokenization and sentence boundaries.

mod memory;
mod sentence_piece;
mod sentences;
mod tokenizer_json;
mod vocabularies;
