//! What a normaliser replaces and a pre-tokeniser cuts at: a text as it is, or a regular expression.

use super::regex::{Regex, RegexError};

/// A text or an expression to look for.
#[derive(Debug)]
pub enum Pattern {
    Text(String),
    Regex(Regex),
}

impl Pattern {
    /// Compiles an expression.
    ///
    /// # Errors
    /// Where it is none, or of a kind that this crate does not know.
    pub fn regex(expression: &str) -> Result<Pattern, RegexError> {
        Regex::new(expression).map(Pattern::Regex)
    }

    /// See [`Regex::size`].
    pub fn size(&self) -> usize {
        match self {
            Pattern::Text(_) => 0,
            Pattern::Regex(regex) => regex.size(),
        }
    }

    /// All matches in `text`, from left to right.
    ///
    /// # Errors
    /// A sentence, where the expression takes too long on this text.
    pub fn matches(&self, text: &str) -> Result<Vec<(usize, usize)>, String> {
        match self {
            Pattern::Text(part) => Ok(text.match_indices(part.as_str()).map(|(at, _)| (at, at + part.len())).collect()),
            Pattern::Regex(regex) => {
                let failed =
                    |_| "an expression of the tokenizer takes too long on this text; shorten the text".to_string();
                regex.matches(text).map(|found| found.map_err(failed)).collect()
            }
        }
    }
}
