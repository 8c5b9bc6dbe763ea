//! E-mail and web addresses.

use super::super::stops::is_syllable;
use super::scan::{before, char_at, run};

/// Characters of an address looked at: what is longer is none.
const MAX: usize = 2000;

/// A web address: a scheme or `www.`, and what may follow, without the punctuation of the sentence around it.
pub fn url(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let head = ["https://", "http://", "ftp://", "www."]
        .into_iter()
        .find(|head| rest.get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head)))?;
    let host = at + head.len();
    let mut end = run(text, host, MAX, |c| c.is_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c));
    // A word of a script without spaces goes on behind the address; a part of the address has a sign before it.
    let mut last = ' ';
    for (at, c) in text.get(host..end)?.char_indices() {
        if is_syllable(c) && last.is_ascii_alphanumeric() {
            end = host + at;
            break;
        }
        last = c;
    }
    while end > host {
        let inside = text.get(host..end)?;
        let last = inside.chars().next_back()?;
        let unmatched = |open, close| last == close && inside.matches(close).count() > inside.matches(open).count();
        if matches!(last, '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '~')
            || unmatched('(', ')')
            || unmatched('[', ']')
        {
            end -= last.len_utf8();
        } else {
            break;
        }
    }
    let name_end = run(text, host, MAX, |c| c.is_alphanumeric() || matches!(c, '-' | '.')).min(end);
    let name = text.get(host..name_end)?;
    let dotted = name.split('.').filter(|label| !label.is_empty()).count() >= 2;
    (char_at(text, host).is_alphanumeric() && (dotted || head != "www." && !name.is_empty())).then_some(end)
}

/// An e-mail address: a local part of letters, digits and `._%+-`, an `@`, a name with at least one dot.
pub fn email(text: &str, at: usize) -> Option<usize> {
    let is_local = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-');
    let local_end = run(text, at, 64, is_local);
    let local = text.get(at..local_end)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+');
    if !char_at(text, at).is_ascii_alphanumeric()
        || is_local(before(text, at))
        || char_at(text, local_end) != '@'
        || !local.ends_with(plain)
        || local.contains("..")
    {
        return None;
    }
    let start = local_end + 1;
    let mut end = start;
    let mut labels = 0;
    let mut last = "";
    loop {
        let label_end = run(text, end, 63, |c| c.is_ascii_alphanumeric() || c == '-');
        last = match text.get(end..label_end)? {
            label if label.is_empty() || label.starts_with('-') || label.ends_with('-') => break,
            label => label,
        };
        labels += 1;
        end = label_end;
        if char_at(text, end) != '.' || !char_at(text, end + 1).is_ascii_alphanumeric() || end - start > 250 {
            break;
        }
        end += 1;
    }
    let top_level = last.len() >= 2 && last.bytes().all(|b| b.is_ascii_alphabetic());
    (labels >= 2 && top_level && !char_at(text, end).is_alphanumeric()).then_some(end)
}
