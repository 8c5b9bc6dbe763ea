//! Byte pair encoding (arXiv 1508.07909).

use crate::order;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// How a file writes the token of a byte.
pub fn byte_piece(byte: u8) -> String {
    format!("<0x{byte:02X}>")
}

/// Two tokens that join to a third; the lowest rank goes first.
#[derive(Clone, Copy, Debug)]
struct Merge {
    left: u32,
    right: u32,
    rank: u32,
    joined: u32,
}

/// The vocabulary and its merges, checked as they come in. [`Bpe::finish`] comes last.
#[derive(Debug, Default)]
pub struct Bpe {
    ids: HashMap<String, u32>,
    /// After `finish`: by the two tokens.
    merges: Vec<Merge>,
    /// Where the merges of each left token begin.
    starts: Vec<u32>,
    pub unknown: Option<u32>,
    pub fuse_unknown: bool,
    /// The tokens of bytes, for characters that are no piece.
    pub byte_ids: Option<Box<[u32; 256]>>,
    /// A piece that is a token as a whole is not merged together.
    pub whole_pieces_first: bool,
}

/// Sum of squared piece lengths up to which merges are derived from scores: hundreds of times what real vocabularies have.
const MAX_PART_BYTES: usize = 1 << 30;
/// Merges that may come of scores, for each piece and beside: real vocabularies have about two a piece.
const MAX_MERGES: (usize, usize) = (8, 1 << 16);

impl Bpe {
    pub fn contains(&self, piece: &str) -> bool {
        self.ids.contains_key(piece)
    }

    pub fn insert(&mut self, piece: String, id: u32) {
        self.ids.insert(piece, id);
    }

    /// Appends the next merge; `false` where a part, or what they join to, is no piece of the vocabulary. Of equal
    /// merges the first counts.
    #[must_use]
    pub fn merge(&mut self, left: &str, right: &str) -> bool {
        let (Some(a), Some(b)) = (self.ids.get(left), self.ids.get(right)) else { return false };
        let (a, b) = (*a, *b);
        let Some(joined) = self.ids.get(&format!("{left}{right}")) else { return false };
        self.merges.push(Merge { left: a, right: b, rank: self.merges.len() as u32, joined: *joined });
        true
    }

    /// Appends the merges of a vocabulary with scores: whatever two pieces join to a third may merge, the highest score
    /// first. Of equal scores the longer left part goes first, as where SentencePiece models are converted.
    ///
    /// `None` where the pieces are so long that the parts cannot be tried, or join in so many ways.
    pub fn merge_by_score(&mut self, score: impl Fn(u32) -> f32) -> Option<()> {
        // Looking up all parts of a piece takes time by the square of its length.
        self.ids.keys().try_fold(MAX_PART_BYTES, |left, piece| left.checked_sub(piece.len().checked_pow(2)?))?;
        let most = MAX_MERGES.0 * self.ids.len() + MAX_MERGES.1;
        for (piece, id) in &self.ids {
            for (at, _) in piece.char_indices().skip(1) {
                if let (Some(left), Some(right)) = (self.ids.get(&piece[..at]), self.ids.get(&piece[at..])) {
                    // Until they are ordered, the rank is how long the left part is.
                    self.merges.push(Merge { left: *left, right: *right, rank: at as u32, joined: *id });
                }
            }
            if self.merges.len() > most {
                return None;
            }
        }
        order::sort_by(&mut self.merges, |a, b| {
            score(b.joined).total_cmp(&score(a.joined)).then(b.rank.cmp(&a.rank)).then(a.joined.cmp(&b.joined))
        });
        self.merges.iter_mut().zip(0..).for_each(|(merge, rank)| merge.rank = rank);
        Some(())
    }

    /// Orders the merges for looking up.
    #[must_use]
    pub fn finish(mut self) -> Bpe {
        order::sort_by_key(&mut self.merges, |merge| (merge.left, merge.right, merge.rank));
        self.merges.dedup_by_key(|merge| (merge.left, merge.right));
        self.merges.shrink_to_fit();
        let n = self.merges.last().map_or(0, |merge| merge.left as usize + 1);
        self.starts = vec![0; n + 1];
        for merge in &self.merges {
            self.starts[merge.left as usize + 1] += 1;
        }
        for left in 0..n {
            self.starts[left + 1] += self.starts[left];
        }
        self
    }

    fn find(&self, left: u32, right: u32) -> Option<Merge> {
        let start = *self.starts.get(left as usize)? as usize;
        let end = *self.starts.get(left as usize + 1)? as usize;
        let merges = self.merges.get(start..end)?;
        merges.binary_search_by_key(&right, |merge| merge.right).ok().map(|at| merges[at])
    }

