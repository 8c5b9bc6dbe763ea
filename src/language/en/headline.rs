//! A headline out of a sentence: what to leave out.
//!
//! Each word has a chance of standing in a headline, by a logistic model of what is counted about it ([`NAMES`]) and of some
//! single words. Of the ways to shorten the sentence that keep its grammar, the one with the best expected F1 against a
//! headline of the usual length is taken. What may go:
//!
//! - a dateline: up to six words and a dash, if five words follow;
//! - time phrases (on Tuesday, yesterday, on May 12), and what [`shortened`] takes away;
//! - an adverbial before the first comma, if what follows it has a verb, and it does not say where that holds (if, until, in mice);
//! - a relative clause or an apposition between commas before the verb;
//! - after the verb, prepositional units without a verb, and everything from some unit on, but nothing that a negation stands
//!   before, and no clause that says which (`refunds for periods that have begun`);
//! - articles, `has` before a participle, `was` and the like before a participle, as headlines do, but not in a clause (`a man who
//!   was arrested`).
//!
//! A unit begins behind a comma, and with a preposition or a conjunction, but with none that turns the meaning around
//! (without, against, if, unless): what that belongs to never stays without it. A verb is what the word lists and the ending
//! `ed` say. No more is known of grammar, so some headlines limp. `tests/golden/headline.json` holds cases.

use std::collections::{BTreeMap, BTreeSet};

use super::has;
use super::headline_units::{AUXILIARIES, Unit, Units, Word, is_dash, may_end_word, without_times};
use super::shorten::{capitalised, shortened};
use super::words::{content_word, words};
use crate::order;

/// What is counted about a word.
pub const NAMES: [&str; 12] = [
    "function",
    "capital",
    "digit",
    "position",
    "log_count",
    "count_share",
    "once",
    "chars",
    "log_length",
    "capital_log_count",
    "function_position",
    "start",
];
/// Words of a usual headline.
const USUAL: f64 = 8.5;
const MOST: usize = 16;
const LEAST: usize = 5;
/// Words of a dateline, at most.
const DATELINE: usize = 6;
/// What a word too many or too few costs.
const OVER: f64 = 0.02;
const UNDER: f64 = 0.05;

const ARTICLES: &str = include_str!("lists/articles.txt");
const NEEDS_ARTICLE: &str = include_str!("lists/needs_article.txt");
const HAVING: &str = include_str!("lists/having.txt");
const BEING: &str = include_str!("lists/being.txt");
/// Pronouns and conjunctions before the verb of a clause.
const CLAUSE_SUBJECTS: &str = include_str!("lists/clause_subjects.txt");

/// Which words of a sentence belong into a headline: the weights of a logistic model.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadlineWords {
    /// What every word begins with.
    pub bias: f64,
    /// One weight for each of [`NAMES`].
    pub weights: [f64; NAMES.len()],
    /// What single words, in lower case, get beside that.
    pub words: BTreeMap<String, f64>,
}

impl HeadlineWords {
    /// The headline made of one of the sentences of a text.
    pub fn cut(&self, sentences: &[&str], chosen: usize) -> String {
        let sentence = sentences.get(chosen).copied().unwrap_or_default();
        let words = candidates(sentence);
        let headline = if words.is_empty() { String::new() } else { self.headline(&words, sentences, chosen) };
        if headline.is_empty() { sentence.to_string() } else { headline }
    }

    fn headline(&self, words: &[Word], sentences: &[&str], chosen: usize) -> String {
        let light = light(words);
        let units = Units::new(words);
        if !units.has_verb {
            let mut left: Vec<&Word> =
                words.iter().zip(&light).filter(|(_, light)| !**light).map(|(word, _)| word).take(MOST).collect();
            while left.len() > 1 && left.last().is_some_and(|word| !may_end_word(&word.low)) {
                left.pop();
            }
            return shown(left);
        }
        let chances = self.chances(words, sentences, chosen);
        let value = |unit: &Unit| {
            let kept = || unit.words.clone().filter(|k| light.get(*k) == Some(&false));
            let sum: f64 = kept().filter_map(|k| chances.get(k)).sum();
            (sum, kept().count() as f64)
        };
        let all: Vec<(f64, f64)> = units.units.iter().map(value).collect();
        let total = |members: &[usize]| {
            let of = members.iter().filter_map(|j| all.get(*j));
            of.fold((0.0, 0.0), |sum, value| (sum.0 + value.0, sum.1 + value.1))
        };

        let last = (units.first..units.units.len()).rev().find(|j| units.stays(*j)).unwrap_or(units.first);
        let mut best: (f64, Vec<usize>) = (f64::NEG_INFINITY, (units.first..units.units.len()).collect());
        for end in (last..units.units.len()).filter(|end| units.may_end(words, *end)) {
            let mut fixed = Vec::new();
            let mut free: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for j in units.first..=end {
                match units.group(j) {
                    Some(group) if !units.restricts(j) && (j < last || j < end && units.goes_alone(j)) => {
                        free.entry(group).or_default().push(j)
                    }
                    _ => fixed.push(j),
                }
            }
            // The share of the best F1 that a word must bring: each round brings it nearer (Dinkelbach's method).
            let (mut worth, mut kept, mut n) = (0.2, Vec::new(), 0.0);
            for _ in 0..6 {
                kept.clone_from(&fixed);
                let wanted = free.values().filter(|members| {
                    let (sum, count) = total(members);
                    sum > worth * count
                });
                kept.extend(wanted.flatten());
                let (sum, count) = total(&kept);
                (worth, n) = (sum / (count + USUAL), count);
            }
            let score = 2.0 * worth - OVER * (n - MOST as f64).max(0.0) - UNDER * (LEAST as f64 - n).max(0.0);
            if score > best.0 {
                order::sort(&mut kept);
                best = (score, kept);
            }
        }
        let kept = best.1.iter().filter_map(|j| units.units.get(*j)).flat_map(|unit| unit.words.clone());
        shown(kept.filter(|k| light.get(*k) == Some(&false)).filter_map(|k| words.get(k)).collect())
    }

