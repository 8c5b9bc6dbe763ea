//! What a model was trained to do, and in which form it expects to be asked.
//!
//! A model says so in the GGUF metadata key `nanolm.tasks`, a JSON object, version 1:
//!
//! ```text
//! {"version": 1, "text": "<|text|>", "end": "<|end|>", "headline": "<|headline|>", "tldr": "<|tldr|>",
//!  "key_points": "<|key-points|>", "yes": "<|yes|>", "no": "<|no|>", "sentence": ["<|s0|>", ...],
//!  "max_chunk_tokens": 896, "headline_max_tokens": 32, "tldr_max_tokens": 64, "writing": "generate"}
//! ```
//!
//! The names are control tokens of the vocabulary. A text is read as `text`, then each sentence (with one leading space)
//! followed by its mark `sentence[i]`. `headline` or `tldr` after that makes the model write until `end`. `key_points`
//! followed by the marks of all sentences makes it judge: at each mark the logits of `yes` and `no` say how salient the
//! sentence is. `writing` (may be left out) says how headlines and tldrs are made: see [`Writing`].
//!
//! A file may say more:
//!
//! - `salience`: how the judgement goes together with what can be counted (see `salience`).
//! - `"label": "<|label|>", "labels": {"sentiment": ["negative", "positive"], ...}, "default_labels": "sentiment"`: the model
//!   classifies. After a text, `label` makes it write the label's words, then `end`. The sets are those it was trained on.
//! - `"entities": "<|entities|>", "entity_tags": ["O", "B-PER", "I-PER", ...], "entity_tokens": ["<|O|>", ...]`: the model
//!   finds names. After a sentence and its mark, `entities` and the sentence once more: at each of its tokens the logits of
//!   `entity_tokens` say how likely each tag is (BIO: Ramshaw and Marcus 1995).

use serde_json::Value as Json;

use super::classify::ClassifyFormat;
use super::entities::EntityFormat;
use super::headline_words::headline_words;
use super::salience::SalienceFormat;
use crate::error::{Error, Result};
use crate::format::{ModelFile, Value};
use crate::language::en::HeadlineWords;
use crate::model::ModelConfig;
use crate::text::Tokenizer;

const KEY: &str = "nanolm.tasks";

/// How a headline or a tldr comes about. The model's maker knows which one reads better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writing {
    /// The model writes freely, greedily, token by token until `end`.
    #[default]
    Generate,
    /// The model chooses a sentence of the text and, for a headline, what of it is needed: for nets so small that they would
    /// invent names and numbers. English texts are shortened by rules; see `copy`, `shorten` and `headline`.
    Copy,
}

/// The control tokens and limits of the task format.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskFormat {
    pub text: u32,
    pub end: u32,
    pub headline: u32,
    pub tldr: u32,
    pub key_points: u32,
    pub yes: u32,
    pub no: u32,
    /// Marks of the first, second ... sentence.
    pub marks: Vec<u32>,
    /// Tokens of one read text, marks included.
    pub max_chunk_tokens: usize,
    pub headline_max_tokens: usize,
    pub tldr_max_tokens: usize,
    pub writing: Writing,
    pub salience: SalienceFormat,
    /// What a headline leaves out of a sentence; without it a headline is the sentence's beginning.
    pub headline_words: Option<HeadlineWords>,
    pub classify: Option<ClassifyFormat>,
    pub entities: Option<EntityFormat>,
}

/// The JSON object, and what is needed to check what it names.
pub struct Description<'a> {
    pub json: Json,
    file: &'a str,
    tokenizer: Option<&'a Tokenizer>,
    n_vocab: usize,
}

impl Description<'_> {
    pub fn invalid(&self, what: &str, expected: &str, found: String) -> Error {
        invalid(self.file, what, expected, found)
    }

    /// The control token that `name` names.
    pub fn token(&self, key: &str, name: &Json) -> Result<u32> {
        let id =
            name.as_str().and_then(|name| self.tokenizer?.control(name)).filter(|id| (*id as usize) < self.n_vocab);
        id.ok_or_else(|| self.invalid(key, "the name of a control token of the vocabulary", name.to_string()))
    }

    fn number(&self, key: &str, least: usize, most: usize) -> Result<usize> {
        let n = self.json[key].as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| (least..=most).contains(n));
        n.ok_or_else(|| self.invalid(key, &format!("a number from {least} to {most}"), self.json[key].to_string()))
    }
}

fn invalid(file: &str, what: &str, expected: &str, found: String) -> Error {
    Error::Format { file: file.into(), what: format!("{KEY}: {what}"), expected: expected.into(), found }
}

