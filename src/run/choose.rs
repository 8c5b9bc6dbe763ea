//! Who chooses the tokens of an output: the sampler, alone or held to something.

use super::ground::Ground;
use crate::error::{Error, Result};
use crate::model::Sampled;
use crate::sample::{Guide, Sampler};
use crate::text::Tokenizer;

/// Chooses tokens.
pub struct Chooser {
    sampler: Sampler,
    held: Held,
    end_tokens: Vec<u32>,
}

/// What an output is held to.
enum Held {
    Free,
    /// Facts of a source.
    Ground(Ground),
    /// A form.
    Guide {
        guide: Box<dyn Guide>,
        allowed: Vec<u32>,
        complete: bool,
    },
}

impl From<Sampler> for Chooser {
    fn from(sampler: Sampler) -> Self {
        Chooser { sampler, held: Held::Free, end_tokens: Vec::new() }
    }
}

impl Chooser {
    /// Holds what is written to `source`. `end_tokens` end the output.
    pub fn grounded(sampler: Sampler, tokenizer: &Tokenizer, source: &str, end_tokens: &[u32]) -> Self {
        Chooser { sampler, held: Held::Ground(Ground::new(tokenizer, source)), end_tokens: end_tokens.to_vec() }
    }

    /// Lets a guide say what may be written.
    ///
    /// # Errors
    /// Where nothing may be.
    pub fn guided(sampler: Sampler, guide: Box<dyn Guide>, end_tokens: &[u32]) -> Result<Self> {
        let held = Held::Guide { guide, allowed: Vec::new(), complete: false };
        let mut chooser = Chooser { sampler, held, end_tokens: end_tokens.to_vec() };
        chooser.advance(None)?;
        Ok(chooser)
    }

    /// The sampler, where it alone decides about the next token or tokens, and about how many of at most `n`.
    pub fn plain(&self, n: usize) -> Option<(&Sampler, usize)> {
        match self.held {
            Held::Free => Some((&self.sampler, n)),
            Held::Ground(_) => None,
            // What may come behind the next one is known when it is.
            Held::Guide { .. } => Some((&self.sampler, n.min(1))),
        }
    }

    /// Remembers a token that was chosen elsewhere by the sampler's rules.
    ///
    /// # Errors
    /// As [`Chooser::guided`].
    pub fn accept(&mut self, token: u32) -> Result<()> {
        self.sampler.accept(token);
        self.advance(Some(token))
    }

    /// Whether nothing may follow what was written.
    pub fn is_complete(&self) -> bool {
        matches!(self.held, Held::Guide { complete: true, .. })
    }

    /// See [`Sampler::ban_once`].
    pub fn ban_once(&mut self, token: u32) {
        self.sampler.ban_once(token);
    }

    /// See [`Sampler::sample`].
    pub fn sample(&mut self, logits: &[f32]) -> Result<Sampled> {
        let choice = match &mut self.held {
            Held::Free => return self.sampler.sample(logits),
            Held::Guide { .. } => self.sampler.sample_repeats(logits)?,
            Held::Ground(ground) => {
                // What has begun must be brought to its end, said before or not: no other rule may stand in the way.
                let within = ground.is_bound();
                for token in 0..logits.len() as u32 {
                    let allowed =
                        if self.end_tokens.contains(&token) { ground.may_end() } else { ground.allows(token) };
                    if !allowed {
                        self.sampler.ban_once(token);
                    }
                }
                let choice = if within { self.sampler.sample_repeats(logits)? } else { self.sampler.sample(logits)? };
                ground.push(choice.token);
                choice
            }
        };
        self.advance(Some(choice.token))?;
        Ok(choice)
    }

    /// Tells the guide what was written, and the sampler what may be next.
    fn advance(&mut self, written: Option<u32>) -> Result<()> {
        let Held::Guide { guide, allowed, complete } = &mut self.held else { return Ok(()) };
        if written.is_some_and(|token| self.end_tokens.contains(&token)) {
            return Ok(());
        }
        *complete = !guide.next(written, allowed)?;
        if *complete {
            return Ok(());
        }
        let n_vocab = self.sampler.n_vocab();
        let bit = |token: usize| allowed.get(token / 32).is_some_and(|word| word >> (token % 32) & 1 == 1);
        let may_end = bit(n_vocab);
        self.sampler.allow_only(allowed);
        for token in &self.end_tokens {
            if may_end { self.sampler.allow(*token) } else { self.sampler.ban(*token) }
        }
        if !self.sampler.may_choose() {
            return Err(Error::InvalidOption {
                name: "responseFormat".into(),
                expected: "a format that this model's tokens can write".into(),
                found: "a place where none of them fits".into(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::SampleOptions;

    /// Lets tokens come in a fixed order; the text may end from the second on.
    struct InOrder(Vec<u32>);

    impl Guide for InOrder {
        fn next(&mut self, written: Option<u32>, allowed: &mut Vec<u32>) -> Result<bool> {
            let at = written.map_or(0, |token| self.0.iter().position(|each| *each == token).unwrap() + 1);
            allowed.clear();
            allowed.resize(2, 0);
            let Some(token) = self.0.get(at) else { return Ok(false) };
            allowed[*token as usize / 32] |= 1 << (token % 32);
            if at >= 2 {
                allowed[1] |= 1 << 8;
            }
            Ok(true)
        }
    }

    fn chooser(temperature: f32, ends: &[u32]) -> Chooser {
        let options = SampleOptions { temperature, ..SampleOptions::default() };
        let sampler = Sampler::new(options, 40, 8).unwrap();
        Chooser::guided(sampler, Box::new(InOrder(vec![7, 39, 33])), ends).unwrap()
    }

    #[test]
    fn what_a_guide_does_not_allow_is_never_chosen() {
        let mut logits = vec![0.0; 40];
        logits[3] = 9.0;
        for temperature in [0.0, 1.5] {
            let mut chooser = chooser(temperature, &[3]);
            assert_eq!(chooser.sample(&logits).unwrap().token, 7);
            // The device is told the same, for one token at a time.
            let mut draws = Vec::new();
            let (sampler, n) = chooser.plain(8).unwrap();
            let banned = sampler.sampling(n, &mut draws).unwrap().banned.to_vec();
            assert_eq!((n, banned), (1, vec![!(1 << 39)]));
            chooser.accept(39).unwrap();
            // The end may come now, and is likelier.
            if temperature == 0.0 {
                assert_eq!(chooser.sample(&logits).unwrap().token, 3);
            }
            assert!(!chooser.is_complete());
            chooser.accept(33).unwrap();
            assert!(chooser.is_complete());
        }
    }

    #[test]
    fn a_place_that_no_token_fits_is_said() {
        let sampler = Sampler::new(SampleOptions::default(), 5, 8).unwrap();
        let error = Chooser::guided(sampler, Box::new(InOrder(vec![7])), &[]).err().unwrap();
        assert!(error.to_string().contains("responseFormat"), "{error}");
    }
}
