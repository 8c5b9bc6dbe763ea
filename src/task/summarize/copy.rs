//! Writing a sentence of the text: which of its words, and how likely the model finds each.

use std::collections::VecDeque;

use super::headline_words::SummarySection;
use super::options::SummaryKind;
use crate::error::{Error, Result};
use crate::language::en::dialogue::fluent;
use crate::language::en::shorten::{may_end, shortened};
use crate::model::LogitRows;
use crate::run::{Context, Lease, Piece};
use crate::sample::log_probability;
use crate::task::article::Article;
use crate::task::format::TaskFormat;
use crate::text::{Controls, Detokenizer, Tokenizer};

/// Words of a headline, where the sentence has as many.
const HEADLINE_WORDS: std::ops::RangeInclusive<usize> = 6..=12;

/// What there is to show.
#[derive(Debug, Default)]
pub struct Written {
    pub pieces: VecDeque<Piece>,
    /// It ends before its end, because it is too long.
    pub cut: bool,
}

/// What a headline or tldr made of sentence `i` of a text says.
pub fn told(section: &SummarySection, kind: SummaryKind, article: &Article, i: usize) -> String {
    let words = section.headline_words.as_ref().filter(|_| kind == SummaryKind::Headline);
    if !article.is_dialogue() {
        return words.map_or_else(|| shortened(article.sentence(i)), |words| words.cut(&article.all(), i));
    }
    let Some(words) = words else { return shortened(&fluent(article.sentence(i))) };
    let all: Vec<String> = article.all().into_iter().map(fluent).collect();
    words.cut(&all.iter().map(String::as_str).collect::<Vec<_>>(), i)
}

/// A text to be written in place of what the model would write after the text that it has read.
pub struct Told<'a> {
    pub kind: SummaryKind,
    /// See [`told`].
    pub text: &'a str,
    /// What comes before the first word.
    pub lead: &'a str,
    /// Whether the model chooses where a headline ends.
    pub ends_freely: bool,
}

/// Writes what is [`Told`] after what `session` has read.
pub async fn copy(
    context: &Context,
    session: &mut Lease,
    format: &TaskFormat,
    told: Told<'_>,
    logits: &mut Vec<f32>,
) -> Result<Written> {
    let Told { kind, text, lead, ends_freely } = told;
    let model = context.model();
    let tokenizer = model.require_tokenizer()?;
    let mut tokens = tokenizer.encode(&format!(" {text}"), false, Controls::Literal)?;
    let task = if kind == SummaryKind::Headline { format.headline } else { format.tldr };
    // Other scripts take many tokens a word: what is copied is cut only where there is no room for it.
    let most = format.reserve().saturating_sub(1);
    let mut texts = token_texts(tokenizer, &tokens)?;
    let mut cut = tokens.len() > most;
    if cut {
        let n = last_word_end(&texts, most);
        tokens.truncate(n);
        texts.truncate(n);
        // It says that it goes on: what is left out may turn the meaning.
        if let Some(last) = texts.last_mut().filter(|_| !ends_freely) {
            let open = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '-' | '–');
            last.truncate(last.trim_end_matches(open).len());
            last.push('…');
        }
    }

    // One pass over the task's token and all tokens but the last: row `k` says what the model expects as token `k`.
    let mut expected = Vec::with_capacity(tokens.len());
    let input: Vec<u32> = std::iter::once(task).chain(tokens.iter().copied()).collect();
    let mut rest = input.as_slice();
    while !rest.is_empty() {
        let n = context.feed(session, rest, LogitRows::All, logits).await?;
        rest = rest.get(n..).unwrap_or_default();
        for row in logits.chunks_exact(model.vocab_size()) {
            let token = tokens.get(expected.len()).copied().unwrap_or(format.end);
            let pair = (log_probability(row, token as usize), log_probability(row, format.end as usize));
            if !pair.0.is_finite() || !pair.1.is_finite() {
                return Err(Error::NotFinite { token: token as usize, found: pair.0.to_string() });
            }
            expected.push(pair);
        }
    }

    let mut n = tokens.len();
    if ends_freely {
        n = headline(&texts, &expected);
        cut &= n == tokens.len();
    }
    let mut pieces = VecDeque::with_capacity(n);
    for ((token, text), (logprob, _)) in tokens.iter().zip(texts).zip(expected).take(n) {
        let text = match pieces.is_empty() {
            true => format!("{lead}{}", text.trim_start()),
            false => text,
        };
        pieces.push_back(Piece { text, token: *token, logprob });
    }
    Ok(Written { pieces, cut })
}

