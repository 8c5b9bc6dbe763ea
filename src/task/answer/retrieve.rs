//! The sentences that share most with a question, and the best answer in them.

use std::ops::Range;

use super::forms::matches;
use super::premise::{self, Split};
use super::question::Question;
use super::span;
use crate::language::en::shorten::points_back;

/// How many of the best sentences are looked at for a part that answers.
const SENTENCES: usize = 3;
/// BM25: how fast a repeated word stops to count, and how much long sentences lose.
const K1: f64 = 1.2;
const B: f64 = 0.4;
/// What a sentence that points back gets of the one before it.
const CONTEXT: f64 = 0.5;

/// An answer in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub bytes: Range<usize>,
    pub sentence: Range<usize>,
    pub score: f32,
}

/// The best answer that the text has, however bad.
pub fn find(asked: &str, text: &str, sentences: &[Range<usize>]) -> Option<Found> {
    let question = Question::new(asked);
    let words = premise::split(text, sentences);
    let shared = shared(&question, text, sentences, &words);
    let mut order: Vec<usize> = (0..sentences.len()).collect();
    crate::order::sort_by(&mut order, |a, b| shared[*b].rank.total_cmp(&shared[*a].rank).then(a.cmp(b)));
    let best = shared.get(*order.first()?)?.rank;
    let mut found: Option<(f64, Found)> = None;
    for i in order.into_iter().take(SENTENCES).filter(|i| shared[*i].rank > 0.0) {
        let sentence = sentences[i].clone();
        // A question answers none.
        if is_question(text, &sentence) {
            continue;
        }
        let part = span::find(&question, text.get(sentence.clone()).unwrap_or_default());
        let (bytes, fits) = match part {
            Some((part, fits)) => (sentence.start + part.start..sentence.start + part.end, fits),
            None => (sentence.clone(), question.whole_sentence()),
        };
        let granted = premise::granted(&question, asked, text, &words, i, &bytes);
        let relative = shared[i].rank / best;
        let score = (granted * shared[i].coverage * (0.25 + 0.75 * fits)).min(1.0) as f32;
        let order = relative * (0.35 + 0.65 * fits);
        if found.as_ref().is_none_or(|(most, _)| order > *most) {
            found = Some((order, Found { bytes, sentence, score }));
        }
    }
    found.map(|(_, found)| found)
}

fn is_question(text: &str, sentence: &Range<usize>) -> bool {
    text.get(sentence.clone()).is_some_and(|sentence| sentence.trim_end_matches(['"', '”', '’', ')']).ends_with('?'))
}

/// What a sentence has of the question.
#[derive(Clone, Copy, Debug, Default)]
struct Shared {
    /// BM25.
    rank: f64,
    /// Share of the question's words that are there, each weighed by its rarity in the text: 0 to 1.
    coverage: f64,
}

fn shared(question: &Question, text: &str, sentences: &[Range<usize>], split: &Split) -> Vec<Shared> {
    let n = sentences.len() as f64;
    let mean = split.iter().map(Vec::len).sum::<usize>() as f64 / n.max(1.0);
    // How often each word of the question stands in each sentence.
    let counts: Vec<Vec<f64>> = split
        .iter()
        .map(|words| {
            let count = |asked: &String| words.iter().filter(|(_, word)| matches(word, asked)).count() as f64;
            question.words.iter().map(count).collect()
        })
        .collect();
    let idf: Vec<f64> = (0..question.words.len())
        .map(|k| {
            let df = counts.iter().filter(|row| row[k] > 0.0).count() as f64;
            (1.0 + (n - df + 0.5) / (df + 0.5)).ln()
        })
        .collect();
    let total: f64 = idf.iter().sum();
    let own: Vec<Shared> = counts
        .iter()
        .zip(split)
        .map(|(row, words)| {
            let length = 1.0 - B + B * words.len() as f64 / mean.max(1.0);
            let rank: f64 = row.iter().zip(&idf).map(|(tf, idf)| idf * tf * (K1 + 1.0) / (tf + K1 * length)).sum();
            let hinted = question.hint.as_ref().is_some_and(|hint| words.iter().any(|(_, word)| word == hint));
            let rank: f64 = rank + if hinted { n.ln_1p() } else { 0.0 };
            let there: f64 = row.iter().zip(&idf).filter(|(tf, _)| **tf > 0.0).map(|(_, idf)| idf).sum();
            Shared { rank, coverage: if total > 0.0 { there / total } else { 0.0 } }
        })
        .collect();
    let with_context = |i: usize| {
        let sentence = text.get(sentences[i].clone()).unwrap_or_default();
        let Some(at) = i.checked_sub(1) else { return own[i] };
        // What follows a question is about what it asks.
        let asked = sentences.get(at).is_some_and(|before| is_question(text, before));
        if !asked && !points_back(sentence) {
            return own[i];
        }
        let share = if asked { 1.0 } else { CONTEXT };
        let (row, before) = (&counts[at], own[at]);
        let more: f64 = row
            .iter()
            .zip(&counts[i])
            .zip(&idf)
            .filter(|((b, own), _)| **b > 0.0 && **own == 0.0)
            .map(|(_, idf)| idf)
            .sum();
        let rank = own[i].rank + share * before.rank;
        Shared { rank, coverage: (own[i].coverage + share * more / total.max(f64::MIN_POSITIVE)).min(1.0) }
    };
    (0..sentences.len()).map(with_context).collect()
}
