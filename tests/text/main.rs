//! Tokenizers, streaming detokenization and sentence boundaries.

mod sentences;
mod vocabularies;
