//! The article among the blocks of a page: what reads like prose, and none of what stands around it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Shown;
use crate::case;
use crate::language::en::{ends_with_stop, is_function_word, joined_words};

/// What only furniture says, one phrase in lower case a line.
const CERTAIN: &str = include_str!("lists/furniture.txt");
/// What furniture says, and an article now and then: two of them, or a short block.
const LIKELY: &str = include_str!("lists/likely_furniture.txt");
/// Headings of what comes after an article.
const AFTER: &str = include_str!("lists/after_article.txt");
/// A block of at most this many words is short.
const SHORT: usize = 14;
/// Share of a text's words in loose lines from which on it is written so.
const LOOSE: f64 = 0.3;
/// Share of a text's words in prose from which on the rest is around it.
const PROSE: f64 = 0.3;

/// What is seen of a block.
struct Block {
    words: usize,
    /// Ends like a sentence.
    stop: bool,
    /// Share of words that are function words, and that have a digit.
    function: f64,
    digits: f64,
    /// Share of bytes that are links.
    links: f64,
    /// The markup or its own words say that it is no part of the article.
    furniture: bool,
    /// Begins what comes after the article.
    after: bool,
    /// Times that its words stand in the text.
    times: usize,
}

/// Which blocks of a text are its article. Where too little reads like prose, as in a list or a poem, and where much is said
/// without stops, as in a transcript, all but the plainest furniture is.
pub fn article(text: &str, blocks: &[Range<usize>], shown: &Shown) -> Vec<bool> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let keys: Vec<String> =
        blocks.iter().map(|block| case::lower(text.get(block.clone()).unwrap_or_default())).collect();
    keys.iter().for_each(|key| *seen.entry(key.clone()).or_default() += 1);
    let each = blocks.iter().zip(&keys);
    let all: Vec<Block> =
        each.map(|(bytes, key)| Block::new(text, bytes, key, seen.get(key).copied().unwrap_or(1), shown)).collect();
    let total: usize = all.iter().map(|block| block.words).sum();
    // The words of English are no sign in another language.
    let function: f64 = all.iter().map(|block| block.function * block.words as f64).sum::<f64>() / total.max(1) as f64;
    let english = function > 0.15;
    let prose: Vec<bool> = all.iter().map(|block| block.is_prose(english)).collect();
    let mut keep: Vec<bool> = all.iter().zip(&prose).map(|(block, prose)| *prose || block.may_be_article()).collect();
    let count = |keep: &[bool], range: Range<usize>| -> usize {
        range.filter(|k| keep.get(*k) == Some(&true)).filter_map(|k| all.get(k)).map(|block| block.words).sum()
    };
    let in_prose = count(&prose, 0..all.len());
    let loose: usize = all.iter().filter(|block| block.is_loose()).map(|block| block.words).sum();
    let speech = english && loose as f64 > LOOSE * total as f64;
    if (in_prose as f64) < PROSE * total as f64 || in_prose < 2 * SHORT || speech {
        return all.iter().map(|block| !block.furniture).collect();
    }
    // What follows "Comments" is not the article, where most of the article stands before.
    for k in 0..all.len() {
        if all[k].after && !prose[k] && 2 * count(&prose, 0..k) >= count(&prose, k..all.len()) {
            keep[k..].fill(false);
            break;
        }
    }
    keep
}

impl Block {
    fn new(text: &str, bytes: &Range<usize>, key: &str, times: usize, shown: &Shown) -> Block {
        let block = text.get(bytes.clone()).unwrap_or_default();
        let words: Vec<&str> = key_words(key);
        let n = words.len();
        let share = |is: &dyn Fn(&str) -> bool| words.iter().filter(|word| is(word)).count() as f64 / n.max(1) as f64;
        let covered = |ranges: &[Range<usize>]| {
            let inside = |r: &Range<usize>| r.end.min(bytes.end).saturating_sub(r.start.max(bytes.start));
            ranges.iter().map(inside).sum::<usize>() as f64 / bytes.len().max(1) as f64
        };
        let spaced = format!(" {} ", words.join(" "));
        let likely = LIKELY.lines().filter(|phrase| spaced.contains(&format!(" {phrase} "))).count();
        let stop = ends_with_stop(block);
        let said = CERTAIN.lines().any(|phrase| key.contains(phrase))
            || n <= 2 * SHORT && likely > 1
            || likely == 1 && n <= if stop { 5 } else { SHORT };
        let bare = key.trim_matches(|c: char| !c.is_alphabetic());
        Block {
            words: n,
            stop,
            function: share(&is_function_word),
            digits: share(&|word| word.contains(|c: char| c.is_ascii_digit())),
            links: covered(&shown.links),
            furniture: n < 80 && said || covered(&shown.furniture) > 0.5,
            after: n < 8 && AFTER.lines().any(|heading| bare == heading),
            times,
        }
    }

    fn is_prose(&self, english: bool) -> bool {
        let whole = self.stop && self.words >= 6 || self.words >= 25;
        let words = !english || self.function >= if self.stop { 0.15 } else { 0.3 };
        whole
            && words
            && self.digits < 0.4
            && self.links < 0.5
            && !self.furniture
            && (self.times == 1 || self.words > SHORT)
    }

    /// Words of a sentence without its end.
    fn is_loose(&self) -> bool {
        !self.stop && self.words >= 4 && self.function >= 0.3 && self.links < 0.5 && !self.furniture
    }

    /// Short sentences belong to the article, and so does a long line without a stop.
    fn may_be_article(&self) -> bool {
        let sentence = self.stop && self.digits < 0.5 || self.words >= SHORT && self.function >= 0.3;
        sentence && self.links < 0.5 && !self.furniture && self.times < 3
    }
}

/// The words of a block; of scripts without spaces, two characters count as one.
fn key_words(key: &str) -> Vec<&str> {
    let mut out = Vec::new();
    for word in joined_words(key).into_iter().filter_map(|word| key.get(word)) {
        match word.chars().next() {
            Some(c) if crate::language::en::is_syllable(c) && word.chars().count() > 4 => {
                let bounds: Vec<usize> = word.char_indices().map(|(at, _)| at).step_by(2).chain([word.len()]).collect();
                out.extend(bounds.windows(2).filter_map(|pair| word.get(pair[0]..pair[1])));
            }
            _ => out.push(word),
        }
    }
    out
}