    /// Appends the ids of `piece`.
    pub fn encode(&self, piece: &str, out: &mut Vec<u32>) -> Result<(), String> {
        if self.whole_pieces_first
            && let Some(id) = self.ids.get(piece)
        {
            out.push(*id);
            return Ok(());
        }
        let mut word = Word { symbols: Vec::with_capacity(piece.len()) };
        let mut after_unknown = false;
        for (at, c) in piece.char_indices() {
            if let Some(id) = self.ids.get(&piece[at..at + c.len_utf8()]) {
                word.push(*id);
                after_unknown = false;
            } else if let Some(bytes) = &self.byte_ids {
                let mut written = [0; 4];
                c.encode_utf8(&mut written).bytes().for_each(|byte| word.push(bytes[usize::from(byte)]));
                after_unknown = false;
            } else if let Some(unknown) = self.unknown {
                if !(self.fuse_unknown && after_unknown) {
                    word.push(unknown);
                }
                after_unknown = true;
            } else {
                let what = "the vocabulary has no token for";
                return Err(format!("{what} {c:?} and none for unknown text; leave it out of the text"));
            }
        }
        word.merge(self);
        out.extend(word.symbols.iter().filter(|symbol| !symbol.merged).map(|symbol| symbol.id));
        Ok(())
    }
}

/// A symbol of a word and its neighbours.
struct Symbol {
    id: u32,
    previous: usize,
    next: usize,
    /// It went into the symbol before it.
    merged: bool,
}

struct Word {
    symbols: Vec<Symbol>,
}

const NONE: usize = usize::MAX;

impl Word {
    fn push(&mut self, id: u32) {
        let at = self.symbols.len();
        if let Some(last) = self.symbols.last_mut() {
            last.next = at;
        }
        self.symbols.push(Symbol { id, previous: at.checked_sub(1).unwrap_or(NONE), next: NONE, merged: false });
    }

    /// Merges the pair of the lowest rank, the leftmost of equal ones, as long as there is any.
    fn merge(&mut self, bpe: &Bpe) {
        let candidate = |left: &Symbol, right: &Symbol, at: usize| {
            bpe.find(left.id, right.id).map(|merge| Reverse((merge.rank, at, merge.joined)))
        };
        let pairs = self.symbols.iter().zip(self.symbols.iter().skip(1)).enumerate();
        let mut queue: BinaryHeap<_> = pairs.filter_map(|(at, (left, right))| candidate(left, right, at)).collect();
        while let Some(Reverse((_, at, joined))) = queue.pop() {
            let next = self.symbols[at].next;
            if self.symbols[at].merged || next == NONE {
                continue;
            }
            // The symbols may have changed since.
            if bpe.find(self.symbols[at].id, self.symbols[next].id).is_none_or(|merge| merge.joined != joined) {
                continue;
            }
            self.symbols[next].merged = true;
            let after = self.symbols[next].next;
            let symbol = &mut self.symbols[at];
            (symbol.id, symbol.next) = (joined, after);
            let previous = symbol.previous;
            if after != NONE {
                self.symbols[after].previous = at;
                queue.extend(candidate(&self.symbols[at], &self.symbols[after], at));
            }
            if previous != NONE {
                queue.extend(candidate(&self.symbols[previous], &self.symbols[at], previous));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bpe(pieces: &[&str]) -> Bpe {
        let mut bpe = Bpe::default();
        (0..).zip(pieces).for_each(|(id, piece)| bpe.insert(piece.to_string(), id));
        bpe
    }

    fn encode(model: Bpe, text: &str) -> Result<Vec<u32>, String> {
        let mut out = Vec::new();
        model.finish().encode(text, &mut out)?;
        Ok(out)
    }

    #[test]
    fn merges_are_checked_and_applied_in_order() {
        let mut data = bpe(&["a", "b", "c", "ab", "bc"]);
        assert!(data.merge("b", "c") && data.merge("a", "b") && data.merge("b", "c"));
        assert!(!data.merge("a", "x") && !data.merge("x", "a") && !data.merge("a", "c"));
        assert_eq!(encode(data, "abcab").unwrap(), [0, 4, 3]);
    }

    #[test]
    fn scores_order_the_merges() {
        let scores = [0.0, 0.0, 0.0, -1.0, -2.0, -3.0];
        let mut data = bpe(&["a", "b", "c", "ab", "bc", "abc"]);
        data.merge_by_score(|id| scores[id as usize]).unwrap();
        assert_eq!(encode(data, "abcbc").unwrap(), [5, 4]);
        let mut long = Bpe::default();
        long.insert("a".repeat(1 << 20), 0);
        assert!(long.merge_by_score(|_| 0.0).is_none(), "too long to try");
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let error = encode(bpe(&["a", "b"]), "abyx").unwrap_err();
        assert!(error.contains("'y'"), "{error}");
        let mut unknown = bpe(&["a", "<unknown>"]);
        unknown.unknown = Some(7);
        assert_eq!(encode(unknown, "abca").unwrap(), [0, 7, 7, 0]);
        let mut fused = bpe(&["a", "<unknown>"]);
        (fused.unknown, fused.fuse_unknown) = (Some(7), true);
        assert_eq!(encode(fused, "abcac").unwrap(), [0, 7, 0, 7]);
    }
}
