//! Names, numbers, dates and the like in a text.
//!
//! Names are found sentence by sentence, by what was added to the model for them (`src/heads`), or by the model, for the types that it
//! was trained on: it reads the sentence
//! twice, and at each token of the second copy, where it knows how the sentence goes on, says which tag the token has. The
//! best sequence of tags that is possible is taken (Viterbi). Numbers, dates, times, sums of money and addresses are found
//! by their form (see [`patterns`]), without the model.

mod tags;

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use serde::Deserialize;
pub use tags::EntitySection;
use tags::best_spans;

use super::article::Article;
use super::format::TaskFormat;
use crate::error::{Error, Result};
use crate::heads::Name;
use crate::language::en::{Pattern, patterns};
use crate::model::LogitRows;
use crate::run::section::{Description, Sections};
use crate::run::{Context, Ended, Entity, Event, Job, Lease, Model, Phase};

/// Tokens of a sentence that are tagged at once; longer ones are cut.
const MAX_TOKENS: usize = 90;

/// Names of what is found by its form.
const BY_FORM: [Pattern; 7] =
    [Pattern::Number, Pattern::Date, Pattern::Time, Pattern::Money, Pattern::Email, Pattern::Url, Pattern::Phone];

/// Tokens of a part of a sentence, each with the byte of the text where it ends.
#[derive(Debug)]
struct Part {
    tokens: Vec<u32>,
    ends: Vec<usize>,
    /// Where the first token begins.
    start: usize,
}

/// Options of [`Model::extract_entities`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct EntityOptions {
    /// Only these types, such as `PER` and `DATE`; all where it is empty.
    pub types: Vec<String>,
}

/// Reads the section.
pub fn read(d: Option<&Description<'_>>, sections: &mut Sections) -> Result<()> {
    if let Some(section) = d.map(EntitySection::from_description).transpose()?.flatten() {
        sections.names.push("entities");
        sections.insert(section);
    }
    Ok(())
}

impl Model {
    /// Finds names, numbers, dates and the like, as [`Event::Entity`], in the order of the text.
    ///
    /// # Errors
    /// `UnsupportedTask` where the model was not trained to find names and more is asked for than what form alone shows,
    /// `InvalidOption` for a text without words and for types that it does not know.
    pub fn extract_entities(self: &Rc<Self>, text: &str, options: &EntityOptions) -> Result<Job> {
        let known = self.section::<TaskFormat>().zip(self.section::<EntitySection>());
        let is_by_form = |name: &String| BY_FORM.iter().any(|pattern| pattern.name() == name);
        let by_form_only = !options.types.is_empty() && options.types.iter().all(is_by_form);
        let head = self.name_head();
        if known.is_none() && head.is_none() && !by_form_only {
            return Err(self.cannot("entities"));
        }
        let trained = match &head {
            Some(head) => head.types(),
            None => known.map(|(_, entities)| entities.types()).unwrap_or_default(),
        };
        if let Some(unknown) = options.types.iter().find(|name| !is_by_form(name) && !trained.contains(name)) {
            let mut all = trained.to_vec();
            all.extend(BY_FORM.map(|pattern| pattern.name().to_string()));
            return Err(Error::InvalidOption {
                name: "types".into(),
                expected: format!("types among {}", all.join(", ")),
                found: format!("{unknown:?}"),
            });
        }
        let (article, types) = (Article::with_sentences(text)?, options.types.clone());
        Ok(Job::new(self, move |context| run(context, article, types, !by_form_only)))
    }
}

/// `with_names`: the model is asked, too.
async fn run(context: Rc<Context>, article: Article, types: Vec<String>, with_names: bool) -> Result<Ended> {
    let model = Rc::clone(context.model());
    let known = model.section::<TaskFormat>().zip(model.section::<EntitySection>());
    let unwrapped = article.unwrapped();
    let mut by_form: VecDeque<(Pattern, Range<usize>)> = patterns(&unwrapped).into();
    let (mut tagger, head) = (None, model.name_head());
    for (i, sentence) in article.sentences.iter().enumerate() {
        let mut names = Vec::new();
        if let Some(head) = head.as_ref().filter(|_| with_names) {
            let from = sentence.bytes.start;
            names = head.find(unwrapped.get(sentence.bytes.clone()).unwrap_or_default());
            names.iter_mut().for_each(|Name { bytes, .. }| *bytes = from + bytes.start..from + bytes.end);
            context.progress(Phase::Score, i + 1, article.sentences.len()).await;
        } else if let Some((format, section)) = known.filter(|_| with_names) {
            let tagger = match &mut tagger {
                Some(tagger) => tagger,
                empty => {
                    let capacity = (2 * MAX_TOKENS + 3).min(model.context_len());
                    let session = context.lease_empty(capacity).await?;
                    let (context, logits) = (Rc::clone(&context), Vec::new());
                    empty.insert(Tagger { context, format, section, article: &article, session, logits })
                }
            };
            for part in cut(&model, format, &article, &unwrapped, i)? {
                names.extend(tagger.names(&part, i).await?);
            }
        }
        for (bytes, kind, score) in merged(&article.text, names, &mut by_form, sentence.bytes.end) {
            if types.is_empty() || types.contains(&kind) {
                let text = article.text.get(bytes.clone()).unwrap_or_default().to_string();
                context.emit(Event::Entity(Entity { text, kind, place: article.place(bytes), score })).await;
            }
        }
    }
    Ok(Ended::given())
}

