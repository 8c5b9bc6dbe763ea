//! Sentence boundaries. The default model judges sentences, so the training pipeline cuts texts with this code too.
//!
//! 1. No sentence crosses a block (see [`blocks`]).
//! 2. Inside a block, a sentence ends after a run of `. ! ? …`, closing marks and references (`[1]`) behind it, if white space
//!    follows and then what may begin a sentence: perhaps opening marks, dashes or an emoji, then an upper-case letter, a
//!    letter of a script without cases, a digit, a sum of money, or a name like `iPhone`.
//! 3. Without white space one ends only where a word follows that makes it certain: `It opened.It closed.`, `open?Nobody`.
//! 4. A single `.` without a closing mark ends no sentence behind `Mr` (`lists/titles.txt`); behind `Fig`
//!    (`lists/numbered.txt`) before a number; behind `Inc` (`lists/abbreviations.txt`) and a single letter but before a word
//!    that begins sentences (`lists/starters.txt`); behind a number that the block begins with (`1. Introduction`) or that
//!    is an ordinal (`21. November`, `im 19. Jahrhundert`).
//! 5. A run of `。 ！ ？ ۔ ।` and their like with closing marks behind it ends a sentence, unless what was said goes on: `「はい。」と`.
//! 6. The end of the block ends a sentence. Sentences are trimmed; those of nothing but strokes are dropped.
//! 7. A sentence of more than 400 characters is cut at the last white space among the first 400, or after 400.
//!
//! `tests/golden/sentences.json` holds cases, `tests/golden/sentence_ends.json` texts in many languages.

use std::ops::Range;

use super::blocks::blocks;
use super::has;
use super::stops::{Before, before_stop, is_closer, is_ender, is_opener, is_wide_closer, is_wide_ender, reference};
use crate::case;

/// Words, in lower case, that begin a sentence where they have a capital.
const STARTERS: &str = include_str!("lists/starters.txt");
/// Names that end with an exclamation mark.
const EXCLAIMED: &str = include_str!("lists/exclaimed_names.txt");
const MONTHS: &str = include_str!("lists/months.txt");
/// Months of other languages that write the day as an ordinal.
const MONTHS_ABROAD: &str = include_str!("lists/months_abroad.txt");
/// German words before an ordinal.
const BEFORE_ORDINALS: &str = include_str!("lists/before_ordinals.txt");
/// A sentence of more characters than this is cut at white space.
const MAX_CHARS: usize = 400;
/// Characters that are looked at of a word before a mark, and of a reference behind one.
const MAX_WORD: usize = 64;

/// The sentences of `text` as ranges of UTF-8 bytes: trimmed, not empty, in order.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    for block in blocks(text) {
        sentences_of(text, block, &mut out);
    }
    out
}

/// Adds the sentences of one block of `text`.
pub fn sentences_of(text: &str, block: Range<usize>, out: &mut Vec<Range<usize>>) {
    let shown = text.get(block.clone()).unwrap_or_default();
    let chars: Vec<(usize, char)> = shown.char_indices().map(|(at, c)| (block.start + at, c)).collect();
    Paragraph { text, chars: &chars, end: block.end }.split(out);
}

