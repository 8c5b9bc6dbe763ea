//! What both kinds of heads are made of: how a text is cut, hashes, and a matrix of buckets.

use std::ops::Range;

/// Where hashes of words begin (FNV-1a, 32 bits).
pub const WORD: u32 = 0x811c_9dc5;

/// FNV-1a of some bytes. Not compiled into its many callers: that was kilobytes of the download.
#[inline(never)]
pub fn hash(bytes: &[u8], start: u32) -> u32 {
    bytes.iter().fold(start, |h, byte| (h ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Spreads a hash over all of its bits (the last step of MurmurHash3).
pub fn mix(mut h: u32) -> u32 {
    h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
    h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

/// Words, which are runs of letters and digits, and every other sign alone. `joined`: an apostrophe between letters belongs to
/// the word.
pub fn tokens(text: &str, joined: bool) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    let mut word = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let after = chars.peek().is_some_and(|(_, c)| c.is_alphanumeric());
        if c.is_alphanumeric() || joined && word.is_some() && after && matches!(c, '\'' | '’') {
            word.get_or_insert(at);
            continue;
        }
        out.extend(word.take().map(|start| start..at));
        if !c.is_whitespace() {
            out.push(at..at + c.len_utf8());
        }
    }
    out.extend(word.map(|start| start..text.len()));
    out
}

/// A row of numbers for each of `2^n` buckets.
#[derive(Debug)]
pub struct Buckets {
    /// Numbers of a bucket.
    pub width: usize,
    values: Vec<f32>,
}

impl Buckets {
    /// From a matrix that has a column a bucket.
    #[inline(never)]
    pub fn new(rows: &[f32], width: usize, buckets: usize) -> Buckets {
        let values = (0..width * buckets).map(|i| rows.get(i % width * buckets + i / width).copied().unwrap_or(0.0));
        Buckets { width, values: values.collect() }
    }

    /// Adds `weight` times the numbers of a hash's bucket.
    #[inline(never)]
    pub fn add(&self, hash: u32, weight: f32, sums: &mut [f32]) {
        let bucket = hash as usize & (self.values.len() / self.width - 1);
        let values = self.values.get(bucket * self.width..).unwrap_or_default();
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_into_words_and_signs() {
        let cut = |text: &'static str, joined| tokens(text, joined).into_iter().map(|t| &text[t]).collect::<Vec<_>>();
        assert_eq!(cut("Don’t, O'Brien’ 東京!", true), ["Don’t", ",", "O'Brien", "’", "東京", "!"]);
        assert_eq!(
            cut("Anna's U.S.-made 'x'", false),
            ["Anna", "'", "s", "U", ".", "S", ".", "-", "made", "'", "x", "'"]
        );
        assert!(tokens(" \n", true).is_empty());
    }

    #[test]
    fn a_bucket_is_a_column_of_the_matrix() {
        let buckets = Buckets::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 2, 4);
        let mut sums = [0.5, 0.0];
        buckets.add(6, 2.0, &mut sums);
        assert_eq!(sums, [6.5, 14.0]);
    }
}
