//! What the files of encoder-decoders say of writing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use crate::error::{Error, Result};
use crate::format::{ModelFile, Value};

/// Outputs written at once, at most.
pub(super) const MOST: usize = 16;

/// When a search among several outputs ends before the longest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EarlyStopping {
    /// When it is not likely that one being written gets better than the worst that is complete.
    #[default]
    Likely,
    /// When as many are complete as are written at once.
    Full,
    /// When none being written can get better.
    Never,
}

/// `true`, `false` or `"never"`, as `transformers` has it.
impl<'de> Deserialize<'de> for EarlyStopping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = EarlyStopping;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("true, false or \"never\"")
            }
            fn visit_bool<E: serde::de::Error>(self, full: bool) -> std::result::Result<EarlyStopping, E> {
                Ok(if full { EarlyStopping::Full } else { EarlyStopping::Likely })
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<EarlyStopping, E> {
                match text {
                    "never" => Ok(EarlyStopping::Never),
                    _ => Err(E::custom("true, false or \"never\"")),
                }
            }
        }
        deserializer.deserialize_any(Words)
    }
}

/// What the files of an encoder-decoder say of writing.
#[derive(Clone, Debug, Default)]
pub struct SourceRules {
    /// What the decoder begins with.
    pub prefix: Vec<u32>,
    /// The last of as many tokens as may be written is this one.
    pub last: Option<u32>,
    /// Tokens that never come.
    pub banned: Vec<u32>,
    /// Outputs that are written at once.
    pub num_beams: usize,
    /// See `GenerateOptions::length_penalty`.
    pub length_penalty: f32,
    /// See `GenerateOptions::early_stopping`.
    pub early_stopping: EarlyStopping,
    /// See `GenerateOptions::min_new_tokens`.
    pub min_new_tokens: usize,
}

impl SourceRules {
    /// Of a model's files: its `generation_config.json`, where that says nothing its `config.json`.
    pub(super) fn of(file: &ModelFile, n_vocab: usize) -> Result<Self> {
        // GGUF files have the architecture's name before the key.
        let own = file.metadata.get("general.architecture").and_then(Value::as_str).unwrap_or_default();
        let get = |key: &str| {
            let found = file.generation.get(key).or_else(|| file.metadata.get(key));
            found.or_else(|| file.metadata.get(&format!("{own}.{key}"))).filter(|v| **v != Value::Null)
        };
        let wrong = |key: &str, expected: &str| Error::Format {
            file: file.name.clone(),
            what: key.into(),
            expected: expected.into(),
            found: get(key).map_or_else(|| "no such key".into(), Value::describe),
        };
        let token = |key: &str| {
            let id = |value: &Value| value.as_usize().filter(|id| *id < n_vocab).map(|id| id as u32);
            let found = get(key).map(|value| id(value).ok_or_else(|| wrong(key, "a token of the vocabulary")));
            found.transpose()
        };
        let start = match token("decoder_start_token_id")? {
            Some(start) => start,
            None => {
                token("bos_token_id")?.ok_or_else(|| wrong("decoder_start_token_id", "a token of the vocabulary"))?
            }
        };
        let number = |key: &str, default: usize, most: usize| match get(key) {
            None => Ok(default),
            Some(value) => value.as_usize().filter(|n| *n <= most).ok_or_else(|| wrong(key, "a whole number")),
        };
        let mut prefix = vec![start];
        prefix.extend(token("forced_bos_token_id")?);
        let length_penalty = match get("length_penalty") {
            None => 1.0,
            Some(value) => {
                value.as_f64().filter(|p| p.is_finite()).ok_or_else(|| wrong("length_penalty", "a number"))?
            }
        };
        let early_stopping = match get("early_stopping") {
            None | Some(Value::Bool(false)) => EarlyStopping::Likely,
            Some(Value::Bool(true)) => EarlyStopping::Full,
            Some(Value::String(text)) if text == "never" => EarlyStopping::Never,
            Some(_) => return Err(wrong("early_stopping", "true, false or \"never\"")),
        };
        // Of words that may not come, those of one token.
        let words = match get("bad_words_ids") {
            Some(Value::List(words)) => words.as_slice(),
            _ => &[],
        };
        let banned = words.iter().filter_map(|word| match word.as_ints() {
            Some(&[id]) => u32::try_from(id).ok(),
            _ => None,
        });
        Ok(SourceRules {
            last: token("forced_eos_token_id")?,
            banned: banned.collect(),
            num_beams: number("num_beams", 1, MOST)?.max(1),
            length_penalty: length_penalty as f32,
            early_stopping,
            // Both count the token that it begins with.
            min_new_tokens: number("min_length", 0, usize::MAX)?.saturating_sub(1),
            prefix,
        })
    }
}

/// The settings that an encoder-decoder's file has for the tasks that it was trained for, by their names behind
/// `task_specific_params.`, such as `summarization.prefix`.
pub(super) fn recipes(file: &ModelFile) -> BTreeMap<String, Value> {
    let own =
        |(key, value): (&String, &Value)| Some((key.strip_prefix("task_specific_params.")?.into(), value.clone()));
    let mut all: BTreeMap<String, Value> = file.metadata.iter().filter_map(own).collect();
    // The languages of Opus-MT are in its models' names: `opus-mt-en-de`.
    let name = file.metadata.get("_name_or_path").and_then(Value::as_str).unwrap_or_default();
    let is_language = |part: &&str| matches!(part.len(), 2 | 3) && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut parts = name.rsplit('-').take_while(is_language);
    if let (true, Some(to), Some(from)) = (name.contains("opus-mt-"), parts.next(), parts.next()) {
        all.insert(format!("translation_{from}_to_{to}.prefix"), Value::String(String::new()));
    }
    all
}
