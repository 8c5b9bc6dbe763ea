//! Pre-tokenisers: how a text is cut into the pieces that the model turns into tokens one by one.

use super::pattern::Pattern;
use super::unicode;
use super::vocabulary::byte_to_char;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    /// It begins where the whole text began.
    pub first: bool,
    /// Its first character stands for the first that was there: none before it was taken away.
    pub keeps_start: bool,
}

/// What becomes of the places where a text is cut, by its name in `tokenizer.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behavior {
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// Which pieces `Metaspace` begins with its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrependScheme {
    Always,
    First,
    Never,
}

/// One step of cutting, by its name in `tokenizer.json`.
#[derive(Debug)]
pub enum PreTokenizer {
    /// Writes bytes as GPT-2 does, one character each; `cuts` is GPT-2's expression, where it is wanted.
    ByteLevel {
        add_prefix_space: bool,
        cuts: Option<Pattern>,
    },
    Split {
        pattern: Pattern,
        behavior: Behavior,
        invert: bool,
    },
    Digits {
        individual: bool,
    },
    /// Writes spaces as `▁`.
    Metaspace {
        scheme: PrependScheme,
        split: bool,
    },
    Punctuation(Behavior),
    /// Words and runs of other characters.
    Whitespace,
    WhitespaceSplit,
    Bert,
    UnicodeScripts,
}

/// GPT-2's cuts, the most common ones.
pub const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

impl PreTokenizer {
    /// Cuts every piece.
    ///
    /// # Errors
    /// A sentence, where an expression takes too long.
    pub fn apply(&self, pieces: Vec<Piece>) -> Result<Vec<Piece>, String> {
        let mut out = Vec::with_capacity(pieces.len());
        for piece in pieces {
            self.cut(piece, &mut out)?;
        }
        if let PreTokenizer::ByteLevel { .. } = self {
            for piece in &mut out {
                piece.text = piece.text.bytes().map(byte_to_char).collect();
            }
        }
        Ok(out)
    }

    fn cut(&self, mut piece: Piece, out: &mut Vec<Piece>) -> Result<(), String> {
        let mut by = |piece: &Piece, test: &dyn Fn(char) -> bool, behavior| {
            split(piece, &runs_of(&piece.text, test), behavior, out)
        };
        match self {
            PreTokenizer::ByteLevel { add_prefix_space, cuts } => {
                if *add_prefix_space && !piece.text.starts_with(' ') {
                    piece.text.insert(0, ' ');
                }
                match cuts {
                    Some(pattern) => split(&piece, &spans(pattern, &piece.text, false)?, Behavior::Isolated, out),
                    None => out.push(piece),
                }
            }
            PreTokenizer::Split { pattern, behavior, invert } => {
                split(&piece, &spans(pattern, &piece.text, *invert)?, *behavior, out);
            }
            PreTokenizer::Digits { individual } => {
                by(&piece, &char::is_numeric, if *individual { Behavior::Isolated } else { Behavior::Contiguous });
            }
            PreTokenizer::Metaspace { scheme, split: cut } => {
                if piece.text.contains(' ') {
                    piece.text = piece.text.replace(' ', "▁");
                }
                let wanted = *scheme == PrependScheme::Always || *scheme == PrependScheme::First && piece.first;
                if wanted && !piece.text.starts_with('▁') {
                    piece.text.insert(0, '▁');
                }
                if *cut {
                    by(&piece, &|c| c == '▁', Behavior::MergedWithNext);
                } else {
                    out.push(piece);
                }
            }
            PreTokenizer::Punctuation(behavior) => by(&piece, &is_punctuation, *behavior),
            PreTokenizer::Whitespace => {
                let kind = |c: char| {
                    if unicode::is_word(c) {
                        1
                    } else if c.is_whitespace() {
                        0
                    } else {
                        2
                    }
                };
                cut_by_kind(&piece, kind, out);
            }
            PreTokenizer::WhitespaceSplit => by(&piece, &char::is_whitespace, Behavior::Removed),
            PreTokenizer::Bert => {
                let mut words = Vec::new();
                split(&piece, &runs_of(&piece.text, &char::is_whitespace), Behavior::Removed, &mut words);
                for word in words {
                    by(&word, &is_punctuation, Behavior::Isolated);
                }
            }
            PreTokenizer::UnicodeScripts => {
                let (mut from, mut last) = (0, None);
                for (at, c) in piece.text.char_indices() {
                    let script = unicode::script(c);
                    if script != 0 && last != Some(script) {
                        // What comes before the first character of a script is dropped, as the library does.
                        if last.is_some() {
                            out.extend(piece.part(from, at));
                        }
                        (from, last) = (at, Some(script));
                    }
                }
                out.extend(piece.part(from, piece.text.len()).filter(|_| last.is_some()));
            }
        }
        Ok(())
    }
}

