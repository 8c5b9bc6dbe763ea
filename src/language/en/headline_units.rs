//! The parts of a sentence that a headline can do without.

use std::ops::Range;

use super::has;
use super::shorten::may_end;
use crate::case;

const PREPOSITIONS: &str = include_str!("lists/prepositions.txt");
const COORDINATING: &str = include_str!("lists/coordinating.txt");
/// Conjunctions that do not coordinate, but for `that`.
const SUBORDINATING: &str = include_str!("lists/subordinating.txt");
/// What an adverbial begins with that may go: it tells more. `If`, `until`, `under` and the like say where the rest holds.
const LEADING: &str = include_str!("lists/leading.txt");
/// The same, if it names a place or a time, or is somebody's: `in Paris`, `in 2005`, `in her speech`, but not `in mice`.
const LEADING_PLACES: &str = include_str!("lists/leading_places.txt");
/// What begins a clause without a comma before it that says which, or when.
const RESTRICTING: &str = include_str!("lists/restricting.txt");
const NEGATIONS: &str = include_str!("lists/negations.txt");
const ARTICLES: &str = include_str!("lists/articles.txt");
/// Auxiliary verbs.
pub const AUXILIARIES: &str = include_str!("lists/auxiliaries.txt");
const PASTS: &str = include_str!("lists/past_tenses.txt");
/// Past participles that are past tenses too.
const SAME: &str = include_str!("lists/past_tenses_and_participles.txt");
/// Past participles that are no past tenses.
const ONLY: &str = include_str!("lists/participles_only.txt");
/// With articles and prepositions: what stands before a participle that describes and does not tell.
const DESCRIBED: &str = include_str!("lists/before_describing.txt");
const DAYS: &str = include_str!("lists/days.txt");
const MONTHS: &str = include_str!("lists/months.txt");
const DAY_PARTS: &str = include_str!("lists/day_parts.txt");
const BEFORE_DAY: &str = include_str!("lists/before_day.txt");

/// Whether a piece between white space is only a dash.
pub fn is_dash(piece: &str) -> bool {
    matches!(piece, "-" | "–" | "—")
}

fn is_clause(low: &str) -> bool {
    has(SUBORDINATING, low) || has(COORDINATING, low) || low == "that"
}

/// A piece of the sentence between white space.
#[derive(Clone, Debug)]
pub struct Word {
    /// What is shown.
    pub text: String,
    /// The word in it.
    pub core: String,
    /// That in lower case.
    pub low: String,
    /// Whether a comma or the like follows it.
    pub comma: bool,
}

impl Word {
    /// A piece, taken apart.
    pub fn new(text: String) -> Self {
        let core = text.trim_start_matches(['"', '\'', '“', '‘', '(', '[']);
        let core = core.trim_end_matches(['"', '\'', '”', '’', ')', ']', ',', ';', ':', '.', '!', '?']).to_string();
        let comma = text.ends_with([',', ';', ':']) || is_dash(&text);
        Word { low: case::lower(&core), core, comma, text }
    }

    /// Whether a word may be a past participle, and a past tense too.
    pub fn is_past_participle(low: &str) -> bool {
        low.chars().count() > 3 && low.ends_with("ed") || has(SAME, low)
    }

    /// Whether a word is a past participle and no past tense.
    pub fn is_participle_only(low: &str) -> bool {
        has(ONLY, low)
    }

    fn is_name_or_number(&self) -> bool {
        self.core.starts_with(char::is_uppercase) || self.core.contains(|c: char| c.is_ascii_digit())
    }

    fn is_number(&self) -> bool {
        !self.core.is_empty() && self.core.bytes().all(|b| b.is_ascii_digit())
    }
}

/// The pieces without time phrases; a comma behind one moves to the word before it.
pub fn without_times(pieces: Vec<&str>) -> Vec<String> {
    let words: Vec<Word> = pieces.iter().map(|piece| Word::new(piece.to_string())).collect();
    let low = |k: usize| words.get(k).map_or("", |word| word.low.as_str());
    let number = |k: usize| words.get(k).is_some_and(Word::is_number);
    let mut out: Vec<String> = Vec::with_capacity(pieces.len());
    let mut at = 0;
    while let Some(piece) = pieces.get(at) {
        let mut end = at;
        while end < at + 2 && has(BEFORE_DAY, low(end)) {
            end += 1;
        }
        if has(DAYS, low(end)) {
            end += 1;
            if has(DAY_PARTS, low(end)) && !words.get(end - 1).is_some_and(|word| word.comma) {
                end += 1;
            }
            if has(MONTHS, low(end)) && number(end + 1) {
                end += 2;
            }
        } else if low(at) == "on" && has(MONTHS, low(at + 1)) && number(at + 2) {
            end = at + 3;
        } else {
            out.push(piece.to_string());
            at += 1;
            continue;
        }
        let gone = pieces.get(at..end).unwrap_or_default();
        match out.last_mut() {
            Some(before) if keeps_time(before) => out.extend(gone.iter().map(|piece| piece.to_string())),
            Some(before)
                if before.ends_with(char::is_alphanumeric)
                    && gone.last().is_some_and(|piece| piece.ends_with([',', ';', ':'])) =>
            {
                before.push(',');
            }
            _ => {}
        }
        at = end;
    }
    out
}

