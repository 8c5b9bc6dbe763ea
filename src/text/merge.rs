//! Byte pair encoding (Sennrich et al., arXiv 1508.07909): merges neighbouring symbols, best first, until none can be.
//!
//! Both kinds of vocabulary end here. Byte-level BPE ranks pairs by the order in which training merged them;
//! SentencePiece's BPE (arXiv 1808.06226) merges whatever neighbours join to the token of the highest score. Of equal
//! pairs the leftmost is merged first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

/// A symbol without a token of its own.
pub const NO_TOKEN: u32 = u32::MAX;
const NONE: u32 = u32::MAX;

/// A part of the word: `text[range]` and its token.
#[derive(Clone, Debug)]
pub struct Symbol {
    pub range: Range<usize>,
    /// [`NO_TOKEN`] where the vocabulary has none.
    pub token: u32,
    previous: u32,
    next: u32,
    alive: bool,
}

/// A possible merge, ordered by rank, then from the left. `end` tells a stale entry from a current one: a symbol that has
/// taken part in another merge has another end.
type Candidate = Reverse<(u32, u32, u32, usize)>;

/// Reused memory of [`Merger::merge`].
#[derive(Default)]
pub struct Merger {
    symbols: Vec<Symbol>,
    heap: BinaryHeap<Candidate>,
}

impl Merger {
    /// Starts a new word.
    pub fn clear(&mut self) {
        self.symbols.clear();
        self.heap.clear();
    }

    /// Appends a symbol to the word.
    pub fn push(&mut self, range: Range<usize>, token: u32) {
        let at = self.symbols.len() as u32;
        if let Some(last) = self.symbols.last_mut() {
            last.next = at;
        }
        self.symbols.push(Symbol { range, token, previous: at.wrapping_sub(1), next: NONE, alive: true });
    }

    /// Merges the word to the end. `rank(left, right)` gives the rank (lowest first) and the token of a merge, or `None`.
    /// What is left is passed to `emit`, in order. Time: `n log n` in the number of symbols.
    pub fn merge(&mut self, rank: impl Fn(&Symbol, &Symbol) -> Option<(u32, u32)>, mut emit: impl FnMut(&Symbol)) {
        for left in 1..self.symbols.len() {
            self.propose(left as u32 - 1, &rank);
        }
        while let Some(Reverse((_, left, token, end))) = self.heap.pop() {
            let Some(right) = self.symbols.get(left as usize).filter(|s| s.alive).map(|s| s.next) else { continue };
            let Some(taken) = self.symbols.get_mut(right as usize).filter(|s| s.range.end == end) else { continue };
            taken.alive = false;
            let next = taken.next;
            if let Some(next) = self.symbols.get_mut(next as usize) {
                next.previous = left;
            }
            let Some(merged) = self.symbols.get_mut(left as usize) else { continue };
            merged.range.end = end;
            merged.token = token;
            merged.next = next;
            let previous = merged.previous;
            self.propose(left, &rank);
            self.propose(previous, &rank);
        }
        self.symbols.iter().filter(|s| s.alive).for_each(&mut emit);
    }

    /// Notes that `left` may merge with its right neighbour.
    fn propose(&mut self, left: u32, rank: impl Fn(&Symbol, &Symbol) -> Option<(u32, u32)>) {
        let Some(a) = self.symbols.get(left as usize) else { return };
        let Some(b) = self.symbols.get(a.next as usize) else { return };
        if let Some((rank, token)) = rank(a, b) {
            self.heap.push(Reverse((rank, left, token, b.range.end)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Merges a word of one-letter symbols by a list of pairs, best first, and gives the parts.
    fn merged(word: &str, pairs: &[(&str, &str)]) -> Vec<String> {
        let mut merger = Merger::default();
        (0..word.len()).for_each(|i| merger.push(i..i + 1, 0));
        let mut out = Vec::new();
        let rank = |a: &Symbol, b: &Symbol| {
            let (a, b) = (&word[a.range.clone()], &word[b.range.clone()]);
            pairs.iter().position(|pair| *pair == (a, b)).map(|rank| (rank as u32, 0))
        };
        merger.merge(rank, |s| out.push(word[s.range.clone()].to_string()));
        out
    }

    #[test]
    fn merges_by_rank_then_from_the_left() {
        assert_eq!(merged("aaaa", &[("a", "a")]), ["aa", "aa"]);
        assert_eq!(merged("aaa", &[("a", "a")]), ["aa", "a"]);
        assert_eq!(merged("abc", &[("b", "c"), ("a", "b")]), ["a", "bc"]);
        assert_eq!(merged("abc", &[("a", "b"), ("b", "c")]), ["ab", "c"]);
        assert_eq!(merged("abcabc", &[("a", "b"), ("ab", "c"), ("abc", "abc")]), ["abcabc"]);
        assert_eq!(merged("xyz", &[]), ["x", "y", "z"]);
        assert_eq!(merged("", &[("a", "a")]), [""; 0]);
    }

    /// Against the plain definition: again and again, merge the leftmost occurrence of the best pair.
    #[test]
    fn equals_the_definition_on_random_words() {
        let pairs =
            [("a", "b"), ("b", "a"), ("ab", "a"), ("a", "a"), ("aa", "b"), ("ba", "ab"), ("ab", "ab"), ("b", "b")];
        let mut rng = crate::sample::rng::Pcg32::new(3, 0);
        for _ in 0..500 {
            let n = rng.next_u32() % 24;
            let word: String = (0..n).map(|_| if rng.next_u32() % 2 == 0 { 'a' } else { 'b' }).collect();
            let mut parts: Vec<String> = word.chars().map(String::from).collect();
            while let Some((_, i)) = (1..parts.len())
                .filter_map(|i| Some((pairs.iter().position(|p| *p == (&parts[i - 1], &parts[i]))?, i - 1)))
                .min()
            {
                let right = parts.remove(i + 1);
                parts[i] += &right;
            }
            assert_eq!(merged(&word, &pairs), parts, "{word}");
        }
    }
}
