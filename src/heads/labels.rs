//! Which of a trained set of labels a text bears: logistic regression over its words, pairs of words, and parts of words.

use super::features::{Buckets, WORD, hash, mix, tokens};
use super::file::File;
use crate::case;
use crate::error::Result;

pub const ARCHITECTURE: &str = "nanolm-labels";
/// Where hashes of parts of words begin: other ones than those of words.
const PART: u32 = 0x9e37_79b9;
/// Letters of a part.
const PARTS: std::ops::RangeInclusive<usize> = 2..=5;

/// A set of labels.
#[derive(Debug)]
pub struct LabelHead {
    name: String,
    labels: Vec<String>,
    buckets: Buckets,
    /// From the sum of the buckets to the labels, a row a label; where it is empty, a bucket has a number a label.
    out: Vec<f32>,
    bias: Vec<f32>,
    /// What a word, a pair and a part weigh.
    kinds: Vec<f32>,
}

impl LabelHead {
    #[inline(never)]
    pub(super) fn read(file: &File<'_>) -> Result<LabelHead> {
        let (name, labels) = (file.text("labels.name")?, file.texts("labels.names")?);
        let out = file.matrix("out.weight", Some(labels.len()))?;
        let buckets = file.buckets(Some(out.as_ref().map_or(labels.len(), |(_, _, width)| *width)))?;
        Ok(LabelHead {
            name,
            buckets,
            out: out.map(|(out, ..)| out).unwrap_or_default(),
            bias: file.needed("out.bias", 1, labels.len())?,
            kinds: file.needed("kinds.weight", 1, 3)?,
            labels,
        })
    }

    /// The name of the set.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The labels.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// How well each label fits, as logits. A feature counts once, however often it is met, and all of them together have length 1.
    #[inline(never)]
    pub fn logits(&self, text: &str) -> Vec<f64> {
        let mut sums = vec![0.0; self.buckets.width];
        let mut length = 0.0f32;
        for (features, weight) in features(text).into_iter().zip(&self.kinds).filter(|(_, weight)| **weight > 0.0) {
            length += weight * weight * features.len() as f32;
            features.into_iter().for_each(|feature| self.buckets.add(feature, *weight, &mut sums));
        }
        sums.iter_mut().for_each(|x| *x /= length.sqrt().max(1e-9));
        let fits = |(i, bias): (usize, &f32)| {
            let row = self.out.get(i * sums.len()..).filter(|row| !row.is_empty());
            let fit = row.map(|row| row.iter().zip(&sums).map(|(a, b)| a * b).sum()).or(sums.get(i).copied());
            f64::from(fit.unwrap_or(0.0) + bias)
        };
        self.bias.iter().enumerate().map(fits).collect()
    }
}

/// The hashes of a text's words, pairs and parts, each once.
#[inline(never)]
fn features(text: &str) -> [Vec<u32>; 3] {
    let text = text.replace('’', "'");
    let [mut words, mut pairs, mut parts] = [const { Vec::new() }; 3];
    let mut before = 0;
    for token in tokens(&text, true) {
        let word = case::lower(text.get(token).unwrap_or_default());
        let h = hash(word.as_bytes(), WORD);
        words.push(mix(h));
        pairs.push(pair(before, h));
        before = h;
        if word.starts_with(char::is_alphanumeric) {
            let word = format!("<{word}>");
            let mut at: Vec<usize> = word.char_indices().map(|(at, _)| at).collect();
            at.push(word.len());
            for n in PARTS.take_while(|n| n + 1 < at.len()) {
                let part = |ends: &[usize]| word.as_bytes().get(ends[0]..ends[n]).unwrap_or_default();
                parts.extend(at.windows(n + 1).map(|ends| mix(hash(part(ends), PART))));
            }
        }
    }
    pairs.push(pair(before, 1));
    let mut all = [words, pairs, parts];
    for features in &mut all {
        crate::order::sort(features);
        features.dedup();
    }
    all
}

/// The hash of two words in a row; 0 is before the first, and 1 behind the last.
fn pair(before: u32, word: u32) -> u32 {
    mix(before.wrapping_mul(31).wrapping_add(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_counts_once() {
        let count = |text: &str| features(text).map(|features| features.len());
        // "<a>" has "<a" and "a>"; "<go>" "<g", "go", "o>", "<go", "go>".
        assert_eq!(count("a"), [1, 2, 2]);
        assert_eq!(count("Go go GO!"), [2, 4, 5]);
        assert_eq!(count(""), [0, 1, 0]);
        assert_eq!(features("don’t")[0], features("DON'T")[0]);
    }
}
