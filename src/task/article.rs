//! A text as the task format reads it: sentences, chunks that fit the context, and how salient each sentence is.

use std::collections::VecDeque;
use std::ops::Range;

use super::format::TaskFormat;
use super::salience::Readings;
use crate::error::{Error, Result};
use crate::language::en::dialogue;
use crate::language::en::said::Said;
use crate::language::en::shorten::{refutes, stands_alone};
use crate::language::en::{is_invisible, joined_words, plain_word, sentences, sentences_of};
use crate::language::{Page, Utf16};
use crate::run::{Model, Place};
use crate::text::Controls;

/// A part of fewer sentences than this is not worth a sentence of the summary.
const PART_SENTENCES: usize = 4;
/// How many of a part's most salient sentences are looked at for one that stands alone.
const SALIENT: usize = 4;

/// Share of the words of both from which on a sentence repeats another, where no fact differs.
const REPEATED: f64 = 0.7;

/// A sentence of the text and what is known about it.
#[derive(Clone, Debug)]
pub struct Sentence {
    /// Where it stands, in UTF-8 bytes.
    pub bytes: Range<usize>,
    /// How it reads, where that is not what stands there: without line breaks, runs of spaces and invisible characters.
    plain: Option<String>,
    /// What the model says of it.
    pub readings: Readings,
    /// Probability that it belongs into a summary; 0 until it is weighed.
    pub salience: f32,
}

/// Tokens of a chunk, and where each sentence ends in them.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    pub tokens: Vec<u32>,
    /// Indices of the chunk's sentences in the text.
    pub sentences: Vec<usize>,
    /// For each of them, the number of tokens up to and with its mark.
    pub ends: Vec<usize>,
}

impl Chunk {
    /// How many sentences the first `n` tokens hold whole.
    pub fn sentences_in(&self, n: usize) -> usize {
        self.ends.partition_point(|end| *end <= n)
    }
}

/// A text cut into sentences.
pub struct Article {
    /// What is shown of the source: all of it, or what its markup shows.
    pub text: String,
    pub sentences: Vec<Sentence>,
    source: String,
    page: Page,
    utf16: Utf16,
}

impl Article {
    /// All sentences of a text.
    pub fn new(source: &str) -> Self {
        let page = Page::read(source);
        let found = sentences(page.text(source));
        Self::of(source, page, found)
    }

    /// The sentences of the article in a text, without what a page has around it.
    pub fn prose(source: &str) -> Self {
        let page = Page::read(source);
        let mut found = Vec::new();
        page.article(source).into_iter().for_each(|block| sentences_of(page.text(source), block, &mut found));
        Self::of(source, page, found)
    }

    fn of(source: &str, page: Page, found: Vec<Range<usize>>) -> Self {
        let text = page.text(source).to_string();
        let whole = |bytes: Range<usize>| {
            let plain = plain(text.get(bytes.clone()).unwrap_or_default());
            Sentence { bytes, plain, readings: Readings::default(), salience: 0.0 }
        };
        let sentences = found.into_iter().map(whole).collect();
        Article { sentences, text, source: source.to_string(), page, utf16: Utf16::new(source) }
    }

    /// A sentence as it reads, in one line.
    pub fn sentence(&self, i: usize) -> &str {
        let sentence = self.sentences.get(i);
        sentence.and_then(|s| s.plain.as_deref().or(self.text.get(s.bytes.clone()))).unwrap_or_default()
    }

    /// A sentence as it stands in the text.
    pub fn source(&self, i: usize) -> &str {
        self.sentences.get(i).and_then(|s| self.text.get(s.bytes.clone())).unwrap_or_default()
    }

    /// The text with spaces for the line breaks inside of sentences, byte for byte.
    pub fn unwrapped(&self) -> String {
        let mut out = String::with_capacity(self.text.len());
        let mut at = 0;
        for bytes in self.sentences.iter().map(|s| s.bytes.clone()) {
            out.push_str(self.text.get(at..bytes.start).unwrap_or_default());
            out.extend(
                self.text.get(bytes.clone()).unwrap_or_default().chars().map(|c| if is_break(c) { ' ' } else { c }),
            );
            at = bytes.end;
        }
        out.push_str(self.text.get(at..).unwrap_or_default());
        out
    }

    /// The texts of all sentences.
    pub fn all(&self) -> Vec<&str> {
        (0..self.sentences.len()).map(|i| self.sentence(i)).collect()
    }

    /// Whether this is a dialogue; see [`dialogue`].
    pub fn is_dialogue(&self) -> bool {
        dialogue::is_dialogue(&self.all())
    }

    /// Which sentences no summary should take: turns of a dialogue that only keep it going, what the next sentence says is not so, and
    /// the sentence that says it.
    pub fn doubts(&self) -> Vec<bool> {
        let all = self.all();
        let turns = dialogue::is_dialogue(&all);
        let mut doubts: Vec<bool> = all.iter().map(|sentence| turns && dialogue::is_filler(sentence)).collect();
        // Neither what is denied nor its denial says anything alone.
        for i in (1..all.len()).filter(|i| refutes(all[*i])) {
            (doubts[i - 1], doubts[i]) = (true, true);
        }
        doubts
    }

