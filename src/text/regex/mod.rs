//! Regular expressions, as far as pre-tokenisers and normalisers use them.
//!
//! A matcher of the crate's own: what `tokenizer.json` files hold is a handful of small expressions, for which the usual
//! crates bring 400 KB (gzipped) of automata and Unicode tables. It backtracks, leftmost-first, as those crates match, so that
//! pieces are the same; the tests hold it against them. Work is limited: an expression that takes too long on some text is an error.
//!
//! Known: alternatives, groups, greedy, lazy and possessive repetition, classes with nesting and set operations, `\p{..}`, `\d`,
//! `\w`, `\s`, anchors, word boundaries, look-ahead, look-behind of fixed length, atomic groups, the flags `i`, `m`, `s`. Back
//! references are not.

mod class;
mod error;
mod input;
mod matcher;
mod node;
mod parse;
mod parse_class;
mod program;
mod property;

pub use class::Class;
pub use error::RegexError;
pub use matcher::Matches;
use program::{Program, Set};
#[cfg(target_arch = "wasm32")]
pub use property::ask_for_properties;

/// A compiled expression.
#[derive(Debug)]
pub struct Regex {
    program: Program,
    matches_nothing: bool,
}

impl Regex {
    /// Compiles an expression.
    pub fn new(pattern: &str) -> Result<Regex, RegexError> {
        let node = parse::parse(pattern)?;
        Ok(Regex { program: Program::new(&node)?, matches_nothing: node.min_chars() == 0 })
    }

    /// Whether some match may have no characters.
    pub fn may_match_nothing(&self) -> bool {
        self.matches_nothing
    }

    /// How much of memory it takes, in steps of its program and ranges of its sets: tens of bytes each at most.
    pub fn size(&self) -> usize {
        self.program.steps.len() + self.program.sets.iter().map(Set::n_ranges).sum::<usize>()
    }

    /// All matches in `text`, from left to right, none overlapping. An empty match right behind another does not count.
    pub fn matches<'a>(&'a self, text: &'a str) -> Matches<'a> {
        Matches::new(&self.program, text)
    }
}

#[cfg(test)]
pub(super) mod tests;
