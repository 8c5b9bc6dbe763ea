//! Which of some labels a text bears: how likely the model finds each label's words behind the text.
//!
//! The model reads the text, then `label`, and says for each label the probability of its words and of the end after them;
//! these are normalised over the labels. A caller's own labels, which the model was not trained on, are calibrated by what
//! the model expects without a text (surface form competition, Holtzman et al. 2021, arXiv 2104.08315).
//!
//! Labels are read as a tree: what two of them share is read once, and a label that cannot come near the best any more is
//! not read to its end.

use serde_json::Value as Json;

use super::event::{Event, FinishReason, Label, Phase, Usage};
use super::model::Model;
use super::options::{ClassifyOptions, Labels};
use super::points::{Article, Chunk};
use super::stopwatch::Stopwatch;
use super::tasks::Description;
use crate::error::{Error, Result};
use crate::model::LogitRows;
use crate::session::Session;
use crate::text::Controls;

/// Tokens of a text that are read: what was trained on is not longer.
const MAX_TOKENS: usize = 192;
/// Tokens of a label, at most.
const MAX_LABEL: usize = 32;
/// A label this much less likely than the best (in nats: 1 in 22,000) need not be known exactly.
const NEGLIGIBLE: f64 = 10.0;
/// The set of labels taken where neither caller nor file names one.
const DEFAULT_SET: &str = "sentiment";

/// What the model's file says about labels.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassifyFormat {
    /// The control token before a label.
    pub label: u32,
    /// Sets that the model was trained on, by name.
    sets: Vec<(String, Vec<String>)>,
    default_set: Option<String>,
}

impl ClassifyFormat {
    /// # Errors
    /// `Format` where the keys `label`, `labels` or `default_labels` make no sense.
    pub fn from_description(d: &Description<'_>) -> Result<Option<Self>> {
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
        Ok(Some(ClassifyFormat { label, sets, default_set }))
    }

