//! Which of some labels a text bears.
//!
//! An encoder with a head for labels (`run/head.rs`) says its file's own, of the beginning that it reads.
//!
//! A set of labels that was added to the model (`src/heads`) goes by the words of the whole text, without the network.
//!
//! Labels that the model was trained on: it reads the text, then `label`, and says for each label the probability of its words and
//! of the end after them; these are normalised over the labels. A text longer than what was trained on is read in parts, and
//! what they say is averaged.
//!
//! A caller's own labels are compared with the whole text by the vectors of an embedding table (`src/table`), where the model was
//! given one. Without one the network is asked as above, and calibrated by what it expects without a text (surface form
//! competition, Holtzman et al. 2021, arXiv 2104.08315).
//!
//! A chat model is asked in words, which the caller writes by its template ([`Model::choose`]): each label is what it may answer.
//!
//! Labels are read as a tree: what two of them share is read once, and a label that cannot come near the best any more is
//! not read to its end.

mod choose;
mod labels;

use std::cell::RefCell;
use std::rc::Rc;

pub use choose::Choice;
pub use labels::{ClassifyOptions, Labels, read};
use labels::{ClassifySection, check, refused, words};

use super::article::{Article, Chunk};
use super::format::TaskFormat;
use crate::arch::Scores;
use crate::error::{Error, Result};
use crate::model::LogitRows;
use crate::run::{Context, Ended, Event, Job, Label, Lease, Model, Phase};
use crate::table::Table;
use crate::text::Controls;

/// Tokens of a text that are read: what was trained on is not longer.
const MAX_TOKENS: usize = 192;
/// Tokens of a label, at most.
const MAX_LABEL: usize = 32;
/// A label this much less likely than the best (in nats: 1 in 22,000) need not be known exactly.
const NEGLIGIBLE: f64 = 10.0;

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
    /// Says how likely each label fits a text, as [`Event::Label`], the likeliest first. The whole text counts.
    ///
    /// # Errors
    /// `UnsupportedTask` where the model was not trained to and has no embedding table, `InvalidOption` for a text without
    /// words and for labels that make no sense.
    pub fn classify(self: &Rc<Self>, text: &str, options: &ClassifyOptions) -> Result<Job> {
        if options.labels == Labels::Default && !self.labels().is_empty() {
            return self.by_head(text);
        }
        let section = self.section::<ClassifySection>();
        let article = Article::with_sentences(text)?;
        if let (Labels::Own(labels), Some(table)) = (&options.labels, self.table())
            && !section.is_some_and(|section| section.knows(labels))
        {
            return self.compare(&table, &article.text, labels);
        }
        let set = match &options.labels {
            Labels::Set(name) => Some(name.as_str()),
            Labels::Default => section.and_then(ClassifySection::default_set),
            Labels::Own(_) => None,
        };
        if let Some(head) = set.and_then(|name| self.label_head(name)) {
            return self.told(head.labels(), &softmax(&head.logits(&article.text)));
        }
        let format = TaskFormat::of(self, "classify")?;
        let section = section.ok_or_else(|| self.cannot("classify"))?;
        let (labels, trained) = section.choose(&options.labels)?;
        let tokens = tokens(self, &labels, " ", format.end)?;
        let n = article.sentences.len();
        let mut parts = Vec::new();
        let mut from = 0;
        // What is asked without a text, too, is asked once.
        while from < n && (trained || from == 0) {
            let Chunk { tokens: mut input, sentences, .. } =
                article.chunk_of(self, format, from..n, MAX_TOKENS.min(format.max_chunk_tokens))?;
            input.push(section.label);
            parts.push(input);
            from += sentences.len().max(1);
        }
        let without_text = (!trained).then(|| vec![format.text, section.label]);
        let asked = Asked { labels, tokens, parts, without_text, keeps: false };
        Ok(Job::new(self, |context| run(context, asked)))
    }

    /// The file's own labels by the head of an encoder. The text is read as it is, as it was trained to.
    fn by_head(self: &Rc<Self>, text: &str) -> Result<Job> {
        let (logits, scores) = self.label_logits(text)?;
        let logits: Vec<f64> = logits.into_iter().map(f64::from).collect();
        let probabilities = match scores {
            Scores::One => softmax(&logits),
            Scores::Any => logits.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
            Scores::Raw => return Err(self.cannot("classify")),
        };
        self.told(self.labels(), &probabilities)
    }

    /// Labels by the vectors of a table; `text` without markup.
    fn compare(self: &Rc<Self>, table: &Table, text: &str, labels: &[String]) -> Result<Job> {
        check(labels)?;
        let words: Vec<String> = labels.iter().map(|label| words(label)).collect();
        self.told(labels, &softmax(&table.logits(text, words.iter().map(String::as_str))?))
    }

    /// Labels whose probabilities are known.
    fn told(self: &Rc<Self>, labels: &[String], probabilities: &[f64]) -> Result<Job> {
        let labels = ranked(labels, probabilities);
        Ok(Job::new(self, |context| tell(context, labels)))
    }
}

