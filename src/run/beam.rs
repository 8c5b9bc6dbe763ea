//! Beam search: several outputs are written at once, and the likeliest that is complete is given. As `transformers` does it for one text.

use super::context::Context;
use super::event::{Event, FinishReason, Phase, Piece};
use super::job::Ended;
use super::rules::EarlyStopping;
use super::stop::StopFilter;
use crate::error::{Error, Result};
use crate::model::{LogitRows, Sampled};
use crate::sample::Sampler;
use crate::session::Session;
use crate::text::Detokenizer;

/// How outputs are searched for.
pub struct Search {
    pub num_beams: usize,
    pub length_penalty: f32,
    pub early_stopping: EarlyStopping,
    /// Whose rules each output keeps.
    pub sampler: Sampler,
    pub end_tokens: Vec<u32>,
    /// Texts before which the output ends.
    pub stop: Vec<String>,
    /// How many tokens were given to all, of those that count.
    pub given: usize,
    /// Tokens at most, with those given.
    pub max_tokens: usize,
    /// At least so many come before one that ends an output.
    pub min_tokens: usize,
    /// The last of so many tokens is this one.
    pub last: Option<u32>,
}

/// An output being written.
struct Beam {
    session: Session,
    sampler: Sampler,
    tokens: Vec<Sampled>,
    /// The sum of its tokens' log-probabilities.
    score: f64,
    /// Of the next token.
    next: Vec<f32>,
}

/// How an output may go on.
#[derive(Clone, Copy)]
struct Candidate {
    beam: usize,
    token: u32,
    logprob: f32,
    score: f64,
}

impl Search {
    /// Writes what is found. `session` has read what all begin with, and `logits` are those of the next token.
    pub async fn run(self, context: &Context, session: Session, logits: &[f32]) -> Result<Ended> {
        let (tokens, finish_reason) = self.best(context, session, logits).await?;
        context.count(|usage| usage.completion_tokens = tokens.len());
        let (mut stream, mut stop) = (Detokenizer::new(true), StopFilter::new(&self.stop));
        let mut text = String::new();
        for Sampled { token, logprob } in tokens {
            let written = match context.model().tokenizer() {
                Some(tokenizer) => stream.push(tokenizer, token)?,
                None => "",
            };
            let (shown, stopped) = stop.push(written);
            text += &shown;
            context.emit(Event::Piece(Piece { text: shown, token, logprob })).await;
            if stopped {
                return Ok(Ended { finish_reason: FinishReason::Stop, text });
            }
        }
        let (mut rest, _) = stop.push(stream.finish());
        rest += &stop.finish();
        if !rest.is_empty() {
            text += &rest;
            let (token, logprob) = (self.end_tokens.first().copied().unwrap_or_default(), 0.0);
            context.emit(Event::Piece(Piece { text: rest, token, logprob })).await;
        }
        Ok(Ended { finish_reason, text })
    }