/// The parts of a sentence.
fn cut(model: &Model, format: &TaskFormat, article: &Article, unwrapped: &str, i: usize) -> Result<Vec<Part>> {
    let Some(sentence) = article.sentences.get(i) else { return Ok(Vec::new()) };
    let most = MAX_TOKENS.min(format.max_chunk_tokens / 2 - 1).max(1);
    // Byte for byte what stands there, in one line.
    let text = format!(" {}", unwrapped.get(sentence.bytes.clone()).unwrap_or_default());
    let (tokens, ends) = model.require_tokenizer()?.encode_with_ends(&text)?;
    // The space before the sentence is not in the text.
    let byte = |end: usize| sentence.bytes.start + end.saturating_sub(1);
    let mut parts = Vec::new();
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
        parts.push(Part {
            tokens: tokens.get(from..to).unwrap_or_default().to_vec(),
            ends: ends.get(from..to).unwrap_or_default().iter().map(|end| byte(*end)).collect(),
            start: if from == 0 { sentence.bytes.start } else { byte(ends.get(from - 1).copied().unwrap_or(0)) },
        });
        from = to;
    }
    Ok(parts)
}

/// Asks the model for names.
struct Tagger<'a> {
    context: Rc<Context>,
    format: &'a TaskFormat,
    section: &'a EntitySection,
    article: &'a Article,
    session: Lease,
    logits: Vec<f32>,
}

impl Tagger<'_> {
    /// The names in a part of sentence `i`, as whole words.
    async fn names(&mut self, part: &Part, i: usize) -> Result<Vec<Name>> {
        let mark = self.format.marks.first().copied().unwrap_or(self.format.end);
        let copy = part.tokens.iter().copied();
        let controls = [mark, self.section.task];
        let input: Vec<u32> = [self.format.text].into_iter().chain(copy.clone()).chain(controls).chain(copy).collect();
        let second = input.len() - part.tokens.len();
        self.session.truncate(0);
        let mut names = Vec::new();
        let mut tags = Vec::with_capacity(part.tokens.len());
        let mut read = 0;
        while read < input.len() {
            let rest = input.get(read..).unwrap_or_default();
            let rows: Vec<usize> = (second.max(read)..input.len()).map(|row| row - read).collect();
            read += self.context.read(&mut self.session, rest, LogitRows::Rows(&rows), &mut self.logits).await?;
            for row in self.logits.chunks_exact(self.context.model().vocab_size()) {
                tags.push(self.section.log_probabilities(row)?);
            }
            self.context.progress(Phase::Score, i + 1, self.article.sentences.len()).await;
        }
        for (tokens, kind, score) in best_spans(self.section, &tags) {
            let from = match tokens.start.checked_sub(1) {
                Some(before) => part.ends.get(before).copied().unwrap_or(part.start),
                None => part.start,
            };
            let to = part.ends.get(tokens.end - 1).copied().unwrap_or(from);
            if let Some(bytes) = whole_words(&self.article.text, from..to) {
                names.push(Name { bytes, kind, score });
            }
        }
        Ok(names)
    }
}

/// The names of a sentence and what its form shows, up to its end, in order: place, type, score.
fn merged(
    text: &str,
    names: Vec<Name>,
    by_form: &mut VecDeque<(Pattern, Range<usize>)>,
    end: usize,
) -> Vec<(Range<usize>, String, f32)> {
    let mut found: Vec<(Range<usize>, String, f32)> = Vec::new();
    let mut last = 0;
    for Name { bytes, kind, score } in names {
        // Two spans that both reach into one word: the first has it.
        if bytes.start < last {
            continue;
        }
        // A line break parts no name.
        let space = text.get(last..bytes.start).is_some_and(|gap| gap.trim().is_empty() && gap.contains('\n'));
        last = bytes.end;
        match found.last_mut().filter(|(_, before, _)| space && *before == kind) {
            Some((before, _, least)) => {
                before.end = bytes.end;
                *least = least.min(score);
            }
            None => found.push((bytes, kind, score)),
        }
    }
    while by_form.front().is_some_and(|(_, bytes)| bytes.start < end)
        && let Some((pattern, bytes)) = by_form.pop_front()
    {
        let overlaps = |other: &Range<usize>| other.start < bytes.end && bytes.start < other.end;
        if matches!(pattern, Pattern::Email | Pattern::Url | Pattern::Phone) {
            found.retain(|(other, ..)| !overlaps(other));
        } else if found.iter().any(|(other, ..)| overlaps(other)) {
            // "Boeing 747", "the May Fourth Movement": the name has the number.
            continue;
        }
        found.push((bytes, pattern.name().to_string(), 1.0));
    }
    crate::order::sort_by_key(&mut found, |(bytes, ..)| bytes.start);
    found
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
