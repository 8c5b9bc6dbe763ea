//! What a model's files say about generating.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::format::{Dialect, ModelFile, Value};
use crate::sample::SampleOptions;
use crate::text::Tokenizer;

/// What the model's files say about generating.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    pub sampling: SampleOptions,
    pub max_new_tokens: Option<usize>,
}

/// A token id or a list of them.
pub(super) fn ids<'a>(metadata: &'a BTreeMap<String, Value>, key: &str) -> impl Iterator<Item = u32> + 'a {
    let value = metadata.get(key);
    let one = value.and_then(Value::as_usize).and_then(|id| u32::try_from(id).ok());
    let many = value.and_then(Value::as_ints).unwrap_or_default();
    one.into_iter().chain(many.iter().filter_map(|id| u32::try_from(*id).ok()))
}

/// The tokens that end an output, from every file that names some.
pub(super) fn end_tokens(file: &ModelFile, tokenizer: Option<&Tokenizer>, n_vocab: usize) -> Vec<u32> {
    let mut all: Vec<u32> = tokenizer.map(|t| t.end_tokens().to_vec()).unwrap_or_default();
    all.extend(ids(&file.generation, "eos_token_id"));
    if file.dialect == Dialect::HuggingFace {
        all.extend(ids(&file.metadata, "eos_token_id"));
    }
    all.retain(|id| (*id as usize) < n_vocab);
    crate::order::sort(&mut all);
    all.dedup();
    all
}

/// Reads `generation_config.json`. Sampling counts only where the file turns it on; the values are checked like a
/// caller's.
pub(super) fn defaults(file: &ModelFile, has_source: bool) -> Result<Defaults> {
    // Older files of encoder-decoders have it all in one.
    let get = |key: &str| file.generation.get(key).or_else(|| file.metadata.get(key).filter(|_| has_source));
    let number = |key: &str| get(key).and_then(Value::as_f64).map(|x| x as f32);
    let mut sampling = SampleOptions::default();
    if get("do_sample").and_then(Value::as_bool) == Some(true) {
        sampling.temperature = number("temperature").unwrap_or(1.0);
        sampling.top_k = get("top_k").and_then(Value::as_usize).unwrap_or(sampling.top_k);
        sampling.top_p = number("top_p").unwrap_or(sampling.top_p);
        sampling.min_p = number("min_p").unwrap_or(sampling.min_p);
    }
    sampling.repetition_penalty = number("repetition_penalty").unwrap_or(sampling.repetition_penalty);
    sampling.validate().map_err(|error| match error {
        Error::InvalidOption { name, expected, found } => {
            Error::Format { file: "generation_config.json".into(), what: name, expected, found }
        }
        other => other,
    })?;
    let mut max_new_tokens = get("max_new_tokens").and_then(Value::as_usize).filter(|n| *n > 0);
    if has_source {
        // It counts the token that an output begins with.
        let longest = get("max_length").and_then(Value::as_usize).filter(|n| *n > 1).map(|n| n - 1);
        max_new_tokens = max_new_tokens.or(longest);
        sampling.no_repeat_ngram = get("no_repeat_ngram_size").and_then(Value::as_usize).unwrap_or_default();
    }
    Ok(Defaults { sampling, max_new_tokens })
}
