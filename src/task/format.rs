//! How a model expects to be asked about a text: the keys of `nanolm.tasks` that all tasks share.
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
//! What a file may say beside that, the tasks say that read it: `salience` (how the judgement goes together with what can be
//! counted), `summarize` (`headline_words`), `classify` (`label`, `labels`, `default_labels`), `entities` (`entities`,
//! `entity_tags`, `entity_tokens`).

use crate::error::{Error, Result};
use crate::format::shown;
use crate::run::Model;
use crate::run::section::Description;

/// How a headline or a tldr comes about. The model's maker knows which one reads better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writing {
    /// The model writes freely, greedily, token by token until `end`.
    #[default]
    Generate,
    /// The model chooses a sentence of the text and, for a headline, what of it is needed: for nets so small that they would
    /// invent names and numbers. English texts are shortened by rules.
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
}

impl TaskFormat {
    /// # Errors
    /// `Format` where the description names tokens or lengths that the model does not have.
    pub fn read(d: &Description<'_>) -> Result<TaskFormat> {
        let json = &d.json;
        let writing = match (json["writing"].as_str(), json["writing"].is_null()) {
            (Some("generate"), _) | (_, true) => Writing::Generate,
            (Some("copy"), _) => Writing::Copy,
            _ => return Err(d.invalid("writing", "\"generate\" or \"copy\"", shown(&json["writing"]))),
        };
        let names = json["sentence"].as_array().filter(|names| !names.is_empty());
        let names = names.ok_or_else(|| d.invalid("sentence", "a list of tokens", shown(&json["sentence"])))?;
        let marks = names.iter().map(|name| d.token("sentence", name)).collect::<Result<Vec<u32>>>()?;
        let headline_max_tokens = d.number("headline_max_tokens", 1, d.context_len)?;
        let tldr_max_tokens = d.number("tldr_max_tokens", 1, d.context_len)?;
        // What is read must leave room for what is written or judged after it.
        let reserve = reserve(marks.len(), headline_max_tokens, tldr_max_tokens);
        // The shortest text: its beginning, a token, a mark.
        let most = d.context_len.saturating_sub(reserve);
        let max_chunk_tokens = d.number("max_chunk_tokens", 3, d.context_len)?.min(most);
        if max_chunk_tokens < 3 {
            let expected = format!("a context of at least {} tokens", reserve + 3);
            return Err(d.invalid("max_chunk_tokens", &expected, d.context_len.to_string()));
        }
        Ok(TaskFormat {
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
        })
    }

    /// That of a model.
    ///
    /// # Errors
    /// `UnsupportedTask` where the model's file does not say how to ask it.
    pub fn of<'a>(model: &'a Model, task: &str) -> Result<&'a TaskFormat> {
        model.section().ok_or_else(|| Error::UnsupportedTask {
            task: task.into(),
            why:
                "its file has no key nanolm.tasks, which describes how to ask it. Use the default model, or `generate` \
                  with a prompt of your own"
                    .into(),
        })
    }

    /// Tokens after a chunk: the task's and what is judged or written.
    pub fn reserve(&self) -> usize {
        reserve(self.marks.len(), self.headline_max_tokens, self.tldr_max_tokens)
    }
}

fn reserve(marks: usize, headline: usize, tldr: usize) -> usize {
    1 + marks.max(headline).max(tldr)
}