/// Whether a time behind this word belongs to it: `the night of Friday`.
fn keeps_time(piece: &str) -> bool {
    let low = Word::new(piece.to_string()).low;
    has(PREPOSITIONS, &low) || matches!(low.as_str(), "of" | "and" | "or" | "to")
}

/// Words that go or stay together.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The numbers of its words.
    pub words: Range<usize>,
    verb: bool,
    /// Its first word, in lower case.
    low: String,
    /// A comma stands at its end.
    comma: bool,
    /// Its group, if it may go: all of a group go together.
    group: Option<usize>,
}

/// A sentence in units.
#[derive(Clone, Debug)]
pub struct Units {
    /// All of them, in order.
    pub units: Vec<Unit>,
    /// The first unit that is used.
    pub first: usize,
    /// Whether a verb was found.
    pub has_verb: bool,
}

impl Units {
    /// The units of a sentence.
    pub fn new(words: &[Word]) -> Self {
        let units = ranges(words).into_iter().map(|range| Unit {
            verb: range.clone().any(|k| is_verb(words, k)),
            low: words.get(range.start).map_or(String::new(), |word| word.low.clone()),
            comma: range.end.checked_sub(1).and_then(|k| words.get(k)).is_some_and(|word| word.comma),
            words: range,
            group: None,
        });
        let mut out = Units { units: units.collect(), first: 0, has_verb: false };
        let low = words.first().map_or("", |word| word.low.as_str());
        if (has(LEADING, low) || has(LEADING_PLACES, low))
            && let Some(comma) = out.comma_before_verb(0)
        {
            let end = out.units.get(comma).map_or(0, |unit| unit.words.end);
            let of_whom = words.get(1).is_some_and(|word| matches!(word.low.as_str(), "his" | "her" | "their"));
            let named = of_whom || words.get(1..end).into_iter().flatten().any(Word::is_name_or_number);
            out.first = if has(LEADING, low) || named { comma + 1 } else { 0 };
        }
        let is_negation =
            |word: &Word| has(NEGATIONS, &word.low) || word.low.ends_with("n't") || word.low.ends_with("n’t");
        let negation = words.iter().position(is_negation).unwrap_or(words.len());
        let mut j = out.first;
        while let Some(unit) = out.units.get(j) {
            let (low, verb) = (unit.low.as_str(), unit.verb);
            let after_comma = j > out.first && out.units.get(j - 1).is_some_and(|before| before.comma);
            let inserted = has(SUBORDINATING, low) || has(ARTICLES, low) || !verb;
            let tells = verb && (!is_clause(low) || has(COORDINATING, low));
            // What is denied is denied of all that follows: not "no weapons" where there were none in the house. And what depends on
            // something is not said without it.
            let bound = unit.words.end > negation || matches!(low, "if" | "unless");
            if out.has_verb {
                out.set_group(if bound { j..j } else { j..j + 1 });
            } else if after_comma
                && inserted
                && let Some(comma) = out.comma_before_verb(j)
            {
                out.set_group(j..comma + 1);
                j = comma + 1;
                continue;
            }
            out.has_verb |= tells;
            j += 1;
        }
        out
    }

    /// The unit from `from` on that ends with a comma, if a verb comes after it.
    fn comma_before_verb(&self, from: usize) -> Option<usize> {
        let comma = (from..self.units.len()).find(|j| self.units.get(*j).is_some_and(|unit| unit.comma))?;
        self.units.iter().skip(comma + 1).any(|unit| unit.verb).then_some(comma)
    }

    fn set_group(&mut self, range: Range<usize>) {
        let group = Some(range.start);
        self.units.get_mut(range).into_iter().flatten().for_each(|unit| unit.group = group);
    }

    /// The group of a unit, if it may go.
    pub fn group(&self, j: usize) -> Option<usize> {
        self.units.get(j).and_then(|unit| unit.group)
    }

    /// Whether a unit cannot go.
    pub fn stays(&self, j: usize) -> bool {
        self.group(j).is_none()
    }

    /// Whether a unit says which or what the words before it mean: what comes behind it does not stand without it.
    pub fn restricts(&self, j: usize) -> bool {
        let open = j.checked_sub(1).and_then(|before| self.units.get(before)).is_some_and(|before| !before.comma);
        open && self.units.get(j).is_some_and(|unit| has(RESTRICTING, &unit.low))
    }