impl Piece {
    /// A part of this piece; `None` where it is empty.
    fn part(&self, start: usize, end: usize) -> Option<Piece> {
        let text = self.text.get(start..end).filter(|text| !text.is_empty())?;
        Some(Piece { text: text.to_string(), first: self.first && self.keeps_start && start == 0, keeps_start: true })
    }
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() || unicode::kind(c).was_punctuation()
}

/// A span of a text, and whether it is a match.
type Span = (usize, usize, bool);

/// The whole text as matches and what lies between.
fn spans(pattern: &Pattern, text: &str, invert: bool) -> Result<Vec<Span>, String> {
    let mut spans = Vec::new();
    let mut from = 0;
    for (start, end) in pattern.matches(text)? {
        if from != start {
            spans.push((from, start, invert));
        }
        spans.push((start, end, !invert));
        from = end;
    }
    if from != text.len() {
        spans.push((from, text.len(), invert));
    }
    Ok(spans)
}

/// The whole text as single characters of which `test` holds, and what lies between.
fn runs_of(text: &str, test: &dyn Fn(char) -> bool) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut from = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| test(*c)) {
        if from < at {
            spans.push((from, at, false));
        }
        from = at + c.len_utf8();
        spans.push((at, from, true));
    }
    if from < text.len() {
        spans.push((from, text.len(), false));
    }
    spans
}

/// Runs of characters of one kind; those of kind 0 are left out.
fn cut_by_kind(piece: &Piece, kind: impl Fn(char) -> u8, out: &mut Vec<Piece>) {
    let (mut from, mut last) = (0, 0);
    for (at, c) in piece.text.char_indices() {
        let kind = kind(c);
        if kind != last {
            out.extend(piece.part(from, at).filter(|_| last != 0));
            (from, last) = (at, kind);
        }
    }
    out.extend(piece.part(from, piece.text.len()).filter(|_| last != 0));
}

/// Cuts a piece into its spans, as `behavior` says. Empty pieces are left out.
fn split(piece: &Piece, spans: &[Span], behavior: Behavior, out: &mut Vec<Piece>) {
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(spans.len());
    let mut last_matched = false;
    match behavior {
        Behavior::Isolated => merged.extend(spans.iter().map(|(start, end, _)| (*start, *end))),
        Behavior::Removed => merged.extend(spans.iter().filter(|span| !span.2).map(|(start, end, _)| (*start, *end))),
        Behavior::Contiguous | Behavior::MergedWithPrevious => {
            for (start, end, matched) in spans {
                let joins =
                    if behavior == Behavior::Contiguous { *matched == last_matched } else { *matched && !last_matched };
                match merged.last_mut() {
                    Some(last) if joins => last.1 = *end,
                    _ => merged.push((*start, *end)),
                }
                last_matched = *matched;
            }
        }
        Behavior::MergedWithNext => {
            for (start, end, matched) in spans.iter().rev() {
                match merged.last_mut() {
                    Some(next) if *matched && !last_matched => next.0 = *start,
                    _ => merged.push((*start, *end)),
                }
                last_matched = *matched;
            }
            merged.reverse();
        }
    }
    out.extend(merged.into_iter().filter_map(|(start, end)| piece.part(start, end)));
}
