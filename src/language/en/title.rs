//! The title of a page as a headline of the text on it.
//!
//! A page's title was written by a person who knew the text, but it may hold more than that: the name of the site, a section;
//! and it may belong to something else: `Home`, a notice, another article. So it is cut at a closed list of separators
//! (`lists/title_separators.txt`), and what is left must be borne out by the text: most of its content words stand there, half of them in
//! its first sentences, and all of its numbers and names. A title of one or two words must be what the text begins with.
//!
//! A part goes only from the ends, and only where the text has not what it says: `Bridge closed - The Daily Example`. What says whose
//! claim it is stays: `Bridge is unsafe - report`.

use std::collections::BTreeSet;
use std::ops::Range;

use super::has;
use super::words::{content_word, joined_words, plain_word, words};
use crate::case;
use crate::order;

const SEPARATORS: &str = include_str!("lists/title_separators.txt");
/// Whose claim a title is: without it, it would be a fact.
const CLAIMANTS: &str = include_str!("lists/claimants.txt");
/// What only wants to be clicked on.
const CLICKBAIT: &str = include_str!("lists/clickbait.txt");
/// Numbers that are written as words, from two on: `one` is a pronoun as well.
const NUMBER_WORDS: &str = include_str!("lists/number_words.txt");

/// What stands in the names of sites and sections, and on pages that are no article: no evidence that a title fits.
const SITE_WORDS: &str = include_str!("lists/site_words.txt");
const ARTICLES: &str = include_str!("lists/articles.txt");

/// Share of the content words of a title that the text must have; more of one in capitals, of which nothing else is known.
const LEAST: f64 = 0.65;
const LEAST_TITLED: f64 = 0.75;
/// Share of them that its first sentences must have, and how many those are.
const LEAST_LEAD: f64 = 0.5;
const LEAD: usize = 3;
/// So many of them must stand in the text; of fewer, the text must begin with the title.
const FEWEST: f64 = 3.0;
/// Words of the name of a site, at most.
const SITE_NAME: usize = 4;
/// Words of a title, at most.
const MOST_WORDS: usize = 25;

/// The part of `title` that is a headline of the text with these sentences, as a range of its bytes; nothing where none is.
pub fn fitting(title: &str, sentences: &[&str]) -> Option<Range<usize>> {
    let parts = parts(title);
    let lower = plain_word(title);
    if parts.is_empty() || CLICKBAIT.lines().any(|phrase| lower.contains(phrase)) {
        return None;
    }
    let text = Text::new(sentences);
    let part = |k: usize| parts.get(k).and_then(|(bytes, _)| title.get(bytes.clone())).unwrap_or_default();
    let goes = |k: usize| text.share(part(k)).is_none_or(|share| share < LEAST) && !claims(part(k));
    let (mut from, mut to) = (0, parts.len());
    while from < to && goes(from) {
        from += 1;
    }
    // The name of a site may be words of the text, but the text does not have it as it is.
    let is_name = |part: &str| {
        let short = part.split_whitespace().count() <= SITE_NAME;
        short && is_titled(part) && !claims(part) && !sentences.iter().any(|sentence| sentence.contains(part))
    };
    while to > from + 1 && (goes(to - 1) || is_name(part(to - 1))) {
        to -= 1;
    }
    // A bar stands between a headline and what is none of it: of the parts that it makes, the one that says the most.
    let mut best: Option<(f64, Range<usize>)> = None;
    let mut k = from;
    while k < to {
        let end = (k + 1..to).find(|next| parts.get(*next).is_some_and(|(_, bar)| *bar)).unwrap_or(to);
        let bytes = parts.get(k)?.0.start..parts.get(end - 1)?.0.end;
        let found = text.found(title.get(bytes.clone())?);
        if best.as_ref().is_none_or(|(most, _)| found > *most) {
            best = Some((found, bytes));
        }
        k = end;
    }
    best.map(|(_, bytes)| bytes).filter(|bytes| title.get(bytes.clone()).is_some_and(|title| text.bears_out(title)))
}

/// The parts of a title as ranges of its bytes, and whether a bar is before each, which is none of a headline's marks.
fn parts(title: &str) -> Vec<(Range<usize>, bool)> {
    let mut out = Vec::new();
    let (mut start, mut bar) = (0, false);
    for (at, c) in title.char_indices() {
        let end = at + c.len_utf8();
        let spaced = title.get(..at).is_some_and(|before| before.ends_with(char::is_whitespace))
            && title.get(end..).is_some_and(|after| after.starts_with(char::is_whitespace));
        let listed = SEPARATORS.lines().any(|line| line.starts_with(c));
        if listed && (spaced || c == '|') || c == ':' && title.get(..end).is_some_and(|t| t.ends_with("::")) {
            push(title, start..at - usize::from(c == ':'), bar, &mut out);
            (start, bar) = (end, !matches!(c, '-' | '–' | '—'));
        }
    }
    push(title, start..title.len(), bar, &mut out);
    out
}