    /// The chance of each word to stand in the headline.
    fn chances(&self, of: &[Word], sentences: &[&str], chosen: usize) -> Vec<f64> {
        let each = of.iter().zip(values(of, sentences, chosen)).map(|(word, values)| {
            let sum: f64 = values.iter().zip(&self.weights).map(|(x, weight)| x * weight).sum();
            let z = self.bias + sum + self.words.get(&word.low).copied().unwrap_or(0.0);
            1.0 / (1.0 + (-z).exp())
        });
        each.collect()
    }
}

/// The words of a sentence that a headline may have: without its dateline, times, and what [`shortened`] takes away.
pub fn candidates(sentence: &str) -> Vec<Word> {
    let text = shortened(sentence);
    let mut pieces: Vec<&str> = text.split_whitespace().collect();
    // A dateline: `GAZA - The army ...`.
    let dash = pieces.iter().take(DATELINE + 1).position(|piece| is_dash(piece));
    if let Some(dash) = dash.filter(|dash| pieces.len() > dash + LEAST) {
        pieces.drain(..=dash);
    }
    without_times(pieces).into_iter().map(Word::new).collect()
}

/// What is counted about each of the [`candidates`] of sentence `chosen` of a text: one value for each of [`NAMES`].
pub fn values(of: &[Word], sentences: &[&str], chosen: usize) -> Vec<[f64; NAMES.len()]> {
    let content = |text: &str| -> BTreeSet<String> {
        order::set(words(text).into_iter().filter_map(|word| content_word(text.get(word)?)))
    };
    let mut counts: BTreeMap<String, f64> = BTreeMap::new();
    for (i, sentence) in sentences.iter().enumerate() {
        if i != chosen {
            content(sentence).into_iter().for_each(|word| *counts.entry(word).or_insert(0.0) += 1.0);
        }
    }
    let others = sentences.len().saturating_sub(1).max(1) as f64;
    let flag = |holds: bool| if holds { 1.0 } else { 0.0 };
    let last = of.len().saturating_sub(1).max(1) as f64;
    let each = of.iter().enumerate().map(|(k, word)| {
        let own = content(&word.core);
        let count = own.iter().filter_map(|word| counts.get(word)).copied().fold(0.0, f64::max);
        let function = flag(own.is_empty());
        let capital = flag(k > 0 && word.core.starts_with(char::is_uppercase));
        let position = k as f64 / last;
        [
            function,
            capital,
            flag(word.core.starts_with(|c: char| c.is_ascii_digit())),
            position,
            count.ln_1p(),
            count / others,
            flag(count == 0.0),
            word.core.chars().count().min(10) as f64 / 10.0,
            (of.len().max(5) as f64 / 20.0).ln(),
            capital * count.ln_1p(),
            function * position,
            flag(k == 0),
        ]
    });
    each.collect()
}

/// Which words headlines leave out: articles, `has` and `been` before a participle, forms of `be` before one. The `have` of
/// `to have killed` and `may have killed` stays.
fn light(words: &[Word]) -> Vec<bool> {
    let low = |k: Option<usize>| k.and_then(|k| words.get(k)).map_or("", |word| word.low.as_str());
    let mut out: Vec<bool> = Vec::with_capacity(words.len());
    for (k, word) in words.iter().enumerate() {
        let (before, next, after) = (low(k.checked_sub(1)), low(Some(k + 1)), low(Some(k + 2)));
        let participle = |word: &str| Word::is_past_participle(word) || Word::is_participle_only(word);
        let passive = participle(next) && !word.comma;
        // "The man who was arrested" is not the man who arrested, and "while it is repaired" not while it repaired.
        let clause = has(CLAUSE_SUBJECTS, before);
        // With a mark before it a word begins what is said, or what is in brackets.
        let light =
            has(ARTICLES, &word.low) && !has(NEEDS_ARTICLE, next) && word.text.starts_with(char::is_alphanumeric)
                || has(HAVING, &word.low)
                    && !(clause && next == "been")
                    && k > 0
                    && !word.comma
                    && before != "to"
                    && !has(AUXILIARIES, before)
                    && (Word::is_past_participle(next) || next == "been" && participle(after))
                || word.low == "been" && out.last() == Some(&true) && has(HAVING, before) && passive
                || has(BEING, &word.low) && k > 0 && !clause && passive;
        out.push(light);
    }
    out
}

