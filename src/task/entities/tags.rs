//! Tags of tokens: what the model's file says about them, and the best sequence of them.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::format::shown;
use crate::heads::sequence::{Tag, best_path, spans};
use crate::run::section::Description;
use crate::sample::log_probability;

/// How a model is asked for names: `"entities": "<|entities|>", "entity_tags": ["O", "B-PER", "I-PER", ...],
/// "entity_tokens": ["<|O|>", ...]`. After a sentence and its mark come `entities` and the sentence once more; at each of its
/// tokens the logits of `entity_tokens` say how likely each tag is (BIO: Ramshaw and Marcus 1995).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntitySection {
    /// The control token before the second copy of a sentence.
    pub task: u32,
    types: Vec<String>,
    tags: Vec<(Tag, u32)>,
}

impl EntitySection {
    /// # Errors
    /// `Format` where the keys `entities`, `entity_tags` and `entity_tokens` do not fit together.
    pub fn from_description(d: &Description<'_>) -> Result<Option<Self>> {
        if d.json["entities"].is_null() {
            return Ok(None);
        }
        let task = d.token("entities", &d.json["entities"])?;
        let list = |key: &str| {
            let list = d.json[key].as_array().filter(|list| !list.is_empty());
            list.ok_or_else(|| d.invalid(key, "a list", shown(&d.json[key])))
        };
        let (names, tokens) = (list("entity_tags")?, list("entity_tokens")?);
        if names.len() != tokens.len() {
            return Err(d.invalid(
                "entity_tokens",
                &format!("{} tokens, one for each tag", names.len()),
                tokens.len().to_string(),
            ));
        }
        let mut types: Vec<String> = Vec::new();
        let mut tags = Vec::new();
        for (name, token) in names.iter().zip(tokens) {
            let wrong = || d.invalid("entity_tags", "O, B-TYPE or I-TYPE, each once", shown(name));
            let tag = name.as_str().and_then(|name| Tag::read(name, &mut types)).ok_or_else(wrong)?;
            if tags.iter().any(|(other, _)| *other == tag) {
                return Err(wrong());
            }
            tags.push((tag, d.token("entity_tokens", token)?));
        }
        // Without these not every sentence would have tags.
        if !tags.iter().any(|(tag, _)| *tag == Tag::Outside) {
            return Err(d.invalid("entity_tags", "the tag O among them", "none".into()));
        }
        Ok(Some(EntitySection { task, types, tags }))
    }

    /// The types of names.
    pub fn types(&self) -> &[String] {
        &self.types
    }

    /// Log-probability of each tag against the others, from one row of logits.
    pub fn log_probabilities(&self, row: &[f32]) -> Result<Vec<f32>> {
        let mut logits = Vec::with_capacity(self.tags.len());
        for (_, token) in &self.tags {
            let logit = row.get(*token as usize).copied().unwrap_or(f32::NAN);
            if !logit.is_finite() {
                return Err(Error::NotFinite { token: *token as usize, found: logit.to_string() });
            }
            logits.push(logit);
        }
        Ok((0..logits.len()).map(|k| log_probability(&logits, k)).collect())
    }
}

/// Whether `next` may stand after `last`: inside of a name only what the name began with.
fn may_follow(last: Option<Tag>, next: Tag) -> bool {
    match next {
        Tag::Inside(kind) => matches!(last, Some(Tag::Begin(k) | Tag::Inside(k)) if k == kind),
        _ => true,
    }
}

