//! The text of an expression, read from left to right.

use super::error::RegexError;

/// The characters that are still to be read.
pub struct Input<'a> {
    pattern: &'a str,
    at: usize,
}

impl<'a> Input<'a> {
    pub fn new(pattern: &'a str) -> Self {
        Input { pattern, at: 0 }
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    pub fn rest(&self) -> &str {
        &self.pattern[self.at..]
    }

    /// Goes on behind the next `n` bytes, which must end with a character.
    pub fn skip(&mut self, n: usize) {
        self.at += n;
    }

    /// Reads `text`, if it comes next.
    pub fn eat(&mut self, text: &str) -> bool {
        let comes = self.rest().starts_with(text);
        if comes {
            self.at += text.len();
        }
        comes
    }

    /// Reads up to `end`, and `end`.
    pub fn until(&mut self, end: char) -> Result<String, RegexError> {
        match self.rest().split_once(end) {
            Some((before, _)) => {
                let before = before.to_string();
                self.at += before.len() + end.len_utf8();
                Ok(before)
            }
            None => Err(self.wrong(&format!("{end:?} is missing"))),
        }
    }

    pub fn wrong(&self, what: &str) -> RegexError {
        RegexError::Syntax(format!("{what} (at byte {})", self.at))
    }
}
