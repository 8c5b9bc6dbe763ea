//! Reads Markdown as what it shows: line by line, with the marks inside of a line left out.

use super::shown::Shown;

/// Whether a text is Markdown: it has links or fences, or two kinds of marks that plain text has not.
pub fn is_markdown(source: &str) -> bool {
    let mut signs = [false; 3];
    for line in source.lines().take(2000) {
        let line = line.trim_start();
        let marks = line.bytes().take_while(|b| *b == b'#').count();
        signs[0] |= (1..=6).contains(&marks) && line.get(marks..).is_some_and(|rest| rest.starts_with(' '));
        signs[1] |= line.split("**").count() > 2;
        signs[2] |= line.split('`').count() > 2;
        if line.starts_with("```") || is_rule_of_table(line) || links(line) {
            return true;
        }
    }
    signs.iter().filter(|sign| **sign).count() > 1
}

/// Whether a line has a link or a picture.
fn links(line: &str) -> bool {
    line.match_indices("](").any(|(at, _)| {
        let target = line.get(at + 2..).unwrap_or_default();
        let address = ["http://", "https://", "mailto:", "/", "#", "./"].iter().any(|start| target.starts_with(start));
        address && line.get(..at).is_some_and(|before| before.contains('['))
    })
}

/// `| --- | --- |`
fn is_rule_of_table(line: &str) -> bool {
    line.contains("--") && line.contains('|') && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '))
}

/// What Markdown shows.
pub fn read(source: &str) -> Shown {
    let mut shown = Shown::default();
    let mut fenced = false;
    let mut at = 0;
    for line in source.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let mut text = line.trim();
        let mut from = start + (line.len() - line.trim_start().len());
        if text.starts_with("```") || text.starts_with("~~~") {
            fenced = !fenced;
            shown.blank_line(at);
            continue;
        }
        let reference = text.starts_with('[') && text.contains("]: ");
        let underline = text.len() > 1 && text.bytes().all(|b| matches!(b, b'=' | b'-' | b'*' | b'_'));
        if fenced || text.is_empty() || reference || underline || is_rule_of_table(text) {
            if !fenced {
                shown.blank_line(at);
            }
            continue;
        }
        let mut alone = false;
        loop {
            let marks = text.bytes().take_while(|b| *b == b'#').count();
            let mark = match text.chars().next() {
                Some('>') => 1,
                Some('#')
                    if (1..=6).contains(&marks) && text.get(marks..).is_some_and(|rest| rest.starts_with(' ')) =>
                {
                    alone = true;
                    marks
                }
                Some('-' | '*' | '+') if text.get(1..).is_some_and(|rest| rest.starts_with(' ')) => {
                    shown.blank_line(from);
                    1
                }
                _ => break,
            };
            let rest = text.get(mark..).unwrap_or_default();
            from += mark + (rest.len() - rest.trim_start().len());
            text = rest.trim_start();
        }
        if alone || text.starts_with('|') {
            shown.blank_line(from);
        }
        inline(text, from, &mut shown);
        match alone || text.starts_with('|') {
            true => shown.blank_line(at),
            false => shown.replace('\n', from + text.len()..at),
        }
    }
    shown
}

/// Adds one line without its marks.
fn inline(line: &str, start: usize, shown: &mut Shown) {
    let mut at = 0;
    let mut before = ' ';
    while let Some(c) = line.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = line.get(at..).unwrap_or_default();
        let after = rest.chars().find(|next| *next != c).unwrap_or(' ');
        if c == '!'
            && rest.starts_with("![")
            && let Some((_, length)) = link(rest.get(1..).unwrap_or_default())
        {
            at += 1 + length;
            continue;
        }
        if let Some((words, length)) = (c == '[').then(|| link(rest)).flatten() {
            let from = shown.text.len();
            inline(words, start + at + 1, shown);
            shown.links.push(from..shown.text.len());
            at += length;
            before = 'x';
            continue;
        }
        let length = rest.len() - rest.trim_start_matches(c).len();
        let outside = before.is_whitespace() && after.is_whitespace();
        let inside = before.is_alphanumeric() && after.is_alphanumeric();
        let mark = match c {
            '*' => !(outside || inside && length == 1),
            '_' => !outside && !inside,
            '`' => true,
            '~' => length == 2,
            _ => false,
        };
        if mark {
            at += length;
            continue;
        }
        let next = rest.chars().nth(1).unwrap_or(' ');
        if c == '\\' && next.is_ascii_punctuation() || c == '|' {
            if c == '|' && !before.is_whitespace() {
                shown.replace(' ', start + at..start + at + 1);
            }
            at += 1;
            if c == '\\' {
                shown.copy(line.get(at..at + 1).unwrap_or_default(), start + at);
                at += 1;
            }
            before = next;
            continue;
        }
        // A tag inside of a line shows nothing.
        if c == '<'
            && (next.is_ascii_alphabetic() || next == '/')
            && let Some(end) = rest
                .find('>')
                .filter(|end| *end < 200 && !rest.get(..*end).is_some_and(|inside| inside.contains("://")))
        {
            at += end + 1;
            continue;
        }
        shown.copy(rest.get(..c.len_utf8()).unwrap_or_default(), start + at);
        before = c;
        at += c.len_utf8();
    }
}

/// The words of a link at the beginning of `text`, and its length: `[words](target)`, `[words][name]`.
fn link(text: &str) -> Option<(&str, usize)> {
    let matched = |text: &str, open: char, close: char| {
        let mut depth = 0usize;
        for (at, c) in text.char_indices().take(2000) {
            depth = if c == open { depth + 1 } else { depth - usize::from(c == close) };
            if depth == 0 {
                return Some(at);
            }
        }
        None
    };
    let words = matched(text, '[', ']')?;
    let rest = text.get(words + 1..)?;
    let target = match rest.chars().next()? {
        '(' => matched(rest, '(', ')')?,
        '[' => matched(rest, '[', ']')?,
        _ => return None,
    };
    Some((text.get(1..words)?, words + 1 + target + 1))
}
