//! Normalisers: what is done to a text before it is cut into pieces.

use super::normal_form::{Form, normal_form};
use super::pattern::Pattern;
use super::pre_tokenizer::Piece;
use super::precompiled::Precompiled;
use super::unicode;
use crate::case;

/// One step of normalisation, by its name in `tokenizer.json`.
#[derive(Debug)]
pub enum Normalizer {
    Unicode(Form),
    Nmt,
    Lowercase,
    Strip {
        left: bool,
        right: bool,
    },
    StripAccents,
    Bert {
        clean_text: bool,
        spaces_around_chinese: bool,
        strip_accents: bool,
        lowercase: bool,
    },
    Replace {
        pattern: Pattern,
        content: String,
    },
    Prepend(String),
    Precompiled(Precompiled),
    /// All that SentencePiece does before it cuts a text: its rules, spaces written as `▁` with one more before the text, and, where `strip` is
    /// set, none at its ends and no two side by side.
    SentencePiece {
        rules: Option<Precompiled>,
        prefix: bool,
        strip: bool,
    },
}

impl Normalizer {
    /// Normalises a piece.
    ///
    /// # Errors
    /// A sentence, where an expression takes too long, or nobody knows Unicode's normal forms.
    pub fn apply(&self, piece: &mut Piece) -> Result<(), String> {
        match self {
            Normalizer::Precompiled(rules) => piece.text = rules.apply(&piece.text),
            Normalizer::SentencePiece { rules, prefix, strip } if !piece.text.is_empty() => {
                let text = match rules {
                    Some(rules) => rules.apply_longest(&piece.text),
                    None => std::mem::take(&mut piece.text),
                };
                let mut out = String::with_capacity(text.len() + text.len() / 4 + 3);
                if *prefix {
                    out.push('▁');
                }
                let mut after_space = *strip;
                for c in text.chars() {
                    if c != ' ' || !after_space {
                        out.push(if c == ' ' { '▁' } else { c });
                    }
                    after_space = *strip && c == ' ';
                }
                if *strip {
                    out.truncate(out.trim_end_matches('▁').len());
                }
                piece.text = out;
            }
            Normalizer::SentencePiece { .. } => {}
            Normalizer::Unicode(form) => piece.text = normal_form(&piece.text, *form)?,
            Normalizer::Nmt => {
                filter(piece, |c| !matches!(c as u32, 0x1..=0x8 | 0xb | 0xe..=0x1f | 0x7f | 0x8f | 0x9f));
                let space = |c| {
                    matches!(
                        c as u32,
                        0x9 | 0xa | 0xc | 0xd | 0x1680 | 0x200b..=0x200f | 0x2028 | 0x2029 | 0x2581 | 0xfeff | 0xfffd
                    )
                };
                map(piece, |c, out| out.push(if space(c) { ' ' } else { c }));
            }
            Normalizer::Lowercase => lowercase(piece),
            Normalizer::Strip { left, right } => {
                let text = piece.text.as_str();
                let text = if *right { text.trim_end() } else { text };
                let text = if *left { text.trim_start() } else { text };
                piece.keeps_start &= piece.text.starts_with(text);
                piece.text = text.to_string();
            }
            Normalizer::StripAccents => filter(piece, |c| !unicode::kind(c).was_mark()),
            Normalizer::Bert { clean_text, spaces_around_chinese, strip_accents, lowercase: lower } => {
                if *clean_text {
                    let is_control = |c| !matches!(c, '\t' | '\n' | '\r') && unicode::kind(c).was_other();
                    filter(piece, |c| !(c == '\0' || c == '\u{fffd}' || is_control(c)));
                    map(piece, |c, out| out.push(if c.is_whitespace() { ' ' } else { c }));
                }
                if *spaces_around_chinese {
                    map(piece, |c, out| match is_chinese(c) {
                        true => out.extend([' ', c, ' ']),
                        false => out.push(c),
                    });
                }
                if *strip_accents {
                    piece.text = normal_form(&piece.text, Form::Nfd)?;
                    filter(piece, |c| !unicode::kind(c).was_nonspacing());
                }
                if *lower {
                    lowercase(piece);
                }
            }
            Normalizer::Replace { pattern, content } => {
                let mut out = String::with_capacity(piece.text.len());
                let mut from = 0;
                for (start, end) in pattern.matches(&piece.text)? {
                    if start == 0 {
                        piece.keeps_start &= !content.is_empty() && piece.text[..end].chars().count() == 1;
                    }
                    out.push_str(&piece.text[from..start]);
                    out.push_str(content);
                    from = end;
                }
                out.push_str(&piece.text[from..]);
                piece.text = out;
            }
            Normalizer::Prepend(text) => {
                if !piece.text.is_empty() {
                    piece.text.insert_str(0, text);
                }
            }
        }
        Ok(())
    }
}

fn filter(piece: &mut Piece, keep: impl Fn(char) -> bool) {
    piece.keeps_start &= piece.text.chars().next().is_none_or(&keep);
    piece.text.retain(keep);
}

fn map(piece: &mut Piece, write: impl Fn(char, &mut String)) {
    let mut out = String::with_capacity(piece.text.len());
    piece.text.chars().for_each(|c| write(c, &mut out));
    piece.text = out;
}

/// Each character by itself: a final sigma is like any other.
fn lowercase(piece: &mut Piece) {
    map(piece, case::push_lower);
}

/// Chinese characters as BERT's tokenizer has them, one block short of a letter.
fn is_chinese(c: char) -> bool {
    matches!(c as u32, 0x4e00..=0x9fff | 0x3400..=0x4dbf | 0x20000..=0x2a6df | 0x2a700..=0x2b73f | 0x2b740..=0x2b81f
        | 0x2b920..=0x2ceaf | 0xf900..=0xfaff | 0x2f800..=0x2fa1f)
}
