//! Which of some labels a text bears: how likely the model finds each label's words behind the text.
//!
//! The model reads the text, then `label`, and says for each label the probability of its words and of the end after them;
//! these are normalised over the labels. A caller's own labels, which the model was not trained on, are calibrated by what
//! the model expects without a text (surface form competition, Holtzman et al. 2021, arXiv 2104.08315).
//!
//! Labels are read as a tree: what two of them share is read once, and a label that cannot come near the best any more is
//! not read to its end.

use std::rc::Rc;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::article::{Article, Chunk};
use super::format::TaskFormat;
use crate::error::{Error, Result};
use crate::model::LogitRows;
use crate::run::section::{Description, Sections};
use crate::run::{Context, Ended, Event, Job, Label, Lease, Model, Phase};
use crate::text::Controls;

/// Tokens of a text that are read: what was trained on is not longer.
const MAX_TOKENS: usize = 192;
/// Tokens of a label, at most.
const MAX_LABEL: usize = 32;
/// A label this much less likely than the best (in nats: 1 in 22,000) need not be known exactly.
const NEGLIGIBLE: f64 = 10.0;
/// The set of labels taken where neither caller nor file names one.
const DEFAULT_SET: &str = "sentiment";

/// What a text may be classified as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Labels {
    /// The set that the model's file has as its default.
    #[default]
    Default,
    /// A set of the model's file, by name.
    Set(String),
    /// The caller's own.
    Own(Vec<String>),
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Labels;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array of strings, or the name of a set")
            }

            fn visit_str<E>(self, set: &str) -> Result<Labels, E> {
                Ok(Labels::Set(set.to_string()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Labels, A::Error> {
                let mut own = Vec::new();
                while let Some(label) = list.next_element()? {
                    own.push(label);
                }
                Ok(Labels::Own(own))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// Options of [`Model::classify`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ClassifyOptions {
    /// Which labels there are.
    pub labels: Labels,
}

/// What a model's file says about labels: `"label": "<|label|>", "labels": {"sentiment": ["negative", "positive"], ...},
/// "default_labels": "sentiment"`. After a text, `label` makes the model write the label's words, then `end`. The sets are
/// those that it was trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassifySection {
    /// The control token before a label.
    label: u32,
    /// Sets that the model was trained on, by name.
    sets: Vec<(String, Vec<String>)>,
    default_set: Option<String>,
}

impl ClassifySection {
    /// # Errors
    /// `Format` where the keys `label`, `labels` or `default_labels` make no sense.
    fn from_description(d: &Description<'_>) -> Result<Option<Self>> {
        if d.json["label"].is_null() {
            return Ok(None);
        }
        let label = d.token("label", &d.json["label"])?;
        let mut sets = Vec::new();
        let named = &d.json["labels"];
        let object = match named {
            Json::Null => None,
            Json::Object(object) => Some(object),
            other => return Err(d.invalid("labels", "an object of lists", other.to_string())),
        };
        for (name, list) in object.into_iter().flatten() {
            let labels: Option<Vec<String>> =
                list.as_array().and_then(|list| list.iter().map(|item| item.as_str().map(String::from)).collect());
            let labels = labels.filter(|labels| !labels.is_empty());
            let wrong = || d.invalid(&format!("labels.{name}"), "a list of texts", list.to_string());
            sets.push((name.clone(), labels.ok_or_else(wrong)?));
        }
        let default_set = match &d.json["default_labels"] {
            Json::Null => sets
                .iter()
                .map(|(name, _)| name)
                .find(|name| *name == DEFAULT_SET)
                .or(sets.first().map(|(name, _)| name))
                .cloned(),
            Json::String(name) if sets.iter().any(|(known, _)| known == name) => Some(name.clone()),
            other => {
                return Err(d.invalid("default_labels", "the name of one of the sets of labels", other.to_string()));
            }
        };
        Ok(Some(ClassifySection { label, sets, default_set }))
    }

    /// The names of the sets.
    fn names(&self) -> Vec<String> {
        self.sets.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The labels asked for, and whether the model was trained on them.
    fn choose(&self, asked: &Labels) -> Result<(Vec<String>, bool)> {
        let known = || self.names().join(", ");
        let refused = |expected: String, found: String| Error::InvalidOption { name: "labels".into(), expected, found };
        let set = match asked {
            Labels::Own(labels) => {
                let trained =
                    self.sets.iter().any(|(_, set)| labels.iter().all(|l| set.iter().any(|s| words(s) == words(l))));
                return Ok((labels.clone(), trained));
            }
            Labels::Set(name) => name,
            Labels::Default => {
                self.default_set.as_ref().ok_or_else(|| refused("a list of labels".into(), "nothing".into()))?
            }
        };
        let found = self.sets.iter().find(|(name, _)| name == set);
        let (_, labels) = found.ok_or_else(|| {
            refused(format!("a list of labels, or the name of a set: {}", known()), format!("{set:?}"))
        })?;
        Ok((labels.clone(), true))
    }
}

/// Reads the section.
pub fn read(d: Option<&Description<'_>>, sections: &mut Sections) -> Result<()> {
    let section = d.map(ClassifySection::from_description).transpose()?.flatten();
    if let Some(section) = section {
        sections.names.push("classify");
        sections.label_sets = section.names();
        sections.insert(section);
    }
    Ok(())
}

/// A label as the model reads it.
fn words(label: &str) -> String {
    let spaced: Vec<String> =
        label.split(|c: char| c.is_whitespace() || c == '_').filter(|w| !w.is_empty()).map(str::to_lowercase).collect();
    spaced.join(" ")
}

/// What the model says behind some tokens.
struct Row {
    logits: Vec<f32>,
    /// Logarithm of the sum of their exponentials.
    norm: f64,
}

impl Row {
    fn new(logits: &[f32]) -> Result<Row> {
        if let Some(token) = logits.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { token, found: logits[token].to_string() });
        }
        let highest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let sum: f64 = logits.iter().map(|x| (f64::from(*x) - highest).exp()).sum();
        Ok(Row { logits: logits.to_vec(), norm: highest + sum.ln() })
    }

    fn log_probability(&self, token: u32) -> f64 {
        self.logits.get(token as usize).map_or(f64::NEG_INFINITY, |x| f64::from(*x) - self.norm)
    }
}

impl Model {
    /// Says how likely each label fits a text, as [`Event::Label`], the likeliest first.
    ///
    /// # Errors
    /// `UnsupportedTask` where the model was not trained to, `InvalidOption` for a text without words and for labels that
    /// make no sense.
    pub fn classify(self: &Rc<Self>, text: &str, options: &ClassifyOptions) -> Result<Job> {
        let format = TaskFormat::of(self, "classify")?;
        let section = self.section::<ClassifySection>().ok_or_else(|| self.cannot("classify"))?;
        let (labels, trained) = section.choose(&options.labels)?;
        let tokens = tokens(self, &labels, format.end)?;
        let article = Article::with_sentences(text)?;
        let n = article.sentences.len();
        let Chunk { tokens: mut input, .. } =
            article.chunk_of(self, format, 0..n, MAX_TOKENS.min(format.max_chunk_tokens))?;
        input.push(section.label);
        let without_text = (!trained).then_some([format.text, section.label]);
        Ok(Job::new(self, |context| run(context, labels, tokens, input, without_text)))
    }
}

/// Tokens of each label, and the end.
fn tokens(model: &Model, labels: &[String], end: u32) -> Result<Vec<Vec<u32>>> {
    let refused = |expected: &str, found: String| Error::InvalidOption {
        name: "labels".into(),
        expected: expected.into(),
        found,
    };
    if labels.is_empty() {
        return Err(refused("at least one label", "an empty list".into()));
    }
    let mut tokens = Vec::with_capacity(labels.len());
    for label in labels {
        let words = words(label);
        if words.is_empty() {
            return Err(refused("labels with words", format!("{label:?}")));
        }
        let mut ids = model.require_tokenizer()?.encode(&format!(" {words}"), false, Controls::Literal)?;
        if ids.len() > MAX_LABEL {
            return Err(refused(&format!("labels of at most {MAX_LABEL} tokens"), format!("{label:?}")));
        }
        ids.push(end);
        if tokens.contains(&ids) {
            return Err(refused("each label once", format!("{label:?} twice")));
        }
        tokens.push(ids);
    }
    Ok(tokens)
}

/// `input` is the text and what asks for a label; `without_text` the same without a text, where labels are calibrated.
async fn run(
    context: Rc<Context>,
    labels: Vec<String>,
    tokens: Vec<Vec<u32>>,
    input: Vec<u32>,
    without_text: Option<[u32; 2]>,
) -> Result<Ended> {
    let longest = tokens.iter().map(Vec::len).max().unwrap_or(0);
    let capacity = (input.len() + longest).min(context.model().context_len());
    let session = context.lease_empty(capacity).await?;
    let (logits, calibrated) = (Vec::new(), without_text.is_some());
    let mut reader = Reader { context: Rc::clone(&context), session, logits, tokens, calibrated };
    let prior = match without_text {
        Some(input) => reader.scores(&input).await?,
        None => vec![0.0; labels.len()],
    };
    let mut scores = reader.scores(&input).await?;
    scores.iter_mut().zip(&prior).for_each(|(score, prior)| *score -= prior);
    context.prefilled();
    for label in ranked(&labels, &scores) {
        context.emit(Event::Label(label)).await;
    }
    Ok(Ended::given())
}

/// Reads labels after a text.
struct Reader {
    context: Rc<Context>,
    session: Lease,
    logits: Vec<f32>,
    /// Tokens of each label, and the end.
    tokens: Vec<Vec<u32>>,
    /// Calibrated labels are compared by something else than what is bounded here: all are read to their end.
    calibrated: bool,
}

impl Reader {
    /// Log-probability of each label after `input`; an upper bound where it was not read to its end.
    async fn scores(&mut self, input: &[u32]) -> Result<Vec<f64>> {
        let row = self.read(input).await?;
        // What a label can be worth at most: its first token.
        let first = |ids: &Vec<u32>| ids.first().map_or(f64::NEG_INFINITY, |id| row.log_probability(*id));
        let mut scores: Vec<f64> = self.tokens.iter().map(first).collect();
        // The likeliest beginning first; labels of one beginning side by side. The next one is last.
        let mut left: Vec<usize> = (0..self.tokens.len()).collect();
        crate::order::sort_by(&mut left, |a, b| {
            scores[*a].total_cmp(&scores[*b]).then_with(|| self.tokens[*b].cmp(&self.tokens[*a]))
        });
        // Tokens of the label read last, and the rows before the first and behind each.
        let mut path: Vec<u32> = Vec::new();
        let mut rows = vec![row];
        let mut best = f64::NEG_INFINITY;
        while let Some(i) = left.pop() {
            if !self.calibrated && scores[i] <= best - NEGLIGIBLE {
                break;
            }
            let tokens = &self.tokens[i];
            let body = tokens.get(..tokens.len().saturating_sub(1)).unwrap_or_default();
            let shared = path.iter().zip(body).take_while(|(a, b)| a == b).count();
            path.truncate(shared);
            rows.truncate(shared + 1);
            self.session.truncate(input.len() + shared);
            while path.len() < body.len() {
                let rest = body.get(path.len()..).unwrap_or_default();
                let n = self.context.read(&mut self.session, rest, LogitRows::All, &mut self.logits).await?;
                for row in self.logits.chunks_exact(self.context.model().vocab_size()) {
                    rows.push(Row::new(row)?);
                }
                path.extend(rest.iter().take(n));
            }
            scores[i] = tokens.iter().zip(&rows).map(|(token, row)| row.log_probability(*token)).sum();
            best = best.max(scores[i]);
            let total = scores.len();
            self.context.progress(Phase::Score, total - left.len(), total).await;
        }
        Ok(scores)
    }

    /// What the model says behind `input`.
    async fn read(&mut self, input: &[u32]) -> Result<Row> {
        self.session.truncate(0);
        let mut read = 0;
        loop {
            let rest = input.get(read..).unwrap_or_default();
            read += self.context.read(&mut self.session, rest, LogitRows::Last, &mut self.logits).await?;
            let row = if read < input.len() { None } else { Some(Row::new(&self.logits)?) };
            self.context.progress(Phase::Prefill, read, input.len()).await;
            if let Some(row) = row {
                return Ok(row);
            }
        }
    }
}

/// Labels with their probabilities, the likeliest first.
fn ranked(labels: &[String], scores: &[f64]) -> Vec<Label> {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = scores.iter().map(|score| (score - highest).exp()).sum();
    let mut order: Vec<usize> = (0..scores.len()).collect();
    crate::order::sort_by(&mut order, |a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    let label = |i: usize| Label { label: labels[i].clone(), score: ((scores[i] - highest).exp() / total) as f32 };
    order.into_iter().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_in_lower_case_with_spaces() {
        assert_eq!(words(" Card_Arrival  soon"), "card arrival soon");
        assert_eq!(words("_ "), "");
    }
}