fn push(title: &str, bytes: Range<usize>, bar: bool, out: &mut Vec<(Range<usize>, bool)>) {
    let part = title.get(bytes.clone()).unwrap_or_default();
    let start = bytes.start + part.len() - part.trim_start().len();
    let part = part.trim();
    if part.chars().any(char::is_alphanumeric) {
        out.push((start..start + part.len(), bar));
    }
}

/// Whether a part of a title says who claims the rest.
fn claims(part: &str) -> bool {
    part.split(|c: char| !c.is_alphanumeric()).any(|word| has(CLAIMANTS, &case::lower(word)))
}

/// What a text has of a title's words.
struct Text {
    content: BTreeSet<String>,
    /// Those of its first sentences.
    lead: BTreeSet<String>,
    numbers: BTreeSet<String>,
    /// How it begins, in words as they are compared.
    start: Vec<String>,
}

impl Text {
    fn new(sentences: &[&str]) -> Text {
        let of = |some: &[&str]| order::set(some.iter().flat_map(|sentence| content(sentence)));
        let numbers = sentences.iter().flat_map(|sentence| numbers(sentence));
        let start = sentences.first().map_or(Vec::new(), |first| subject(first));
        let lead = sentences.get(..LEAD.min(sentences.len())).unwrap_or_default();
        Text { content: of(sentences), lead: of(lead), numbers: order::set(numbers), start }
    }

    /// How many content words of a part the text has: but for those that say nothing, because they are of sites.
    fn found(&self, part: &str) -> f64 {
        evidence(part).iter().filter(|word| stands(word, &self.content)).count() as f64
    }

    /// Share of a part's content words that the text has; none of nothing.
    fn share(&self, part: &str) -> Option<f64> {
        let n = evidence(part).len();
        (n > 0).then(|| self.found(part) / n as f64)
    }

    fn bears_out(&self, title: &str) -> bool {
        let own = content(title);
        let share =
            |of: &BTreeSet<String>| own.iter().filter(|word| stands(word, of)).count() as f64 / own.len().max(1) as f64;
        let (least, named) = match is_titled(title) {
            // Capitals tell no names here.
            true => (LEAST_TITLED, true),
            false => (LEAST, names(title).iter().all(|name| stands(name, &self.content))),
        };
        let said = match own.len() {
            0 => false,
            // The subject of an encyclopaedia's article.
            1 | 2 => !evidence(title).is_empty() && self.start.starts_with(&subject(title)),
            _ => {
                named && share(&self.content) >= least && share(&self.lead) >= LEAST_LEAD && self.found(title) >= FEWEST
            }
        };
        said && title.split_whitespace().count() <= MOST_WORDS
            && numbers(title).iter().all(|number| self.numbers.contains(number))
    }
}

/// Whether a word stands in a text, in any of its forms: `resigns`, `resigned`, `resignation`.
fn stands(word: &str, of: &BTreeSet<String>) -> bool {
    of.contains(word) || of.iter().any(|other| are_forms(word, other))
}

/// The words of a text without an article before them.
fn subject(text: &str) -> Vec<String> {
    let all = words(text).into_iter().filter_map(|word| text.get(word)).map(plain_word);
    all.skip_while(|word| has(ARTICLES, word)).collect()
}

/// Whether most content words have a capital.
fn is_titled(title: &str) -> bool {
    let all: Vec<&str> = words(title).into_iter().filter_map(|word| title.get(word)).collect();
    let told: Vec<&&str> = all.iter().filter(|word| content_word(word).is_some()).collect();
    10 * told.iter().filter(|word| word.starts_with(char::is_uppercase)).count() > 7 * told.len()
}

/// The content words behind the first that have a capital.
fn names(title: &str) -> Vec<String> {
    let behind = words(title).into_iter().skip(1).filter_map(|word| title.get(word));
    behind.filter(|word| word.starts_with(char::is_uppercase)).filter_map(content_word).collect()
}

/// The content words that are not of sites.
fn evidence(text: &str) -> BTreeSet<String> {
    order::set(content(text).into_iter().filter(|word| !has(SITE_WORDS, word)))
}

