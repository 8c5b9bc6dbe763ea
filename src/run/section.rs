//! What a model's file says about its tasks: the GGUF metadata key `nanolm.tasks`, a JSON object, version 1.
//!
//! Each task reads its own keys when the model is loaded, and keeps what it made of them as a section of the model: the
//! model knows no task. Names in the object are those of control tokens of the vocabulary.

use std::any::Any;
use std::cell::RefCell;

use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::format::shown;
use crate::format::{ModelFile, Value};
use crate::model::ModelConfig;
use crate::text::Tokenizer;

const KEY: &str = "nanolm.tasks";

/// The JSON object, and what is needed to check what it names.
pub struct Description<'a> {
    /// The object.
    pub json: Json,
    /// Positions of the model.
    pub context_len: usize,
    file: &'a str,
    tokenizer: Option<&'a Tokenizer>,
    n_vocab: usize,
    /// Every token that was named.
    tokens: RefCell<Vec<u32>>,
}

impl<'a> Description<'a> {
    /// The description in a file; `None` where it has none.
    ///
    /// # Errors
    /// `Format` where it is no JSON, `Unsupported` for another version.
    pub(super) fn of(
        file: &'a ModelFile,
        tokenizer: Option<&'a Tokenizer>,
        config: &ModelConfig,
    ) -> Result<Option<Self>> {
        let Some(value) = file.metadata.get(KEY) else { return Ok(None) };
        let text = value.as_str();
        let text = text.ok_or_else(|| invalid(&file.name, "the value", "a text", Value::describe(value)))?;
        let json: Json = serde_json::from_slice(text.as_bytes())
            .map_err(|e| invalid(&file.name, "the value", "JSON", e.to_string()))?;
        if json["version"] != 1 {
            return Err(Error::Unsupported {
                what: format!("{}: {KEY} version", file.name),
                found: shown(&json["version"]),
                supported: "1 (a newer release of this library may know more)".into(),
            });
        }
        let tokens = RefCell::default();
        let (n_vocab, context_len) = (config.n_vocab, config.context_len);
        Ok(Some(Description { json, context_len, file: &file.name, tokenizer, n_vocab, tokens }))
    }

    /// The error for what a key should not hold.
    pub fn invalid(&self, what: &str, expected: &str, found: String) -> Error {
        invalid(self.file, what, expected, found)
    }

    /// The control token that `name` names.
    pub fn token(&self, key: &str, name: &Json) -> Result<u32> {
        let id =
            name.as_str().and_then(|name| self.tokenizer?.control(name)).filter(|id| (*id as usize) < self.n_vocab);
        let expected = "the name of a control token of the vocabulary";
        let id = id.ok_or_else(|| self.invalid(key, expected, shown(name)))?;
        self.tokens.borrow_mut().push(id);
        Ok(id)
    }

    /// The whole number under a key.
    pub fn number(&self, key: &str, least: usize, most: usize) -> Result<usize> {
        let n = self.json[key].as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| (least..=most).contains(n));
        n.ok_or_else(|| self.invalid(key, &format!("a number from {least} to {most}"), shown(&self.json[key])))
    }

    /// Every token that was named.
    pub(super) fn into_tokens(self) -> Vec<u32> {
        self.tokens.into_inner()
    }
}

fn invalid(file: &str, what: &str, expected: &str, found: String) -> Error {
    Error::Format { file: file.into(), what: format!("{KEY}: {what}"), expected: expected.into(), found }
}

/// What the tasks made of a model's description, and what they say of the model.
#[derive(Default)]
pub struct Sections {
    all: Vec<Box<dyn Any>>,
    /// What the model can do beside generating, as callers name it.
    pub names: Vec<&'static str>,
    /// The sets of labels that it was trained to classify by.
    pub label_sets: Vec<String>,
}

impl Sections {
    /// Keeps a section, one of each type.
    pub fn insert(&mut self, section: impl Any) {
        self.all.push(Box::new(section));
    }

    /// The section of that type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.all.iter().find_map(|section| section.downcast_ref())
    }
}

/// Reads a model's description; `None` where its file has none. What a model without description can do is named, too.
pub type Read = fn(Option<&Description<'_>>, &mut Sections) -> Result<()>;