/// A block: `(byte offset in the text, character)`, and the byte offset of its end. Indices count characters.
struct Paragraph<'a> {
    text: &'a str,
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

    fn slice(&self, from: usize, to: usize) -> &str {
        self.text.get(self.byte(from)..self.byte(to)).unwrap_or_default()
    }

    /// The first index from `i` on whose character does not satisfy `is`.
    fn run(&self, mut i: usize, is: impl Fn(char) -> bool) -> usize {
        while self.char(i).is_some_and(&is) {
            i += 1;
        }
        i
    }

    fn spaces(&self, i: usize) -> usize {
        self.run(i, is_space)
    }

    fn split(&self, out: &mut Vec<Range<usize>>) {
        let mut start = self.spaces(0);
        let mut at = start;
        while let Some(c) = self.char(at) {
            // A Greek question mark looks like a semicolon.
            let greek = matches!(c, ';' | '\u{37e}') && self.char(at.wrapping_sub(1)).is_some_and(is_greek);
            let end = if is_ender(c) || greek {
                let closers = self.run(at + 1, is_ender);
                let end = self.closed(closers);
                if self.ends_here(start, at, closers, end) {
                    end
                } else {
                    // What was skipped may hold the next mark: "(e.g.) [1]".
                    at = self.run(closers, is_closer);
                    continue;
                }
            } else if is_wide_ender(c) {
                let closers = self.run(at, |c| is_wide_ender(c) || is_ender(c));
                let end = self.run(closers, is_wide_closer);
                // What was said is part of the sentence that goes on.
                let goes_on = |c| matches!(c, '、' | '，' | ',' | 'と' | 'っ' | 'を' | 'の' | 'が');
                if self.char(end).is_some_and(goes_on) && end > closers {
                    at = end;
                    continue;
                }
                end + self.count(reference(self.slice(end, end + MAX_WORD)), end)
            } else {
                at += 1;
                continue;
            };
            self.emit(start, end, out);
            start = self.spaces(end);
            at = start;
        }
        self.emit(start, self.chars.len(), out);
    }

    /// How many characters from `i` on `bytes` are.
    fn count(&self, bytes: usize, i: usize) -> usize {
        let end = self.byte(i) + bytes;
        (i..self.chars.len()).take_while(|k| self.byte(*k) < end).count()
    }

    /// Where the closing marks and references behind a mark end; a French mark may stand behind a space.
    fn closed(&self, from: usize) -> usize {
        let mut end = self.run(from, is_closer);
        let spaced = self.spaces(end);
        if self.char(spaced) == Some('»') {
            end = spaced + 1;
        }
        end += match self.char(end) {
            Some('[' | '¹' | '²' | '³' | '⁰' | '⁴'..='⁹') => {
                self.count(reference(self.slice(end, end + MAX_WORD)), end)
            }
            _ => 0,
        };
        end
    }

    /// Whether the enders `at..closers` with the closers `closers..end` end the sentence that starts at `start`.
    fn ends_here(&self, start: usize, at: usize, closers: usize, end: usize) -> bool {
        let space = self.spaces(end);
        let single = self.char(at) == Some('.') && closers == at + 1;
        if space == end {
            return self.joined(start, at, end, single);
        }
        if !self.begins(space) {
            return false;
        }
        let word = self.word_before(start, at);
        let follows = self.opened(space);
        if !single {
            // "Yahoo! Inc."
            return !(closers == end && has(EXCLAIMED, word) && !self.is_starter(follows));
        }
        if end > closers {
            // "(J. Smith) stayed", but "(etc.) The".
            return true;
        }
        if word == "I" || word.is_empty() {
            return true;
        }
        let first = self.byte(at) - word.len() == self.byte(self.run(start, is_opener));
        if word.bytes().all(|b| b.is_ascii_digit()) {
            return !first && !self.is_ordinal(start, at, word, follows);
        }
        match before_stop(word) {
            Before::Title => false,
            Before::Numbered => !self.is_number(follows),
            Before::Abbreviation => self.is_starter(follows),
            Before::Word => true,
        }
    }

    /// Whether a sentence ends where another follows without white space.
    fn joined(&self, start: usize, at: usize, end: usize, single: bool) -> bool {
        let next = self.char(end).unwrap_or(' ');
        let token = self.token_before(start, at);
        let after = self.slice(end, self.run(end, |c| c.is_alphabetic() || matches!(c, '\'' | '’')));
        let rest = self.char(self.run(end, char::is_alphabetic)).unwrap_or(' ');
        let title = next.is_uppercase() && after.chars().skip(1).all(|c| !c.is_uppercase());
        let words = self.char(at.wrapping_sub(1)).is_some_and(|c| c.is_alphanumeric() || is_closer(c))
            && !token.contains(['/', '@', '=', '_', '\\', '#', '&']);
        if !title
            || !words
            || matches!(rest, '/' | '(' | '@' | '_' | '=' | ':')
            || rest == '.' && self.char(self.run(end, char::is_alphabetic) + 1).is_some_and(char::is_alphanumeric)
        {
            return false;
        }
        if !single || end > at + 1 {
            return after.chars().count() > 1 || rest == ' ';
        }
        let word = self.word_before(start, at);
        let plain = !word.contains('.') && word.chars().count() > 1 && before_stop(word) == Before::Word;
        // "Node.Js" and "asp.Net" are names.
        let lower = word.chars().all(|c| c.is_lowercase() || c.is_ascii_digit());
        let known = has(STARTERS, &case::lower(after)) && (lower || after.len() > 1);
        plain
            && (known && lower
                || known && matches!(rest, ' ') && after.len() > 1
                || lower && word.len() > 3 && after.chars().count() > 3 && rest == ' ')
    }

    /// The first index from `i` on that is no opening mark, dash or emoji.
    fn opened(&self, mut i: usize) -> usize {
        loop {
            let next = self.spaces(self.run(i, |c| is_opener(c) || is_ornament(c)));
            if next == i {
                return i;
            }
            i = next;
        }
    }

    /// Whether what stands at `i` may begin a sentence.
    fn begins(&self, i: usize) -> bool {
        let at = self.opened(i);
        let Some(c) = self.char(at) else { return at > i };
        let next = self.char(at + 1).unwrap_or(' ');
        let word = self.slice(at, self.run(at, char::is_alphabetic));
        // iPhone, macOS, but not pH alone.
        let camel = c.is_lowercase() && word.len() > 3 && word.contains(char::is_uppercase);
        c.is_uppercase()
            || c.is_numeric()
            || c.is_alphabetic() && !c.is_lowercase()
            || matches!(c, '$' | '€' | '£' | '¥' | '₹') && next.is_ascii_digit()
            || matches!(c, '@' | '#') && next.is_alphanumeric()
            || camel
    }

    /// Whether the word at `i` begins sentences; an initial does not.
    fn is_starter(&self, i: usize) -> bool {
        let end = self.run(i, |c| c.is_alphabetic());
        let initial = end == i + 1 && self.char(end) == Some('.');
        let word = self.slice(i, end);
        !initial && word.starts_with(char::is_uppercase) && has(STARTERS, &case::lower(word))
    }

    /// Whether a number, also one in Roman figures or a single letter, stands at `i`.
    fn is_number(&self, i: usize) -> bool {
        let end = self.run(i, char::is_alphanumeric);
        let word = self.slice(i, end);
        let first = self.char(i).unwrap_or(' ');
        let letter = end == i + 1
            && first.is_uppercase()
            && self.char(end) != Some('’')
            && self.char(end) != Some('\'')
            && word != "I"
            && word != "A";
        first.is_numeric() || letter || word.len() > 1 && word.chars().all(|c| matches!(c, 'I' | 'V' | 'X' | 'L'))
    }

    /// Whether the number that ends before the full stop at `dot` is one in a row: `21. November`, `im 19. Jahrhundert`.
    fn is_ordinal(&self, start: usize, dot: usize, number: &str, follows: usize) -> bool {
        let next = case::lower(self.slice(follows, self.run(follows, char::is_alphabetic)));
        let from = dot - number.len();
        let before = self.slice(start, from).trim_end();
        let before = before.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
        number.len() < 3
            && (has(MONTHS, &next)
                || has(MONTHS_ABROAD, &next)
                || has(BEFORE_ORDINALS, before) && !has(STARTERS, &next))
    }

    /// The word before the full stop at `dot`, without opening marks.
    fn word_before(&self, start: usize, dot: usize) -> &str {
        let token = self.token_before(start, dot);
        let bare = token.trim_start_matches(is_opener);
        bare.rsplit(['(', '[', '/', '–', '—']).next().unwrap_or(bare)
    }

    fn token_before(&self, start: usize, dot: usize) -> &str {
        let mut from = dot;
        while from > start && dot - from < MAX_WORD && !self.char(from - 1).is_some_and(is_space) {
            from -= 1;
        }
        self.slice(from, dot)
    }

    /// Adds the characters `start..end`, trimmed, in parts of at most [`MAX_CHARS`].
    fn emit(&self, start: usize, end: usize, out: &mut Vec<Range<usize>>) {
        let (mut start, end) = self.trim(start, end);
        while end - start > MAX_CHARS {
            let is_space = |i: &usize| self.char(start + i).is_some_and(is_space);
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
        while start < end && self.char(start).is_some_and(is_space) {
            start += 1;
        }
        while end > start && self.char(end - 1).is_some_and(is_space) {
            end -= 1;
        }
        (start, end)
    }
}

fn is_greek(c: char) -> bool {
    matches!(c, '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}')
}

fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// Dashes, emoji and signs that may stand before the first word of a sentence.
fn is_ornament(c: char) -> bool {
    matches!(c, '–' | '—' | '•' | '*' | '\u{200b}'..='\u{200f}' | '\u{fe0f}' | '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')
}
