//! What a question takes for granted, and whether the text grants it: names and figures that the text knows, the same side of a
//! pair of opposites, the same yes or no. "Who opened the bridge in 1950?" has no answer in a text that knows of no 1950.

use std::ops::Range;

use super::forms::matches;
use super::question::{Question, Wanted};
use crate::case;
use crate::language::en::shorten::refutes;
use crate::language::en::{is_function_word, joined_words};

/// What is left of a score where the text does not grant something.
const UNKNOWN: f64 = 0.3;
/// What is left where a name is told of only later, or something else is counted.
const DOUBTFUL: f64 = 0.5;
/// What is left where another word is told of only later.
const LATER: f64 = 0.65;

/// Words that deny.
const DENIALS: [&str; 10] = ["not", "no", "never", "none", "nobody", "nothing", "neither", "nor", "without", "cannot"];

/// Words of which a question means one and not the other.
const OPPOSITES: [(&str, &str); 31] = [
    ("against", "for"),
    ("before", "after"),
    ("rise", "fall"),
    ("rose", "fell"),
    ("increase", "decrease"),
    ("more", "less"),
    ("more", "fewer"),
    ("first", "last"),
    ("first", "second"),
    ("first", "third"),
    ("second", "third"),
    ("open", "close"),
    ("open", "shut"),
    ("begin", "end"),
    ("begin", "finish"),
    ("start", "finish"),
    ("born", "die"),
    ("arrive", "leave"),
    ("win", "lose"),
    ("north", "south"),
    ("east", "west"),
    ("northern", "southern"),
    ("eastern", "western"),
    ("largest", "smallest"),
    ("oldest", "youngest"),
    ("highest", "lowest"),
    ("longest", "shortest"),
    ("most", "least"),
    ("male", "female"),
    ("men", "women"),
    ("import", "export"),
];

/// Words of a text in lower case, sentence for sentence, each with its place.
pub type Split = Vec<Vec<(Range<usize>, String)>>;

/// The words of each sentence.
pub fn split(text: &str, sentences: &[Range<usize>]) -> Split {
    let words = |bytes: &Range<usize>| {
        let sentence = text.get(bytes.clone()).unwrap_or_default();
        let word = |at: Range<usize>| {
            let lower = case::lower(sentence.get(at.clone())?);
            Some((bytes.start + at.start..bytes.start + at.end, lower))
        };
        joined_words(sentence).into_iter().filter_map(word).collect()
    };
    sentences.iter().map(words).collect()
}

/// How much of an answer's score is left, 0 to 1: `at` is the answer, in sentence `i` of the text.
pub fn granted(question: &Question, asked: &str, text: &str, words: &Split, i: usize, at: &Range<usize>) -> f64 {
    let Some(sentence) = words.get(i) else { return 1.0 };
    let mut left = known(asked, words, i).min(told(question, words, i));
    // "did not start because of his knee": the reason itself denies nothing.
    let clause = if question.wanted == Wanted::Reason { sentence } else { clause(text, sentence, at) };
    if question.all.iter().any(|word| denies(word)) != clause.iter().any(|(_, word)| denies(word)) {
        left *= UNKNOWN;
    }
    // "The bridge is unsafe," they claim. That is false.
    let next = words.get(i + 1).and_then(|next| Some(next.first()?.0.start..next.last()?.0.end));
    if question.wanted == Wanted::Sentence && next.is_some_and(|next| text.get(next).is_some_and(refutes)) {
        left *= UNKNOWN;
    }
    if turned(&question.all, sentence) {
        left *= UNKNOWN;
    }
    if question.wanted == Wanted::Count && counts_something_else(question, sentence, at) {
        left *= DOUBTFUL;
    }
    left
}

fn denies(word: &str) -> bool {
    DENIALS.contains(&word) || word.ends_with("n't") || word.ends_with("n’t")
}

/// Names and figures in the question: those that the text does not have, and those that it tells of only behind the answer.
fn known(question: &str, words: &Split, i: usize) -> f64 {
    let named = |at: &Range<usize>| {
        let word = question.get(at.clone()).unwrap_or_default();
        let figure = word.starts_with(|c: char| c.is_ascii_digit());
        let name = word.starts_with(char::is_uppercase) && word != "I" && !is_function_word(&case::lower(word));
        figure || name
    };
    let asked = joined_words(question).into_iter().skip(1).filter(named);
    let first = asked.filter_map(|at| question.get(at)).map(|word| {
        let word = case::lower(word);
        let has = |sentence: &Vec<(Range<usize>, String)>| sentence.iter().any(|(_, other)| matches(other, &word));
        match words.iter().position(has) {
            None => UNKNOWN,
            Some(first) if first > i => DOUBTFUL,
            Some(_) => 1.0,
        }
    });
    first.fold(1.0, f64::min)
}

/// Words of the question that the text has only behind the answer: something else is told of here.
fn told(question: &Question, words: &Split, i: usize) -> f64 {
    let first = |asked: &String| words.iter().position(|s| s.iter().any(|(_, word)| matches(word, asked)));
    if question.words.iter().filter_map(first).any(|first| first > i) { LATER } else { 1.0 }
}

/// The words of the part of the sentence, between commas and the like, that the answer stands in.
fn clause<'a>(text: &str, sentence: &'a [(Range<usize>, String)], at: &Range<usize>) -> &'a [(Range<usize>, String)] {
    let cut = |k: &usize| {
        let between = sentence[k - 1].0.end..sentence[*k].0.start;
        text.get(between).is_some_and(|gap| gap.contains([',', ';', ':', '(', ')', '—', '–']))
            || matches!(sentence[*k].1.as_str(), "and" | "but" | "because" | "since" | "although" | "though" | "while")
    };
    let first = (1..sentence.len()).rev().filter(|k| sentence[*k].0.start <= at.start).find(cut).unwrap_or(0);
    let last = (1..sentence.len()).filter(|k| sentence[*k].0.start >= at.end).find(cut).unwrap_or(sentence.len());
    sentence.get(first..last).unwrap_or_default()
}

/// Whether the sentence says the opposite of a word of the question, and not the word.
fn turned(question: &[String], sentence: &[(Range<usize>, String)]) -> bool {
    let asks = |word: &str| question.iter().any(|other| matches(other, word));
    let says = |word: &str| sentence.iter().any(|(_, other)| matches(other, word));
    let other_side = |a: &str, b: &str| asks(a) && !asks(b) && says(b) && !says(a);
    // "for" stands everywhere; only who asks what was against it is told something else by it.
    OPPOSITES.iter().any(|(a, b)| other_side(a, b) || (*b != "for" && other_side(b, a)))
}

/// "How many lorries ...?", and the sentence counts trains.
fn counts_something_else(question: &Question, sentence: &[(Range<usize>, String)], at: &Range<usize>) -> bool {
    let Some(noun) = &question.noun else { return false };
    let counted = sentence.iter().find(|(word, _)| word.start >= at.end);
    let other = counted.is_some_and(|(_, word)| !is_function_word(word) && !matches(word, noun));
    other && !sentence.iter().any(|(_, word)| matches(word, noun))
}
