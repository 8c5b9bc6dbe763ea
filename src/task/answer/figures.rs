//! Numbers, dates and sums that a question asks for.

use super::question::matches;
use super::span::{Candidates, Sentence, Word};
use crate::language::en::{Pattern, patterns};

/// Units after a number.
const UNITS: [&str; 50] = [
    "metre",
    "metres",
    "meter",
    "meters",
    "kilometre",
    "kilometres",
    "kilometer",
    "kilometers",
    "km",
    "m",
    "cm",
    "mm",
    "mile",
    "miles",
    "foot",
    "feet",
    "inch",
    "inches",
    "year",
    "years",
    "month",
    "months",
    "week",
    "weeks",
    "day",
    "days",
    "hour",
    "hours",
    "minute",
    "minutes",
    "second",
    "seconds",
    "kilogram",
    "kilograms",
    "kg",
    "g",
    "gram",
    "grams",
    "ton",
    "tons",
    "tonne",
    "tonnes",
    "litre",
    "litres",
    "liters",
    "degrees",
    "times",
    "acres",
    "hectares",
    "watts",
];

impl Sentence<'_> {
    pub fn patterns(&self, kinds: &[(Pattern, f64)]) -> Candidates {
        let weight = |kind: Pattern| kinds.iter().find(|(known, _)| *known == kind).map(|(_, weight)| *weight);
        let found = patterns(self.text).into_iter().filter_map(|(kind, at)| Some((at, weight(kind)?)));
        found.filter(|(at, _)| !self.repeats(at)).collect()
    }

    /// Years, also those inside of dates.
    pub fn years(&self) -> Candidates {
        let four = |text: &str| text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
        let years = self.words.iter().filter(|w| four(w.text) && !w.asked);
        let mut found: Candidates = years.map(|w| (w.at.clone(), 1.0)).collect();
        if found.is_empty() {
            found = self.patterns(&[(Pattern::Date, 0.6)]);
        }
        found
    }

    /// The number before what is counted.
    pub fn counts(&self) -> Candidates {
        let mut found = self.patterns(&[(Pattern::Number, 0.55), (Pattern::Date, 0.2), (Pattern::Money, 0.2)]);
        for (at, fits) in &mut found {
            let behind = self.words.iter().filter(|w| w.at.start >= at.end).take(3);
            let counted = self.question.noun.as_ref();
            if behind.into_iter().any(|w| counted.is_some_and(|noun| matches(&w.lower, noun))) {
                *fits = 1.0;
            }
        }
        // "one of them": the scanner leaves it out, but here a number is wanted.
        found
    }

    /// A number with its unit.
    pub fn measures(&self) -> Candidates {
        let mut found = self.patterns(&[
            (Pattern::Number, 0.35),
            (Pattern::Money, 0.4),
            (Pattern::Time, 0.3),
            (Pattern::Date, 0.2),
        ]);
        for (at, fits) in &mut found {
            let next = self.words.iter().find(|w| w.at.start >= at.end);
            let unit = next.filter(|w| UNITS.contains(&w.lower.as_str()));
            let close = |w: &&Word<'_>| {
                self.text
                    .get(at.end..w.at.start)
                    .is_some_and(|gap| gap.chars().all(|c| matches!(c, ' ' | '-' | '\u{a0}')))
            };
            if let Some(unit) = unit.filter(close) {
                at.end = unit.at.end;
                *fits = 1.0;
            }
        }
        found
    }

    pub fn percents(&self) -> Candidates {
        let mut found = self.patterns(&[(Pattern::Number, 0.4)]);
        for (at, fits) in &mut found {
            if self
                .text
                .get(at.clone())
                .is_some_and(|text| text.ends_with('%') || text.to_lowercase().ends_with("cent"))
            {
                *fits = 1.0;
            }
        }
        found
    }
}
