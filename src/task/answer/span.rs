//! The part of a sentence that is of the kind that a question asks for.

use std::ops::Range;

use super::forms::matches;
use super::question::{PEOPLE, Question, Wanted};
use crate::case;
use crate::language::en::{Pattern, is_function_word, joined_words, patterns};

/// Words that may stand inside of a name.
const PARTICLES: [&str; 10] = ["of", "the", "de", "van", "von", "der", "la", "le", "du", "and"];
/// Words before a place.
const BEFORE_PLACES: [&str; 14] = [
    "in", "at", "near", "from", "to", "on", "between", "outside", "inside", "under", "above", "through", "into",
    "across",
];
/// What begins a reason, and how much it says that one follows.
const REASONS: [(&str, f64); 11] = [
    ("because of", 1.0),
    ("because", 1.0),
    ("due to", 1.0),
    ("owing to", 1.0),
    ("thanks to", 0.9),
    ("in order to", 0.9),
    ("so that", 0.9),
    ("since", 0.7),
    ("as a result of", 0.9),
    ("so as to", 0.9),
    ("to", 0.5),
];
/// One word of the sentence.
pub struct Word<'a> {
    pub at: Range<usize>,
    pub text: &'a str,
    pub lower: String,
    /// Whether the question has it.
    pub asked: bool,
}

/// The best part and how well it fits, 0 to 1.
pub fn find(question: &Question, sentence: &str) -> Option<(Range<usize>, f64)> {
    let words: Vec<Word<'_>> = joined_words(sentence)
        .into_iter()
        .filter_map(|at| {
            let text = sentence.get(at.clone())?;
            Some(Word { lower: case::lower(text), asked: question.has(text), at, text })
        })
        .collect();
    let s = Sentence { text: sentence, words, question };
    let candidates = match question.wanted {
        Wanted::Person => s.names(&|_| 0.0),
        Wanted::Name => s.names(&|_| 0.0).into_iter().chain(s.phrases(0.25)).collect(),
        Wanted::Place => s.places(),
        Wanted::Date => s.dates(),
        Wanted::Year => s.years(),
        Wanted::Count => s.counts(),
        Wanted::Measure => s.measures(),
        Wanted::Money => s.patterns(&[(Pattern::Money, 1.0), (Pattern::Number, 0.6)]),
        Wanted::Percent => s.percents(),
        Wanted::Reason => s.reasons(),
        Wanted::Definition => s.definition().into_iter().chain(s.apposition()).collect(),
        Wanted::Thing => s.phrases(0.0),
        Wanted::Sentence => Vec::new(),
    };
    let ranked = candidates.into_iter().map(|(at, fits)| {
        // Where a definition or a reason stands says nothing.
        let near = match question.wanted {
            Wanted::Definition | Wanted::Reason => 1.0,
            _ => s.nearness(&at),
        };
        (at, (fits * (0.55 + 0.45 * near)).min(1.0))
    });
    let (at, fits) = ranked.reduce(|a, b| if b.1 > a.1 { b } else { a })?;
    let number = matches!(question.wanted, Wanted::Money | Wanted::Measure | Wanted::Count | Wanted::Percent);
    Some((if number { s.with_least(at) } else { at }, fits))
}

/// Parts, each with how well it is of the kind wanted.
pub type Candidates = Vec<(Range<usize>, f64)>;

/// A sentence, taken apart.
pub struct Sentence<'a> {
    pub text: &'a str,
    pub words: Vec<Word<'a>>,
    pub question: &'a Question,
}

