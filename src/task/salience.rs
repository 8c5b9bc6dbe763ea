//! How much a sentence tells: the model's judgement and what can be counted, weighed against each other.
//!
//! The weights are part of the model file, because only its maker can measure them:
//!
//! ```text
//! "salience": {"key_points": {"bias": -1.2, "model": 0.8, "mark": 0.4, "early": 1.5, ...}, "tldr": {...}, "headline": {...}}
//! ```
//!
//! `model` and `mark` weigh the difference of the logits of `yes` and `no`: `model` at the sentence's mark behind
//! `key_points`, `mark` at its mark in the text itself. The other names are those of [`features`](crate::language::en::features). Each may
//! come once more with `_n`: that weight counts times the number of sentences of the text, of 40 at most, divided by 40,
//! for what tells in a short text is not what tells in a long one. What is not named weighs nothing. `tldr` and `headline`, where they are left out, are `key_points`; a file without the key means
//! `{"key_points": {"model": 1}}`.

use serde_json::{Map, Value as Json};

use super::summarize::options::SummaryKind;
use crate::error::Result;
use crate::format::shown;
use crate::language::en::Features;
use crate::language::en::features::NAMES;
use crate::run::Model;
use crate::run::section::Description;

/// What the model says of a sentence: logit of `yes` minus logit of `no`, where it was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Readings {
    pub model: Option<f32>,
    pub mark: Option<f32>,
}

/// Which readings are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub model: bool,
    pub mark: bool,
}

/// Sentences of a text for which the weights with `_n` count in full.
const LONG: f64 = 40.0;

/// What each value is multiplied by.
#[derive(Clone, Debug, PartialEq)]
struct Set {
    model: f64,
    mark: f64,
    lexical: Features,
}

impl Set {
    const NONE: Set = Set { model: 0.0, mark: 0.0, lexical: [0.0; NAMES.len()] };

    /// The weight of that name.
    fn slot(&mut self, name: &str) -> Option<&mut f64> {
        match name {
            "model" => Some(&mut self.model),
            "mark" => Some(&mut self.mark),
            _ => NAMES.iter().position(|known| *known == name).and_then(|k| self.lexical.get_mut(k)),
        }
    }

    fn sum(&self, readings: &Readings, features: &Features) -> f64 {
        let read = |weight: f64, reading: Option<f32>| weight * f64::from(reading.unwrap_or(0.0));
        let counted: f64 = self.lexical.iter().zip(features).map(|(weight, x)| weight * x).sum();
        read(self.model, readings.model) + read(self.mark, readings.mark) + counted
    }
}

/// A linear model of salience.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    bias: f64,
    always: Set,
    /// Those with `_n`.
    long: Set,
}

impl Default for Weights {
    fn default() -> Self {
        Weights::JUDGED
    }
}

impl Weights {
    /// The model's judgement alone.
    const JUDGED: Weights = Weights { bias: 0.0, always: Set { model: 1.0, ..Set::NONE }, long: Set::NONE };

    fn from_json(d: &Description<'_>, key: &str, json: &Json) -> Result<Weights> {
        let object: &Map<String, Json> =
            json.as_object().ok_or_else(|| d.invalid(key, "an object of weights", shown(json)))?;
        let mut weights = Weights { bias: 0.0, always: Set::NONE, long: Set::NONE };
        for (name, value) in object {
            let number = value.as_f64().filter(|x| x.is_finite() && x.abs() < 1e6);
            let number = number.ok_or_else(|| d.invalid(&format!("{key}.{name}"), "a number", shown(value)))?;
            let slot = match name.strip_suffix("_n") {
                _ if name == "bias" => Some(&mut weights.bias),
                Some(name) => weights.long.slot(name),
                None => weights.always.slot(name),
            };
            let known = || format!("names among bias, model, mark, {}, those but bias also with _n", NAMES.join(", "));
            *slot.ok_or_else(|| d.invalid(key, &known(), name.clone()))? = number;
        }
        Ok(weights)
    }

    pub fn wanted(&self) -> Wanted {
        Wanted {
            model: self.always.model != 0.0 || self.long.model != 0.0,
            mark: self.always.mark != 0.0 || self.long.mark != 0.0,
        }
    }

    /// The salience of a sentence of a text of `n`: a probability, if the weights were fitted as such.
    pub fn salience(&self, readings: &Readings, features: &Features, n: usize) -> f32 {
        let long = (n as f64).min(LONG) / LONG;
        let score = self.bias + self.always.sum(readings, features) + long * self.long.sum(readings, features);
        (1.0 / (1.0 + (-score).exp())) as f32
    }
}

/// The weights of each kind of summary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SalienceSection {
    key_points: Weights,
    tldr: Option<Weights>,
    headline: Option<Weights>,
}

impl SalienceSection {
    /// # Errors
    /// `Format` for weights that are no numbers, or of things that this release does not count.
    pub fn from_description(d: &Description<'_>) -> Result<Self> {
        let json = &d.json["salience"];
        if json.is_null() {
            return Ok(SalienceSection::default());
        }
        let object = json.as_object().ok_or_else(|| d.invalid("salience", "an object", shown(json)))?;
        let mut out = SalienceSection::default();
        for (kind, weights) in object {
            let weights = Weights::from_json(d, &format!("salience.{kind}"), weights)?;
            match kind.as_str() {
                "key_points" => out.key_points = weights,
                "tldr" => out.tldr = Some(weights),
                "headline" => out.headline = Some(weights),
                _ => return Err(d.invalid("salience", "key_points, tldr or headline", kind.clone())),
            }
        }
        Ok(out)
    }

    /// The weights of a model for this kind of summary.
    pub fn of(model: &Model, kind: SummaryKind) -> &Weights {
        static NONE: Weights = Weights::JUDGED;
        let Some(section) = model.section::<SalienceSection>() else { return &NONE };
        let own = match kind {
            SummaryKind::KeyPoints => None,
            SummaryKind::Tldr => section.tldr.as_ref(),
            SummaryKind::Headline => section.headline.as_ref(),
        };
        own.unwrap_or(&section.key_points)
    }

    /// Whether a model's file says how to choose the sentence of this kind: if not, rules help.
    pub fn chooses(model: &Model, kind: SummaryKind) -> bool {
        let section = model.section::<SalienceSection>();
        section.is_some_and(|section| match kind {
            SummaryKind::KeyPoints => true,
            SummaryKind::Tldr => section.tldr.is_some(),
            SummaryKind::Headline => section.headline.is_some(),
        })
    }
}