/// The text of each token, whole characters only, and all that is left with the last.
pub fn token_texts(tokenizer: &Tokenizer, tokens: &[u32]) -> Result<Vec<String>> {
    let mut stream = Detokenizer::new(true);
    let mut texts = Vec::with_capacity(tokens.len());
    for token in tokens {
        texts.push(stream.push(tokenizer, *token)?.to_string());
    }
    if let Some(last) = texts.last_mut() {
        last.push_str(stream.finish());
    }
    Ok(texts)
}

/// The largest number of tokens up to `most` behind which a word is over, so that neither a word nor a number is cut; `most`
/// where there is none. White space counts, wherever the tokenizer puts it: before a word or behind it.
fn last_word_end(texts: &[String], most: usize) -> usize {
    let over = |n: &usize| {
        let next = texts.get(*n).is_some_and(|next| next.starts_with(char::is_whitespace));
        next || texts.get(n - 1).is_some_and(|last| last.ends_with(char::is_whitespace))
    };
    (1..=most.min(texts.len())).rev().find(over).unwrap_or(most)
}

/// How many tokens of a sentence make a headline: of the places where a word is over and a title may end, the one where
/// the model most expects the end. All of them, but for a full stop, where there is no such place.
fn headline(texts: &[String], expected: &[(f32, f32)]) -> usize {
    let ends_sentence = texts.last().is_some_and(|last| matches!(last.trim(), "." | "!" | "?"));
    let whole = if ends_sentence && texts.len() > 1 { texts.len() - 1 } else { texts.len() };
    let mut best: Option<(usize, f32)> = None;
    let mut so_far = String::new();
    for n in 1..=whole {
        so_far.push_str(texts.get(n - 1).map_or("", String::as_str));
        // Neither inside of a word nor of "10,000" or "long-term".
        let joined = |at: usize| texts.get(at).is_some_and(|text| text.starts_with(char::is_alphanumeric));
        let mark = texts.get(n).is_some_and(|next| !next.starts_with(char::is_whitespace));
        let over = n == whole || !(joined(n) || mark && joined(n + 1));
        let words = so_far.split_whitespace().count();
        let candidate =
            over && HEADLINE_WORDS.contains(&words) && may_end(&so_far) && so_far.ends_with(char::is_alphanumeric);
        let end = expected.get(n).map_or(f32::NEG_INFINITY, |(_, end)| *end);
        if candidate && best.is_none_or(|(_, highest)| end > highest) {
            best = Some((n, end));
        }
    }
    best.map_or(whole, |(n, _)| n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(tokens: &[&str], end: &[(usize, f32)]) -> String {
        let texts: Vec<String> = tokens.iter().map(|t| t.to_string()).collect();
        let mut expected = vec![(-1.0, -9.0); tokens.len() + 1];
        end.iter().for_each(|(n, logprob)| expected[*n].1 = *logprob);
        texts[..headline(&texts, &expected)].concat()
    }

    #[test]
    fn a_long_sentence_is_cut_between_words() {
        let texts: Vec<String> =
            [" The", " val", "ues", " 12", ".", "345", ",", " 13", ".", "456"].iter().map(|t| t.to_string()).collect();
        assert_eq!([2, 3, 6, 8, 9].map(|most| last_word_end(&texts, most)), [1, 3, 3, 7, 7]);
        let one: Vec<String> = [" long", "est", "word"].iter().map(|t| t.to_string()).collect();
        assert_eq!(last_word_end(&one, 2), 2);
    }

    #[test]
    fn a_headline_ends_where_the_model_expects_it_and_a_title_may() {
        let text =
            [" The", " council", " of", " Ports", "mouth", " voted", " on", " Tuesday", ",", " it", " said", "."];
        // The most expected places are too early, inside of a word, after "on"; Tuesday is next.
        let end = [(2, -0.1), (4, -0.2), (7, -0.3), (8, -2.0), (9, -1.0)];
        assert_eq!(cut(&text, &end), " The council of Portsmouth voted on Tuesday");
        assert_eq!(cut(&text, &[(11, -1.0)]), " The council of Portsmouth voted on Tuesday, it said");
        let numbers =
            [" It", " was", " sold", " for", " about", " 10", ",", "000", " long", "-", "term", " bonds", "."];
        assert_eq!(cut(&numbers, &[(6, -0.1), (9, -0.2), (11, -3.0)]), " It was sold for about 10,000 long-term");
        assert_eq!(cut(&[" Too", " short", "."], &[(1, -0.1)]), " Too short");
        assert_eq!(cut(&["."], &[]), ".");
        assert_eq!(cut(&[], &[]), "");
    }
}
