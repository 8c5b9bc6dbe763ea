//! Tokens that are found in the text before anything else: control tokens written out, and user-defined pieces.

use crate::order;
use std::collections::HashMap;
use std::ops::Range;

/// A token matched as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    pub text: String,
    pub id: u32,
    pub control: bool,
    /// Takes in the white space before it, and after it.
    pub strip_left: bool,
    pub strip_right: bool,
    /// Matches only where no letter, digit or underscore touches it.
    pub single_word: bool,
    /// Matches only where a text begins.
    pub leads: bool,
}

/// All added tokens, by first byte, longest first.
#[derive(Debug, Default)]
pub struct AddedTokens {
    by_first: HashMap<u8, Vec<Added>>,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    Text(Range<usize>),
    /// An added token and where it is written.
    Token(u32, Range<usize>),
}

impl AddedTokens {
    pub fn new(tokens: Vec<Added>) -> Self {
        let mut by_first: HashMap<u8, Vec<Added>> = HashMap::new();
        for token in tokens {
            if let Some(first) = token.text.bytes().next() {
                by_first.entry(first).or_default().push(token);
            }
        }
        for tokens in by_first.values_mut() {
            order::sort_by(tokens, |a, b| b.text.len().cmp(&a.text.len()).then(a.id.cmp(&b.id)));
        }
        AddedTokens { by_first }
    }

    /// The id of a control token by its text.
    pub fn control(&self, text: &str) -> Option<u32> {
        let tokens = self.by_first.get(&text.bytes().next()?)?;
        tokens.iter().find(|t| t.control && t.text == text).map(|t| t.id)
    }

    /// The texts and ids of all control tokens.
    pub fn controls(&self) -> impl Iterator<Item = (&str, u32)> {
        self.by_first.values().flatten().filter(|t| t.control).map(|t| (t.text.as_str(), t.id))
    }

    /// Cuts `text` at added tokens, leftmost longest. Control tokens count only where `controls` is set and no byte of them
    /// is among `literal`.
    pub fn segments(&self, text: &str, controls: bool, literal: &[u32]) -> Vec<Segment> {
        let mut out = Vec::new();
        let (mut from, mut at) = (0, 0);
        let bytes = text.as_bytes();
        let acts = |at: usize, token: &Added| {
            let among = |byte: &u32| (at..at + token.text.len()).contains(&(*byte as usize));
            !token.control || controls && !literal.iter().any(among)
        };
        while let Some(first) = bytes.get(at) {
            let found = self.by_first.get(first).and_then(|tokens| {
                tokens.iter().find(|t| bytes[at..].starts_with(t.text.as_bytes()) && acts(at, t) && t.fits(text, at))
            });
            let Some(token) = found else {
                at += 1;
                continue;
            };
            let before = &text[from..at];
            let before = if token.strip_left { before.trim_end() } else { before };
            if !before.is_empty() {
                out.push(Segment::Text(from..from + before.len()));
            }
            out.push(Segment::Token(token.id, at..at + token.text.len()));
            at += token.text.len();
            if token.strip_right {
                at += text[at..].len() - text[at..].trim_start().len();
            }
            from = at;
        }
        if from < text.len() {
            out.push(Segment::Text(from..text.len()));
        }
        out
    }
}

impl Added {
    fn fits(&self, text: &str, at: usize) -> bool {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        (at == 0 || !self.leads)
            && (!self.single_word
                || !(text[..at].chars().next_back().is_some_and(is_word)
                    || text[at + self.text.len()..].chars().next().is_some_and(is_word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str, id: u32, control: bool) -> Added {
        Added {
            text: text.into(),
            id,
            control,
            strip_left: false,
            strip_right: false,
            single_word: false,
            leads: false,
        }
    }

    #[test]
    fn longest_wins_and_control_tokens_need_leave() {
        let added = AddedTokens::new(vec![token("<s>", 1, true), token("<s>x", 2, true), token("  ", 3, false)]);
        let text = "a<s>xb<s>  c";
        assert_eq!(
            added.segments(text, true, &[]),
            [
                Segment::Text(0..1),
                Segment::Token(2, 1..5),
                Segment::Text(5..6),
                Segment::Token(1, 6..9),
                Segment::Token(3, 9..11),
                Segment::Text(11..12)
            ]
        );
        assert_eq!(
            added.segments(text, false, &[]),
            [Segment::Text(0..9), Segment::Token(3, 9..11), Segment::Text(11..12)]
        );
        // Of a token that must not act, a shorter one may.
        assert_eq!(
            added.segments(text, true, &[4, 6]),
            [
                Segment::Text(0..1),
                Segment::Token(1, 1..4),
                Segment::Text(4..9),
                Segment::Token(3, 9..11),
                Segment::Text(11..12)
            ]
        );
        assert_eq!(added.control("<s>"), Some(1));
        assert_eq!(added.control("  "), None);
        assert_eq!(added.segments("", true, &[]), []);
    }

    #[test]
    fn flags_widen_and_narrow_the_match() {
        let mut left = token("<m>", 1, true);
        left.strip_left = true;
        left.strip_right = true;
        let mut word = token("cat", 2, false);
        word.single_word = true;
        let added = AddedTokens::new(vec![left, word]);
        assert_eq!(
            added.segments("é <m> b", true, &[]),
            [Segment::Text(0..2), Segment::Token(1, 3..6), Segment::Text(7..8)]
        );
        assert_eq!(added.segments("écat", true, &[]), [Segment::Text(0..5)]);
        assert_eq!(added.segments("cat!", true, &[]), [Segment::Token(2, 0..3), Segment::Text(3..4)]);
    }
}
