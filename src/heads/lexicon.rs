//! Two bytes for each of some thousand words, by the words' hashes alone.

use super::features::{WORD, hash, mix};
use super::file::File;
use crate::error::Result;

/// A table of slots. A word may be in either of two; a byte of another hash says whether it is, so one word in a hundred that is not
/// there is taken for one that is.
#[derive(Debug)]
pub struct Lexicon {
    check: Vec<u8>,
    kinds: Vec<u8>,
    groups: Vec<u8>,
}

impl Lexicon {
    pub fn read(file: &File<'_>) -> Result<Lexicon> {
        let [check, kinds, groups] = ["lexicon.check", "lexicon.kinds", "lexicon.groups"].map(|key| file.bytes(key));
        let (check, kinds, groups) = (check?, kinds?, groups?);
        if !check.len().is_power_of_two() || kinds.len() != check.len() || groups.len() != check.len() {
            let found = [&check, &kinds, &groups].map(|bytes| bytes.len().to_string()).join(", ");
            return Err(file.invalid("lexicon", "three tables of as many slots, a power of two", found));
        }
        Ok(Lexicon { check, kinds, groups })
    }

    /// What kind of name a word in lower case mostly is part of, and which words are used like it; 0 where nothing is known.
    pub fn of(&self, word: &str) -> (u8, u8) {
        let h = hash(word.as_bytes(), WORD);
        let check = (mix(h) >> 24) as u8;
        let slots = [h, h >> 15].map(|slot| slot as usize & (self.check.len() - 1));
        let found = slots.into_iter().find(|slot| self.check.get(*slot) == Some(&check));
        let byte = |bytes: &[u8]| found.and_then(|slot| bytes.get(slot).copied()).unwrap_or(0);
        (byte(&self.kinds), byte(&self.groups))
    }
}
