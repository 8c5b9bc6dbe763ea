//! From UTF-8 bytes to UTF-16 code units, what JavaScript counts.

use std::ops::Range;

/// Bytes between two places whose count is kept.
const STRIDE: usize = 512;

/// The counts of one text.
#[derive(Clone, Debug)]
pub struct Utf16 {
    /// For each [`STRIDE`] bytes, the last character boundary up to there and the units before it.
    places: Vec<(usize, usize)>,
}

impl Utf16 {
    /// Counts a text.
    pub fn new(text: &str) -> Self {
        let mut places = vec![(0, 0)];
        let mut units = 0;
        for (at, c) in text.char_indices() {
            if at >= places.len() * STRIDE {
                places.push((at, units));
            }
            units += c.len_utf16();
        }
        Utf16 { places }
    }

    /// A range of bytes of the same text in code units. Where it begins or ends inside of a character, the character
    /// counts as a whole.
    pub fn range(&self, text: &str, bytes: &Range<usize>) -> Range<usize> {
        let start = self.units(text, bytes.start);
        start..self.units(text, bytes.end).max(start)
    }

    fn units(&self, text: &str, byte: usize) -> usize {
        let after = self.places.partition_point(|(at, _)| *at <= byte);
        let (from, units) = self.places.get(after.saturating_sub(1)).copied().unwrap_or_default();
        let rest = text.get(from..).unwrap_or_default();
        units + rest.char_indices().take_while(|(at, _)| from + at < byte).map(|(_, c)| c.len_utf16()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_is_what_counting_from_the_start_gives() {
        let text: String = (0..700).map(|i| ["a", "é", "東", "🦙", " "][i * i % 5]).collect();
        let index = Utf16::new(&text);
        let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        for from in bounds.iter().step_by(13) {
            for to in bounds.iter().filter(|to| *to >= from).step_by(17) {
                let start = text[..*from].encode_utf16().count();
                let expected = start..start + text[*from..*to].encode_utf16().count();
                assert_eq!(index.range(&text, &(*from..*to)), expected);
            }
        }
        assert_eq!(Utf16::new("").range("", &(0..0)), 0..0);
    }
}
