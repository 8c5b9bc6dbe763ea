//! Knowledge from outside of what may be written, such as a grammar's.

use crate::error::Result;

/// Says, token by token, what may be written next.
pub trait Guide {
    /// What may come behind `written`, the token that was chosen last; none at the beginning. `allowed` gets a bit for each token of the
    /// vocabulary, lowest first, and one more: whether the text may end here. `false` where it is complete and nothing may follow.
    ///
    /// # Errors
    /// Where nothing may follow a text that is not complete.
    fn next(&mut self, written: Option<u32>, allowed: &mut Vec<u32>) -> Result<bool>;
}
