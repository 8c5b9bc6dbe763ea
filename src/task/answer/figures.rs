//! Numbers, dates and sums that a question asks for.

use std::ops::Range;

use super::forms::matches;
use super::span::{Candidates, Sentence, Word};
use crate::case;
use crate::language::en::{Pattern, patterns};

/// Units after a number.
const UNITS: [&str; 55] = [
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
    "s",
    "ms",
    "min",
    "gb",
    "mb",
];

const DAYS: [&str; 9] =
    ["mondays", "tuesdays", "wednesdays", "thursdays", "fridays", "saturdays", "sundays", "weekends", "weekdays"];
/// Words for a part of time, behind "in the", "on the second".
const SPANS: [&str; 14] = [
    "morning",
    "afternoon",
    "evening",
    "night",
    "noon",
    "midnight",
    "spring",
    "summer",
    "autumn",
    "winter",
    "weekend",
    "day",
    "week",
    "year",
];

/// What the unit of an answer to "how long", "what height" and the like may measure.
fn of_a_kind(hint: &str, unit: &str) -> bool {
    let unit = unit.trim_end_matches('s');
    let length = matches!(
        unit,
        "metre" | "meter" | "kilometre" | "kilometer" | "km" | "m" | "cm" | "mm" | "mile" | "foot" | "feet" | "inch"
    );
    let time = matches!(unit, "year" | "month" | "week" | "day" | "hour" | "minute" | "second");
    match hint {
        "long" | "far" | "length" => length || time,
        "tall" | "high" | "deep" | "wide" | "thick" | "height" | "depth" | "width" | "distance" => length,
        "old" | "age" | "often" | "quickly" => time || unit == "time",
        "hot" | "cold" | "warm" | "temperature" => unit == "degree",
        "heavy" | "weight" => {
            matches!(unit, "kilogram" | "kg" | "g" | "gram" | "ton" | "tonne" | "pound" | "stone")
        }
        // "How much": no length of time.
        "much" => !time,
        _ => true,
    }
}

/// Of these a sentence says that they are asked for: "is 41 metres high".
const SAID: [&str; 9] = ["tall", "high", "deep", "wide", "thick", "height", "depth", "width", "old"];

impl Sentence<'_> {
    pub fn patterns(&self, kinds: &[(Pattern, f64)]) -> Candidates {
        let weight = |kind: Pattern| kinds.iter().find(|(known, _)| *known == kind).map(|(_, weight)| *weight);
        let found = patterns(self.text).into_iter().filter_map(|(kind, at)| Some((at, weight(kind)?)));
        found.filter(|(at, _)| !self.repeats(at)).collect()
    }

    /// Dates and times, and what stands for one: "on the second day", "on Mondays".
    pub fn dates(&self) -> Candidates {
        let mut found = self.patterns(&[(Pattern::Date, 1.0), (Pattern::Time, 0.9)]);
        let after = |k: usize| {
            let phrase = self.phrase_from(k + 1)?;
            let last = self.words.iter().rev().find(|w| w.at.end <= phrase.end)?;
            SPANS.contains(&last.lower.as_str()).then_some(self.words[k].at.start..phrase.end)
        };
        for (k, word) in self.words.iter().enumerate() {
            if DAYS.contains(&word.lower.as_str()) {
                found.push((word.at.clone(), 0.9));
            } else if matches!(word.lower.as_str(), "in" | "on" | "at" | "during") {
                found.extend(after(k).filter(|at| !self.repeats(at)).map(|at| (at, 0.8)));
            }
        }
        found
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
        let mut found = self.patterns(&[(Pattern::Number, 0.55), (Pattern::Date, 0.0), (Pattern::Money, 0.0)]);
        // "since 1996" counts nothing.
        let year = |at: &Range<usize>| {
            let text = self.text.get(at.clone()).unwrap_or_default();
            text.len() == 4
                && text.starts_with(['1', '2'])
                && matches!(
                    self.word_before(at.start),
                    "in" | "since" | "from" | "by" | "of" | "until" | "till" | "before" | "after"
                )
        };
        found.retain(|(at, _)| !year(at));
        for (at, fits) in &mut found {
            let behind = self.words.iter().filter(|w| w.at.start >= at.end).take(3);
            let counted = self.question.noun.as_ref();
            if behind.into_iter().any(|w| counted.is_some_and(|noun| matches(&w.lower, noun))) {
                *fits = 1.0;
            }
        }
        // "Of its 900 inhabitants only 12", "41 of the 120 seats": the part is asked for, not the whole.
        let whole = |at: &Range<usize>| {
            let mut before = self.words.iter().rev().filter(|w| w.at.end <= at.start);
            let first = before.next().map_or("", |w| w.lower.as_str());
            let second = before.next().map_or("", |w| w.lower.as_str());
            first == "of"
                || second == "of"
                    && matches!(first, "the" | "its" | "his" | "her" | "their" | "these" | "those" | "all")
        };
        if found.len() > 1 && found.iter().any(|(at, _)| whole(at)) {
            for (at, fits) in &mut found {
                *fits = if whole(at) { *fits * 0.5 } else { fits.max(0.9) };
            }
        }
        // "one of them": the scanner leaves it out, but here a number is wanted.
        found
    }

    /// A number with its unit.
    pub fn measures(&self) -> Candidates {
        let much = self.question.all.iter().any(|word| word == "much");
        let mut found = self.patterns(&[
            (Pattern::Number, 0.35),
            (Pattern::Money, if much { 0.9 } else { 0.4 }),
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
            let hint = if much { "much" } else { self.question.hint.as_deref().unwrap_or_default() };
            if let Some(unit) = unit.filter(close) {
                at.end = unit.at.end;
                *fits = if of_a_kind(hint, &unit.lower) { 1.0 } else { 0.3 };
            }
            let said = self.words.iter().any(|w| w.lower == hint || w.lower.ends_with(hint))
                || matches!(self.word_before(at.start), "is" | "was" | "are" | "were" | "measures" | "about" | "of");
            if SAID.contains(&hint) && !said {
                *fits *= 0.25;
            }
        }
        found
    }

    pub fn percents(&self) -> Candidates {
        let mut found = self.patterns(&[(Pattern::Number, 0.4)]);
        for (at, fits) in &mut found {
            if self.text.get(at.clone()).is_some_and(|text| text.ends_with('%') || case::lower(text).ends_with("cent"))
            {
                *fits = 1.0;
            }
        }
        found
    }
}
