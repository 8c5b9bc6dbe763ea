//! The tokens of a vocabulary: their bytes, their kinds, and the way back from bytes to ids.

use std::collections::HashMap;

use crate::error::{Error, Result};

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A piece of text.
    Normal,
    /// Steers the model (end of text, a task, a role): never the result of encoding plain text, never part of decoded
    /// text.
    Control,
    /// A piece of text that is matched before anything else.
    UserDefined,
    /// One byte, for what the vocabulary has no piece for.
    Byte(u8),
    /// Stands for what cannot be encoded.
    Unknown,
    /// Never used.
    Unused,
}

/// Ids to decoded bytes and kinds; encoded pieces to ids.
#[derive(Debug, Default)]
pub struct Vocabulary {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    kinds: Vec<TokenKind>,
    /// By the piece as encoding sees it. Control tokens are left out on purpose: no text can become one by merging.
    ids: HashMap<Box<[u8]>, u32>,
    byte_ids: HashMap<u8, u32>,
}

impl Vocabulary {
    /// Appends a token: `piece` as encoding sees it, `decoded` as it reads.
    pub fn push(&mut self, piece: &[u8], decoded: &[u8], kind: TokenKind) {
        let id = self.kinds.len() as u32;
        match kind {
            TokenKind::Normal | TokenKind::UserDefined => {
                // Where a piece comes twice, the plain one is what merges lead to.
                if kind == TokenKind::Normal && !self.is_normal(piece) || !self.ids.contains_key(piece) {
                    self.ids.insert(piece.into(), id);
                }
            }
            TokenKind::Byte(byte) => {
                self.byte_ids.entry(byte).or_insert(id);
            }
            TokenKind::Control | TokenKind::Unknown | TokenKind::Unused => {}
        }
        let visible = !matches!(kind, TokenKind::Control | TokenKind::Unused);
        self.bytes.extend_from_slice(if visible { decoded } else { b"" });
        self.ends.push(self.bytes.len());
        self.kinds.push(kind);
    }

    fn is_normal(&self, piece: &[u8]) -> bool {
        self.ids.get(piece).and_then(|id| self.kinds.get(*id as usize)) == Some(&TokenKind::Normal)
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// The id of a piece of text.
    pub fn id(&self, piece: &[u8]) -> Option<u32> {
        self.ids.get(piece).copied()
    }

    /// The id of a byte token.
    pub fn byte_id(&self, byte: u8) -> Option<u32> {
        self.byte_ids.get(&byte).copied()
    }

    /// The kind of a token.
    pub fn kind(&self, id: u32) -> Option<TokenKind> {
        self.kinds.get(id as usize).copied()
    }

    /// The bytes that a token decodes to; empty for control tokens.
    ///
    /// # Errors
    /// `InvalidOption` where the vocabulary has no such token.
    pub fn decoded(&self, id: u32) -> Result<&[u8]> {
        let i = id as usize;
        let start = if i == 0 { Some(0) } else { self.ends.get(i - 1).copied() };
        let range = start.zip(self.ends.get(i).copied()).and_then(|(start, end)| self.bytes.get(start..end));
        range.ok_or_else(|| Error::InvalidOption {
            name: "token id".into(),
            expected: format!("below the vocabulary's size, {}", self.len()),
            found: id.to_string(),
        })
    }
}

/// GPT-2's way to write bytes as visible characters: printable bytes stand for themselves, the others follow from
/// U+0100 on.
pub fn byte_to_char(byte: u8) -> char {
    let printable = |b: u8| matches!(b, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if printable(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|b| !printable(*b)).count() as u32;
    char::from_u32(0x100 + before).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The inverse of [`byte_to_char`] for whole pieces.
pub struct ByteAlphabet(HashMap<char, u8>);

impl ByteAlphabet {
    pub fn new() -> Self {
        ByteAlphabet((0..=255).map(|byte| (byte_to_char(byte), byte)).collect())
    }

    /// The bytes a piece stands for, or `None` where it has a character outside of the alphabet.
    pub fn bytes(&self, piece: &str) -> Option<Vec<u8>> {
        piece.chars().map(|c| self.0.get(&c).copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_alphabet_is_gpt2s() {
        assert_eq!(byte_to_char(b'a'), 'a');
        assert_eq!(byte_to_char(b' '), 'Ġ');
        assert_eq!(byte_to_char(b'\n'), 'Ċ');
        assert_eq!(byte_to_char(0xad), 'Ń');
        let alphabet = ByteAlphabet::new();
        assert_eq!(alphabet.0.len(), 256, "no two bytes share a character");
        assert_eq!(alphabet.bytes("ĠcafÃ©").unwrap(), " café".as_bytes());
        assert_eq!(alphabet.bytes("日"), None);
    }

    #[test]
    fn text_cannot_become_a_control_token() {
        let mut vocabulary = Vocabulary::default();
        vocabulary.push(b"<end>", b"<end>", TokenKind::Control);
        vocabulary.push(b"a", b"a", TokenKind::UserDefined);
        vocabulary.push(b"a", b"a", TokenKind::Normal);
        vocabulary.push(b"a", b"a", TokenKind::Normal);
        assert_eq!(vocabulary.id(b"<end>"), None);
        assert_eq!(vocabulary.id(b"a"), Some(2), "the first plain one");
        assert_eq!(vocabulary.decoded(0).unwrap(), b"");
        assert_eq!(vocabulary.decoded(2).unwrap(), b"a");
        assert!(vocabulary.decoded(4).is_err());
    }
}