    /// The names of the sets.
    pub fn names(&self) -> Vec<String> {
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

/// The state of reading labels after one prefix.
struct Tree {
    /// Tokens before the labels.
    base: usize,
    /// Tokens of the label read last, and the rows before the first and behind each.
    path: Vec<u32>,
    rows: Vec<Row>,
    /// Labels still to be read, the next one last.
    left: Vec<usize>,
    /// Log-probability of each label; an upper bound where it was not read to its end.
    scores: Vec<f64>,
    best: f64,
}

pub struct Classify {
    labels: Vec<String>,
    /// Tokens of each label, and the end.
    tokens: Vec<Vec<u32>>,
    prefix: Vec<u32>,
    read: usize,
    task: u32,
    begin: u32,
    /// What labels are worth without a text: to be known first, where they are calibrated.
    prior: Option<Vec<f64>>,
    calibrated: bool,
    tree: Option<Tree>,
    session: Option<Session>,
    logits: Vec<f32>,
    watch: Stopwatch,
    usage: Usage,
    results: Option<Vec<Label>>,
}

impl Classify {
    pub fn new(model: &Model, text: &str, options: &ClassifyOptions) -> Result<Self> {
        let format = model.require_tasks("classify")?;
        let classify = format.classify.as_ref().ok_or_else(|| model.cannot("classify"))?;
        let (labels, trained) = classify.choose(&options.labels)?;
        let refused = |expected: &str, found: String| Error::InvalidOption {
            name: "labels".into(),
            expected: expected.into(),
            found,
        };
        if labels.is_empty() {
            return Err(refused("at least one label", "an empty list".into()));
        }
        let mut tokens = Vec::with_capacity(labels.len());
        for label in &labels {
            let words = words(label);
            if words.is_empty() {
                return Err(refused("labels with words", format!("{label:?}")));
            }
            let mut ids = model.require_tokenizer()?.encode(&format!(" {words}"), false, Controls::Literal)?;
            if ids.len() > MAX_LABEL {
                return Err(refused(&format!("labels of at most {MAX_LABEL} tokens"), format!("{label:?}")));
            }
            ids.push(format.end);
            if tokens.contains(&ids) {
                return Err(refused("each label once", format!("{label:?} twice")));
            }
            tokens.push(ids);
        }
        let article = Article::new(text);
        article.require_sentences()?;
        let n = article.sentences.len();
        let Chunk { tokens: prefix, .. } =
            article.chunk_of(model, format, 0..n, MAX_TOKENS.min(format.max_chunk_tokens))?;
        Ok(Classify {
            labels,
            tokens,
            prefix,
            read: 0,
            task: classify.label,
            begin: format.text,
            prior: None,
            calibrated: !trained,
            tree: None,
            session: None,
            logits: Vec::new(),
            watch: Stopwatch::new(model.clock()),
            usage: Usage::default(),
            results: None,
        })
    }

    pub async fn next(&mut self, model: &Model) -> Result<Event> {
        self.watch.start();
        loop {
            if let Some(results) = &mut self.results {
                let Some(label) = results.pop() else {
                    let (usage, timings) = (self.usage, self.watch.finish());
                    return Ok(Event::Done { finish_reason: FinishReason::Stop, text: String::new(), usage, timings });
                };
                self.watch.first();
                return Ok(Event::Label(label));
            }
            if self.tree.is_none() {
                return self.begin(model).await;
            }
            if let Some(event) = self.read_label(model).await? {
                return Ok(event);
            }
        }
    }

    /// Reads what stands before the labels: nothing but the controls first, where they are calibrated.
    async fn begin(&mut self, model: &Model) -> Result<Event> {
        let longest = self.tokens.iter().map(Vec::len).max().unwrap_or(0);
        if self.session.is_none() {
            let capacity = (self.prefix.len() + 1 + longest).min(model.context_len());
            self.session = Some(model.new_session(capacity).await?);
        }
        let Some(session) = &mut self.session else { return Err(Error::Busy) };
        let without_text = self.calibrated && self.prior.is_none();
        let input: Vec<u32> = match without_text {
            true => vec![self.begin, self.task],
            false => self.prefix.iter().copied().chain([self.task]).collect(),
        };
        if self.read == 0 {
            session.truncate(0);
        }
        let rest = input.get(self.read..).unwrap_or_default();
        let n = model.feed(session, rest, LogitRows::Last, &mut self.logits).await?;
        self.read += n;
        self.usage.prompt_tokens += n;
        let event = Event::Progress { phase: Phase::Prefill, done: self.read, total: input.len() };
        if self.read == input.len() {
            let row = Row::new(&self.logits)?;
            // What a label can be worth at most: its first token.
            let scores: Vec<f64> = self
                .tokens
                .iter()
                .map(|ids| ids.first().map_or(f64::NEG_INFINITY, |id| row.log_probability(*id)))
                .collect();
            // The likeliest beginning first; labels of one beginning side by side.
            let mut left: Vec<usize> = (0..self.tokens.len()).collect();
            left.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]).then_with(|| self.tokens[*b].cmp(&self.tokens[*a])));
            let base = input.len();
            self.tree = Some(Tree { base, path: Vec::new(), rows: vec![row], left, scores, best: f64::NEG_INFINITY });
        }
        Ok(event)
    }

    /// Reads the next label to its end; nothing where all are known well enough.
    async fn read_label(&mut self, model: &Model) -> Result<Option<Event>> {
        let (Some(tree), Some(session)) = (&mut self.tree, &mut self.session) else { return Ok(None) };
        // It stays there until it was read: reading may have to be begun again.
        let next = tree.left.last().copied().filter(|i| {
            // Calibrated labels are compared by something else than what is bounded here.
            let bound = tree.scores.get(*i).copied().unwrap_or(f64::NEG_INFINITY);
            self.calibrated || bound > tree.best - NEGLIGIBLE
        });
        let Some(i) = next else {
            self.read = 0;
            let scores = self.tree.take().map(|tree| tree.scores).unwrap_or_default();
            if self.calibrated && self.prior.is_none() {
                self.prior = Some(scores);
            } else {
                self.watch.prefilled();
                self.results = Some(self.results(&scores));
            }
            return Ok(None);
        };
        let tokens = self.tokens.get(i).map(Vec::as_slice).unwrap_or_default();
        let body = tokens.get(..tokens.len().saturating_sub(1)).unwrap_or_default();
        let shared = tree.path.iter().zip(body).take_while(|(a, b)| a == b).count();
        tree.path.truncate(shared);
        tree.rows.truncate(shared + 1);
        session.truncate(tree.base + shared);
        while tree.path.len() < body.len() {
            let rest = body.get(tree.path.len()..).unwrap_or_default();
            let n = model.feed(session, rest, LogitRows::All, &mut self.logits).await?;
            self.usage.prompt_tokens += n;
            for row in self.logits.chunks_exact(model.vocab_size()) {
                tree.rows.push(Row::new(row)?);
            }
            tree.path.extend(rest.iter().take(n));
        }
        let score = tokens.iter().zip(&tree.rows).map(|(token, row)| row.log_probability(*token)).sum();
        tree.left.pop();
        if let Some(slot) = tree.scores.get_mut(i) {
            *slot = score;
        }
        tree.best = tree.best.max(score);
        let total = self.labels.len();
        Ok(Some(Event::Progress { phase: Phase::Score, done: total - tree.left.len(), total }))
    }

    /// Labels with their probabilities, the least likely first: they are given out from the end.
    fn results(&self, scores: &[f64]) -> Vec<Label> {
        let prior = |i: usize| self.prior.as_ref().and_then(|prior| prior.get(i)).copied().unwrap_or(0.0);
        let scores: Vec<f64> = scores.iter().enumerate().map(|(i, score)| score - prior(i)).collect();
        let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = scores.iter().map(|score| (score - highest).exp()).sum();
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(b.cmp(a)));
        let label =
            |i: usize| Label { label: self.labels[i].clone(), score: ((scores[i] - highest).exp() / total) as f32 };
        order.into_iter().map(label).collect()
    }
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
