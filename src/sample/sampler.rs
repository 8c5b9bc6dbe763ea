//! Chooses one token from one row of logits. Nothing is allocated per token.

use super::draw::Draw;
use super::options::SampleOptions;
use super::rng::Pcg32;
use super::softmax;
use crate::error::{Error, Result};
use crate::model::{Sampled, Sampling};

/// One set of bits per vocabulary.
#[derive(Clone, Debug)]
struct TokenSet(Vec<u64>);

impl TokenSet {
    /// Tokens in an element.
    const WORD: usize = 64;

    fn new(n_vocab: usize) -> Self {
        TokenSet(vec![0; n_vocab.div_ceil(Self::WORD)])
    }

    fn insert(&mut self, token: u32) {
        if let Some(word) = self.0.get_mut(token as usize / 64) {
            *word |= 1 << (token % 64);
        }
    }

    fn remove(&mut self, token: u32) {
        if let Some(word) = self.0.get_mut(token as usize / 64) {
            *word &= !(1 << (token % 64));
        }
    }

    fn contains(&self, token: usize) -> bool {
        self.0.get(token / 64).is_some_and(|word| word >> (token % 64) & 1 == 1)
    }

    /// All of them, ascending.
    fn tokens(&self) -> impl Iterator<Item = usize> {
        let bits = |word: u64| std::iter::successors(Some(word), |word| Some(word & word.wrapping_sub(1)));
        let ones = move |word: u64| bits(word).take_while(|word| *word != 0).map(|word| word.trailing_zeros() as usize);
        self.0.iter().enumerate().flat_map(move |(i, &word)| ones(word).map(move |bit| i * Self::WORD + bit))
    }
}

/// The state of one generation.
#[derive(Clone, Debug)]
pub struct Sampler {
    options: SampleOptions,
    n_vocab: usize,
    rng: Pcg32,
    /// Tokens that the repetition penalty applies to.
    seen: TokenSet,
    /// Tokens that may never come.
    banned: TokenSet,
    /// Output so far, for n-grams.
    output: Vec<u32>,
    /// Tokens that may not come now, most of them because they would repeat an n-gram; lifted again after the choice.
    repeats: Vec<u32>,
    draw: Draw,
}

impl Sampler {
    /// A sampler for rows of `n_vocab` logits that will choose about `max_tokens` of them.
    ///
    /// # Errors
    /// `InvalidOption`, as [`SampleOptions::validate`].
    pub fn new(options: SampleOptions, n_vocab: usize, max_tokens: usize) -> Result<Self> {
        options.validate()?;
        let rng = Pcg32::new(options.seed, 0);
        let draw = Draw::new(if options.temperature == 0.0 { 0 } else { n_vocab });
        let expected = max_tokens.min(4096);
        Ok(Sampler {
            n_vocab,
            rng,
            seen: TokenSet::new(n_vocab),
            banned: TokenSet::new(n_vocab),
            output: Vec::with_capacity(expected),
            repeats: Vec::with_capacity(expected),
            draw,
            options,
        })
    }

    /// Never choose this token.
    pub fn ban(&mut self, token: u32) {
        self.banned.insert(token);
    }

    /// Do not choose this token the next time.
    pub fn ban_once(&mut self, token: u32) {
        if !self.banned.contains(token as usize) {
            self.banned.insert(token);
            self.repeats.push(token);
        }
    }

    /// Choose this token again.
    pub fn allow(&mut self, token: u32) {
        self.banned.remove(token);
    }

    /// Choose none but those whose bits are set, lowest first.
    pub fn allow_only(&mut self, bits: &[u32]) {
        for (i, word) in self.banned.0.iter_mut().enumerate() {
            let half = |at: usize| u64::from(bits.get(at).copied().unwrap_or_default());
            *word = !(half(2 * i) | half(2 * i + 1) << 32);
        }
        // Bits behind the vocabulary's are no tokens.
        if let (Some(last), rest @ 1..) = (self.banned.0.last_mut(), self.n_vocab % TokenSet::WORD) {
            *last |= u64::MAX << rest;
        }
    }

