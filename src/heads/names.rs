//! Names by a linear-chain conditional random field (Lafferty et al. 2001) over what can be seen of words and their neighbours.

use std::ops::Range;

use super::features::{Buckets, WORD, hash, mix, tokens};
use super::file::File;
use super::lexicon::Lexicon;
use super::sequence::{Tag, best_path, spans};
use crate::case;
use crate::error::Result;

pub const ARCHITECTURE: &str = "nanolm-names";
/// What there is of a token: the word, in lower case, its shape, its first and last one to four letters, whether it is joined to
/// the token before, and the two bytes of the lexicon. The letters are those that templates name them by.
const ATTRIBUTES: &str = "wlsabcdefghjxy";
const N: usize = ATTRIBUTES.len();
/// What all attributes are before the first token, and behind the last.
const BEFORE: [u32; N] = [1; N];
const BEHIND: [u32; N] = [2; N];
/// What an attribute of a token is where nothing can be said.
const JOINED: u32 = 3;
const KIND: u32 = 256;
const GROUP: u32 = 512;

/// What finds names.
#[derive(Debug)]
pub struct NameHead {
    types: Vec<String>,
    tags: Vec<Tag>,
    /// Each a feature: attributes of tokens at some distance, together.
    templates: Vec<Vec<(usize, isize)>>,
    buckets: Buckets,
    bias: Vec<f32>,
    /// From a tag to the next; the last row is that of the first token's.
    steps: Vec<f32>,
    lexicon: Lexicon,
}

/// A name in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// Where it stands.
    pub bytes: Range<usize>,
    /// Its type, such as `PER`.
    pub kind: String,
    /// 0 to 1: how likely its tags are (the geometric mean of their probabilities).
    pub score: f32,
}

impl NameHead {
    #[inline(never)]
    pub(super) fn read(file: &File<'_>) -> Result<NameHead> {
        let mut types: Vec<String> = Vec::new();
        let mut tags = Vec::new();
        for name in file.texts("names.tags")? {
            let tag = Tag::read(&name, &mut types);
            tags.push(tag.ok_or_else(|| file.invalid("names.tags", "O, B-TYPE or I-TYPE", name))?);
        }
        let mut templates = Vec::new();
        for template in file.texts("names.templates")? {
            let part = |part: &str| {
                let (attribute, distance) = part.split_at_checked(1)?;
                Some((ATTRIBUTES.find(attribute)?, distance.parse::<isize>().ok().filter(|d| d.abs() <= 8)?))
            };
            let parts: Option<Vec<(usize, isize)>> = template.split_whitespace().map(part).collect();
            let expected = || format!("a letter of {ATTRIBUTES} and a distance");
            templates.push(parts.ok_or_else(|| file.invalid("names.templates", expected(), template.clone()))?);
        }
        let n = tags.len();
        Ok(NameHead {
            templates,
            buckets: file.buckets(Some(n))?,
            bias: file.needed("names.bias", 1, n)?,
            steps: file.needed("names.steps", n + 1, n)?,
            lexicon: Lexicon::read(file)?,
            types,
            tags,
        })
    }

    /// The types of names.
    pub fn types(&self) -> &[String] {
        &self.types
    }

    /// The names in a sentence, in its order.
    #[inline(never)]
    pub fn find(&self, text: &str) -> Vec<Name> {
        let tokens = tokens(text, false);
        let fits = self.fits(text, &tokens);
        let path = best_path(&fits, self.tags.len(), &|before, tag| self.step(before, tag));
        let likely = self.likelihoods(&fits, &path);
        let name = |(span, kind, score): (Range<usize>, usize, f32)| {
            let (first, last) = (tokens.get(span.start)?, tokens.get(span.end - 1)?);
            Some(Name { bytes: first.start..last.end, kind: self.types.get(kind)?.clone(), score })
        };
        spans(&self.tags, &path, &likely).into_iter().filter_map(name).collect()
    }

