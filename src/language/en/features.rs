//! What can be counted about the sentences of a text: one value for each of [`NAMES`].
//!
//! For sentence `i` of `n`; words are those of [`words`], content words those of [`content_word`]; `df(w)` is the number of
//! sentences with `w`:
//!
//! | name | value |
//! |---|---|
//! | `position` | `i / (n - 1)`, 0 for a single sentence |
//! | `early` | `1 / (1 + i)` |
//! | `length` | number of words / 30, at most 1 |
//! | `short` | 1 below 6 words |
//! | `centrality` | cosine of `v(i)` and the sum of all other `v(j)`, where `v(i)[w]` is the count of `w` in `i` times `ln(1 + n / df(w))` |
//! | `frequency` | mean over the distinct content words of `(df(w) - 1) / (n - 1)` |
//! | `first_overlap` | share of the distinct content words that sentence 0 has too; 0 for sentence 0 |
//! | `numbers` | share of the words with a digit |
//! | `capitals` | share of the words behind the first that begin with a capital |
//! | `pointing` | 1 where the first word points to another sentence (he, it, this ...) |
//! | `connective` | 1 where it begins with a connective (however, in addition ...) |
//! | `question` | 1 where it ends with a question mark |
//! | `quote` | 1 where it has a double quotation mark |
//! | `fragment` | 1 where it does not end like a sentence: a heading, an item of a list |
//!
//! Means and shares of nothing are 0. Together with the model's own judgement they say how much a sentence tells: position
//! and centrality know what a nano model has to guess (centrality after LexRank, Erkan and Radev 2004; frequency after
//! SumBasic, Nenkova and Vanderwende 2005). `tests/golden/features.json` holds cases.

use std::collections::{BTreeMap, BTreeSet};

use super::shorten::{begins_with_connective, points_back};
use super::stops::ends_with_stop;
use super::words::{content_word, words};
use crate::order;

/// The features, in the order of [`features`].
pub const NAMES: [&str; 14] = [
    "position",
    "early",
    "length",
    "short",
    "centrality",
    "frequency",
    "first_overlap",
    "numbers",
    "capitals",
    "pointing",
    "connective",
    "question",
    "quote",
    "fragment",
];

/// One value for each of [`NAMES`].
pub type Features = [f64; NAMES.len()];

/// The features of every sentence of a text.
pub fn features(sentences: &[&str]) -> Vec<Features> {
    let n = sentences.len();
    let split: Vec<Vec<&str>> =
        sentences.iter().map(|s| words(s).into_iter().filter_map(|word| s.get(word)).collect()).collect();
    // Ordered maps: sums come out the same on every platform.
    let counts: Vec<BTreeMap<String, f64>> = split
        .iter()
        .map(|words| {
            let mut counts = BTreeMap::new();
            words
                .iter()
                .filter_map(|word| content_word(word))
                .for_each(|word| *counts.entry(word).or_insert(0.0) += 1.0);
            counts
        })
        .collect();
    let mut df: BTreeMap<&str, f64> = BTreeMap::new();
    counts.iter().flat_map(BTreeMap::keys).for_each(|word| *df.entry(word).or_insert(0.0) += 1.0);
    let df_of = |word: &str| df.get(word).copied().unwrap_or(1.0);
    let weight = |word: &str, count: f64| count * (1.0 + n as f64 / df_of(word)).ln();
    let mut total: BTreeMap<&str, f64> = BTreeMap::new();
    for counts in &counts {
        counts.iter().for_each(|(word, count)| *total.entry(word).or_insert(0.0) += weight(word, *count));
    }
    let square: f64 = total.values().map(|x| x * x).sum();
    let first: BTreeSet<&str> = order::set(counts.first().iter().flat_map(|c| c.keys()).map(String::as_str));

    let each = sentences.iter().zip(split.iter().zip(&counts)).enumerate();
    each.map(|(i, (sentence, (words, counts)))| {
        let own: f64 = counts.iter().map(|(word, count)| weight(word, *count).powi(2)).sum();
        let in_total = |word: &str| total.get(word).copied().unwrap_or(0.0);
        let dot: f64 = counts.iter().map(|(word, count)| weight(word, *count) * in_total(word)).sum();
        let others = (square - 2.0 * dot + own).max(0.0);
        let elsewhere: f64 = counts.keys().map(|word| df_of(word) - 1.0).sum();
        let behind = words.get(1..).unwrap_or_default();
        let in_first = counts.keys().filter(|word| first.contains(word.as_str())).count();
        let count =
            |holds: &dyn Fn(&str) -> bool, words: &[&str]| words.iter().filter(|word| holds(word)).count() as f64;
        let has_digit = |word: &str| word.bytes().any(|b| b.is_ascii_digit());
        let flag = |holds: bool| if holds { 1.0 } else { 0.0 };
        [
            share(i as f64, n.saturating_sub(1) as f64),
            1.0 / (1 + i) as f64,
            (words.len() as f64 / 30.0).min(1.0),
            flag(words.len() < 6),
            share(dot - own, (own * others).sqrt()),
            share(share(elsewhere, n.saturating_sub(1) as f64), counts.len() as f64),
            if i == 0 { 0.0 } else { share(in_first as f64, counts.len() as f64) },
            share(count(&has_digit, words), words.len() as f64),
            share(count(&|word| word.starts_with(char::is_uppercase), behind), behind.len() as f64),
            flag(points_back(sentence)),
            flag(begins_with_connective(sentence)),
            flag(sentence.trim_end_matches(['"', '\'', '”', '’', ')', ']', '»']).ends_with('?')),
            flag(sentence.contains(['"', '“', '”', '«', '»'])),
            flag(!ends_with_stop(sentence)),
        ]
    })
    .collect()
}

fn share(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::en::sentences;

    #[test]
    fn they_are_those_of_the_training_pipeline() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/golden/features.json")).unwrap();
        let names: Vec<&str> = golden["names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(names, NAMES);
        let tolerance = golden["tolerance"].as_f64().unwrap();
        let mut seen = [0; NAMES.len()];
        for case in golden["cases"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let parts: Vec<&str> = sentences(text).into_iter().map(|bytes| &text[bytes]).collect();
            let expected = case["features"].as_array().unwrap();
            let found = features(&parts);
            assert_eq!(found.len(), expected.len());
            for ((sentence, found), expected) in parts.iter().zip(found).zip(expected) {
                for (k, name) in NAMES.iter().enumerate() {
                    let expected = expected[k].as_f64().unwrap();
                    let close = (found[k] - expected).abs() <= tolerance;
                    assert!(close, "{name} of {sentence:?}: expected {expected}, found {}", found[k]);
                    seen[k] += usize::from(expected != 0.0);
                }
            }
        }
        assert!(seen.iter().all(|n| *n > 0), "each feature is there in some sentence: {seen:?}");
    }

    #[test]
    fn no_sentence_is_no_feature_and_one_is_finite() {
        assert!(features(&[]).is_empty());
        for sentence in ["", "The of.", "One bridge.", "?"] {
            assert!(features(&[sentence])[0].iter().all(|x| x.is_finite()));
        }
    }
}