    /// Tokens of a sentence: with one leading space, control tokens in it being plain text, and cut to what a chunk can
    /// hold.
    pub fn encode(&self, model: &Model, format: &TaskFormat, i: usize) -> Result<Vec<u32>> {
        let text = format!(" {}", self.sentence(i));
        let mut tokens = model.require_tokenizer()?.encode(&text, false, Controls::Literal)?;
        // The beginning and the mark need room too.
        tokens.truncate(format.max_chunk_tokens - 2);
        Ok(tokens)
    }

    /// Reads sentences from `candidates`, in order, until the next one does not fit.
    pub fn chunk(&self, model: &Model, format: &TaskFormat, candidates: impl Iterator<Item = usize>) -> Result<Chunk> {
        self.chunk_of(model, format, candidates, format.max_chunk_tokens)
    }

    /// The same for a chunk of at most `limit` tokens, but for its first sentence, which is there in any case.
    pub fn chunk_of(
        &self,
        model: &Model,
        format: &TaskFormat,
        candidates: impl Iterator<Item = usize>,
        limit: usize,
    ) -> Result<Chunk> {
        let mut chunk = Chunk { tokens: vec![format.text], ..Chunk::default() };
        for (i, mark) in candidates.zip(&format.marks) {
            let mut tokens = self.encode(model, format, i)?;
            if chunk.sentences.is_empty() {
                tokens.truncate(limit.saturating_sub(2).max(1));
            }
            if chunk.tokens.len() + tokens.len() + 1 > limit && !chunk.sentences.is_empty() {
                break;
            }
            chunk.tokens.extend_from_slice(&tokens);
            chunk.tokens.push(*mark);
            chunk.sentences.push(i);
            chunk.ends.push(chunk.tokens.len());
        }
        Ok(chunk)
    }

    /// A text that there is something to do with.
    ///
    /// # Errors
    /// `InvalidOption` for a text without words.
    pub fn with_sentences(text: &str) -> Result<Self> {
        Article::new(text).checked()
    }

    /// The same of the article alone; see [`Article::prose`].
    pub fn with_prose(text: &str) -> Result<Self> {
        Article::prose(text).checked()
    }

    fn checked(self) -> Result<Self> {
        if self.sentences.is_empty() {
            return Err(Error::InvalidOption {
                name: "text".into(),
                expected: "a text with at least one sentence".into(),
                found: if self.source.is_empty() { "an empty text".into() } else { "only white space".into() },
            });
        }
        Ok(self)
    }

    /// All sentences, the most salient first; of equals the earlier.
    fn by_salience(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.sentences.len()).collect();
        crate::order::sort_by(&mut order, |a, b| self.salience(*b).total_cmp(&self.salience(*a)).then(a.cmp(b)));
        order
    }

    fn salience(&self, i: usize) -> f32 {
        self.sentences.get(i).map_or(0.0, |s| s.salience)
    }

    /// The `n` most salient sentences, in the order of the text. A sentence that says the same words as one already
    /// chosen is passed over, and one that says nearly the same and agrees with it.
    pub fn most_salient(&self, n: usize) -> Vec<usize> {
        let mut chosen: Vec<usize> = Vec::new();
        let mut known: Vec<(String, Said)> = Vec::new();
        for i in self.by_salience() {
            if chosen.len() == n {
                break;
            }
            // White space, quotation marks and case make no sentence new.
            let (says, facts) = (said(self.sentence(i)), Said::new(self.sentence(i)));
            let repeats = |(words, other): &(String, Said)| {
                *words == says || other.overlap(&facts) >= REPEATED && other.agrees(&facts)
            };
            if !known.iter().any(repeats) {
                known.push((says, facts));
                chosen.push(i);
            }
        }
        crate::order::sort(&mut chosen);
        // A claim is not shown without the sentence that denies it, nor that without the claim.
        let denies = |i: usize| i > 0 && refutes(self.sentence(i));
        let whole =
            |i: &usize| (!denies(*i) || chosen.contains(&(i - 1))) && (!denies(i + 1) || chosen.contains(&(i + 1)));
        let told: Vec<usize> = chosen.iter().copied().filter(whole).collect();
        if told.is_empty() { chosen } else { told }
    }

    /// One chunk of the most salient sentences that fit together, in the order of the text.
    pub fn salient_chunk(&self, model: &Model, format: &TaskFormat) -> Result<Chunk> {
        let mut room = format.max_chunk_tokens - 1;
        let mut chosen = Vec::new();
        for i in self.by_salience() {
            let cost = self.encode(model, format, i)?.len() + 1;
            if cost > room {
                break;
            }
            room -= cost;
            chosen.push(i);
            if chosen.len() == format.marks.len() {
                break;
            }
        }
        crate::order::sort(&mut chosen);
        self.chunk(model, format, chosen.into_iter())
    }

    /// The sentence of each of up to `n` parts of a chunk that tells the most on its own, in the order of the text. Parts
    /// have about the same number of tokens, and [`PART_SENTENCES`] sentences on average or more. Unless the model file says
    /// how to choose such a sentence, one that does not stand alone is passed over for one that does.
    pub fn telling(&self, chunk: &Chunk, n: usize, chosen_by_model: bool) -> VecDeque<usize> {
        let n = n.min(chunk.sentences.len() / PART_SENTENCES).max(1);
        let mut chosen = VecDeque::with_capacity(n);
        let mut from = 0;
        for part in 1..=n {
            let to = match part {
                _ if part == n => chunk.sentences.len(),
                // The first token belongs to no sentence.
                _ => chunk.sentences_in(1 + (chunk.tokens.len() - 1) * part / n),
            };
            let mut order = chunk.sentences.get(from..to).unwrap_or_default().to_vec();
            crate::order::sort_by(&mut order, |a, b| self.salience(*b).total_cmp(&self.salience(*a)).then(a.cmp(b)));
            let alone = order.iter().take(SALIENT).find(|i| stands_alone(self.sentence(**i)));
            chosen.extend(alone.filter(|_| !chosen_by_model).or(order.first()));
            from = to.max(from);
        }
        chosen
    }

    /// Where a range of bytes of the text stands in the source.
    pub fn place(&self, bytes: Range<usize>) -> Place {
        let bytes = self.page.place(bytes);
        Place { utf16: self.utf16.range(&self.source, &bytes), bytes }
    }
}

