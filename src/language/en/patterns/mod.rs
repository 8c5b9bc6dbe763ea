//! What can be found in a text by its form alone: numbers, dates, times, sums of money, e-mail addresses, web addresses.
//!
//! Scanners by hand instead of regular expressions: each knows where it must not match (a version number is no number, the
//! full stop after an address is not part of it), and all of them together read the text once. Words are English.

mod address;
mod date;
mod number;

use std::ops::Range;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// `12,000`, `-3.5`, `4 %`, `21st`, `two hundred`, `3 million`.
    Number,
    /// `2026-11-21`, `21 November 2026`, `Nov. 21`, `in May`, `Tuesday`, `1990s`, `the 19th century`, `in 1905`.
    Date,
    /// `10:30`, `5 pm`.
    Time,
    /// `$12`, `EUR 3.5 million`, `20 pounds`.
    Money,
    Email,
    Url,
}

impl Pattern {
    pub const fn name(self) -> &'static str {
        match self {
            Pattern::Number => "NUMBER",
            Pattern::Date => "DATE",
            Pattern::Time => "TIME",
            Pattern::Money => "MONEY",
            Pattern::Email => "EMAIL",
            Pattern::Url => "URL",
        }
    }
}

/// Every pattern of the text, in order, as ranges of UTF-8 bytes that do not overlap.
pub fn patterns(text: &str) -> Vec<(Pattern, Range<usize>)> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        match found_at(text, at) {
            Some((kind, end)) if end > at => {
                out.extend(kind.map(|kind| (kind, at..end)));
                at = end;
            }
            _ => at += c.len_utf8(),
        }
    }
    out
}

/// What begins at `at`, and where it ends; nothing but an end for what only looks like a pattern.
fn found_at(text: &str, at: usize) -> Option<(Option<Pattern>, usize)> {
    if before(text, at).is_alphanumeric() {
        return None;
    }
    let some = |kind: Pattern, end: Option<usize>| end.map(|end| (Some(kind), end));
    some(Pattern::Url, address::url(text, at))
        .or_else(|| some(Pattern::Email, address::email(text, at)))
        .or_else(|| some(Pattern::Money, number::money(text, at)))
        .or_else(|| some(Pattern::Date, date::date(text, at)))
        .or_else(|| some(Pattern::Time, date::time(text, at)))
        .or_else(|| number::number(text, at).map(|n| (n.is_number.then_some(Pattern::Number), n.end)))
        .or_else(|| some(Pattern::Number, number::in_words(text, at)))
}

/// The character before `at`; a space at the beginning.
fn before(text: &str, at: usize) -> char {
    text.get(..at).and_then(|head| head.chars().next_back()).unwrap_or(' ')
}

/// The character at `at`; a space at the end.
fn char_at(text: &str, at: usize) -> char {
    text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or(' ')
}

/// Where the run of characters from `at` on that satisfy `is` ends; of at most `most` characters.
fn run(text: &str, at: usize, most: usize, is: impl Fn(char) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.chars().take(most).take_while(|c| is(*c)).map(char::len_utf8).sum::<usize>()
}

/// The run of letters at `at`.
fn letters(text: &str, at: usize) -> &str {
    text.get(at..run(text, at, 24, char::is_alphabetic)).unwrap_or_default()
}

/// Where the word ends that begins at `at`, if it is one of `words` in any case and no letter or digit follows.
fn word_of(text: &str, at: usize, words: &[&str]) -> Option<usize> {
    let word = letters(text, at);
    let known = !word.is_empty() && words.iter().any(|known| word.eq_ignore_ascii_case(known));
    (known && !char_at(text, at + word.len()).is_alphanumeric()).then_some(at + word.len())
}

/// The position after spaces within a line, of which there are at most two.
fn gap(text: &str, at: usize) -> usize {
    run(text, at, 2, |c| matches!(c, ' ' | '\u{a0}' | '\u{202f}'))
}

/// Digits at `at`: their end and value; none where there are more than `most`.
fn digits(text: &str, at: usize, most: usize) -> Option<(usize, u32)> {
    let end = run(text, at, most + 1, |c| c.is_ascii_digit());
    let value = text.get(at..end)?.parse().ok()?;
    (end - at <= most).then_some((end, value))
}

#[cfg(test)]
mod tests;
