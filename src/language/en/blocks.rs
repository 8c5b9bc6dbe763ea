//! What a text consists of: paragraphs, headings and items of lists.
//!
//! A blank line ends a block, and so do an item of a list, a heading and a row of dashes. Any other line break ends one too,
//! unless the line was wrapped there: then it is a space. [`wrapped`] says how that is seen.

use std::ops::Range;

use super::has;
use super::stops::{ends_with_stop, is_abbreviation_at_end, is_ender};
use super::words::is_function_word;
use crate::case;

/// Words that no line ends with by itself.
const UNFINISHED: &str = include_str!("lists/unfinished.txt");
const MONTHS: &str = include_str!("lists/months.txt");
/// Characters of a line that is long enough to have been wrapped.
const LONG: usize = 30;

/// A line without the white space around it and without the bullet of a list.
struct Line<'a> {
    text: &'a str,
    start: usize,
    /// Begins an item of a list.
    item: bool,
    /// Stands alone: a heading, a row of dashes.
    alone: bool,
}

/// The blocks of a text as ranges of UTF-8 bytes: trimmed, not empty, in order. A block may hold line breaks.
pub fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    let mut group: Vec<Line<'_>> = Vec::new();
    for line in lines(text) {
        let breaks = line.text.is_empty() || line.item || line.alone;
        if breaks || group.last().is_some_and(|last| last.alone) {
            join(&mut group, &mut out);
        }
        if !line.text.is_empty() {
            group.push(line);
        }
    }
    join(&mut group, &mut out);
    out
}

/// Adds the blocks of lines between which nothing but their ends can be a break.
fn join(group: &mut Vec<Line<'_>>, out: &mut Vec<Range<usize>>) {
    let width = group.iter().map(|line| line.text.chars().count()).max().unwrap_or(0);
    let ended = group.last().is_some_and(|last| ends_with_stop(last.text));
    let inner = group.len().saturating_sub(1);
    let open = group.iter().take(inner).filter(|line| !ends_with_stop(line.text)).count();
    let shape = Shape { width, ended, lines: group.len(), mostly_open: 5 * open >= 3 * inner };
    let mut before: Option<&Line<'_>> = None;
    for line in group.iter() {
        let end = line.start + line.text.len();
        match (before, out.last_mut()) {
            (Some(last), Some(block)) if wrapped(last.text, line.text, &shape) => block.end = end,
            _ => out.push(line.start..end),
        }
        before = Some(line);
    }
    group.clear();
}

/// What is known of the lines around a break.
struct Shape {
    /// Characters of the longest.
    width: usize,
    /// The last one ends like a sentence.
    ended: bool,
    lines: usize,
    /// Most of the others do not.
    mostly_open: bool,
}

/// Whether the break between two lines came by wrapping:
///
/// - the next line begins in lower case, or the line ends with a comma or a word that something follows: `closed by`;
/// - a month is followed by figures;
/// - the next word did not fit into the width that the lines have, in a paragraph that ends like a sentence.
fn wrapped(line: &str, next: &str, shape: &Shape) -> bool {
    let length = line.chars().count();
    if line.ends_with([':', '：']) {
        return false;
    }
    if ends_with_stop(line) {
        return is_abbreviation_at_end(line);
    }
    let last = line.rsplit(char::is_whitespace).next().unwrap_or_default();
    let first = next.split(char::is_whitespace).next().unwrap_or_default();
    let bare = case::lower(last);
    if shape.ended || length >= LONG {
        let month = first.starts_with(|c: char| c.is_ascii_digit()) && has(MONTHS, &bare);
        if first.starts_with(char::is_lowercase) || last.ends_with(',') || has(UNFINISHED, &bare) || month {
            return true;
        }
    }
    let words = line.split_whitespace().count();
    let new = is_function_word(&case::lower(first)) && first.starts_with(char::is_uppercase) && shape.lines < 3;
    let full = length + 1 + first.chars().count() > shape.width;
    let prose = words >= 4 && line.split_whitespace().skip(1).any(|word| word.starts_with(char::is_lowercase));
    shape.ended && shape.mostly_open && full && prose && !new
}

/// The lines of a text, those of white space as empty ones.
fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut rest = Some(0);
    let mut dash_before = true;
    std::iter::from_fn(move || {
        let from = rest?;
        let tail = text.get(from..)?;
        let length = tail.find(['\n', '\r', '\u{b}', '\u{c}', '\u{2028}', '\u{2029}']);
        let line = tail.get(..length.unwrap_or(tail.len())).unwrap_or_default();
        rest = length.map(|length| {
            let end = tail.get(length..).unwrap_or_default();
            from + length + if end.starts_with("\r\n") { 2 } else { end.chars().next().map_or(1, char::len_utf8) }
        });
        let line = Line::new(line, from, dash_before);
        // A dash begins an item where the line before is over.
        dash_before = line.text.is_empty() || line.item || line.text.ends_with(is_ender);
        Some(line)
    })
}

impl<'a> Line<'a> {
    fn new(line: &'a str, at: usize, dash_is_bullet: bool) -> Self {
        let text = line.trim();
        let start = at + (line.len() - line.trim_start().len());
        let mut chars = text.chars();
        let first = chars.next().unwrap_or(' ');
        let spaced = chars.next().is_some_and(char::is_whitespace);
        let is_rule =
            text.len() > 2 && text.chars().all(|c| matches!(c, '-' | '=' | '_' | '*' | '~' | '#' | '—' | '·' | ' '));
        if is_rule {
            return Line { text: "", start, item: false, alone: false };
        }
        let bullet = matches!(first, '•' | '‣' | '▪' | '▸' | '●' | '○' | '◦' | '■' | '►' | '✓' | '✔')
            || spaced && matches!(first, '-' | '*' | '+' | '·');
        if bullet {
            let item = text.get(first.len_utf8()..).unwrap_or_default().trim_start();
            return Line { text: item, start: start + text.len() - item.len(), item: true, alone: false };
        }
        if spaced && dash_is_bullet && matches!(first, '–' | '—') {
            return Line { text, start, item: true, alone: false };
        }
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let after = text.get(digits..).unwrap_or_default();
        let item = (1..=3).contains(&digits)
            && after.starts_with(['.', ')'])
            && after.chars().nth(1).is_some_and(char::is_whitespace);
        let marks = text.bytes().take_while(|b| *b == b'#').count();
        let alone = (1..=6).contains(&marks) && text.get(marks..).is_some_and(|rest| rest.starts_with(' '));
        Line { text, start, item, alone }
    }
}
