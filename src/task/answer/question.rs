//! What a question asks for, and by which words. English.

use super::forms::{bare, matches};
use crate::case;
use crate::language::en::{is_function_word, joined_words};

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Person,
    Place,
    Date,
    /// The year alone.
    Year,
    /// A count: the number before what is counted.
    Count,
    /// A number with its unit.
    Measure,
    Money,
    Percent,
    Reason,
    /// Something that has a name or is a noun.
    Thing,
    /// A name of any kind.
    Name,
    /// What something is: "What is a sonnet?"
    Definition,
    /// How something is done, or whether something is so.
    Sentence,
}

/// A question, taken apart.
#[derive(Clone, Debug)]
pub struct Question {
    pub wanted: Wanted,
    /// Words to look for, in lower case: all but function words and those that only say what is wanted.
    pub words: Vec<String>,
    /// All its words, in lower case.
    pub all: Vec<String>,
    /// A word that may stand in the answer's sentence and need not: "How long is it?"
    pub hint: Option<String>,
    /// What is counted, after "how many", or asked for, after "which".
    pub noun: Option<String>,
}

const PLACES: [&str; 22] = [
    "city",
    "town",
    "country",
    "place",
    "state",
    "village",
    "continent",
    "region",
    "river",
    "street",
    "location",
    "capital",
    "area",
    "county",
    "province",
    "island",
    "district",
    "port",
    "sea",
    "ocean",
    "mountain",
    "planet",
];
pub const PEOPLE: [&str; 22] = [
    "person",
    "man",
    "woman",
    "author",
    "scientist",
    "engineer",
    "king",
    "queen",
    "president",
    "mayor",
    "minister",
    "inventor",
    "explorer",
    "composer",
    "painter",
    "writer",
    "poet",
    "architect",
    "leader",
    "director",
    "astronomer",
    "doctor",
];
/// After "how": what is asked for has a unit.
const MEASURES: [&str; 22] = [
    "long", "far", "old", "tall", "high", "deep", "big", "large", "wide", "heavy", "fast", "hot", "cold", "often",
    "thick", "quickly", "loud", "bright", "strong", "steep", "warm", "close",
];
/// After "what" or "at what".
const QUANTITIES: [&str; 11] =
    ["temperature", "height", "length", "width", "depth", "weight", "speed", "distance", "age", "size", "pressure"];
const MONEY: [&str; 14] = [
    "cost", "costs", "pay", "paid", "price", "spend", "spent", "money", "worth", "sell", "sold", "earn", "budget",
    "fine",
];

/// After "what": an amount of money is asked for.
const AMOUNTS: [&str; 23] = [
    "cost", "costs", "price", "prices", "budget", "worth", "fee", "fare", "fine", "wage", "salary", "rent", "revenue",
    "profit", "debt", "loan", "loss", "losses", "dividend", "deposit", "voucher", "income", "turnover",
];
/// After "what is the": a number is asked for.
const FIGURES: [&str; 6] = ["population", "timeout", "capacity", "attendance", "circulation", "limit"];

impl Question {
    pub fn new(question: &str) -> Question {
        let all: Vec<String> = joined_words(question)
            .into_iter()
            .filter_map(|word| question.get(word))
            .map(|word| bare(&case::lower(word)).to_string())
            .collect();
        let is = |k: usize, word: &str| all.get(k).is_some_and(|found| found == word);
        let among = |k: usize, words: &[&str]| all.get(k).is_some_and(|found| words.contains(&found.as_str()));
        // Mostly the first word; "In which year ..." has it second.
        let asking = |word: &String| {
            matches!(word.as_str(), "who" | "whom" | "whose" | "where" | "when" | "why" | "how" | "what" | "which")
        };
        let at = all.iter().position(asking);
        let money = all.iter().any(|word| MONEY.contains(&word.as_str()));
        // Words that say what is wanted and need not stand in the text.
        let mut used = 0;
        let wanted = match at.and_then(|at| all.get(at).map(|word| (at, word.as_str()))) {
            None => Wanted::Sentence,
            Some((_, "who" | "whom" | "whose")) => Wanted::Person,
            Some((_, "where")) => Wanted::Place,
            Some((_, "when")) => Wanted::Date,
            Some((_, "why")) => Wanted::Reason,
            Some((at, "how")) => {
                used = 1;
                match () {
                    () if is(at + 1, "many") => Wanted::Count,
                    () if is(at + 1, "much") && money => Wanted::Money,
                    () if is(at + 1, "much") || among(at + 1, &MEASURES) => Wanted::Measure,
                    () => {
                        used = 0;
                        Wanted::Sentence
                    }
                }
            }
            Some((at, _)) => {
                used = 1;
                match () {
                    () if is(at + 1, "year") => Wanted::Year,
                    () if among(at + 1, &["date", "day", "month", "time", "century", "decade"]) => Wanted::Date,
                    () if among(at + 1, &["percentage", "percent", "share", "proportion"]) => Wanted::Percent,
                    () if among(at + 1, &["number", "amount"]) || among(at + 1, &QUANTITIES) => Wanted::Measure,
                    () if all.iter().any(|word| AMOUNTS.contains(&word.as_str())) => {
                        used = 0;
                        Wanted::Money
                    }
                    () if is(at + 2, "the")
                        && all.iter().skip(at + 3).take(2).any(|word| FIGURES.contains(&word.as_str())) =>
                    {
                        used = 0;
                        Wanted::Measure
                    }
                    () if among(at + 1, &PLACES) => Wanted::Place,
                    () if among(at + 1, &PEOPLE) => Wanted::Person,
                    () if is(at + 1, "name")
                        || all.iter().any(|word| word == "called" || word == "named" || word == "name") =>
                    {
                        Wanted::Name
                    }
                    () if among(at + 1, &["is", "are", "was", "were"]) && is_definition(&all, at) => {
                        used = 0;
                        Wanted::Definition
                    }
                    () => {
                        used = 0;
                        Wanted::Thing
                    }
                }
            }
        };
        let skip = at.map(|at| at..at + 1 + used).unwrap_or_default();
        let noun = match (wanted, at) {
            (Wanted::Count, Some(at)) => all.get(at + 2).cloned(),
            (Wanted::Thing, Some(at)) => all.get(at + 1).filter(|word| !is_function_word(word)).cloned(),
            _ => None,
        };
        let hint = match (wanted, at) {
            (Wanted::Measure, Some(at)) => all
                .get(at + 1)
                .filter(|word| MEASURES.contains(&word.as_str()) || QUANTITIES.contains(&word.as_str()))
                .cloned(),
            _ => None,
        };
        let words = all
            .iter()
            .enumerate()
            .filter(|(k, word)| !skip.contains(k) && !is_function_word(word) && !is_empty_word(word));
        let mut words: Vec<String> = words.map(|(_, word)| word.clone()).collect();
        if words.is_empty() {
            // "How often does it come back?": better these than none.
            let more =
                all.iter().enumerate().filter(|(k, word)| !skip.contains(k) && word.len() > 3 && !is_auxiliary(word));
            words = more.map(|(_, word)| word.clone()).collect();
        }
        crate::order::sort(&mut words);
        words.dedup();
        Question { wanted, words, all, hint, noun }
    }

