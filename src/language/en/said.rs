//! Whether two texts of nearly the same words say the same.
//!
//! Two sentences may share all words but one and say opposite things: `up 5 %` and `down 5 %`, `is safe` and `is not safe`, 12 and 13
//! dead, Paris and Rome, `dog bites man` and `man bites dog`. So texts are compared sentence by sentence: of those that only one of them
//! has, each is held against the one of the other that shares most of its words, its twin. Twins disagree
//!
//! - where their numbers differ, in figures or in words up to twelve;
//! - where the one has another count of negations (`lists/negations.txt`, `n't`);
//! - where a word of one stands against its opposite (`lists/opposites.txt`);
//! - where both have a name, a day or a month that the other has not;
//! - where the words that they share come in another order.
//!
//! Sentences without a twin are additions. The lists are English; numbers and order are looked at in every language.

use std::collections::BTreeSet;

use super::has;
use super::sentences::sentences;
use super::title::numbers;
use super::words::{content_word, is_function_word, joined_words, plain_word, words};
use crate::order;

const NEGATIONS: &str = include_str!("lists/negations.txt");
/// Two sides a line, parted by a bar.
const OPPOSITES: &str = include_str!("lists/opposites.txt");
/// Share of the words of both from which on two sentences are twins.
const TWIN: f64 = 0.5;
/// Share of the words of both that come in the same order in sentences that agree.
const IN_ORDER: f64 = 0.7;
/// Words that are put in order at most; of longer sentences the first.
const MOST: usize = 64;

/// What a text says, as it is compared.
#[derive(Clone, Debug, Default)]
pub struct Said {
    content: BTreeSet<String>,
    words: BTreeSet<String>,
    sentences: Vec<Sentence>,
}

#[derive(Clone, Debug, PartialEq)]
struct Sentence {
    /// Each word as it is compared, and whether it is written as a name.
    words: Vec<(String, bool)>,
    content: BTreeSet<String>,
    numbers: Vec<String>,
    negations: usize,
}

impl Said {
    /// Reads a text.
    pub fn new(text: &str) -> Said {
        let each = sentences(text).into_iter().filter_map(|bytes| text.get(bytes)).map(Sentence::new);
        let sentences: Vec<Sentence> = each.filter(|sentence| !sentence.words.is_empty()).collect();
        let content = order::set(sentences.iter().flat_map(|sentence| sentence.content.iter().cloned()));
        let words = sentences.iter().flat_map(|sentence| sentence.words.iter().map(|(word, _)| word.clone()));
        Said { content, words: order::set(words), sentences }
    }

    /// Share of the distinct words of both that both have, of the content words or of all, whichever is less; 1 for two texts without
    /// words. Questions may share all that they are about and ask for other things.
    pub fn overlap(&self, other: &Said) -> f64 {
        jaccard(&self.content, &other.content).min(jaccard(&self.words, &other.words))
    }

    /// Whether no sentence of this text disagrees with its twin in the other.
    pub fn agrees(&self, other: &Said) -> bool {
        let own = |of: &Said, in_other: &Said| -> Vec<Sentence> {
            of.sentences
                .iter()
                .filter(|sentence| !in_other.sentences.iter().any(|o| o.same(sentence)))
                .cloned()
                .collect()
        };
        // However it is cut into lines.
        let spoken = |of: &Said| -> Vec<String> {
            of.sentences.iter().flat_map(|s| &s.words).map(|(word, _)| word.clone()).collect()
        };
        if spoken(self) == spoken(other) {
            return true;
        }
        let (mine, theirs) = (own(self, other), own(other, self));
        mine.iter().all(|sentence| {
            let shared = theirs.iter().map(|twin| (jaccard(&sentence.content, &twin.content), twin));
            let twin = shared.reduce(|a, b| if b.0 > a.0 { b } else { a }).filter(|(share, _)| *share >= TWIN);
            twin.is_none_or(|(_, twin)| sentence.agrees(twin))
        })
    }
}

/// Whether a word is written as a name: a function word only within a sentence, where "in May" is no verb.
fn is_named(word: &str, first: bool) -> bool {
    let plain = plain_word(word);
    word.starts_with(char::is_uppercase) && plain != "i" && (!first || !is_function_word(&plain))
}

impl Sentence {
    fn new(text: &str) -> Sentence {
        let found = joined_words(text).into_iter().filter_map(|word| text.get(word)).filter(|word| is_word(word));
        let words: Vec<(String, bool)> =
            found.enumerate().map(|(i, word)| (plain_word(word), is_named(word, i == 0))).collect();
        let is_negation = |word: &str| has(NEGATIONS, word) || word.ends_with("n't");
        let mut numbers = numbers(text);
        order::sort(&mut numbers);
        Sentence {
            content: content(text),
            numbers,
            negations: words.iter().filter(|(word, _)| is_negation(word)).count(),
            words,
        }
    }

    fn same(&self, other: &Sentence) -> bool {
        self.words.iter().map(|(word, _)| word).eq(other.words.iter().map(|(word, _)| word))
    }

