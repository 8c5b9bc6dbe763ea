//! WordPiece and whole words.

use std::collections::HashMap;

/// A word becomes its longest beginning in the vocabulary, then the longest of what is left.
#[derive(Debug)]
pub struct WordPiece {
    pub ids: HashMap<String, u32>,
    pub unknown: u32,
    /// What pieces inside a word begin with.
    pub continuing: String,
    /// Longer words are unknown.
    pub max_chars: usize,
}

impl WordPiece {
    /// Appends the ids of `word`, or the one for unknown words.
    pub fn encode(&self, word: &str, out: &mut Vec<u32>) {
        let n_before = out.len();
        let known = word.chars().count() <= self.max_chars;
        let mut start = 0;
        while known && start < word.len() {
            let ends = word[start..].char_indices().map(|(at, c)| start + at + c.len_utf8());
            let found = ends.rev().find_map(|end| {
                let part = &word[start..end];
                let id =
                    if start == 0 { self.ids.get(part) } else { self.ids.get(&format!("{}{part}", self.continuing)) };
                id.map(|id| (end, *id))
            });
            let Some((end, id)) = found else { break };
            out.push(id);
            start = end;
        }
        if start < word.len() {
            out.truncate(n_before);
            out.push(self.unknown);
        }
    }
}

/// A word is a token.
#[derive(Debug)]
pub struct WordLevel {
    pub ids: HashMap<String, u32>,
    pub unknown: u32,
}

impl WordLevel {
    pub fn id(&self, word: &str) -> u32 {
        self.ids.get(word).copied().unwrap_or(self.unknown)
    }
}