/// The names in the likeliest possible sequence of tags: tokens, type, and how sure the model is of the tags (their geometric mean).
/// `scores`: for each token the log-probability of each tag.
pub fn best_spans(format: &EntitySection, scores: &[Vec<f32>]) -> Vec<(Range<usize>, String, f32)> {
    let tags: Vec<Tag> = format.tags.iter().map(|(tag, _)| *tag).collect();
    let step = |last: Option<usize>, next: usize| {
        let possible = may_follow(last.map(|j| tags[j]), tags[next]);
        if possible { 0.0 } else { f32::NEG_INFINITY }
    };
    let path = best_path(scores, tags.len(), &step);
    let likely: Vec<f32> = scores.iter().zip(&path).map(|(row, k)| row.get(*k).copied().unwrap_or(0.0)).collect();
    let named = |kind: usize| format.types.get(kind).cloned().unwrap_or_default();
    spans(&tags, &path, &likely).into_iter().map(|(tokens, kind, score)| (tokens, named(kind), score)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format() -> EntitySection {
        let tags = [Tag::Outside, Tag::Begin(0), Tag::Inside(0), Tag::Begin(1), Tag::Inside(1)];
        let types = vec!["PER".to_string(), "LOC".to_string()];
        EntitySection { task: 0, types, tags: tags.into_iter().zip(1..).collect() }
    }

    fn spans(rows: &[[f32; 5]]) -> Vec<(Range<usize>, String)> {
        let rows: Vec<Vec<f32>> = rows.iter().map(|row| row.iter().map(|p| p.ln()).collect()).collect();
        best_spans(&format(), &rows).into_iter().map(|(tokens, kind, _)| (tokens, kind)).collect()
    }

    #[test]
    fn the_best_possible_sequence_is_taken() {
        let (o, b, i) = ([0.9, 0.04, 0.02, 0.02, 0.02], [0.1, 0.8, 0.04, 0.04, 0.02], [0.1, 0.1, 0.7, 0.05, 0.05]);
        assert_eq!(spans(&[o, b, i, o]), [(1..3, "PER".to_string())]);
        assert_eq!(spans(&[b, b, i]), [(0..1, "PER".to_string()), (1..3, "PER".to_string())]);
        assert_eq!(spans(&[i, i]), [(0..2, "PER".to_string())], "no name begins in its middle");
        // The inside of a place after the beginning of a person is not possible: the likelier of the two decides.
        let place = [0.01, 0.01, 0.01, 0.37, 0.6];
        assert_eq!(spans(&[[0.1, 0.5, 0.0, 0.39, 0.01], place]), [(0..2, "LOC".to_string())]);
        assert!(spans(&[]).is_empty() && spans(&[o, o]).is_empty());
    }

    /// Against every sequence there is, tried one by one.
    #[test]
    fn it_is_the_best_of_all_sequences() {
        let format = format();
        let tags: Vec<Tag> = format.tags.iter().map(|(tag, _)| *tag).collect();
        for seed in 0..40u32 {
            let value =
                |t: u32, k: u32| -(((seed * 31 + t * 7 + k * 13).wrapping_mul(2_654_435_761) >> 16) as f32) / 9000.0;
            let rows: Vec<Vec<f32>> = (0..4).map(|t| (0..5).map(|k| value(t, k)).collect()).collect();
            let mut best: Option<(f32, Vec<usize>)> = None;
            for code in 0..5usize.pow(4) {
                let path: Vec<usize> = (0..4).map(|t| code / 5usize.pow(t) % 5).collect();
                let possible = (0..4usize).all(|t| may_follow(t.checked_sub(1).map(|b| tags[path[b]]), tags[path[t]]));
                let score: f32 = path.iter().enumerate().map(|(t, k)| rows[t][*k]).sum();
                if possible && best.as_ref().is_none_or(|(most, _)| score > *most) {
                    best = Some((score, path));
                }
            }
            let path = best.unwrap().1;
            let begins: Vec<usize> = (0..4).filter(|t| matches!(tags[path[*t]], Tag::Begin(_))).collect();
            let found = best_spans(&format, &rows);
            assert_eq!(found.iter().map(|(tokens, ..)| tokens.start).collect::<Vec<_>>(), begins, "seed {seed}");
            for (tokens, _, score) in found {
                let mean = tokens.clone().map(|t| rows[t][path[t]]).sum::<f32>() / tokens.len() as f32;
                assert!((score - mean.exp()).abs() < 1e-5);
            }
        }
    }
}
