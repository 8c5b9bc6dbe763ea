//! The rows of one pass through a plan.

use crate::model::{LogitRows, Step};

/// Rows per forward pass, but for an encoder's: it reads texts whole. More would make better use of each weight read, and the page wait
/// longer for an abort.
pub(super) const MAX_BATCH: usize = 128;

pub(super) type Observe<'a> = &'a mut dyn FnMut(&Step, &[f32]);

/// The rows of one pass: a part of one text that begins at `position`, or whole texts.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub tokens: &'a [u32],
    /// Of each token; none for a decoder.
    pub segments: &'a [u32],
    pub position: usize,
    /// Behind which tokens texts end.
    pub ends: &'a [usize],
    /// Which rows come out.
    pub rows: LogitRows<'a>,
    /// Those of the plan that run: from which to which.
    pub steps: (usize, usize),
}

impl<'a> Pass<'a> {
    /// Of each row.
    pub fn positions(self) -> impl Iterator<Item = usize> + 'a {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(self.ends).flat_map(move |(start, end)| self.position..self.position + end - start)
    }
}
