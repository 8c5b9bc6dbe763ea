//! What can be wrong with an expression.

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegexError {
    /// It is none.
    Syntax(String),
    /// It may be one, but this crate does not know the named construct.
    Unsupported(String),
}
