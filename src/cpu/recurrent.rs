//! What the state spaces of one session remember. A state is what the text has become, as large as hundreds of positions of keys and
//! values, and cannot be taken back to an earlier place. So a few earlier ones are kept where a text is likely to be taken up
//! again: the marks. To go on at any other place, the text is read again from the last mark before it (see `Session`).

use super::pass::MAX_BATCH;
use crate::error::{Error, Result};

/// States of all layers that a session holds at most: the current ones and those of its marks.
pub const STATES: usize = 1 + MARKS;
/// Marks kept at most.
const MARKS: usize = 2;
/// Two marks are at least so many positions apart: so many are soon read again.
const APART: usize = 16;

/// The states of all layers behind so many positions.
#[derive(Clone, Debug, Default)]
struct Moment {
    position: usize,
    /// See [`SsmConfig::kept_len`](crate::model::SsmConfig::kept_len).
    layers: Vec<Vec<f32>>,
}

impl Moment {
    /// The same once more; none where there is no memory for it.
    fn copy(&self) -> Option<Moment> {
        let layer = |layer: &Vec<f32>| {
            let mut copy = Vec::new();
            copy.try_reserve_exact(layer.len()).ok()?;
            copy.extend_from_slice(layer);
            Some(copy)
        };
        Some(Moment { position: self.position, layers: self.layers.iter().map(layer).collect::<Option<_>>()? })
    }
}

/// The states of a session's layers, and its marks, in the order of their positions.
#[derive(Clone, Debug, Default)]
pub(super) struct Recurrent {
    now: Moment,
    marks: Vec<Moment>,
    /// Numbers of a batch do not depend on its size: else only whole batches from the first token on give what a new session would
    /// compute, and only between them there are marks.
    exact: bool,
    /// The batch before had several rows.
    several: bool,
    /// All batches so far were whole ones.
    whole: bool,
    /// The pass at hand leaves the state before its last row in the last mark.
    marking: bool,
}

impl Recurrent {
    /// For layers that keep so many numbers each.
    pub fn new(layers: &[usize], exact: bool) -> Result<Recurrent> {
        let mut made = Recurrent { exact, whole: true, ..Recurrent::default() };
        for &len in layers {
            let mut layer = Vec::new();
            let bytes = (len as u64).saturating_mul(4);
            let what = || "the states of a session".to_string();
            layer.try_reserve_exact(len).map_err(|_| Error::OutOfMemory { what: what(), bytes })?;
            layer.resize(len, 0.0);
            made.now.layers.push(layer);
        }
        Ok(made)
    }

    /// Whether it is of layers that keep so many numbers.
    pub fn fits(&self, layers: &[usize]) -> bool {
        self.now.layers.iter().map(Vec::len).eq(layers.iter().copied())
    }

    /// Bytes of all states.
    pub fn bytes(&self) -> usize {
        (1 + self.marks.len()) * self.now_bytes()
    }

    fn now_bytes(&self) -> usize {
        self.now.layers.iter().map(|layer| size_of_val(&**layer)).sum()
    }

    fn moment(&self, position: usize) -> Option<&Moment> {
        std::iter::once(&self.now).chain(&self.marks).find(|moment| moment.position == position)
    }

    /// The last position up to `n` behind which a pass can begin.
    pub fn held(&self, n: usize) -> usize {
        if self.now.layers.is_empty() {
            return n;
        }
        // A float model's state at an odd place is right for going on there, and there alone.
        let now = (self.now.position == n || self.exact || self.whole) && self.now.position <= n;
        let marks = self.marks.iter().map(|mark| mark.position).filter(|position| *position <= n);
        marks.chain(now.then_some(self.now.position)).max().unwrap_or(0)
    }

    /// A pass over `n` rows begins behind `position`, which is held.
    pub fn begin(&mut self, position: usize, n: usize) {
        if self.now.layers.is_empty() {
            return;
        }
        if position == 0 {
            self.now.layers.iter_mut().for_each(|layer| layer.fill(0.0));
            (self.several, self.whole) = (false, true);
        } else if self.now.position != position {
            let mark = self.marks.iter().find(|mark| mark.position == position);
            for (now, mark) in self.now.layers.iter_mut().zip(mark.into_iter().flat_map(|mark| &mark.layers)) {
                now.copy_from_slice(mark);
            }
            // That is where marks are.
            (self.several, self.whole) = (false, true);
        }
        // The text goes another way from here.
        self.marks.retain(|mark| mark.position <= position);
        let worth = if self.exact { self.several || n > 1 } else { self.whole };
        if worth {
            self.mark(position);
        }
        // Whoever asks the same again reads all but the last token of it.
        self.marking = self.exact && n > 1 && self.mark(position + n - 1);
        self.several = n > 1;
        self.whole &= n == MAX_BATCH;
        self.now.position = position + n;
    }

    /// Makes a mark with the state as it is; false where there is one near before it already.
    fn mark(&mut self, position: usize) -> bool {
        let last = self.marks.last().map_or(0, |mark| mark.position);
        if position < last + if self.exact { APART } else { 1 } {
            return false;
        }
        let mut mark = match self.marks.len() {
            MARKS => self.marks.remove(0),
            // Without memory for it there is none: it spares time only.
            _ => match self.now.copy() {
                Some(mark) => mark,
                None => return false,
            },
        };
        mark.position = position;
        mark.layers.iter_mut().zip(&self.now.layers).for_each(|(mark, now)| mark.copy_from_slice(now));
        self.marks.push(mark);
        true
    }

    /// Becomes what `from`, of the same model, holds of the first `n` positions.
    pub fn copy(&mut self, from: &Recurrent, n: usize) {
        let held = from.held(n);
        self.marks.clear();
        (self.several, self.whole) =
            (false, held.is_multiple_of(MAX_BATCH) && (from.whole || from.now.position != held));
        self.now.position = held;
        let moment = from.moment(held);
        for (i, layer) in self.now.layers.iter_mut().enumerate() {
            match moment.and_then(|moment| moment.layers.get(i)) {
                Some(found) => layer.copy_from_slice(found),
                None => layer.fill(0.0),
            }
        }
    }

    /// Appends the states behind `n` positions, which are held, as f32, little endian, by layer.
    pub fn read(&self, n: usize, out: &mut Vec<u8>) {
        let layers = self.moment(n).into_iter().flat_map(|moment| &moment.layers).flatten();
        out.extend(layers.flat_map(|x| x.to_le_bytes()));
    }

    /// The reverse of [`Recurrent::read`]; false, and nothing changed, where there are other than the bytes of all layers.
    pub fn write(&mut self, n: usize, bytes: &[u8]) -> bool {
        if bytes.len() != self.now_bytes() {
            return false;
        }
        let numbers = self.now.layers.iter_mut().flatten();
        numbers.zip(bytes.as_chunks::<4>().0).for_each(|(x, bytes)| *x = f32::from_le_bytes(*bytes));
        self.marks.clear();
        self.now.position = n;
        // How they came about is not known.
        (self.several, self.whole) = (false, n == 0);
        true
    }

    /// What a layer's step changes: its current state, and that of the mark that is being made.
    pub(super) fn layer(&mut self, layer: usize) -> (&mut [f32], Option<&mut [f32]>) {
        let mark = self.marks.last_mut().filter(|_| self.marking).map(|mark| mark.layers[layer].as_mut_slice());
        (self.now.layers[layer].as_mut_slice(), mark)
    }
}
