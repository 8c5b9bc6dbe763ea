//! The keys that all kinds of tokenizers share.

use super::super::added::{Added, AddedTokens};
use super::super::vocabulary::{ByteAlphabet, PieceStyle, TokenKind, Vocabulary};
use crate::error::{Error, Result};
use crate::format::{ModelFile, Value};

/// Reads keys, with errors that name them.
pub struct Keys<'a>(pub &'a ModelFile);

impl<'a> Keys<'a> {
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.metadata.get(&format!("tokenizer.ggml.{key}"))
    }

    pub fn invalid(&self, key: &str, expected: &str, found: &str) -> Error {
        Error::Format {
            file: self.0.name.clone(),
            what: format!("tokenizer.ggml.{key}"),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// The value read by `read`, `None` where the key is missing.
    pub fn typed<T>(&self, key: &str, expected: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| self.invalid(key, expected, &value.describe())),
        }
    }

    pub fn flag(&self, key: &str, default: bool) -> Result<bool> {
        Ok(self.typed(key, "true or false", Value::as_bool)?.unwrap_or(default))
    }

    /// The text of every token.
    pub fn tokens(&self) -> Result<&'a [String]> {
        let tokens = self
            .typed("tokens", "an array of texts", Value::as_strings)?
            .ok_or_else(|| self.invalid("tokens", "an array of texts", "nothing"))?;
        if tokens.is_empty() || tokens.len() > u32::MAX as usize / 2 {
            return Err(self.invalid("tokens", "at least one token", &tokens.len().to_string()));
        }
        Ok(tokens)
    }

    /// A token id, checked against the size of the vocabulary.
    pub fn id(&self, key: &str, n: usize) -> Result<Option<u32>> {
        let Some(id) = self.typed(key, "a token id", Value::as_usize)? else { return Ok(None) };
        if id >= n {
            return Err(self.invalid(key, &format!("a token id below {n}"), &id.to_string()));
        }
        Ok(Some(id as u32))
    }

    /// An array with one entry per token.
    pub fn per_token<T>(
        &self,
        key: &str,
        n: usize,
        read: impl Fn(&'a Value) -> Option<&'a [T]>,
    ) -> Result<Option<&'a [T]>> {
        let Some(array) = self.typed(key, "an array with one number per token", read)? else { return Ok(None) };
        if array.len() != n {
            return Err(self.invalid(key, &format!("{n} entries, one per token"), &array.len().to_string()));
        }
        Ok(Some(array))
    }
}

/// The kinds of the specification: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
pub fn kind(number: Option<i64>, text: &str) -> TokenKind {
    match number {
        Some(2) => TokenKind::Unknown,
        Some(3) => TokenKind::Control,
        Some(4) => TokenKind::UserDefined,
        Some(5) => TokenKind::Unused,
        Some(6) => byte_of(text).map_or(TokenKind::Unused, TokenKind::Byte),
        _ => TokenKind::Normal,
    }
}

/// The byte of a token written `<0x0A>`.
pub fn byte_of(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    if digits.len() == 2 { u8::from_str_radix(digits, 16).ok() } else { None }
}

pub fn read_tokens(tokens: &[String], kinds: &[TokenKind], byte_level: bool) -> (Vocabulary, AddedTokens) {
    let style = if byte_level { PieceStyle::Bytes(ByteAlphabet::new()) } else { PieceStyle::MetaSpace };
    let mut vocabulary = Vocabulary::default();
    let mut added = Vec::new();
    for ((id, text), kind) in (0u32..).zip(tokens).zip(kinds) {
        if matches!(kind, TokenKind::Control | TokenKind::UserDefined) {
            added.push(Added {
                text: text.clone(),
                id,
                control: *kind == TokenKind::Control,
                strip_left: false,
                strip_right: false,
                single_word: false,
                leads: false,
            });
        }
        style.push(&mut vocabulary, text, *kind);
    }
    (vocabulary, AddedTokens::new(added))
}