/// The distinct content words of a text, without numbers.
fn content(text: &str) -> BTreeSet<String> {
    let each = words(text).into_iter().filter_map(|word| content_word(text.get(word)?));
    order::set(each.filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()) && as_number(word).is_none()))
}

/// The numbers of a text, in figures: those that are written as words up to twelve, too.
pub fn numbers(text: &str) -> Vec<String> {
    let each = joined_words(text).into_iter().filter_map(|word| {
        let word = text.get(word)?;
        match word.starts_with(|c: char| c.is_ascii_digit()) {
            true => Some(word.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect()),
            false => as_number(&case::lower(word)).map(|n| n.to_string()),
        }
    });
    each.collect()
}

/// What a number word stands for.
fn as_number(word: &str) -> Option<usize> {
    NUMBER_WORDS.lines().position(|listed| listed == word).map(|at| at + 2)
}

/// Whether two words begin alike for all but their endings.
fn are_forms(a: &str, b: &str) -> bool {
    let shared = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    shared >= 4 && shared + 1 >= a.chars().count().min(b.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::en::sentences;

    const TEXT: &str = "The city council of Portsmouth voted on Tuesday to close the Harbour Bridge for six months. Engineers had found cracks \
        in 14 of the 120 beams. The repairs will cost 4.5 million pounds. \"Nobody told us,\" said shop owner Ravi Patel. Police \
        closed the road to the bridge at noon.";

    fn taken(title: &'static str) -> Option<&'static str> {
        let parts: Vec<&str> = sentences(TEXT).into_iter().map(|bytes| &TEXT[bytes]).collect();
        fitting(title, &parts).map(|bytes| &title[bytes])
    }

    #[test]
    fn the_articles_own_title_is_taken_without_the_site() {
        for title in [
            "Portsmouth closes Harbour Bridge for six months",
            "Council votes to close bridge after engineers find cracks",
            "Cracks in 14 beams: Portsmouth bridge closed",
        ] {
            assert_eq!(taken(title), Some(title));
        }
        for (title, expected) in [
            ("Council votes to close bridge - The Daily Example", "Council votes to close bridge"),
            ("Council votes to close bridge | Portsmouth | Example News", "Council votes to close bridge"),
            ("Example News | UK | Council votes to close bridge", "Council votes to close bridge"),
            ("Council votes to close bridge \u{2013} Example.org", "Council votes to close bridge"),
            ("Example Blog \u{bb} Archive \u{bb} Council votes to close bridge", "Council votes to close bridge"),
            ("  Council votes\n to close bridge|Example  ", "Council votes\n to close bridge"),
            ("Portal :: Council votes to close bridge", "Council votes to close bridge"),
            ("Council votes to close bridge :: Portal", "Council votes to close bridge"),
            ("Council votes to close bridge - Shop Owner", "Council votes to close bridge"),
        ] {
            assert_eq!(taken(title), Some(expected), "{title}");
        }
    }

    /// Without whose claim it is, it would be a fact.
    #[test]
    fn who_claims_it_stays() {
        let title = "Harbour Bridge cracks found by engineers - report";
        assert_eq!(taken(title), Some(title));
        let title = "Bridge repairs to cost 4.5 million pounds \u{2013} police";
        assert_eq!(taken(title), Some(title));
    }

    #[test]
    fn what_the_text_does_not_bear_out_is_not_taken() {
        for title in [
            "",
            "Home",
            "News",
            "The Daily Example",
            "Example News - Home",
            "Page not found",
            "We value your privacy",
            "Portsmouth",
            "Bridge",
            "You won't believe what happened next to this bridge in Portsmouth",
            "Portsmouth wins the cup final against Southampton",
            "Council votes to close bridge for 12 months",
            "Cracks in 15 beams of Harbour Bridge",
            "Repairs of bridge cost 4 million pounds",
            "- | -",
            "100 %",
        ] {
            assert_eq!(taken(title), None, "{title}");
        }
        assert_eq!(fitting("Portsmouth", &[]), None);
    }

    /// The title of an encyclopaedia's article is its subject.
    #[test]
    fn a_name_alone_is_taken_where_the_text_begins_with_it() {
        let article = ["Lake Baikal is a rift lake in Siberia.", "It is deep."];
        let fits = |title: &str| fitting(title, &article).is_some();
        assert!(fits("Lake Baikal") && fits("Lake Baikal - Example, the free encyclopedia") && fits("The lake Baikal"));
        assert!(!fits("Siberia") && !fits("Example") && !fits("Baikal") && !fits("Rift lake"));
    }
}
