//! What can be found in a text by its form alone: numbers, dates, times, sums of money, e-mail addresses, web addresses.
//!
//! Scanners by hand instead of regular expressions: each knows where it must not match (a version number is no number, the
//! full stop after an address is not part of it), and all of them together read the text once. Words are English.

mod address;
mod date;
mod number;
mod scan;

use std::ops::Range;

use scan::{before, char_at, run};

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
    /// `anna@example.org`.
    Email,
    /// `https://example.org/a`, `www.example.org`.
    Url,
    /// `+1 555 010 9999`, `(555) 010-9999`.
    Phone,
}

impl Pattern {
    /// As results name it.
    pub const fn name(self) -> &'static str {
        match self {
            Pattern::Number => "NUMBER",
            Pattern::Date => "DATE",
            Pattern::Time => "TIME",
            Pattern::Money => "MONEY",
            Pattern::Email => "EMAIL",
            Pattern::Url => "URL",
            Pattern::Phone => "PHONE",
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
    let some = |kind: Pattern, end: Option<usize>| end.map(|end| (Some(kind), end));
    let glued = before(text, at).is_alphanumeric();
    // Scripts without spaces between words have none before an address.
    if glued && before(text, at).is_ascii() {
        return None;
    }
    let url = some(Pattern::Url, address::url(text, at));
    if glued || url.is_some() {
        return url;
    }
    if let Some(end) = identifier(text, at) {
        return Some((None, end));
    }
    some(Pattern::Email, address::email(text, at))
        .or_else(|| some(Pattern::Phone, number::phone(text, at)))
        .or_else(|| some(Pattern::Money, number::money(text, at)))
        .or_else(|| some(Pattern::Date, date::date(text, at)))
        .or_else(|| some(Pattern::Time, date::time(text, at)))
        .or_else(|| number::number(text, at).map(|n| (n.is_number.then_some(Pattern::Number), n.end)))
        .or_else(|| some(Pattern::Number, number::in_words(text, at)))
}

/// The end of the figures at `at`, where they go on a name: `COVID-19`, `v1.2.3`, `550e8400-e29b`. Plain words before figures are
/// none: `mid-1990s`, `No.5`.
fn identifier(text: &str, at: usize) -> Option<usize> {
    if !char_at(text, at).is_ascii_digit() || !matches!(before(text, at), '-' | '.' | '_' | ':' | '/') {
        return None;
    }
    let head = text.get(..at)?;
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '/');
    let from = at - head.bytes().rev().take(64).take_while(|b| part(char::from(*b))).count();
    let token = head.get(from..)?;
    let letters = token.bytes().filter(u8::is_ascii_alphabetic).count();
    let plain = token
        .trim_end_matches(|c: char| !c.is_ascii_alphanumeric())
        .bytes()
        .enumerate()
        .all(|(k, b)| b.is_ascii_lowercase() || k == 0 && letters > 1 && before(text, at) == '.');
    (letters > 0 && !(plain && letters > 1 && before(text, at) != '_')).then(|| run(text, at, 64, part))
}

#[cfg(test)]
mod tests;
