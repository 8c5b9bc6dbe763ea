//! Names, numbers, dates and the like in a text.
//!
//! Names (of whatever types the model was trained on) are found by the model, sentence by sentence: it reads the sentence
//! twice, and at each token of the second copy, where it knows how the sentence goes on, says which tag the token has. The
//! best sequence of tags that is possible is taken (Viterbi). Numbers, dates, times, sums of money and addresses are found
//! by their form (see [`patterns`]), without the model.

mod tags;

use std::collections::VecDeque;
use std::ops::Range;

use super::event::{Entity, Event, FinishReason, Phase, Usage};
use super::model::Model;
use super::options::EntityOptions;
use super::points::Article;
use super::stopwatch::Stopwatch;
use super::tasks::TaskFormat;
use crate::error::{Error, Result};
use crate::language::en::{Pattern, patterns};
use crate::model::LogitRows;
use crate::session::Session;

pub use tags::EntityFormat;
use tags::{Span, best_spans};

/// Tokens of a sentence that are tagged at once; longer ones are cut.
const MAX_TOKENS: usize = 90;

/// Names of what is found by its form.
const BY_FORM: [Pattern; 6] =
    [Pattern::Number, Pattern::Date, Pattern::Time, Pattern::Money, Pattern::Email, Pattern::Url];

/// Tokens of a part of a sentence, each with the byte of the text where it ends.
#[derive(Debug)]
struct Part {
    tokens: Vec<u32>,
    ends: Vec<usize>,
    /// Where the first token begins.
    start: usize,
}

pub struct Entities {
    article: Article,
    types: Vec<String>,
    /// How to ask the model; nothing where no type needs it.
    format: Option<(TaskFormat, EntityFormat)>,
    /// What the text's form shows, in order.
    by_form: VecDeque<(Pattern, Range<usize>)>,
    /// The next sentence, and the one that is being tagged.
    sentence: usize,
    open: Option<usize>,
    /// Its parts, and how much of the first one's input was read.
    parts: VecDeque<Part>,
    read: usize,
    /// Logits of the tags read so far in this part.
    tags: Vec<Vec<f32>>,
    /// Names found in this sentence.
    names: Vec<(Span, Range<usize>)>,
    ready: VecDeque<Entity>,
    session: Option<Session>,
    logits: Vec<f32>,
    watch: Stopwatch,
    usage: Usage,
}

impl Entities {
    pub fn new(model: &Model, text: &str, options: &EntityOptions) -> Result<Self> {
        let known = model.tasks().and_then(|format| format.entities.as_ref().map(|e| (format, e)));
        let is_by_form = |name: &String| BY_FORM.iter().any(|pattern| pattern.name() == name);
        let by_form_only = !options.types.is_empty() && options.types.iter().all(is_by_form);
        if known.is_none() && !by_form_only {
            return Err(model.cannot("entities"));
        }
        let trained = known.map(|(_, entities)| entities.types()).unwrap_or_default();
        if let Some(unknown) = options.types.iter().find(|name| !is_by_form(name) && !trained.contains(name)) {
            let mut all = trained.to_vec();
            all.extend(BY_FORM.map(|pattern| pattern.name().to_string()));
            return Err(Error::InvalidOption {
                name: "types".into(),
                expected: format!("types among {}", all.join(", ")),
                found: format!("{unknown:?}"),
            });
        }
        let article = Article::new(text);
        article.require_sentences()?;
        Ok(Entities {
            by_form: patterns(text).into(),
            article,
            types: options.types.clone(),
            format: known.filter(|_| !by_form_only).map(|(format, entities)| (format.clone(), entities.clone())),
            sentence: 0,
            open: None,
            parts: VecDeque::new(),
            read: 0,
            tags: Vec::new(),
            names: Vec::new(),
            ready: VecDeque::new(),
            session: None,
            logits: Vec::new(),
            watch: Stopwatch::new(model.clock()),
            usage: Usage::default(),
        })
    }

    pub async fn next(&mut self, model: &Model) -> Result<Event> {
        self.watch.start();
        loop {
            if let Some(entity) = self.ready.pop_front() {
                self.watch.first();
                return Ok(Event::Entity(entity));
            }
            if !self.parts.is_empty() {
                if let Some(event) = self.tag(model).await? {
                    return Ok(event);
                }
                continue;
            }
            if let Some(i) = self.open.take() {
                self.finish_sentence(i);
                continue;
            }
            if self.sentence >= self.article.sentences.len() {
                let (usage, timings) = (self.usage, self.watch.finish());
                return Ok(Event::Done { finish_reason: FinishReason::Stop, text: String::new(), usage, timings });
            }
            self.parts = self.cut(model, self.sentence)?;
            self.open = Some(self.sentence);
            self.sentence += 1;
        }
    }

    /// The parts of a sentence; none where the model is not asked.
    fn cut(&self, model: &Model, i: usize) -> Result<VecDeque<Part>> {
        let (Some((format, _)), Some(sentence)) = (&self.format, self.article.sentences.get(i)) else {
            return Ok(VecDeque::new());
        };
        let most = MAX_TOKENS.min(format.max_chunk_tokens / 2 - 1).max(1);
        let text = format!(" {}", self.article.sentence(i));
        let (tokens, ends) = model.require_tokenizer()?.encode_with_ends(&text)?;
        // The space before the sentence is not in the text.
        let byte = |end: usize| sentence.bytes.start + end.saturating_sub(1);
        let mut parts = VecDeque::new();
        let mut from = 0;
        while from < tokens.len() {
            let mut to = (from + most).min(tokens.len());
            if to < tokens.len() {
                // Before a word, if there is one.
                let begins_word = |k: &usize| {
                    ends.get(*k - 1).is_some_and(|end| text.get(*end..).is_some_and(|rest| rest.starts_with(' ')))
                };
                to = (from + 1..=to).rev().find(begins_word).unwrap_or(to);
            }
            parts.push_back(Part {
                tokens: tokens.get(from..to).unwrap_or_default().to_vec(),
                ends: ends.get(from..to).unwrap_or_default().iter().map(|end| byte(*end)).collect(),
                start: if from == 0 { sentence.bytes.start } else { byte(ends.get(from - 1).copied().unwrap_or(0)) },
            });
            from = to;
        }
        Ok(parts)
    }