/// Tokens of each label, with `lead` before it, and the end.
fn tokens(model: &Model, labels: &[String], lead: &str, end: u32) -> Result<Vec<Vec<u32>>> {
    check(labels)?;
    let mut tokens = Vec::with_capacity(labels.len());
    for label in labels {
        let mut ids =
            model.require_tokenizer()?.encode(&format!("{lead}{}", words(label)), false, Controls::Literal)?;
        if ids.len() > MAX_LABEL {
            return Err(refused(&format!("labels of at most {MAX_LABEL} tokens"), format!("{label:?}")));
        }
        ids.push(end);
        tokens.push(ids);
    }
    Ok(tokens)
}

/// What labels were worth without a text when they were last asked for as answers, and what was asked: a caller mostly asks for the
/// same labels again, of another text.
#[derive(Default)]
pub(super) struct LastPrior(RefCell<Option<(Vec<u32>, Vec<Vec<u32>>, Vec<f64>)>>);

impl LastPrior {
    fn get(&self, input: &[u32], tokens: &[Vec<u32>]) -> Option<Vec<f64>> {
        let last = self.0.borrow();
        last.as_ref().filter(|last| last.0 == input && last.1 == tokens).map(|last| last.2.clone())
    }
}

/// What is read to tell labels apart.
struct Asked {
    labels: Vec<String>,
    /// Of each label, and the end.
    tokens: Vec<Vec<u32>>,
    /// Those of the text, each with what asks for a label.
    parts: Vec<Vec<u32>>,
    /// The same without a text, where labels are calibrated.
    without_text: Option<Vec<u32>>,
    /// Goes on from what other calls have read, and leaves to them what it reads of the text.
    keeps: bool,
}

async fn run(context: Rc<Context>, asked: Asked) -> Result<Ended> {
    let Asked { labels, tokens, parts, without_text, keeps } = asked;
    let longest = tokens.iter().map(Vec::len).max().unwrap_or(0);
    let room = |input: usize| (input + longest).min(context.model().context_len());
    let capacity = room(parts.iter().map(Vec::len).max().unwrap_or(0));
    let session = match parts.first() {
        Some(first) if keeps => context.lease(first, capacity, false).await?,
        _ => context.lease_empty(capacity).await?,
    };
    let calibrated = without_text.is_some();
    let mut reader = Reader { context: Rc::clone(&context), session, logits: Vec::new(), tokens, calibrated };
    let mut scores = Vec::with_capacity(parts.len());
    for part in &parts {
        scores.push(reader.scores(part).await?);
    }
    let prior = match without_text {
        Some(input) => {
            let last = context.model().section::<LastPrior>().filter(|_| keeps);
            match last.and_then(|last| last.get(&input, &reader.tokens)) {
                Some(prior) => prior,
                None => {
                    reader.session = context.lease_empty(room(input.len())).await?;
                    let prior = reader.scores(&input).await?;
                    if let Some(last) = last {
                        last.0.replace(Some((input, reader.tokens, prior.clone())));
                    }
                    prior
                }
            }
        }
        None => vec![0.0; labels.len()],
    };
    // A part counts as much as it is long.
    let total: usize = parts.iter().map(Vec::len).sum();
    let mut probabilities = vec![0.0; labels.len()];
    for (part, mut scores) in parts.iter().zip(scores) {
        scores.iter_mut().zip(&prior).for_each(|(score, prior)| *score -= prior);
        let share = part.len() as f64 / total as f64;
        probabilities.iter_mut().zip(softmax(&scores)).for_each(|(sum, p)| *sum += share * p);
    }
    tell(context, ranked(&labels, &probabilities)).await
}

async fn tell(context: Rc<Context>, labels: Vec<Label>) -> Result<Ended> {
    context.prefilled();
    for label in labels {
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
        // The last token is read in any case: its logits are wanted.
        let before = input.get(..input.len().saturating_sub(1)).unwrap_or_default();
        let same = self.session.tokens().iter().zip(before).take_while(|(a, b)| a == b).count();
        let mut read = self.session.held(same);
        self.session.truncate(read);
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

/// Probabilities from logits.
fn softmax(scores: &[f64]) -> Vec<f64> {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = scores.iter().map(|score| (score - highest).exp()).sum();
    scores.iter().map(|score| (score - highest).exp() / total).collect()
}

/// Labels with their probabilities, the likeliest first.
fn ranked(labels: &[String], probabilities: &[f64]) -> Vec<Label> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    crate::order::sort_by(&mut order, |a, b| probabilities[*b].total_cmp(&probabilities[*a]).then(a.cmp(b)));
    order.into_iter().map(|i| Label { label: labels[i].clone(), score: probabilities[i] as f32 }).collect()
}