    fn agrees(&self, other: &Sentence) -> bool {
        if self.numbers != other.numbers || self.negations != other.negations {
            return false;
        }
        // How often counts: of a name that comes twice, one may have been changed.
        let count = |of: &Sentence, word: &str| of.words.iter().filter(|(other, _)| other == word).count();
        let only = |of: &Sentence, not: &Sentence| -> Vec<(String, bool)> {
            of.words.iter().filter(|(word, _)| count(of, word) > count(not, word)).cloned().collect()
        };
        let (mine, theirs) = (only(self, other), only(other, self));
        let named = |words: &[(String, bool)]| words.iter().any(|(_, name)| *name);
        // Where most words are written so, a capital makes no name.
        let titled = |s: &Sentence| 2 * s.words.iter().filter(|(_, name)| *name).count() > s.words.len();
        if named(&mine) && named(&theirs) && !(titled(self) && titled(other)) {
            return false;
        }
        let side =
            |words: &[(String, bool)], listed: &str| words.iter().any(|(word, _)| listed.split(' ').any(|l| l == word));
        let against = OPPOSITES
            .lines()
            .filter_map(|line| line.split_once('|'))
            .any(|(a, b)| side(&mine, a) && side(&theirs, b) || side(&mine, b) && side(&theirs, a));
        !against && self.in_order(other)
    }

    /// Whether the content words that two sentences share come in about the same order: by their longest common subsequence.
    fn in_order(&self, other: &Sentence) -> bool {
        let shared = |of: &Sentence, with: &Sentence| -> Vec<String> {
            let both = of.words.iter().map(|(word, _)| word);
            let both = both.filter(|word| !is_function_word(word) && with.words.iter().any(|(w, _)| w == *word));
            both.take(MOST).cloned().collect()
        };
        let (a, b) = (shared(self, other), shared(other, self));
        let mut row = vec![0usize; b.len() + 1];
        for word in &a {
            let mut before = 0;
            for (k, other) in b.iter().enumerate() {
                let above = row[k + 1];
                row[k + 1] = if word == other { before + 1 } else { above.max(row[k]) };
                before = above;
            }
        }
        row.last().copied().unwrap_or(0) as f64 >= IN_ORDER * a.len().min(b.len()) as f64
    }
}

/// Neither a mark alone nor what stands in for a bullet.
fn is_word(word: &str) -> bool {
    word.chars().any(char::is_alphanumeric)
}

/// The content words of a text and its numbers; all of its words where it has none of these.
fn content(text: &str) -> BTreeSet<String> {
    let all = || words(text).into_iter().filter_map(|word| text.get(word));
    let found = order::set(all().filter_map(content_word).chain(numbers(text)));
    if found.is_empty() { order::set(all().map(plain_word)) } else { found }
}

fn jaccard(a: &BTreeSet<String>, b: &BTreeSet<String>) -> f64 {
    let both = a.intersection(b).count();
    let either = a.len() + b.len() - both;
    if either == 0 { 1.0 } else { both as f64 / either as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(a: &str, b: &str) -> bool {
        let (a, b) = (Said::new(a), Said::new(b));
        assert_eq!(a.agrees(&b), b.agrees(&a), "{a:?} {b:?}");
        a.agrees(&b)
    }

    #[test]
    fn what_differs_in_a_fact_does_not_agree() {
        for (a, b) in [
            ("Shares were up 5 % on Monday.", "Shares were down 5 % on Monday."),
            ("Sales rose by 5 percent.", "Sales fell by 5 percent."),
            ("Sales rose by 5 percent.", "Sales rose by 6 percent."),
            ("Twelve people died in the fire.", "13 people died in the fire."),
            ("The bridge is safe for traffic.", "The bridge is not safe for traffic."),
            ("The bridge is safe for traffic.", "The bridge isn't safe for traffic."),
            ("The train to Paris leaves at noon.", "The train to Rome leaves at noon."),
            ("The meeting is on Monday in room B.", "The meeting is on Tuesday in room B."),
            ("The dog bit the man.", "The man bit the dog."),
            ("The court found him guilty of theft.", "The court found him innocent of theft."),
            ("Open the valve before the pump starts.", "Open the valve after the pump starts."),
            (
                "It opened in May. The city paid 4 million euros for it.",
                "It opened in May. The city paid 5 million euros for it.",
            ),
            ("Your order 4711 was sent.", "Your order 4712 was sent."),
            ("Anna Berg met the sister of Anna Berg here.", "Anna Berg met the sister of Anna Novak here."),
        ] {
            assert!(!agree(a, b), "{a} / {b}");
        }
    }

    #[test]
    fn what_is_only_said_otherwise_agrees() {
        for (a, b) in [
            ("Five people died in the fire.", "5 people died in the fire."),
            ("The council voted to close the old bridge.", "The council has voted to close the old bridge!"),
            ("\u{201c}The mill is closed,\u{201d} he said.", "\"The mill is closed\", he said"),
            ("The council voted on Tuesday to close the bridge.", "On Tuesday the council voted to close the bridge."),
            ("It opened in May.", "It opened in May. Nobody had expected 3,000 visitors on the first day."),
            ("The 1,000 seats are sold.", "The 1000 seats are sold."),
            ("", ""),
            ("\u{6771}\u{4eac}", "\u{6771}\u{4eac}\u{3002}"),
        ] {
            assert!(agree(a, b), "{a} / {b}");
        }
    }

    #[test]
    fn overlap_is_that_of_words() {
        let overlap = |a: &str, b: &str| Said::new(a).overlap(&Said::new(b));
        assert_eq!(overlap("The bridge is closed.", "The bridge is closed!"), 1.0);
        assert!(overlap("What are your rates?", "Where do you get those rates?") < 0.3);
        assert_eq!(overlap("The bridge is closed.", "The mill burned."), 0.0);
        assert!((overlap("bridge closed", "bridge open") - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(overlap("", "..."), 1.0);
    }
}