    /// One pass over the first part's two copies.
    async fn tag(&mut self, model: &Model) -> Result<Option<Event>> {
        let (Some((format, entities)), Some(part)) = (&self.format, self.parts.front()) else {
            self.parts.clear();
            return Ok(None);
        };
        let mark = format.marks.first().copied().unwrap_or(format.end);
        let copy = part.tokens.iter().copied();
        let input: Vec<u32> =
            [format.text].into_iter().chain(copy.clone()).chain([mark, entities.task]).chain(copy).collect();
        let second = input.len() - part.tokens.len();
        if self.session.is_none() {
            let capacity = (2 * MAX_TOKENS + 3).min(model.context_len());
            self.session = Some(model.new_session(capacity).await?);
        }
        let Some(session) = &mut self.session else { return Err(Error::Busy) };
        if self.read == 0 {
            session.truncate(0);
        }
        let rest = input.get(self.read..).unwrap_or_default();
        let rows: Vec<usize> = (second.max(self.read)..input.len()).map(|row| row - self.read).collect();
        let n = model.feed(session, rest, LogitRows::Rows(&rows), &mut self.logits).await?;
        self.read += n;
        self.usage.prompt_tokens += n;
        for row in self.logits.chunks_exact(model.vocab_size()) {
            self.tags.push(entities.log_probabilities(row)?);
        }
        let (done, total) = (self.sentence, self.article.sentences.len());
        if self.read == input.len() {
            let start = part.start;
            let ends = &part.ends;
            for span in best_spans(entities, &self.tags) {
                let from = match span.tokens.start.checked_sub(1) {
                    Some(before) => ends.get(before).copied().unwrap_or(start),
                    None => start,
                };
                let to = ends.get(span.tokens.end - 1).copied().unwrap_or(from);
                if let Some(bytes) = whole_words(&self.article.text, from..to) {
                    self.names.push((span, bytes));
                }
            }
            self.tags.clear();
            self.read = 0;
            self.parts.pop_front();
        }
        Ok(Some(Event::Progress { phase: Phase::Score, done, total }))
    }

    /// Merges the names of a sentence with what its form shows.
    fn finish_sentence(&mut self, i: usize) {
        let end = self.article.sentences.get(i).map_or(0, |s| s.bytes.end);
        let mut found: Vec<(Range<usize>, String, f32)> = Vec::new();
        let mut last = 0;
        for (span, bytes) in std::mem::take(&mut self.names) {
            // Two spans that both reach into one word: the first has it.
            if bytes.start >= last {
                last = bytes.end;
                found.push((bytes, span.kind, span.score));
            }
        }
        while let Some((pattern, bytes)) = self.by_form.pop_front_if(|(_, bytes)| bytes.start < end) {
            let overlaps = |other: &Range<usize>| other.start < bytes.end && bytes.start < other.end;
            if matches!(pattern, Pattern::Email | Pattern::Url) {
                found.retain(|(other, ..)| !overlaps(other));
            } else if found.iter().any(|(other, ..)| overlaps(other)) {
                // "Boeing 747", "the May Fourth Movement": the name has the number.
                continue;
            }
            found.push((bytes, pattern.name().to_string(), 1.0));
        }
        found.sort_by_key(|(bytes, ..)| bytes.start);
        for (bytes, kind, score) in found {
            if self.types.is_empty() || self.types.contains(&kind) {
                let text = self.article.text.get(bytes.clone()).unwrap_or_default().to_string();
                self.ready.push_back(Entity { text, kind, place: self.article.place(bytes), score });
            }
        }
    }
}

/// The range without white space and punctuation at its ends, widened to the words that it cuts into; nothing where no
/// letter or digit is left.
fn whole_words(text: &str, bytes: Range<usize>) -> Option<Range<usize>> {
    let inside = text.get(bytes.clone())?;
    let first = inside.find(char::is_alphanumeric)?;
    let last = inside.char_indices().rev().find(|(_, c)| c.is_alphanumeric())?;
    let (start, end) = (bytes.start + first, bytes.start + last.0 + last.1.len_utf8());
    let before =
        text.get(..start)?.chars().rev().take_while(|c| c.is_alphanumeric()).map(char::len_utf8).sum::<usize>();
    let after = text.get(end..)?.chars().take_while(|c| c.is_alphanumeric()).map(char::len_utf8).sum::<usize>();
    Some(start - before..end + after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_become_whole_words() {
        let text = " (Anna Bergström), 東京";
        let cut = |from: usize, to: usize| whole_words(text, from..to).map(|bytes| &text[bytes]);
        assert_eq!(cut(0, 7), Some("Anna"));
        assert_eq!(cut(3, 9), Some("Anna Bergström"));
        assert_eq!(cut(6, 18), Some("Bergström"));
        assert_eq!(cut(0, 2), None);
        assert_eq!(cut(17, text.len()), Some("東京"));
    }
}