/// The headline of the words that are left: without marks at its end or alone, with a capital.
fn shown(words: Vec<&Word>) -> String {
    let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    let mut text = text.trim_end_matches([' ', ',', ';', ':', '.', '–', '—', '-']).to_string();
    if text.matches('"').count() % 2 == 1 {
        text = text.replace('"', "");
    }
    for (opening, closing) in [('“', '”'), ('(', ')'), ('[', ']')] {
        if text.matches(opening).count() != text.matches(closing).count() {
            text = text.replace([opening, closing], "");
        }
    }
    capitalised(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::en::sentences;

    #[test]
    fn headlines_are_those_of_the_training_pipeline() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/golden/headline.json")).unwrap();
        let weights = &golden["weights"];
        let number = |value: &serde_json::Value| value.as_f64().unwrap();
        let listed = weights["words"].as_object().unwrap().iter().map(|(word, w)| (word.clone(), number(w)));
        let model = HeadlineWords {
            bias: number(&weights["bias"]),
            weights: NAMES.map(|name| number(&weights[name])),
            words: listed.collect(),
        };
        let cases = golden["cases"].as_array().unwrap();
        assert!(cases.len() > 10);
        for case in cases {
            let text = case["text"].as_str().unwrap();
            let parts: Vec<&str> = sentences(text).into_iter().map(|bytes| &text[bytes]).collect();
            assert_eq!(model.cut(&parts, 0), case["headline"].as_str().unwrap(), "of {text:?}");
        }
    }

    /// Whatever its words are worth.
    #[test]
    fn what_turns_the_meaning_stays() {
        for (sentence, kept) in [
            ("Police said that a man who was arrested in Leeds was released.", "who was arrested"),
            (
                "If the river rises above 6 metres, the town of Eder must be evacuated.",
                "If river rises above 6 metres, town of Eder must be evacuated",
            ),
            ("The council voted to keep the old bridge open while it is repaired.", "voted"),
            (
                "We do not offer refunds for periods that have begun.",
                "We do not offer refunds for periods that have begun",
            ),
            (
                "Police did not find any weapons in the house of the mayor.",
                "did not find any weapons in house of mayor",
            ),
            ("In mice, the new drug cured cancer of the skin.", "In mice"),
            ("Until 1990, women could not vote in the canton.", "Until 1990"),
            ("\"The vaccine is dangerous,\" the leaflet claimed on Monday.", "\"The vaccine is dangerous,\""),
            ("The driver crashed into a wall and was arrested.", "crashed"),
            (
                "The company could be fined 5 % of its income, if it does not comply with the rules.",
                "if it does not comply with rules",
            ),
            ("The minister said that three bombs exploded in trains in the city.", "that three bombs"),
            ("The general claimed that he is now in control of the island.", "in control"),
        ] {
            for bias in [-10.0, 0.0, 10.0] {
                let model = HeadlineWords { bias, weights: [0.0; NAMES.len()], words: BTreeMap::new() };
                let headline = model.cut(&[sentence, "Another one."], 0);
                assert!(headline.contains(kept), "{headline}");
                assert!(!headline.contains("it repaired") && !headline.contains("and arrested"), "{headline}");
            }
        }
        // What only tells more may go.
        let model = HeadlineWords { bias: -10.0, weights: [0.0; NAMES.len()], words: BTreeMap::new() };
        let shortest = model.cut(&["In Paris, the minister opened the new bridge over the river.", "Another one."], 0);
        assert!(shortest.starts_with("Minister opened new bridge"), "{shortest}");
    }

    #[test]
    fn any_text_gives_some_headline() {
        let model = HeadlineWords { bias: 0.0, weights: [1.0; NAMES.len()], words: BTreeMap::new() };
        for text in ["", ",", "the", "on Monday", "( [ “ \"", "said said said", ", , said , of", "是 的 。"] {
            let headline = model.cut(&[text, "Another one."], 0);
            assert!(headline.len() <= text.len(), "{text:?}: {headline:?}");
            assert_eq!(headline.is_empty(), text.is_empty());
        }
        assert_eq!(model.cut(&[], 0), "");
    }
}
