//! Dialogues: meetings, chats, interviews. Their turns begin with who speaks, and many only keep the talk going.

use std::collections::BTreeMap;

use super::has;
use super::shorten::capitalised;
use super::words::{content_word, is_function_word, joined_words, words};
use crate::case;

/// What keeps a talk going: `okay`, `mm-hmm`, `right`.
const FILLERS: &str = include_str!("lists/fillers.txt");
/// Sounds that a speaker makes while looking for words.
const HESITATIONS: &str = include_str!("lists/hesitations.txt");
/// Words that are said again by speakers who begin anew, and that no sentence has twice in a row.
const REPEATED: &str = include_str!("lists/repeated.txt");
/// Words of a speaker's name, at most: `Right Hon. Justin Trudeau`.
const NAME_WORDS: usize = 5;
/// Share of the sentences of a dialogue that begin a turn, at least.
const TURNS: f64 = 0.2;
/// A turn with fewer words that say something only keeps the talk going.
const LEAST: usize = 3;

/// The bytes of `Name: ` that a sentence begins with; 0 where it begins with none.
pub fn speaker(sentence: &str) -> usize {
    let Some((name, rest)) = sentence.split_once(": ") else { return 0 };
    let plain =
        name.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '\'' | '’' | '_' | '(' | ')'));
    let is_name = name.starts_with(char::is_uppercase) && plain && (1..=NAME_WORDS).contains(&name.split(' ').count());
    if is_name { sentence.len() - rest.len() } else { 0 }
}

/// Whether these are the sentences of a dialogue: many begin with a speaker, and some speak again.
pub fn is_dialogue(sentences: &[&str]) -> bool {
    let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
    let names = sentences.iter().map(|sentence| sentence.get(..speaker(sentence)).unwrap_or_default());
    names.filter(|name| !name.is_empty()).for_each(|name| *turns.entry(name).or_default() += 1);
    let all: usize = turns.values().sum();
    all >= 4
        && turns.len() > 1
        && all as f64 >= TURNS * sentences.len() as f64
        && turns.values().filter(|n| **n > 1).count() > 1
}

/// Whether a sentence of a dialogue only keeps it going: `Chair: Okay, um, so let's start.`
pub fn is_filler(sentence: &str) -> bool {
    let said = sentence.get(speaker(sentence)..).unwrap_or_default();
    let each = joined_words(said).into_iter().filter_map(|word| said.get(word));
    let tells = |word: &&str| {
        let lower = case::lower(word);
        let mut parts = lower.split(['\'', '’', '-']);
        !has(FILLERS, &lower)
            && content_word(word).is_some()
            && !parts.all(|part| is_function_word(part) || has(FILLERS, part))
    };
    each.filter(tells).count() < LEAST
}

/// An English sentence without the sounds of hesitation, and without words said twice in a row.
pub fn fluent(sentence: &str) -> String {
    let each = words(sentence);
    let mortar =
        each.iter().filter(|word| sentence.get((*word).clone()).is_some_and(|w| is_function_word(&case::lower(w))));
    // "Um" is a word in German.
    if (mortar.count() as f64) < 0.25 * each.len() as f64 {
        return sentence.to_string();
    }
    let mut out: Vec<String> = Vec::new();
    for piece in sentence.split(' ') {
        let bare = piece.trim_end_matches([',', '.', '…']);
        let lower = case::lower(bare);
        if has(HESITATIONS, &lower) {
            // The end of the sentence stays.
            if let Some(last) = out.last_mut().filter(|_| piece.ends_with('.')) {
                last.truncate(last.trim_end_matches(',').len());
                last.push('.');
            }
            continue;
        }
        // "I I think", but not "had had".
        if out.last().is_some_and(|last| has(REPEATED, &lower) && case::lower(last) == lower) {
            out.pop();
        }
        out.push(piece.to_string());
    }
    let first = speaker(sentence);
    let spoken = out.join(" ");
    match spoken.get(first..).is_some_and(|said| !said.trim().is_empty()) {
        // What is the first word now begins the sentence.
        true => format!(
            "{}{}",
            spoken.get(..first).unwrap_or_default(),
            capitalised(spoken.get(first..).unwrap_or_default())
        ),
        false => sentence.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_begin_with_a_speaker() {
        for (sentence, name) in [
            ("Anna: Did you book it?", "Anna: "),
            ("Right Hon. Justin Trudeau: Mr. Chair, yes.", "Right Hon. Justin Trudeau: "),
            ("PhD E: Hmm.", "PhD E: "),
            ("He said: no.", "He said: "),
            ("It is 5:30 now.", ""),
            ("anna: hi there", ""),
            ("A long beginning of a sentence that goes on: no.", ""),
            ("Anna:", ""),
        ] {
            assert_eq!(&sentence[..speaker(sentence)], name, "{sentence}");
        }
    }

    #[test]
    fn a_dialogue_has_speakers_that_come_again() {
        assert!(is_dialogue(&["Anna: Hi.", "Ben: Hi.", "Anna: Where are you?", "Ben: At home.", "I am ill."]));
        for other in [
            &["Expected: a file.", "Actual: none.", "Version: 3.", "System: any.", "Works: no."][..],
            &["He said: no.", "It rained.", "She said: yes.", "He said: well."],
            &["Note: it is old.", "Note: it is new.", "Note: it is red.", "Note: it is far."],
            &[],
        ] {
            assert!(!is_dialogue(other), "{other:?}");
        }
    }

    #[test]
    fn turns_that_say_nothing_are_fillers() {
        for filler in [
            "Chair: Okay, um, so let's start.",
            "Anna: Right, yeah.",
            "Mm-hmm.",
            "Ben: Me too.",
            "Chair: Thank you. Bye.",
            "OK",
            "Hmm. Monday then?",
        ] {
            assert!(is_filler(filler), "{filler}");
        }
        for telling in [
            "Ben: Friday at 10 would work, room 214.",
            "Okay, then we decide to buy the server and to postpone the training.",
        ] {
            assert!(!is_filler(telling), "{telling}");
        }
    }

    #[test]
    fn hesitations_go_and_words_stay() {
        for (said, fluent_) in [
            (
                "Chair: Uh, we have, um, about forty thousand euros left.",
                "Chair: We have, about forty thousand euros left.",
            ),
            ("I I think we should, uh, spend it on the the server.", "I think we should, spend it on the server."),
            ("We could postpone it um.", "We could postpone it."),
            ("He had had it.", "He had had it."),
            ("Der Rat trifft sich um neun Uhr um den Plan.", "Der Rat trifft sich um neun Uhr um den Plan."),
            ("Um.", "Um."),
            ("", ""),
        ] {
            assert_eq!(fluent(said), fluent_, "{said}");
        }
    }
}
