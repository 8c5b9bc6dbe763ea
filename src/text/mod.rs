//! Tokenizer, streaming detokenizer and sentence boundaries.
