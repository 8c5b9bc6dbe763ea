//! What a sentence needs to stand on its own, and what it can do without. The targets of the tldr task are made by these
//! rules too.

use super::has;

/// Words that point back to another sentence.
const POINTING: &str = include_str!("lists/pointing.txt");
/// What connects a sentence to the one before it.
const CONNECTIVES: &str = include_str!("lists/connectives.txt");
/// Words that no title ends with.
const UNFINISHED: &str = include_str!("lists/unfinished.txt");

/// Whether a sentence reads well without the others: of middling length, whole, and pointing nowhere.
pub fn stands_alone(sentence: &str) -> bool {
    let n = sentence.chars().count();
    (40..=260).contains(&n)
        && sentence.ends_with('.')
        && sentence.starts_with(char::is_uppercase)
        && !points_back(sentence)
}

/// Whether a sentence begins with a word that points to another one.
pub fn points_back(sentence: &str) -> bool {
    has(POINTING, sentence.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default())
}

/// The sentence without parentheses and without a connective at its beginning.
pub fn shortened(sentence: &str) -> String {
    let out = without_parentheses(sentence);
    let out = without_connective(out.trim());
    let mut chars = out.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => sentence.to_string(),
    }
}

/// Leaves out innermost `(...)` and `[...]` with the white space before them.
fn without_parentheses(sentence: &str) -> String {
    let mut out = String::with_capacity(sentence.len());
    // Where the innermost open bracket stands in `out`.
    let mut open = None;
    for c in sentence.chars() {
        match (c, open) {
            ('(' | '[', _) => {
                open = Some(out.len());
                out.push(c);
            }
            (')' | ']', Some(at)) => {
                out.truncate(at);
                out.truncate(out.trim_end().len());
                open = None;
            }
            _ => out.push(c),
        }
    }
    out
}

/// The sentence without what connects it to the one before it.
pub fn without_connective(sentence: &str) -> &str {
    for connective in CONNECTIVES.lines() {
        let Some(rest) = sentence.strip_prefix(connective) else { continue };
        let rest = rest.strip_prefix(',').unwrap_or(rest);
        let bare = rest.trim_start();
        if bare.len() < rest.len() && !bare.is_empty() {
            return bare;
        }
    }
    sentence
}

/// Whether a title may end after `text`.
pub fn may_end(text: &str) -> bool {
    let word = text.rsplit(char::is_whitespace).next().unwrap_or_default();
    !word.is_empty() && !has(UNFINISHED, &word.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_that_point_elsewhere_do_not_stand_alone() {
        assert!(stands_alone("The council voted on Tuesday to close the bridge."));
        assert!(stands_alone("Hereford lies on the river Wye, near the border of Wales."));
        assert!(!stands_alone("He voted on Tuesday to close the old harbour bridge."));
        assert!(!stands_alone("\"We voted on Tuesday to close the bridge,\" he said."));
        assert!(!stands_alone("Too short."));
        assert!(!stands_alone("What does the council say about the bridge that is closed?"));
    }

    #[test]
    fn parentheses_and_connectives_go() {
        assert_eq!(shortened("However, the bridge (built in 1905) is old [1]."), "The bridge is old.");
        assert_eq!(shortened("In addition it (the (old) one) fell."), "It (the one) fell.");
        assert_eq!(shortened("Sonnets are short, and So is this."), "Sonnets are short, and So is this.");
        assert_eq!(shortened("So"), "So");
        assert_eq!(shortened("(All of it.)"), "(All of it.)");
        assert_eq!(shortened("A smile :) and (an open one"), "A smile :) and (an open one");
        assert_eq!(shortened("élan vital"), "Élan vital");
    }

    #[test]
    fn titles_do_not_end_in_the_middle_of_a_phrase() {
        assert!(may_end("The council voted on Tuesday"));
        assert!(!may_end("The council voted on"));
        assert!(!may_end("The"));
        assert!(!may_end(""));
    }
}
