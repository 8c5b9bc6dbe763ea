//! Labels as callers name them, and the sets that a model's file says it was trained on.

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::Value as Json;

use crate::case;
use crate::error::{Error, Result};
use crate::format::shown;
use crate::run::section::{Description, Sections};

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

/// Options of [`Model::classify`](crate::run::Model::classify).
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
    pub label: u32,
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
            other => return Err(d.invalid("labels", "an object of lists", shown(other))),
        };
        for (name, list) in object.into_iter().flatten() {
            let labels: Option<Vec<String>> =
                list.as_array().and_then(|list| list.iter().map(|item| item.as_str().map(String::from)).collect());
            let labels = labels.filter(|labels| !labels.is_empty());
            let wrong = || d.invalid(&format!("labels.{name}"), "a list of texts", shown(list));
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
                return Err(d.invalid("default_labels", "the name of one of the sets of labels", shown(other)));
            }
        };
        Ok(Some(ClassifySection { label, sets, default_set }))
    }

    /// The names of the sets, the default one first.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.sets.iter().map(|(name, _)| name.clone()).collect();
        crate::order::sort_by_key(&mut names, |name| Some(name) != self.default_set.as_ref());
        names
    }

    /// The set that is taken where none is named.
    pub fn default_set(&self) -> Option<&str> {
        self.default_set.as_deref()
    }

    /// Whether some labels are of one of the sets.
    pub fn knows(&self, labels: &[String]) -> bool {
        self.sets.iter().any(|(_, set)| labels.iter().all(|l| set.iter().any(|s| words(s) == words(l))))
    }

    /// The labels asked for, and whether the model was trained on them.
    pub fn choose(&self, asked: &Labels) -> Result<(Vec<String>, bool)> {
        let known = || self.names().join(", ");
        let set = match asked {
            Labels::Own(labels) => {
                return Ok((labels.clone(), self.knows(labels)));
            }
            Labels::Set(name) => name,
            Labels::Default => {
                self.default_set.as_ref().ok_or_else(|| refused("a list of labels", "nothing".into()))?
            }
        };
        let found = self.sets.iter().find(|(name, _)| name == set);
        let (_, labels) = found.ok_or_else(|| {
            refused(&format!("a list of labels, or the name of a set: {}", known()), format!("{set:?}"))
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
pub fn words(label: &str) -> String {
    let spaced: Vec<String> =
        label.split(|c: char| c.is_whitespace() || c == '_').filter(|w| !w.is_empty()).map(case::lower).collect();
    spaced.join(" ")
}

pub fn refused(expected: &str, found: String) -> Error {
    Error::InvalidOption { name: "labels".into(), expected: expected.into(), found }
}

/// Labels that can be told apart.
pub fn check(labels: &[String]) -> Result<()> {
    if labels.is_empty() {
        return Err(refused("at least one label", "an empty list".into()));
    }
    let mut seen = Vec::new();
    for label in labels {
        let words = words(label);
        if words.is_empty() {
            return Err(refused("labels with words", format!("{label:?}")));
        }
        if seen.contains(&words) {
            return Err(refused("each label once", format!("{label:?} twice")));
        }
        seen.push(words);
    }
    Ok(())
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
