//! The weights of [`HeadlineWords`] in a model's file: `headline_words` in `nanolm.tasks` holds `bias`, the names of what is
//! counted about a word, and `words`, an object of single words.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::format::shown;
use crate::language::en::HeadlineWords;
use crate::language::en::headline::NAMES;
use crate::run::section::Description;

/// What a model's file says about summaries alone.
pub struct SummarySection {
    /// What a headline leaves out of a sentence; without it a headline is the sentence's beginning.
    pub headline_words: Option<HeadlineWords>,
}

const KEY: &str = "headline_words";

/// The weights, where the file has them.
///
/// # Errors
/// `Format` for weights that are no numbers, or of things that this release does not count.
pub fn headline_words(d: &Description<'_>) -> Result<Option<HeadlineWords>> {
    let json = &d.json[KEY];
    if json.is_null() {
        return Ok(None);
    }
    let object = json.as_object().ok_or_else(|| d.invalid(KEY, "an object of weights", shown(json)))?;
    let number = |name: &str, value: &serde_json::Value| {
        let number = value.as_f64().filter(|x| x.is_finite() && x.abs() < 1e6);
        number.ok_or_else(|| d.invalid(&format!("{KEY}.{name}"), "a number", shown(value)))
    };
    let mut out = HeadlineWords { bias: 0.0, weights: [0.0; NAMES.len()], words: BTreeMap::new() };
    for (name, value) in object {
        match NAMES.iter().position(|known| known == name).and_then(|k| out.weights.get_mut(k)) {
            Some(weight) => *weight = number(name, value)?,
            None if name == "bias" => out.bias = number(name, value)?,
            None if name == "words" => {
                let words = value.as_object();
                let words = words.ok_or_else(|| d.invalid("headline_words.words", "an object", shown(value)))?;
                for (word, weight) in words {
                    out.words.insert(word.clone(), number(word, weight)?);
                }
            }
            None => {
                let known = format!("names among bias, words, {}", NAMES.join(", "));
                return Err(d.invalid(KEY, &known, name.clone()));
            }
        }
    }
    Ok(Some(out))
}
