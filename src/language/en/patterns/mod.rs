//! What can be found in a text by its form alone: numbers, dates, times, sums of money, e-mail addresses, web addresses.
//!
//! Scanners by hand instead of regular expressions: each knows where it must not match (a version number is no number, the
//! full stop after an address is not part of it), and all of them together read the text once. Words are English.

mod address;
mod date;
mod number;
mod scan;

use std::ops::Range;

use scan::before;

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

#[cfg(test)]
mod tests;