    /// How well each tag fits each token by itself.
    #[inline(never)]
    fn fits(&self, text: &str, tokens: &[Range<usize>]) -> Vec<Vec<f32>> {
        let mut end = usize::MAX;
        let attributes: Vec<[u32; N]> = tokens
            .iter()
            .map(|token| {
                let joined = token.start == std::mem::replace(&mut end, token.end);
                self.attributes(text.get(token.clone()).unwrap_or_default(), joined)
            })
            .collect();
        let at = |i: isize| match usize::try_from(i) {
            Ok(i) => attributes.get(i).unwrap_or(&BEHIND),
            Err(_) => &BEFORE,
        };
        let row = |i: usize| {
            let mut row = self.bias.clone();
            for (template, salt) in self.templates.iter().zip(1..) {
                let h = template.iter().fold(salt, |h, (which, distance)| mix(h ^ at(i as isize + distance)[*which]));
                self.buckets.add(h, 1.0, &mut row);
            }
            row
        };
        (0..tokens.len()).map(row).collect()
    }

    #[inline(never)]
    fn attributes(&self, word: &str, joined: bool) -> [u32; N] {
        let lower = case::lower(word);
        let h = |text: &str| hash(text.as_bytes(), WORD);
        let mut all = [h(word), h(&lower), h(&shape(word)), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        // Where letters begin, and the end: of the first and the last one to four letters; nothing of a shorter word.
        let mut at: Vec<usize> = lower.char_indices().map(|(at, _)| at).collect();
        at.push(lower.len());
        for n in 1..at.len().min(5) {
            all[2 + n] = h(lower.get(..at[n]).unwrap_or_default());
            all[6 + n] = h(lower.get(at[at.len() - 1 - n]..).unwrap_or_default());
        }
        let (kind, group) = self.lexicon.of(&lower);
        all[11] = if joined { mix(JOINED) } else { 0 };
        all[12] = mix(KIND + u32::from(kind));
        all[13] = mix(GROUP + u32::from(group));
        all
    }

    /// How well a tag follows another; `None` is the place before the first.
    fn step(&self, before: Option<usize>, tag: usize) -> f32 {
        let n = self.tags.len();
        self.steps.get(before.unwrap_or(n) * n + tag).copied().unwrap_or(0.0)
    }

    /// The logarithm of how likely each tag of a sequence is, over all sequences (forward and backward sums).
    #[inline(never)]
    fn likelihoods(&self, fits: &[Vec<f32>], path: &[usize]) -> Vec<f32> {
        let n = self.tags.len();
        let mut forward: Vec<Vec<f32>> = Vec::with_capacity(fits.len());
        for row in fits {
            let sum = |k: usize| match forward.last() {
                None => self.step(None, k),
                Some(last) => log_sum(&mut last.iter().enumerate().map(|(j, score)| score + self.step(Some(j), k))),
            };
            let next = (0..n).zip(row).map(|(k, fit)| sum(k) + fit).collect();
            forward.push(next);
        }
        let total = forward.last().map_or(0.0, |last| log_sum(&mut last.iter().copied()));
        let mut behind = vec![0.0; n];
        let mut out = vec![0.0; path.len()];
        for t in (0..path.len()).rev() {
            out[t] = forward[t][path[t]] + behind[path[t]] - total;
            let sum = |k: usize| log_sum(&mut (0..n).map(|j| self.step(Some(k), j) + fits[t][j] + behind[j]));
            behind = (0..n).map(sum).collect();
        }
        out
    }
}

/// The logarithm of the sum of exponentials.
#[inline(never)]
fn log_sum(all: &mut dyn Iterator<Item = f32>) -> f32 {
    let all: Vec<f32> = all.collect();
    let most = all.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    most + all.iter().map(|x| (x - most).exp()).sum::<f32>().ln()
}

/// Capital letters as X, others as x, digits as d, signs as they are; of a run two.
#[inline(never)]
fn shape(word: &str) -> String {
    let mut shape: Vec<char> = Vec::new();
    for c in word.chars() {
        let kind = match c {
            '0'..='9' => 'd',
            _ if c.is_uppercase() => 'X',
            _ if c.is_alphabetic() => 'x',
            _ => c,
        };
        if !shape.ends_with(&[kind, kind]) {
            shape.push(kind);
        }
    }
    shape.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_have_at_most_two_of_a_kind_in_a_row() {
        assert_eq!(shape("McDonald"), "XxXxx");
        assert_eq!(shape("1984"), "dd");
        assert_eq!(shape("Ö-x9"), "X-xd");
    }
}
