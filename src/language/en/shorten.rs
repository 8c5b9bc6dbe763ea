//! What a sentence needs to stand on its own, and what it can do without. The targets of the tldr task are made by these
//! rules too.

use super::asides::without_asides;
use super::has;
use crate::case;

/// Words that point back to another sentence.
const POINTING: &str = include_str!("lists/pointing.txt");
/// What connects a sentence to the one before it.
const CONNECTIVES: &str = include_str!("lists/connectives.txt");
/// Words that begin a clause of their own after `and`, `but`, `so` or `yet`.
const CLAUSE_BEGINS: &str = include_str!("lists/clause_begins.txt");
/// What a sentence that denies the one before it goes on with.
const REFUTED: &str = include_str!("lists/refuted.txt");
/// What it begins with, in ASCII letters.
const POINTERS_BACK: [&str; 8] =
    ["that ", "this ", "it ", "both ", "the claim ", "the report ", "that claim ", "this claim "];
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

/// Whether a sentence says of the one before it that it is not so: `That is false`.
pub fn refutes(sentence: &str) -> bool {
    let begins = |start: &&str| sentence.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start));
    // Most sentences point to nothing.
    if !POINTERS_BACK.iter().any(begins) {
        return false;
    }
    let lower = case::lower(sentence);
    let not_so = |rest: &str| {
        REFUTED
            .lines()
            .any(|line| rest.strip_prefix(line).is_some_and(|after| !after.starts_with(char::is_alphanumeric)))
    };
    POINTERS_BACK.iter().filter_map(|start| lower.strip_prefix(start)).any(not_so)
}

/// Whether a sentence begins with a word that points to another one.
pub fn points_back(sentence: &str) -> bool {
    has(POINTING, sentence.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default())
}

/// The sentence without its asides and without a connective at its beginning; see [`without_asides`].
///
/// The first letter becomes a capital only where a cut made a plain lower-case word the first: `pH` and `a.b@example.org` stay.
pub fn shortened(sentence: &str) -> String {
    let out = without_asides(sentence);
    let whole = out.trim();
    let out = without_linked_connective(whole);
    match out {
        "" => sentence.to_string(),
        _ if out.len() < whole.len() => capitalised(out),
        _ => out.to_string(),
    }
}

/// The text with a capital at its beginning, where its first word is in plain lower case: `pH`, `iPhone` and addresses stay.
pub fn capitalised(text: &str) -> String {
    let first = text.split_whitespace().next().unwrap_or_default();
    let plain =
        first.trim_end_matches([',', ';', ':', '.']).chars().all(|c| c.is_lowercase() || matches!(c, '-' | '\'' | '’'));
    let mut chars = text.chars();
    match chars.next() {
        Some(c) if plain => std::iter::once(case::upper_char(c)).chain(chars).collect(),
        _ => text.to_string(),
    }
}

/// Whether a sentence begins with what may connect it to the one before.
pub fn begins_with_connective(sentence: &str) -> bool {
    CONNECTIVES.lines().any(|connective| {
        let rest = sentence.strip_prefix(connective).map(|rest| rest.strip_prefix(',').unwrap_or(rest));
        rest.is_some_and(|rest| rest.trim_start().len() < rest.len() && !rest.trim().is_empty())
    })
}

/// The sentence without what connects it to the one before it, where that is certain: a connective with a comma behind it, or a
/// coordinating word before a word that begins a clause. `However hard they tried` and `But for the dam` stay.
fn without_linked_connective(sentence: &str) -> &str {
    for connective in CONNECTIVES.lines() {
        let Some(rest) = sentence.strip_prefix(connective) else { continue };
        let bare = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        let first = bare.split_whitespace().next().unwrap_or_default();
        let linked = rest.starts_with(", ")
            || rest.starts_with(' ') && ["And", "But", "So", "Yet"].contains(&connective) && has(CLAUSE_BEGINS, first);
        if linked && !bare.is_empty() {
            return bare;
        }
    }
    sentence
}

/// Whether a title may end after `text`.
pub fn may_end(text: &str) -> bool {
    let word = text.rsplit(char::is_whitespace).next().unwrap_or_default();
    !word.is_empty() && !has(UNFINISHED, &case::lower(word))
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
    fn a_sentence_may_deny_the_one_before_it() {
        for sentence in
            ["That is false, according to the ministry.", "This is not true.", "It was untrue", "That claim is wrong."]
        {
            assert!(refutes(sentence), "{sentence}");
        }
        for sentence in ["That is true.", "It is not far.", "It is wrongly built.", "False alarm.", ""] {
            assert!(!refutes(sentence), "{sentence}");
        }
    }

    #[test]
    fn asides_and_connectives_go() {
        assert_eq!(shortened("However, the bridge (built in 1905) is old [1]."), "The bridge is old.");
        assert_eq!(shortened("But the bridge is old."), "The bridge is old.");
        assert_eq!(shortened("In contrast, dogs like walks."), "Dogs like walks.");
        assert_eq!(shortened("However, iPhone sales rose."), "iPhone sales rose.");
        assert_eq!(shortened("And he said so."), "He said so.");
    }

    #[test]
    fn what_may_turn_the_meaning_stays() {
        for sentence in [
            "However hard they tried, the climbers failed to reach the top.",
            "In contrast to cats, dogs like long walks in the rain.",
            "But for the dam, the town would have been lost.",
            "So far the bridge has held.",
            "Yet another bridge is closed.",
            "Instead of the bridge, the city built a tunnel.",
            "Finally closed in 1999, the mine is a museum.",
            "pH values of the lake fell below 5 in the last ten years.",
            "a.b@example.org is the address of the office.",
            "iPhone sales rose 10 percent in Europe.",
            "It is (not) safe.",
            "In addition it (the (old) one) fell.",
            "Sonnets are short, and So is this.",
            "So",
            "So,",
            "(All of it.)",
            "élan vital",
        ] {
            assert_eq!(shortened(sentence), sentence);
        }
    }

    /// A feature of salience, trained as it is.
    #[test]
    fn connectives_are_counted_with_and_without_a_comma() {
        for sentence in ["However, it fell.", "However hard they tried, it fell.", "But it fell."] {
            assert!(begins_with_connective(sentence), "{sentence}");
        }
        for sentence in ["Howeverer it is.", "So", "So,", "The bridge fell."] {
            assert!(!begins_with_connective(sentence), "{sentence}");
        }
    }

    #[test]
    fn titles_do_not_end_in_the_middle_of_a_phrase() {
        assert!(may_end("The council voted on Tuesday"));
        assert!(!may_end("The council voted on"));
        assert!(!may_end("The"));
        assert!(!may_end(""));
    }
}