impl Sentence<'_> {
    /// A number with the one before it that it is the most of: `75,000 to 95,000 euros`, `between 5 and 8`.
    fn with_least(&self, at: Range<usize>) -> Range<usize> {
        let mut before = self.words.iter().rev().filter(|w| w.at.end <= at.start);
        let (to, least, between) = (before.next(), before.next(), before.next());
        let joined = to.is_some_and(|to| match to.lower.as_str() {
            "to" | "or" => true,
            "and" => between.is_some_and(|word| word.lower == "between"),
            _ => false,
        });
        let least = least.filter(|least| joined && least.text.starts_with(|c: char| c.is_ascii_digit()));
        let start = least.map(|least| least.at.start).filter(|start| {
            self.text
                .get(*start..at.start)
                .is_some_and(|text| !text.contains([',', ';', '(']) || text.split_whitespace().count() == 2)
        });
        start.unwrap_or(at.start)..at.end
    }

    /// Whether every word of these bytes is one of the question's; of numbers and dates there is nothing else to ask.
    pub fn repeats(&self, at: &Range<usize>) -> bool {
        self.all_inside(at, |word| word.asked || self.question.all.contains(&word.lower))
    }

    /// The same, or a function word.
    fn said(&self, at: &Range<usize>) -> bool {
        self.all_inside(at, |word| {
            word.asked || self.question.all.contains(&word.lower) || is_function_word(&word.lower)
        })
    }

    fn all_inside(&self, at: &Range<usize>, told: impl Fn(&Word<'_>) -> bool) -> bool {
        let mut inside = self.words.iter().filter(|w| w.at.start >= at.start && w.at.end <= at.end).peekable();
        inside.peek().is_some() && inside.all(told)
    }

    /// How close the nearest words of the question are, 0 to 1; what stands behind them counts a little more.
    fn nearness(&self, at: &Range<usize>) -> f64 {
        let first = self.words.iter().position(|w| w.at.end > at.start).unwrap_or(0);
        let last = self.words.iter().rposition(|w| w.at.start < at.end).unwrap_or(first);
        let distance = |k: usize| if k < first { (first - k) as f64 } else { 1.3 * k.saturating_sub(last) as f64 };
        let outside = self.words.iter().enumerate().filter(|(k, w)| w.asked && (*k < first || *k > last));
        let mut distances: Vec<f64> = outside.map(|(k, _)| distance(k)).collect();
        crate::order::sort_by(&mut distances, f64::total_cmp);
        let near: f64 = distances.iter().take(2).map(|d| 1.0 / (0.6 + 0.4 * d)).sum();
        near / 2.0
    }

    pub fn word_before(&self, at: usize) -> &str {
        let before = self.words.iter().rev().find(|w| w.at.end <= at);
        let close = before.filter(|w| self.text.get(w.at.end..at).is_some_and(|gap| gap.trim().is_empty()));
        close.map_or("", |w| w.lower.as_str())
    }

    fn second_before(&self, at: &Range<usize>) -> &str {
        let before = self.words.iter().rev().filter(|w| w.at.end <= at.start).nth(1);
        before.map_or("", |w| w.lower.as_str())
    }

    /// Runs of words with capitals. `more`: what a place in front of the run adds.
    fn names(&self, more: &dyn Fn(&str) -> f64) -> Candidates {
        let capital = |w: &Word<'_>| w.text.starts_with(char::is_uppercase) && !is_function_word(&w.lower);
        let joined = |a: &Word<'_>, b: &Word<'_>| {
            let gap = self.text.get(a.at.end..b.at.start).unwrap_or_default();
            gap == " " || gap == ". " && a.text.chars().count() <= 3
        };
        let dates: Vec<Range<usize>> =
            patterns(self.text).into_iter().filter(|(kind, _)| *kind == Pattern::Date).map(|(_, at)| at).collect();
        let (mut found, mut agents) = (Vec::new(), Vec::new());
        let mut k = 0;
        while k < self.words.len() {
            let first = &self.words[k];
            let mut last = k;
            if !capital(first) || dates.iter().any(|date| date.start < first.at.end && first.at.start < date.end) {
                k += 1;
                continue;
            }
            while let (Some(a), Some(b)) = (self.words.get(last), self.words.get(last + 1)) {
                let particle = PARTICLES[..9].contains(&b.lower.as_str());
                let behind =
                    self.words.get(last + 2).filter(|c| particle && capital(c) && joined(a, b) && joined(b, c));
                if capital(b) && joined(a, b) {
                    last += 1;
                } else if behind.is_some() {
                    last += 2;
                } else {
                    break;
                }
            }
            // "Director Helen Marsh", asked for the director: the name is behind it.
            let begin = (k..last).find(|k| !self.words[*k].asked).unwrap_or(last).max(k);
            let at = self.words[begin].at.start..self.words[last].at.end;
            k = last + 1;
            if self.said(&at) {
                continue;
            }
            let before = self.word_before(at.start).to_string();
            // The first word of a sentence has a capital in any case.
            let sure = if at.start == 0 && last == k - 1 && first.at.end == at.end { 0.75 } else { 0.9 };
            // "by the engineer Karl Aston"
            let earlier: Vec<&str> =
                self.words.iter().filter(|w| w.at.end <= at.start).map(|w| w.lower.as_str()).collect();
            let by = if earlier.iter().rev().take(4).any(|word| *word == "by") { 0.3 } else { 0.0 };
            let by = by - if before == "of" { 0.25 } else { 0.0 };
            // "The comet Ardan", asked who found the comet: that is the comet's name.
            let thing = self.question.wanted == Wanted::Person
                && !PEOPLE.contains(&before.as_str())
                && self
                    .words
                    .iter()
                    .any(|w| w.asked && w.at.end < at.start && w.at.end + 2 > at.start && w.lower == before);
            let by = by - if thing { 0.3 } else { 0.0 };
            let place = if BEFORE_PLACES.contains(&before.as_str()) && before != "to" && before != "from" {
                -0.25
            } else {
                0.0
            };
            let fits = if self.question.wanted == Wanted::Place { sure } else { sure + by + place };
            found.push((at, fits + more(&before)));
            agents.push(by > 0.0);
        }
        // "was built in 1905 by Karl Aston": who else is named did not do it.
        if agents.contains(&true) {
            for ((_, fits), _) in found.iter_mut().zip(&agents).filter(|(_, agent)| !**agent) {
                *fits -= 0.3;
            }
        }
        found
    }

    fn places(&self) -> Candidates {
        let mut found =
            self.names(&|before| if BEFORE_PLACES.contains(&before) || before == "of" { 0.1 } else { -0.35 });
        // "in the old harbour": a place without a name.
        for (k, word) in self.words.iter().enumerate() {
            if !BEFORE_PLACES[..12].contains(&word.lower.as_str()) {
                continue;
            }
            if let Some(at) = self.phrase_from(k + 1).filter(|at| !self.said(at) && !self.is_date(at)) {
                found.push((at, 0.6));
            }
        }
        found
    }

    fn is_date(&self, at: &Range<usize>) -> bool {
        patterns(self.text).iter().any(|(_, found)| found.start < at.end && at.start < found.end)
    }

    /// From a word on: its article, and the words up to a function word or punctuation.
    pub fn phrase_from(&self, from: usize) -> Option<Range<usize>> {
        let first = self.words.get(from)?;
        let mut k = from;
        if matches!(first.lower.as_str(), "the" | "a" | "an" | "its" | "his" | "her" | "their") {
            k += 1;
        }
        let mut end = None;
        while let Some(word) = self.words.get(k) {
            let gap = self.text.get(end.unwrap_or(word.at.start)..word.at.start).unwrap_or_default();
            if is_function_word(&word.lower) || !gap.trim().is_empty() {
                break;
            }
            end = Some(word.at.end);
            k += 1;
        }
        end.map(|end| first.at.start..end)
    }

    fn reasons(&self) -> Candidates {
        let lower = case::lower(self.text);
        if lower.len() != self.text.len() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (words, fits) in REASONS {
            for (at, _) in lower.match_indices(words) {
                let boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
                let whole =
                    boundary(lower[..at].chars().next_back()) && boundary(lower[at + words.len()..].chars().next());
                let rest = &self.text[at + words.len()..];
                // "to" before a verb or not: a verb's place is not after an article, a name or a number.
                let next = rest.trim_start().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                let verb = words != "to" || next.starts_with(char::is_lowercase) && !is_function_word(next);
                if whole && verb && at > 0 {
                    let end = self.text.trim_end_matches(['.', '!', '?', ' ']).len();
                    let stop = rest.find([';', '(']).map_or(end, |stop| (at + words.len() + stop).min(end));
                    let start =
                        if words == "to" { at } else { at + words.len() + rest.len() - rest.trim_start().len() };
                    if start < stop {
                        found.push((start..self.text[..stop].trim_end().len(), fits));
                    }
                }
            }
        }
        found
    }

    /// "Cowpox, a mild disease of cattle,": what stands behind the thing asked for, between commas.
    fn apposition(&self) -> Option<(Range<usize>, f64)> {
        let k = self
            .words
            .iter()
            .position(|w| w.asked && self.text.get(w.at.end..).is_some_and(|rest| rest.starts_with(", ")))?;
        let article = self.words.get(k + 1).filter(|w| matches!(w.lower.as_str(), "a" | "an" | "the"))?;
        let rest = self.text.get(article.at.start..)?;
        let end = rest.find([',', ';', '.', ')'])?;
        Some((article.at.start..article.at.start + end, 0.95))
    }

    /// What stands behind "X is": up to the end of the clause.
    fn definition(&self) -> Option<(Range<usize>, f64)> {
        let k = self.words.iter().position(|w| matches!(w.lower.as_str(), "is" | "are" | "was" | "were" | "means"))?;
        let before = self.words.get(..k)?;
        if !before.iter().any(|w| w.asked)
            || before.iter().filter(|w| !w.asked && !is_function_word(&w.lower)).count() > 2
        {
            return None;
        }
        let start = self.words.get(k + 1)?.at.start;
        let rest = self.text.get(start..)?;
        let end = rest.find([';', ':', '.', '(']).unwrap_or(rest.len());
        let end =
            rest[..end].find(", which").or_else(|| rest[..end].find(" that ")).filter(|at| *at > 12).unwrap_or(end);
        let article = matches!(self.words.get(k + 1)?.lower.as_str(), "a" | "an" | "the" | "one");
        Some((start..start + rest[..end].trim_end().len(), if article { 1.0 } else { 0.7 }))
    }

    /// Where the list ends whose first item ends here: "berries, roots and fish", "the nectar of flowers". The same place where none goes on.
    fn list_end(&self, end: usize) -> usize {
        let mut at = end;
        loop {
            let Some(k) = self.words.iter().position(|w| w.at.start >= at) else { return end };
            let gap = self.text.get(at..self.words[k].at.start).unwrap_or_default().trim();
            let last = matches!(self.words[k].lower.as_str(), "and" | "or");
            let of = self.words[k].lower == "of";
            let item = match (gap, last) {
                ("", false) if of => self.phrase_from(k + 1),
                ("" | ",", true) => self.phrase_from(k + 1),
                (",", false) => self.phrase_from(k),
                _ => None,
            };
            match item {
                Some(item) if last || of => return item.end,
                Some(item) => at = item.end,
                None => return end,
            }
        }
    }

    /// Phrases of words that are not function words, nor the question's. `less`: what is taken off how they fit.
    fn phrases(&self, less: f64) -> Candidates {
        let mut found = Vec::new();
        let mut k = 0;
        while k < self.words.len() {
            let Some(at) = self.phrase_from(k) else {
                k += 1;
                continue;
            };
            let inside: Vec<&Word<'_>> = self.words[k..].iter().take_while(|w| w.at.start < at.end).collect();
            let n = inside.len();
            // What the question says already is cut off at both ends: "closed the harbour bridge" leaves nothing.
            let open = |w: &&&Word<'_>| !w.asked && !is_function_word(&w.lower);
            let first = inside.iter().position(|w| open(&w));
            let last = inside.iter().rposition(|w| open(&w));
            if let (Some(first), Some(last)) = (first, last) {
                let part = &inside[first..=last];
                let noun = self
                    .question
                    .noun
                    .as_deref()
                    .is_some_and(|noun| part.iter().chain(inside.get(last + 1)).any(|w| matches(&w.lower, noun)));
                let verb_like = part.len() == 1 && part[0].lower.ends_with("ed")
                    || part[0].lower.ends_with("ing") && part.len() == 1;
                let article = first == 1 && is_function_word(&inside[0].lower);
                let before = self.word_before(if first == 0 || article { at.start } else { part[0].at.start });
                let verb = self.question.verb();
                // "eats mostly berries"
                let behind = if before.ends_with("ly") { self.second_before(&part[0].at) } else { before };
                let object = verb.is_some_and(|verb| matches(verb, behind));
                let asked_for = object || self.question.last_preposition().is_some_and(|last| last == before);
                let called = matches!(before, "called" | "named") && self.question.wanted == Wanted::Name;
                let fits = 0.75 + if noun { 0.25 } else { 0.0 } - if verb_like { 0.3 } else { 0.0 } - less;
                let fits = fits + if asked_for { 0.4 } else { 0.0 } + if called { 0.6 } else { 0.0 };
                let elsewhere = verb.is_some() || self.question.last_preposition().is_some();
                let fits = fits - if elsewhere && !asked_for { 0.25 } else { 0.0 };
                let start = if first <= 1 && is_function_word(&inside[0].lower) && first > 0 {
                    inside[0].at.start
                } else {
                    part[0].at.start
                };
                let end = part[part.len() - 1].at.end;
                // "What colour": the colour stands before the noun or alone; the noun itself is no answer.
                found.push((start..if asked_for { self.list_end(end) } else { end }, fits));
            }
            k += n.max(1);
        }
        found.retain(|(at, _)| !self.said(at));
        found
    }
}
