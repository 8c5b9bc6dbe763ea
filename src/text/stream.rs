//! Token ids to text, one at a time.
//!
//! A character of several bytes may be spread over several tokens. A piece is given out only as whole characters; what
//! is incomplete waits. Joined, the pieces equal the decoding of all ids at once.

use super::tokenizer::Tokenizer;
use crate::error::Result;

/// The state of one decoding.
#[derive(Clone, Debug)]
pub struct Detokenizer {
    /// Bytes of an incomplete character: at most three.
    pending: Vec<u8>,
    piece: String,
    /// The next visible token is the first of its text.
    at_start: bool,
}

impl Detokenizer {
    /// `start_of_text`: the ids are a text of their own, not the continuation of one. Tokenizers that put a space before
    /// each text take it away again there.
    pub fn new(start_of_text: bool) -> Self {
        Detokenizer { pending: Vec::new(), piece: String::new(), at_start: start_of_text }
    }

    /// The characters that `id` completes; often the token's text, empty where a character is still incomplete and for
    /// control tokens.
    ///
    /// # Errors
    /// `InvalidOption` for an id outside of the vocabulary.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> Result<&str> {
        let mut bytes = tokenizer.decoded(id)?;
        self.piece.clear();
        if self.at_start && !bytes.is_empty() {
            self.at_start = false;
            if tokenizer.adds_space {
                bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
            }
        }
        self.pending.extend_from_slice(bytes);
        let mut rest = self.pending.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.piece.push_str(text);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    self.piece.push_str(std::str::from_utf8(valid).unwrap_or_default());
                    match error.error_len() {
                        Some(n) => {
                            self.piece.push(char::REPLACEMENT_CHARACTER);
                            rest = after.get(n..).unwrap_or_default();
                        }
                        None => {
                            rest = after;
                            break;
                        }
                    }
                }
            }
        }
        let done = self.pending.len() - rest.len();
        self.pending.drain(..done);
        Ok(&self.piece)
    }

    /// What is left at the end: U+FFFD for an incomplete character, else nothing.
    pub fn finish(&mut self) -> &str {
        self.piece.clear();
        if !self.pending.is_empty() {
            self.pending.clear();
            self.piece.push(char::REPLACEMENT_CHARACTER);
        }
        &self.piece
    }
}

impl Tokenizer {
    /// The text of `ids`, without control tokens. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// `InvalidOption` for an id outside of the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        let mut stream = Detokenizer::new(true);
        let mut out = String::new();
        for &id in ids {
            out.push_str(stream.push(self, id)?);
        }
        out.push_str(stream.finish());
        Ok(out)
    }
}
