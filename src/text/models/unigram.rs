//! Unigram language model (arXiv 1804.10959): the pieces with the largest sum of scores.

use super::WordLevel;
use super::bpe::byte_piece;
use crate::order;

/// How much less than the worst piece an unknown character counts.
const UNKNOWN_PENALTY: f64 = 10.0;

/// Pieces with scores; a piece's id is its place in the list.
#[derive(Debug)]
pub struct Unigram {
    /// By text; of equal texts the last one counts.
    pieces: Vec<(Box<str>, u32)>,
    scores: Vec<f64>,
    lowest: f64,
    unknown: Option<u32>,
    byte_ids: Option<Box<[u32; 256]>>,
    /// Scores are summed in f32, as SentencePiece itself does: where pieces are about as good, it shows.
    sums_in_f32: bool,
    /// The ids of what a text is cut into, where they are not the pieces' places.
    pub renamed: Option<WordLevel>,
}

/// The best way to write a text up to some place.
#[derive(Clone, Copy)]
struct Best {
    id: u32,
    score: f64,
    start: Option<usize>,
}

impl Unigram {
    /// `pieces`: texts and scores. With `byte_fallback` unknown characters become the tokens of their bytes, where all are there.
    pub fn new(pieces: Vec<(String, f64)>, unknown: Option<u32>, byte_fallback: bool) -> Unigram {
        let scores: Vec<f64> = pieces.iter().map(|(_, score)| *score).collect();
        let mut pieces: Vec<(Box<str>, u32)> =
            pieces.into_iter().map(|(text, _)| text.into_boxed_str()).zip(0..).collect();
        order::sort_by(&mut pieces, |a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        pieces.dedup_by(|a, b| a.0 == b.0);
        let lowest = scores.iter().copied().fold(f64::INFINITY, f64::min);
        let (byte_ids, sums_in_f32, renamed) = (None, false, None);
        let mut model = Unigram { pieces, scores, lowest, unknown, byte_ids, sums_in_f32, renamed };
        if byte_fallback {
            let ids: Option<Vec<u32>> = (0..=255).map(|byte| model.id(&byte_piece(byte))).collect();
            model.byte_ids = ids.and_then(|ids| ids.into_boxed_slice().try_into().ok());
        }
        model
    }

    /// SentencePiece's own; what is no piece of text has none. `byte_ids`: the tokens of bytes.
    pub fn of_sentence_piece(
        pieces: Vec<(String, f64)>,
        unknown: Option<u32>,
        byte_ids: Option<Box<[u32; 256]>>,
    ) -> Unigram {
        Unigram { byte_ids, sums_in_f32: true, ..Unigram::new(pieces, unknown, false) }
    }

    fn id(&self, text: &str) -> Option<u32> {
        self.pieces.binary_search_by(|piece| (*piece.0).cmp(text)).ok().map(|at| self.pieces[at].1)
    }

    /// Appends the ids of `text`.
    pub fn encode(&self, text: &str, out: &mut Vec<u32>) -> Result<(), String> {
        let unknown_score = self.lowest - UNKNOWN_PENALTY;
        let missing =
            || "the text has characters that the vocabulary lacks, and it has no token for unknown text".to_string();
        let mut best = vec![Best { id: 0, score: 0.0, start: None }; text.len() + 1];
        for (start, c) in text.char_indices() {
            let so_far = best[start].score;
            let mut has_single = false;
            let mut reach = |end: usize, id: u32, score: f64| {
                let sum = score + so_far;
                if best[end].start.is_none() || sum > best[end].score {
                    let score = if self.sums_in_f32 { f64::from(sum as f32) } else { sum };
                    best[end] = Best { id, score, start: Some(start) };
                }
            };
            // The pieces that the text goes on with lie together: from byte to byte fewer are left.
            let mut left = self.pieces.as_slice();
            for (length, byte) in (1..).zip(text.as_bytes()[start..].iter()) {
                let byte_of = |piece: &(Box<str>, u32)| piece.0.as_bytes().get(length - 1).copied();
                let from = left.partition_point(|piece| byte_of(piece) < Some(*byte));
                let to = left.partition_point(|piece| byte_of(piece) <= Some(*byte));
                left = &left[from..to];
                let Some(first) = left.first() else { break };
                if first.0.len() == length {
                    reach(start + length, first.1, self.scores[first.1 as usize]);
                    has_single |= length == c.len_utf8();
                }
            }
            if !has_single {
                reach(start + c.len_utf8(), self.unknown.ok_or_else(missing)?, unknown_score);
            }
        }
        // From the end back; unknown characters side by side are one.
        let (mut spans, mut end): (Vec<(usize, usize, bool)>, usize) = (Vec::new(), text.len());
        while let Some(start) = best[end].start.filter(|_| end > 0) {
            let is_unknown = Some(best[end].id) == self.unknown;
            match spans.last_mut() {
                Some(last) if is_unknown && last.2 => last.0 = start,
                _ => spans.push((start, end, is_unknown)),
            }
            end = start;
        }
        for (start, end, _) in spans.into_iter().rev() {
            let piece = &text[start..end];
            if let Some(renamed) = &self.renamed {
                out.push(renamed.id(piece));
                continue;
            }
            match (self.id(piece), &self.byte_ids) {
                (Some(id), _) => out.push(id),
                (None, Some(bytes)) => out.extend(piece.bytes().map(|byte| bytes[usize::from(byte)])),
                (None, None) => out.push(self.unknown.ok_or_else(missing)?),
            }
        }
        Ok(())
    }
}