    /// The best output, without the token that ends it, and why it ended.
    async fn best(&self, context: &Context, session: Session, logits: &[f32]) -> Result<(Vec<Sampled>, FinishReason)> {
        let first = Beam { session, sampler: self.sampler.clone(), tokens: Vec::new(), score: 0.0, next: Vec::new() };
        let mut running = vec![first];
        self.look_ahead(&mut running[0], logits)?;
        // The best first.
        let mut finished: Vec<(f64, Vec<Sampled>, FinishReason)> = Vec::new();
        loop {
            let written = self.given + running.first().map_or(0, |beam| beam.tokens.len()) + 1;
            let is_last = written >= self.max_tokens;
            let candidates = self.candidates(&running);
            if candidates.is_empty() {
                return Err(Error::InvalidOption {
                    name: "banned tokens".into(),
                    expected: "at least one token that may come".into(),
                    found: "all are banned".into(),
                });
            }
            for candidate in candidates.iter().take(self.num_beams) {
                let ends = self.end_tokens.contains(&candidate.token);
                if !ends && !is_last {
                    continue;
                }
                let score = candidate.score / (written as f64).powf(f64::from(self.length_penalty));
                let mut tokens = running[candidate.beam].tokens.clone();
                if !ends {
                    tokens.push(Sampled { token: candidate.token, logprob: candidate.logprob });
                }
                let at = finished.iter().position(|(other, ..)| score > *other).unwrap_or(finished.len());
                finished.insert(at, (score, tokens, if ends { FinishReason::Stop } else { FinishReason::Length }));
                finished.truncate(self.num_beams);
            }
            let going_on = candidates.into_iter().filter(|candidate| !self.end_tokens.contains(&candidate.token));
            let going_on: Vec<_> = going_on.take(self.num_beams).collect();
            let full = finished.len() == self.num_beams;
            let length = match self.early_stopping {
                EarlyStopping::Never if self.length_penalty > 0.0 => self.max_tokens,
                _ => written,
            };
            let possible = going_on.first().map_or(f64::NEG_INFINITY, |best| best.score)
                / (length as f64).powf(f64::from(self.length_penalty));
            let improves = !full || finished.last().is_some_and(|(worst, ..)| possible > *worst);
            if is_last || !improves || full && self.early_stopping == EarlyStopping::Full || going_on.is_empty() {
                break;
            }
            running = self.advanced(context, running, &going_on).await?;
            context.progress(Phase::Decode, written, self.max_tokens).await;
        }
        let best = finished.into_iter().next();
        best.map(|(_, tokens, reason)| (tokens, reason))
            .ok_or_else(|| Error::Internal { what: "a search found nothing".into() })
    }

    /// The best ways to go on, best first: so many that as many as are written at once do not end.
    fn candidates(&self, running: &[Beam]) -> Vec<Candidate> {
        let most = self.num_beams * (1 + self.end_tokens.len()).max(2);
        let mut best: Vec<Candidate> = Vec::with_capacity(most + 1);
        for (beam, Beam { score: before, next, .. }) in running.iter().enumerate() {
            for (token, &logprob) in (0..).zip(next) {
                let score = before + f64::from(logprob);
                let worst = if best.len() < most { f64::NEG_INFINITY } else { best[most - 1].score };
                if score > worst {
                    let at = best.partition_point(|other| other.score >= score);
                    best.insert(at, Candidate { beam, token, logprob, score });
                    best.truncate(most);
                }
            }
        }
        best
    }

    /// The outputs with the tokens that they go on with.
    async fn advanced(&self, context: &Context, running: Vec<Beam>, chosen: &[Candidate]) -> Result<Vec<Beam>> {
        let mut running: Vec<Option<Beam>> = running.into_iter().map(Some).collect();
        let mut out = Vec::with_capacity(chosen.len());
        let mut logits = Vec::new();
        for (i, &Candidate { beam, token, logprob, score }) in chosen.iter().enumerate() {
            let Some(parent) = running.get_mut(beam).and_then(Option::take) else { continue };
            // What goes on in several ways is copied for all but the last.
            if chosen.iter().skip(i + 1).any(|later| later.beam == beam) {
                running[beam] = Some(Beam {
                    session: context.copy(&parent.session).await?,
                    sampler: parent.sampler.clone(),
                    tokens: parent.tokens.clone(),
                    score,
                    next: Vec::new(),
                });
            }
            let mut next = parent;
            next.score = score;
            next.tokens.push(Sampled { token, logprob });
            next.sampler.accept(token);
            context.feed(&mut next.session, &[token], LogitRows::Last, &mut logits).await?;
            self.look_ahead(&mut next, &logits)?;
            out.push(next);
        }
        Ok(out)
    }

    /// The log-probabilities of the token that comes next.
    fn look_ahead(&self, beam: &mut Beam, logits: &[f32]) -> Result<()> {
        let before = self.given + beam.tokens.len();
        beam.sampler.log_probabilities(logits, &mut beam.next)?;
        if before < self.min_tokens {
            for token in &self.end_tokens {
                if let Some(next) = beam.next.get_mut(*token as usize) {
                    *next = f32::NEG_INFINITY;
                }
            }
        }
        if let Some(last) = self.last.filter(|_| before + 1 >= self.max_tokens) {
            beam.next
                .iter_mut()
                .zip(0..)
                .for_each(|(next, token)| *next = if token == last { 0.0 } else { f32::NEG_INFINITY });
        }
        Ok(())
    }
}
