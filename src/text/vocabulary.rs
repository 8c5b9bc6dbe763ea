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

/// Ids to decoded bytes and kinds.
#[derive(Debug, Default)]
pub struct Vocabulary {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    kinds: Vec<TokenKind>,
}

impl Vocabulary {
    /// Appends a token that reads `decoded`.
    pub fn push(&mut self, decoded: &[u8], kind: TokenKind) {
        let visible = !matches!(kind, TokenKind::Control | TokenKind::Unused);
        self.bytes.extend_from_slice(if visible { decoded } else { b"" });
        self.ends.push(self.bytes.len());
        self.kinds.push(kind);
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.kinds.len()
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

/// How a vocabulary writes its pieces.
pub enum PieceStyle {
    /// In the byte alphabet.
    Bytes(ByteAlphabet),
    /// With `▁` for spaces.
    MetaSpace,
    /// As words, with a space before each that does not start with the mark of a word's continuation.
    Words { continuing: Option<String>, cleanup: bool },
}

impl PieceStyle {
    /// Appends a token to the vocabulary as it reads.
    pub fn push(&self, vocabulary: &mut Vocabulary, text: &str, kind: TokenKind) {
        match (self, kind) {
            (_, TokenKind::Byte(byte)) => vocabulary.push(&[byte], kind),
            (PieceStyle::Bytes(alphabet), TokenKind::Normal) => match alphabet.bytes(text) {
                Some(bytes) => vocabulary.push(&bytes, kind),
                None => vocabulary.push(text.as_bytes(), kind),
            },
            (PieceStyle::Bytes(_), _) => vocabulary.push(text.as_bytes(), kind),
            (PieceStyle::MetaSpace, _) => vocabulary.push(text.replace('▁', " ").as_bytes(), kind),
            (PieceStyle::Words { continuing, cleanup }, _) => {
                let rest = continuing.as_ref().and_then(|mark| text.strip_prefix(mark.as_str()));
                let word = rest.map_or_else(|| format!(" {text}"), String::from);
                let word = if *cleanup { without_spaces(word) } else { word };
                vocabulary.push(word.as_bytes(), kind);
            }
        }
    }
}

/// Takes away the spaces that BERT's tokens have around punctuation and English contractions, in the library's order.
fn without_spaces(word: String) -> String {
    const RULES: [(&str, &str); 11] = [
        (" .", "."),
        (" ?", "?"),
        (" !", "!"),
        (" ,", ","),
        (" ' ", "'"),
        (" n't", "n't"),
        (" 'm", "'m"),
        (" do not", " don't"),
        (" 's", "'s"),
        (" 've", "'ve"),
        (" 're", "'re"),
    ];
    RULES.iter().fold(word, |word, (from, to)| if word.contains(from) { word.replace(from, to) } else { word })
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
    fn control_tokens_read_as_nothing() {
        let mut vocabulary = Vocabulary::default();
        vocabulary.push(b"<end>", TokenKind::Control);
        vocabulary.push(b"a", TokenKind::Normal);
        vocabulary.push(b"\xff", TokenKind::Byte(255));
        assert_eq!(vocabulary.decoded(0).unwrap(), b"");
        assert_eq!(vocabulary.decoded(1).unwrap(), b"a");
        assert_eq!(vocabulary.decoded(2).unwrap(), b"\xff");
        assert!(vocabulary.decoded(3).is_err());
    }
}
