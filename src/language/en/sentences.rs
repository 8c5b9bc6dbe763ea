//! Sentence boundaries. The default model judges sentences, so the training pipeline cuts texts with this code too.
//!
//! 1. Paragraphs are what lies between `\n` and `\r`. No sentence crosses a paragraph.
//! 2. Inside a paragraph, a sentence ends after a run of `. ! ? …` and closing marks behind it, if white space follows, then
//!    perhaps opening marks, then an upper-case letter or an ASCII digit.
//! 3. A single `.` without a closing mark ends no sentence where the word before it is an abbreviation (`lists/abbreviations.txt`,
//!    case-sensitive), where what stands behind that word's last `.` is one letter (and the word is not `I`), or where the
//!    word is a number that starts the sentence (`1. Introduction`).
//! 4. A run of `。 ！ ？` with closing marks behind it ends a sentence, whatever follows.
//! 5. The end of the paragraph ends a sentence. Sentences are trimmed; empty ones are dropped.
//! 6. A sentence of more than 400 characters is cut at the last white space among the first 400, or after 400.
//!
//! `tests/golden/sentences.json` holds cases.

use std::ops::Range;
use std::sync::LazyLock;

/// Words after which a single full stop does not end a sentence; case-sensitive, sorted.
static ABBREVIATIONS: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("lists/abbreviations.txt").lines().collect());
/// A sentence of more characters than this is cut at white space.
const MAX_CHARS: usize = 400;

fn is_ender(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…')
}

fn is_closer(c: char) -> bool {
    matches!(c, '"' | '\'' | '”' | '’' | ')' | ']' | '»')
}

fn is_opener(c: char) -> bool {
    matches!(c, '"' | '\'' | '“' | '‘' | '«' | '(' | '[' | '¿' | '¡')
}

fn is_wide_ender(c: char) -> bool {
    matches!(c, '。' | '！' | '？')
}

fn is_wide_closer(c: char) -> bool {
    matches!(c, '」' | '』' | '）' | '”')
}

/// The sentences of `text` as ranges of UTF-8 bytes: trimmed, not empty, in order.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut base = 0;
    for paragraph in text.split(['\n', '\r']) {
        let chars: Vec<(usize, char)> = paragraph.char_indices().map(|(at, c)| (base + at, c)).collect();
        Paragraph { chars: &chars, end: base + paragraph.len() }.split(&mut out);
        base += paragraph.len() + 1;
    }
    out
}

/// One paragraph: `(byte offset in the text, character)`, and the byte offset of its end. Indices count characters.
struct Paragraph<'a> {
    chars: &'a [(usize, char)],
    end: usize,
}

impl Paragraph<'_> {
    fn char(&self, i: usize) -> Option<char> {
        self.chars.get(i).map(|(_, c)| *c)
    }

    fn byte(&self, i: usize) -> usize {
        self.chars.get(i).map_or(self.end, |(at, _)| *at)
    }

    /// The first index from `i` on whose character does not satisfy `is`.
    fn run(&self, mut i: usize, is: impl Fn(char) -> bool) -> usize {
        while self.char(i).is_some_and(&is) {
            i += 1;
        }
        i
    }

    fn split(&self, out: &mut Vec<Range<usize>>) {
        let mut start = self.run(0, char::is_whitespace);
        let mut at = start;
        while let Some(c) = self.char(at) {
            let end = if is_ender(c) {
                let closers = self.run(at, is_ender);
                let end = self.run(closers, is_closer);
                if self.ends_here(start, at, closers, end) {
                    end
                } else {
                    at = end;
                    continue;
                }
            } else if is_wide_ender(c) {
                self.run(self.run(at, is_wide_ender), is_wide_closer)
            } else {
                at += 1;
                continue;
            };
            self.emit(start, end, out);
            start = self.run(end, char::is_whitespace);
            at = start;
        }
        self.emit(start, self.chars.len(), out);
    }

    /// Whether the enders `at..closers` with the closers `closers..end` end the sentence that starts at `start`.
    fn ends_here(&self, start: usize, at: usize, closers: usize, end: usize) -> bool {
        let space = self.run(end, char::is_whitespace);
        let follows = self.char(self.run(space, is_opener));
        if space == end || !follows.is_some_and(|c| c.is_uppercase() || c.is_ascii_digit()) {
            return false;
        }
        let single = self.char(at) == Some('.') && closers == at + 1 && end == closers;
        !(single && self.is_exception(start, at))
    }

    /// Whether the word before the single full stop at `dot` speaks against an end.
    fn is_exception(&self, start: usize, dot: usize) -> bool {
        let mut from = dot;
        while from > start && !self.char(from - 1).is_some_and(char::is_whitespace) {
            from -= 1;
        }
        let first = from == start;
        let from = self.run(from, is_opener).min(dot);
        let word: String = self.chars[from..dot].iter().map(|(_, c)| *c).collect();
        if ABBREVIATIONS.binary_search(&word.as_str()).is_ok() {
            return true;
        }
        let mut tail = word.rsplit('.').next().unwrap_or_default().chars();
        if let (Some(c), None) = (tail.next(), tail.next())
            && c.is_alphabetic()
            && word != "I"
        {
            return true;
        }
        first && !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
    }

    /// Adds the characters `start..end`, trimmed, in parts of at most [`MAX_CHARS`].
    fn emit(&self, start: usize, end: usize, out: &mut Vec<Range<usize>>) {
        let (mut start, end) = self.trim(start, end);
        while end - start > MAX_CHARS {
            let is_space = |i: &usize| self.char(start + i).is_some_and(char::is_whitespace);
            let cut = (1..=MAX_CHARS).rev().find(is_space).unwrap_or(MAX_CHARS);
            let (from, to) = self.trim(start, start + cut);
            out.push(self.byte(from)..self.byte(to));
            start = self.trim(start + cut, end).0;
        }
        if end > start {
            out.push(self.byte(start)..self.byte(end));
        }
    }

    fn trim(&self, mut start: usize, mut end: usize) -> (usize, usize) {
        while start < end && self.char(start).is_some_and(char::is_whitespace) {
            start += 1;
        }
        while end > start && self.char(end - 1).is_some_and(char::is_whitespace) {
            end -= 1;
        }
        (start, end)
    }
}
