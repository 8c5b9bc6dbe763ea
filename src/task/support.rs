//! Which sentences of a text support a sentence that was written from it.
//!
//! By the share of its content words that they have: first the sentence with most of them, then, if a good part is left,
//! the one with most of the rest.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::language::Utf16;
use crate::language::en::{content_word, sentences, words};
use crate::order;
use crate::run::{Place, Support};
use crate::task::article::Article;

/// Less than this share of its words supports nothing.
const LEAST: f64 = 0.2;
/// A second sentence must bring at least this share more.
const MORE: f64 = 0.25;

/// The sentences of `written`, each with what supports it.
pub fn supports(article: &Article, written: &str) -> Vec<Support> {
    let known: Vec<BTreeSet<String>> = article.all().into_iter().map(content).collect();
    let utf16 = Utf16::new(written);
    let each = sentences(written).into_iter().map(|bytes| {
        let mut left = content(written.get(bytes.clone()).unwrap_or_default());
        let all = left.len().max(1) as f64;
        let mut sources = Vec::new();
        for least in [LEAST, MORE] {
            let share = |words: &BTreeSet<String>| words.intersection(&left).count() as f64 / all;
            let best = known.iter().enumerate().map(|(i, words)| (share(words), i));
            let best = best.reduce(|a, b| if b.0 > a.0 { b } else { a }).filter(|(share, _)| *share >= least);
            let Some((_, i)) = best else { break };
            left.retain(|word| known.get(i).is_none_or(|words| !words.contains(word)));
            sources.extend(article.sentences.get(i).map(|s| s.bytes.clone()));
        }
        support(article, place(&utf16, written, bytes), sources)
    });
    each.collect()
}

/// A sentence at `bytes` of `written` that was made of sentence `i`.
pub fn copied(article: &Article, written: &str, bytes: Range<usize>, i: usize) -> Support {
    let sources = article.sentences.get(i).map(|s| s.bytes.clone()).into_iter().collect();
    support(article, place(&Utf16::new(written), written, bytes), sources)
}

fn place(utf16: &Utf16, text: &str, bytes: Range<usize>) -> Place {
    Place { utf16: utf16.range(text, &bytes), bytes }
}

fn support(article: &Article, written: Place, mut sources: Vec<Range<usize>>) -> Support {
    crate::order::sort_by_key(&mut sources, |bytes| bytes.start);
    Support { written, sources: sources.into_iter().map(|bytes| article.place(bytes)).collect(), title: None }
}

fn content(text: &str) -> BTreeSet<String> {
    order::set(words(text).into_iter().filter_map(|word| content_word(text.get(word)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentences_with_the_same_words_support() {
        let text = "🦙 Engineers found cracks in the bridge. The city closed it in May. Nobody was hurt. Ferries run.";
        let article = Article::new(text);
        let written =
            "Öl: the city closed the bridge in May after engineers found cracks. It rains in Paris. Ferries run.";
        let found: Vec<Vec<&str>> = supports(&article, written)
            .iter()
            .map(|s| s.sources.iter().map(|place| &text[place.bytes.clone()]).collect())
            .collect();
        assert_eq!(found[0], ["🦙 Engineers found cracks in the bridge.", "The city closed it in May."]);
        assert!(found[1].is_empty());
        assert_eq!(found[2], ["Ferries run."]);
        let all = supports(&article, written);
        let utf16: Vec<u16> = written.encode_utf16().collect();
        assert_eq!(String::from_utf16(&utf16[all[2].written.utf16.clone()]).unwrap(), "Ferries run.");
        assert!(supports(&article, "").is_empty());
        assert_eq!(copied(&article, "Ferries run.", 0..12, 3).sources, all[2].sources);
    }
}
