//! Asides: what stands in brackets and can go without a change of meaning.
//!
//! A closed list, because a bracket may hold anything, the word that turns the sentence too: `It is (not) safe`. What is not
//! listed stays.

use super::has;
use crate::case;

/// What an editor writes into a text between square brackets, one note a line.
const NOTES: &str = include_str!("lists/editors_notes.txt");
/// How a bracket begins that tells more of what stands before it: `(built in 1905)`.
const OPENERS: &str = include_str!("lists/aside_openers.txt");
/// What makes a bracket part of the statement, whatever it begins with.
const TURNING: &str = include_str!("lists/turning.txt");
/// Units of measurement that are converted in brackets: `5 miles (8 km)`.
const UNITS: &str = include_str!("lists/units.txt");

/// The sentence without its asides and the white space before them, and with the words of a Markdown link in place of it.
pub fn without_asides(sentence: &str) -> String {
    let mut out = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some(c) = rest.chars().next() {
        if let Some((words, after)) = link(rest) {
            out.push_str(words);
            rest = after;
            continue;
        }
        if let Some((inside, after)) = bracket(rest)
            && is_aside(c, inside, &out)
        {
            out.truncate(out.trim_end().len());
            rest = after;
            continue;
        }
        out.push(c);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    out
}

/// The words of a Markdown link at the beginning of `text`, and what follows the link.
fn link(text: &str) -> Option<(&str, &str)> {
    let (words, after) = bracket(text).filter(|_| text.starts_with('['))?;
    let (target, after) = bracket(after).filter(|_| after.starts_with('('))?;
    let is_address = ["http://", "https://", "mailto:", "/", "#"].iter().any(|start| target.starts_with(start));
    (is_address && !target.contains(char::is_whitespace) && !words.is_empty()).then_some((words, after))
}

/// What the bracket at the beginning of `text` holds, and what follows it; brackets of its kind inside are part of it.
fn bracket(text: &str) -> Option<(&str, &str)> {
    let (open, close) = match text.chars().next()? {
        '(' => ('(', ')'),
        '[' => ('[', ']'),
        _ => return None,
    };
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        depth = if c == open { depth + 1 } else { depth - usize::from(c == close) };
        if depth == 0 {
            return Some((text.get(1..at)?, text.get(at + 1..)?));
        }
    }
    None
}

/// Whether a bracket that opens with `open` and holds `inside` can go after the text `before`.
fn is_aside(open: char, inside: &str, before: &str) -> bool {
    // A bracket that a sentence begins with, or that is written to a word, `colo(u)r`, belongs to it.
    let joined = before.chars().next_back().is_some_and(|c| !c.is_whitespace());
    if before.trim().is_empty() {
        return false;
    }
    if open == '[' {
        let numbers =
            !inside.is_empty() && inside.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '–' | '-' | ' '));
        return numbers || is_note(inside);
    }
    let turns = inside.split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '’'));
    if joined || turns.into_iter().any(|word| has(TURNING, &case::lower(word))) {
        return false;
    }
    is_years(inside) || is_acronym(inside, before) || is_conversion(inside, before) || opens_aside(inside)
}

/// Whether square brackets with this inside hold an editor's note.
pub fn is_note(inside: &str) -> bool {
    has(NOTES, &case::lower(inside))
}

/// `1905`, `1905–1910`, `1905-10`.
fn is_years(inside: &str) -> bool {
    let year = |text: &str| text.len() == 4 && text.parse().is_ok_and(|n: u32| (1000..2200).contains(&n));
    match inside.split_once(['–', '-']) {
        None => year(inside),
        Some((from, to)) => year(from) && (year(to) || to.len() == 2 && to.parse::<u32>().is_ok()),
    }
}

/// The first letters of the words before it: `World Health Organization (WHO)`.
fn is_acronym(inside: &str, before: &str) -> bool {
    let letters: Vec<char> = inside.chars().collect();
    if !(2..=8).contains(&letters.len()) || !letters.iter().all(|c| c.is_uppercase()) {
        return false;
    }
    let initials: Vec<char> = before
        .split(|c: char| c.is_whitespace() || c == '-')
        .filter_map(|word| word.chars().find(|c| c.is_alphanumeric()))
        .filter(|c| c.is_uppercase())
        .collect();
    initials.ends_with(&letters)
}

/// `8 km` after a measure in another unit.
fn is_conversion(inside: &str, before: &str) -> bool {
    let Some((number, unit)) = inside.split_once([' ', '\u{a0}']) else { return false };
    let is_number = number.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',')) && !number.is_empty();
    let last = before.split_whitespace().next_back().unwrap_or_default();
    is_number && has(UNITS, unit) && has(UNITS, last)
}

/// Whether it begins as what only tells more does, and goes on.
fn opens_aside(inside: &str) -> bool {
    OPENERS.lines().any(|opener| inside.strip_prefix(opener).is_some_and(|rest| rest.starts_with(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asides_go() {
        for (sentence, without) in [
            ("The bridge (built in 1905) is old [1].", "The bridge is old."),
            ("It closed in May.[12] It reopened [citation needed] later.", "It closed in May. It reopened later."),
            ("The World Health Organization (WHO) said so.", "The World Health Organization said so."),
            ("Marie Curie (1867–1934) won it twice.", "Marie Curie won it twice."),
            ("The road is 5 miles (8 km) long.", "The road is 5 miles long."),
            ("The lake (also known as Loch Ness) froze.", "The lake froze."),
            ("The [Apollo 11](https://example.org/a_(b)) mission landed.", "The Apollo 11 mission landed."),
            ("See [the list](#list) of bridges.", "See the list of bridges."),
        ] {
            assert_eq!(without_asides(sentence), without);
        }
    }

    #[test]
    fn what_may_turn_the_meaning_stays() {
        for sentence in [
            "It is (not) safe.",
            "The temperature fell to (-5) degrees at night.",
            "He said that \"[the] bridge is old\" and must be closed.",
            "The drug (never tested) is sold.",
            "The bridge (built in 1905 but never opened) is old.",
            "All (but three) voted for it.",
            "The loss (in millions) was 5.",
            "The colo(u)r is red.",
            "The price fell to (8 km) nothing.",
            "The results (WHO) came late.",
            "He scored 12 (3) goals.",
            "[Sic] transit and a[i] stay.",
            "(All of it.)",
            "A smile :) and (an open one",
            "",
        ] {
            assert_eq!(without_asides(sentence), sentence);
        }
    }
}