    /// Whether there is a token that may come.
    pub fn may_choose(&self) -> bool {
        self.banned.0.iter().any(|word| *word != u64::MAX)
    }

    /// Tokens of the vocabulary.
    pub fn n_vocab(&self) -> usize {
        self.n_vocab
    }

    /// A token of the prompt: the repetition penalty applies to it.
    pub fn observe(&mut self, token: u32) {
        self.seen.insert(token);
    }

    /// A token that the output begins with and does not show: runs of tokens count from it.
    pub fn follow(&mut self, token: u32) {
        self.observe(token);
        self.output.push(token);
    }

    /// What a device needs to choose the next `n` tokens by the same rules, with the random bits that this sampler would
    /// draw, which go to `draws`; `None` where it cannot: where the choice depends on more than which tokens came.
    ///
    /// The sampler itself is unchanged: [`accept`](Self::accept) each token that is used.
    pub fn sampling<'a>(&'a self, n: usize, draws: &'a mut Vec<u32>) -> Option<Sampling<'a>> {
        if self.options.no_repeat_ngram > 0 || !self.repeats.is_empty() {
            return None;
        }
        draws.clear();
        if self.options.temperature > 0.0 {
            let mut rng = self.rng.clone();
            draws.extend((0..n).map(|_| rng.next_u32()));
        }
        let SampleOptions { temperature, top_k, top_p, min_p, repetition_penalty, .. } = self.options;
        let (seen, banned) = (self.seen.0.as_slice(), self.banned.0.as_slice());
        Some(Sampling { temperature, top_k, top_p, min_p, repetition_penalty, draws, seen, banned })
    }

    /// Remembers a token that a device chose in place of [`sample`](Self::sample).
    pub fn accept(&mut self, token: u32) {
        if self.options.temperature > 0.0 {
            self.rng.next_u32();
        }
        self.seen.insert(token);
        self.output.push(token);
    }

    /// The log-probabilities of all tokens, as the rules that do not draw leave them: minus infinity for what may not come.
    ///
    /// # Errors
    /// As [`sample`](Self::sample).
    pub fn log_probabilities(&mut self, logits: &[f32], out: &mut Vec<f32>) -> Result<()> {
        self.check(logits)?;
        self.ban_repeats();
        let highest = softmax::highest(logits);
        let total = f64::from(highest) + softmax::sum_of_exponentials(logits, highest).ln();
        out.clear();
        out.extend(logits.iter().enumerate().map(|(token, logit)| match self.banned.contains(token) {
            true => f32::NEG_INFINITY,
            false => self.penalised(token, (f64::from(*logit) - total) as f32),
        }));
        self.lift_repeats();
        Ok(())
    }

    /// Chooses the next token and remembers it.
    ///
    /// `logits: [n_vocab]`, f32, one row.
    ///
    /// # Errors
    /// `NotFinite` where a logit is NaN or infinite, `Internal` where the row has another length, and `InvalidOption`
    /// where every token is banned.
    pub fn sample(&mut self, logits: &[f32]) -> Result<Sampled> {
        self.ban_repeats();
        self.sample_repeats(logits)
    }

    /// The same, though an n-gram may come twice.
    pub fn sample_repeats(&mut self, logits: &[f32]) -> Result<Sampled> {
        let choice = self.choose(logits);
        self.lift_repeats();
        choice
    }

    fn lift_repeats(&mut self) {
        while let Some(token) = self.repeats.pop() {
            self.banned.remove(token);
        }
    }

    fn check(&self, logits: &[f32]) -> Result<()> {
        if logits.len() != self.n_vocab || logits.is_empty() {
            return Err(Error::Internal {
                what: format!("sampling from {} logits, expected {}", logits.len(), self.n_vocab),
            });
        }
        if !softmax::are_finite(logits)
            && let Some(token) = logits.iter().position(|x| !x.is_finite())
        {
            return Err(Error::NotFinite { token, found: logits[token].to_string() });
        }
        Ok(())
    }

