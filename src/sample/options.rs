//! What a caller may ask of the sampler.

use crate::error::{Error, Result};

/// How the next token is chosen. The default is greedy decoding.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleOptions {
    /// 0 is greedy; below 1 sharpens, above 1 flattens the distribution. At least 0, finite.
    pub temperature: f32,
    /// Only the k most likely tokens; 0 keeps all.
    pub top_k: usize,
    /// Nucleus: above 0, at most 1; 1 keeps all.
    pub top_p: f32,
    /// Least likelihood relative to the most likely token: 0 to 1; 0 keeps all.
    pub min_p: f32,
    /// Above 0, finite; 1 changes nothing, above 1 discourages tokens of the prompt and of the output so far.
    pub repetition_penalty: f32,
    /// No run of this many tokens comes twice in the output; 0 allows repetition.
    pub no_repeat_ngram: usize,
    /// Seed of the random numbers.
    pub seed: u64,
}

impl Default for SampleOptions {
    fn default() -> Self {
        SampleOptions {
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            no_repeat_ngram: 0,
            seed: 0,
        }
    }
}

impl SampleOptions {
    /// # Errors
    /// `InvalidOption` naming the first option whose value makes no sense.
    pub fn validate(&self) -> Result<()> {
        let check = |holds: bool, name: &str, expected: &str, found: f32| {
            if holds {
                return Ok(());
            }
            Err(Error::InvalidOption { name: name.into(), expected: expected.into(), found: found.to_string() })
        };
        let SampleOptions { temperature, top_p, min_p, repetition_penalty, .. } = *self;
        check(
            temperature.is_finite() && temperature >= 0.0,
            "temperature",
            "a number of at least 0 (0 is greedy)",
            temperature,
        )?;
        check(top_p > 0.0 && top_p <= 1.0, "topP", "a number above 0 and at most 1", top_p)?;
        check((0.0..=1.0).contains(&min_p), "minP", "a number from 0 to 1", min_p)?;
        check(
            repetition_penalty.is_finite() && repetition_penalty > 0.0,
            "repetitionPenalty",
            "a number above 0 (1 changes nothing)",
            repetition_penalty,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_makes_no_sense_by_name() {
        let refused = |change: fn(&mut SampleOptions)| {
            let mut options = SampleOptions::default();
            change(&mut options);
            match options.validate() {
                Err(Error::InvalidOption { name, .. }) => name,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused(|o| o.temperature = -0.1), "temperature");
        assert_eq!(refused(|o| o.temperature = f32::NAN), "temperature");
        assert_eq!(refused(|o| o.temperature = f32::INFINITY), "temperature");
        assert_eq!(refused(|o| o.top_p = 0.0), "topP");
        assert_eq!(refused(|o| o.top_p = 1.01), "topP");
        assert_eq!(refused(|o| o.top_p = f32::NAN), "topP");
        assert_eq!(refused(|o| o.min_p = -0.5), "minP");
        assert_eq!(refused(|o| o.min_p = f32::NAN), "minP");
        assert_eq!(refused(|o| o.repetition_penalty = 0.0), "repetitionPenalty");
        assert!(SampleOptions::default().validate().is_ok());
    }
}