impl TaskFormat {
    /// The format of a model; `None` where its file describes none.
    ///
    /// # Errors
    /// `Format` where the description is damaged, or names tokens or lengths that the model does not have.
    pub fn from_file(
        file: &ModelFile,
        tokenizer: Option<&Tokenizer>,
        config: &ModelConfig,
    ) -> Result<Option<TaskFormat>> {
        let Some(value) = file.metadata.get(KEY) else { return Ok(None) };
        let invalid = |what: &str, expected: &str, found| invalid(&file.name, what, expected, found);
        let text = value.as_str().ok_or_else(|| invalid("the value", "a text", Value::describe(value)))?;
        let json: Json = serde_json::from_str(text).map_err(|e| invalid("the value", "JSON", e.to_string()))?;
        if json["version"] != 1 {
            return Err(Error::Unsupported {
                what: format!("{}: {KEY} version", file.name),
                found: json["version"].to_string(),
                supported: "1 (a newer release of this library may know more)".into(),
            });
        }
        let d = Description { json, file: &file.name, tokenizer, n_vocab: config.n_vocab };
        let json = &d.json;
        let writing = match (json["writing"].as_str(), json["writing"].is_null()) {
            (Some("generate"), _) | (_, true) => Writing::Generate,
            (Some("copy"), _) => Writing::Copy,
            _ => return Err(invalid("writing", "\"generate\" or \"copy\"", json["writing"].to_string())),
        };
        let names = json["sentence"].as_array().filter(|names| !names.is_empty());
        let names = names.ok_or_else(|| invalid("sentence", "a list of tokens", json["sentence"].to_string()))?;
        let marks = names.iter().map(|name| d.token("sentence", name)).collect::<Result<Vec<u32>>>()?;
        let headline_max_tokens = d.number("headline_max_tokens", 1, config.context_len)?;
        let tldr_max_tokens = d.number("tldr_max_tokens", 1, config.context_len)?;
        // What is read must leave room for what is written or judged after it.
        let reserve = reserve(marks.len(), headline_max_tokens, tldr_max_tokens);
        // The shortest text: its beginning, a token, a mark.
        let most = config.context_len.saturating_sub(reserve);
        let max_chunk_tokens = d.number("max_chunk_tokens", 3, config.context_len)?.min(most);
        if max_chunk_tokens < 3 {
            let expected = format!("a context of at least {} tokens", reserve + 3);
            return Err(invalid("max_chunk_tokens", &expected, config.context_len.to_string()));
        }
        Ok(Some(TaskFormat {
            text: d.token("text", &json["text"])?,
            end: d.token("end", &json["end"])?,
            headline: d.token("headline", &json["headline"])?,
            tldr: d.token("tldr", &json["tldr"])?,
            key_points: d.token("key_points", &json["key_points"])?,
            yes: d.token("yes", &json["yes"])?,
            no: d.token("no", &json["no"])?,
            marks,
            max_chunk_tokens,
            headline_max_tokens,
            tldr_max_tokens,
            writing,
            salience: SalienceFormat::from_description(&d)?,
            headline_words: headline_words(&d)?,
            classify: ClassifyFormat::from_description(&d)?,
            entities: EntityFormat::from_description(&d)?,
        }))
    }

    /// The tasks that the model was trained for, as callers name them.
    pub fn names(&self) -> Vec<&'static str> {
        use super::options::SummaryKind::{Headline, KeyPoints, Tldr};
        let mut names = vec![Tldr.name(), KeyPoints.name(), Headline.name()];
        names.extend(self.classify.as_ref().map(|_| "classify"));
        names.extend(self.entities.as_ref().map(|_| "entities"));
        names
    }

    /// Every control token but `end`, to be kept out of written text.
    pub fn unwritten(&self) -> impl Iterator<Item = u32> + '_ {
        let named = [self.text, self.headline, self.tldr, self.key_points, self.yes, self.no];
        let more = self.classify.iter().map(|c| c.label).chain(self.entities.iter().flat_map(|e| e.controls()));
        named.into_iter().chain(self.marks.iter().copied()).chain(more)
    }

    /// Tokens after a chunk: the task's and what is judged or written.
    pub fn reserve(&self) -> usize {
        reserve(self.marks.len(), self.headline_max_tokens, self.tldr_max_tokens)
    }
}

fn reserve(marks: usize, headline: usize, tldr: usize) -> usize {
    1 + marks.max(headline).max(tldr)
}