    /// How well a whole sentence answers it.
    pub fn whole_sentence(&self) -> f64 {
        match self.wanted {
            Wanted::Sentence => 1.0,
            Wanted::Reason => 0.7,
            Wanted::Definition | Wanted::Thing => 0.5,
            // A name, a day or a number was asked for, and the sentence has none.
            _ => -0.2,
        }
    }

    /// The preposition that it ends with: "What is it made of?"
    pub fn last_preposition(&self) -> Option<&str> {
        let last = self.all.last().map(String::as_str);
        last.filter(|word| matches!(*word, "of" | "from" | "for" | "in" | "with" | "by" | "on" | "to" | "at" | "into"))
    }

    /// The verb whose object is asked for: "What does the bear eat?"
    pub fn verb(&self) -> Option<&str> {
        let at = self.all.iter().position(|word| matches!(word.as_str(), "what" | "which"))?;
        let mut behind = self.all.get(at + 1..)?.iter();
        behind.find(|word| matches!(word.as_str(), "do" | "does" | "did"))?;
        behind.next_back().map(String::as_str).filter(|last| !is_function_word(last))
    }

    /// Whether the word is one of the question's.
    pub fn has(&self, word: &str) -> bool {
        let word = case::lower(word);
        self.words.iter().any(|asked| matches(&word, asked))
    }
}

/// "What is a sonnet?", "What are sonnets?": nothing but the thing itself.
fn is_definition(all: &[String], at: usize) -> bool {
    let rest = all.get(at + 2..).unwrap_or_default();
    let content = rest.iter().filter(|word| !is_function_word(word)).count();
    (1..=3).contains(&content)
        && !rest.iter().any(|word| matches!(word.as_str(), "of" | "in" | "for" | "by" | "to" | "called" | "made"))
        && rest.first().is_none_or(|word| word != "the")
}

/// Words of a question that need not stand in the text.
fn is_empty_word(word: &str) -> bool {
    matches!(word, "name" | "called" | "named" | "kind" | "type" | "sort" | "happen" | "happened" | "mean" | "means")
}

fn is_auxiliary(word: &str) -> bool {
    matches!(
        word,
        "does"
            | "have"
            | "been"
            | "were"
            | "will"
            | "would"
            | "could"
            | "should"
            | "they"
            | "them"
            | "there"
            | "this"
            | "that"
            | "these"
            | "those"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_answer_is_seen() {
        let wanted = |question: &str| Question::new(question).wanted;
        assert_eq!(wanted("Who built the bridge?"), Wanted::Person);
        assert_eq!(wanted("Where is it?"), Wanted::Place);
        assert_eq!(wanted("In which city was she born?"), Wanted::Place);
        assert_eq!(wanted("When was it closed?"), Wanted::Date);
        assert_eq!(wanted("In what year did it open?"), Wanted::Year);
        assert_eq!(wanted("How many cars cross the bridge?"), Wanted::Count);
        assert_eq!(wanted("How much did the ship cost?"), Wanted::Money);
        assert_eq!(wanted("How tall is the tower?"), Wanted::Measure);
        assert_eq!(wanted("Why was it closed?"), Wanted::Reason);
        assert_eq!(wanted("What is a sonnet?"), Wanted::Definition);
        assert_eq!(wanted("What is the bridge made of?"), Wanted::Thing);
        assert_eq!(wanted("Is the bridge open?"), Wanted::Sentence);
        assert_eq!(Question::new("How many cars cross the bridge a day?").words, ["bridge", "cars", "cross", "day"]);
        assert_eq!(Question::new("How many cars cross it?").noun.as_deref(), Some("cars"));
    }
}