    fn choose(&mut self, logits: &[f32]) -> Result<Sampled> {
        self.check(logits)?;
        let token = if self.options.temperature == 0.0 { self.greedy(logits) } else { self.draw(logits) };
        let token = token.ok_or_else(|| Error::InvalidOption {
            name: "banned tokens".into(),
            expected: "at least one token that may come".into(),
            found: "all are banned".into(),
        })?;
        self.seen.insert(token);
        self.output.push(token);
        Ok(Sampled { token, logprob: log_probability(logits, token as usize) })
    }

    /// Bans each token that followed an earlier occurrence of the last `n - 1` tokens.
    fn ban_repeats(&mut self) {
        let n = self.options.no_repeat_ngram;
        if n == 0 || self.output.len() < n {
            return;
        }
        let (earlier, tail) = (&self.output, &self.output[self.output.len() - (n - 1)..]);
        for window in earlier.windows(n) {
            let (last, context) = match window.split_last() {
                Some((last, context)) => (*last, context),
                None => continue,
            };
            if context == tail && !self.banned.contains(last as usize) {
                self.banned.insert(last);
                self.repeats.push(last);
            }
        }
    }

    fn penalised(&self, token: usize, logit: f32) -> f32 {
        let penalty = self.options.repetition_penalty;
        if penalty == 1.0 || !self.seen.contains(token) {
            return logit;
        }
        let penalised = if logit > 0.0 { logit / penalty } else { logit * penalty };
        // Extreme penalties overflow.
        penalised.clamp(f32::MIN, f32::MAX)
    }

    fn greedy(&self, logits: &[f32]) -> Option<u32> {
        let mut best: Option<(usize, f32)> = None;
        // Strictly greater: of equal logits the lowest id wins, as in the argmax of transformers.
        let sets = self.banned.0.iter().zip(&self.seen.0);
        for ((i, logits), (&banned, &seen)) in logits.chunks(TokenSet::WORD).enumerate().zip(sets) {
            let first = i * TokenSet::WORD;
            if banned == 0 && (seen == 0 || self.options.repetition_penalty == 1.0) {
                // Nearly all: nothing here is banned or penalised.
                let highest = softmax::highest(logits);
                if best.is_none_or(|(_, best)| highest > best)
                    && let Some(at) = logits.iter().position(|logit| *logit == highest)
                {
                    best = Some((first + at, highest));
                }
                continue;
            }
            for (token, &logit) in (first..).zip(logits) {
                let logit = self.penalised(token, logit);
                if !self.banned.contains(token) && best.is_none_or(|(_, best)| logit > best) {
                    best = Some((token, logit));
                }
            }
        }
        best.map(|(token, _)| token as u32)
    }

    fn draw(&mut self, logits: &[f32]) -> Option<u32> {
        let mut draw = std::mem::take(&mut self.draw);
        draw.values.clear();
        draw.values.extend_from_slice(logits);
        if self.options.repetition_penalty != 1.0 {
            for token in self.seen.tokens() {
                if let Some(value) = draw.values.get_mut(token) {
                    *value = self.penalised(token, *value);
                }
            }
        }
        for token in self.banned.tokens() {
            if let Some(value) = draw.values.get_mut(token) {
                *value = f32::NEG_INFINITY;
            }
        }
        let token = draw.token(&self.options, self.rng.next_u32());
        self.draw = draw;
        token
    }
}

/// `logits[token] - log(sum(exp(logits)))`, to 1e-6. NaN where a logit is, minus infinity outside of the row.
pub fn log_probability(logits: &[f32], token: usize) -> f32 {
    let highest = softmax::highest(logits);
    let chosen = logits.get(token).copied().unwrap_or(f32::NEG_INFINITY);
    (f64::from(chosen) - f64::from(highest) - softmax::sum_of_exponentials(logits, highest).ln()) as f32
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