    /// Whether a unit may go although the one after it stays.
    pub fn goes_alone(&self, j: usize) -> bool {
        self.units.get(j).is_some_and(|unit| has(PREPOSITIONS, &unit.low) && !unit.verb)
    }

    /// Whether a headline may end with a unit.
    pub fn may_end(&self, words: &[Word], end: usize) -> bool {
        let Some(unit) = self.units.get(end) else { return false };
        let before_end = |n: usize| unit.words.end.checked_sub(n).and_then(|k| words.get(k));
        let Some(last) = before_end(1) else { return false };
        if !may_end_word(&last.low) || before_end(2).is_some_and(|word| word.low == "to") {
            return false;
        }
        let used = self.units.get(self.first..=end).unwrap_or_default();
        let clause = used.iter().rposition(|unit| is_clause(&unit.low) && !has(COORDINATING, &unit.low));
        if clause.is_some_and(|at| !used.iter().skip(at).any(|unit| unit.verb)) {
            return false;
        }
        self.units.get(end + 1).is_none_or(|next| {
            let joined = has(COORDINATING, &next.low) && !last.comma && !next.verb;
            !(joined || self.restricts(end + 1) || has(PREPOSITIONS, &next.low) && last.low.ends_with("ed"))
        })
    }
}

/// Whether a headline may end with a word. One without letters (a dash) is left to what trims the end.
pub fn may_end_word(low: &str) -> bool {
    low.is_empty() || may_end(low) && !matches!(low, "now" | "still" | "already" | "also" | "only")
}

/// The words of each unit: one begins behind a comma and with a preposition or conjunction. A unit that ends unfinished
/// takes the next along.
fn ranges(words: &[Word]) -> Vec<Range<usize>> {
    let begins = |k: usize, word: &Word| {
        k == 0
            || words.get(k - 1).is_some_and(|before| before.comma)
            || has(PREPOSITIONS, &word.low)
            || is_clause(&word.low)
    };
    let mut out: Vec<Range<usize>> = Vec::new();
    for (k, word) in words.iter().enumerate() {
        let before = k.checked_sub(1).and_then(|k| words.get(k));
        let unfinished =
            before.is_some_and(|before| !before.comma && (!may_end_word(&before.low) || before.low.ends_with("ing")));
        match out.last_mut() {
            Some(unit) if !begins(k, word) || unfinished => unit.end = k + 1,
            _ => out.push(k..k + 1),
        }
    }
    out
}

/// Whether a word tells what happens.
fn is_verb(words: &[Word], k: usize) -> bool {
    let Some(word) = words.get(k) else { return false };
    if word.core != word.low {
        return false;
    }
    let described =
        |before: &Word| has(ARTICLES, &before.low) || has(PREPOSITIONS, &before.low) || has(DESCRIBED, &before.low);
    let past = word.low.chars().count() > 4 && word.low.ends_with("ed");
    has(AUXILIARIES, &word.low)
        || has(PASTS, &word.low)
        || past && k.checked_sub(1).and_then(|k| words.get(k)).is_some_and(|before| !described(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_unless_something_holds_them() {
        let left = |text: &str| without_times(text.split_whitespace().collect()).join(" ");
        assert_eq!(left("They met on Tuesday night, in Rome."), "They met, in Rome.");
        assert_eq!(left("Late last Friday, May 3 they left on May 12 for Rome today"), "they left for Rome");
        assert_eq!(left("The night of Friday was dark"), "The night of Friday was dark");
        assert_eq!(left("May 12 is a day"), "May 12 is a day");
    }

    #[test]
    fn units_begin_at_commas_prepositions_and_conjunctions() {
        let words: Vec<Word> = "On a day in May, the mayor, who is ill, opened the bridge over the Wye"
            .split(' ')
            .map(|w| Word::new(w.into()))
            .collect();
        let units = Units::new(&words);
        let shown =
            |unit: &Unit| words[unit.words.clone()].iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ");
        let all: Vec<String> = units.units.iter().map(shown).collect();
        assert_eq!(all, ["On a day", "in May,", "the mayor,", "who is ill,", "opened the bridge", "over the Wye"]);
        assert!(units.has_verb && units.first == 2);
        let groups: Vec<Option<usize>> = (2..6).map(|j| units.group(j)).collect();
        assert_eq!(groups, [None, Some(3), None, Some(5)]);
        assert!(units.goes_alone(5) && !units.goes_alone(3) && units.may_end(&words, 4));
        let words: Vec<Word> = "He said that a man, Bob".split(' ').map(|w| Word::new(w.into())).collect();
        let units = Units::new(&words);
        assert!(!units.may_end(&words, 0), "what is said belongs to it");
        assert!(!units.may_end(&words, 1), "a clause without its verb");
    }
}