fn is_break(c: char) -> bool {
    // Of one byte each, as a space.
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}')
}

/// A sentence without line breaks, runs of white space and invisible characters; nothing where it has none.
fn plain(sentence: &str) -> Option<String> {
    let mut space = false;
    let ready = sentence.chars().all(|c| {
        let twice = space && c.is_whitespace();
        space = c.is_whitespace();
        !twice && !is_break(c) && !is_invisible(c)
    });
    (!ready).then(|| {
        let shown: String = sentence.chars().filter(|c| !is_invisible(*c)).collect();
        shown.split_whitespace().collect::<Vec<_>>().join(" ")
    })
}

/// The words of a sentence, as they are compared; all of it where it has none.
fn said(sentence: &str) -> String {
    let words: Vec<String> =
        joined_words(sentence).into_iter().map(|word| plain_word(sentence.get(word).unwrap_or_default())).collect();
    if words.is_empty() { sentence.to_string() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_quotes_and_case_make_no_sentence_new() {
        for text in [
            "It is old. It  is old.",
            "It\u{2019}s closed. It's closed.",
            "\"It is open.\" It is open.",
            "THE MILL IS CLOSED. The mill is closed.",
            "The mill\nis old. The mill is old.",
            "It is data\u{ad}base work. It is database work.",
        ] {
            assert_eq!(Article::new(text).most_salient(5).len(), 1, "{text}");
        }
        assert_eq!(Article::new("It is old. It is not old. 5 came. 6 came.").most_salient(5).len(), 4);
        let again = "The council closed the old harbour bridge in May. In May the council closed the harbour bridge. It is 90 metres long.";
        assert_eq!(Article::new(again).most_salient(5), [0, 2]);
        let denied = "It is unsafe. That is false. It is 90 metres long.";
        assert_eq!(Article::new(denied).most_salient(1), [0], "nothing else was chosen");
        assert_eq!(Article::new(denied).most_salient(3), [0, 1, 2]);
    }

    #[test]
    fn a_page_is_read_as_its_article_with_places_in_the_source() {
        let source = "<nav>Home</nav><h1>Title</h1><p>The <b>bridge</b> was closed \u{1f9d9} on Tuesday &amp; nobody was hurt in it.</p>\
            <p>It will be open again in the spring of next year, when the engineers have looked at the other beams and the council has paid \
            for the work.</p><footer>\u{a9} 2026</footer>";
        let article = Article::prose(source);
        assert_eq!(article.sentences.len(), 2);
        assert_eq!(article.sentence(0), "The bridge was closed \u{1f9d9} on Tuesday & nobody was hurt in it.");
        let place = article.place(article.sentences[0].bytes.clone());
        assert!(source[place.bytes.clone()].starts_with("The <b>bridge") && source[place.bytes].ends_with("in it."));
        let utf16: Vec<u16> = source.encode_utf16().collect();
        assert!(String::from_utf16(&utf16[place.utf16]).unwrap().ends_with("in it."));
        assert!(Article::new(source).sentences.len() > 2);
    }

    #[test]
    fn a_wrapped_sentence_is_read_in_one_line_and_stands_where_it_stood() {
        let text = "It was closed\r\n   by Anna\u{200b} Berg.\n\nIt is old.";
        let article = Article::new(text);
        assert_eq!(article.sentence(0), "It was closed by Anna Berg.");
        assert_eq!(article.source(0), "It was closed\r\n   by Anna\u{200b} Berg.");
        assert_eq!(article.sentence(1), "It is old.");
        let unwrapped = article.unwrapped();
        assert_eq!(unwrapped.len(), text.len());
        assert!(unwrapped.starts_with("It was closed     by") && unwrapped.ends_with(".\n\nIt is old."));
    }
}
