//! What every module may know about a tensor: its element type and its bytes. No operations live here.

pub use crate::quant::DType;

use crate::order;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A shared, read-only range of a file's bytes. Cloning and slicing copy nothing, so weights stay where the file was
/// loaded, in the file's own quantisation.
#[derive(Clone)]
pub struct Bytes {
    owner: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl Bytes {
    /// Takes over a whole file.
    pub fn new(bytes: Vec<u8>) -> Self {
        let range = 0..bytes.len();
        Bytes { owner: Arc::new(bytes), range }
    }

    /// A part of these bytes, or `None` where `range` reaches outside of them.
    pub fn slice(&self, range: Range<usize>) -> Option<Bytes> {
        if range.start > range.end || range.end > self.len() {
            return None;
        }
        let start = self.range.start + range.start;
        Some(Bytes { owner: Arc::clone(&self.owner), range: start..start + range.len() })
    }
}

/// Changes bytes where they lie: `edit(i, bytes)` for each of `all`, once for those that are the same range. Gives which of them
/// could be changed: all whose owner nobody else shares.
///
/// Ranges that overlap without being the same are not changed.
pub fn rewrite(all: &mut [&mut Bytes], mut edit: impl FnMut(usize, &mut [u8])) -> Vec<bool> {
    let mut done = vec![false; all.len()];
    let mut order: Vec<usize> = (0..all.len()).collect();
    order::sort_by_key(&mut order, |&i| (Arc::as_ptr(&all[i].owner), all[i].range.start, all[i].range.end));
    let nobody = Arc::new(Vec::new());
    let owners: Vec<_> = all.iter().map(|bytes| Arc::as_ptr(&bytes.owner)).collect();
    for group in order.chunk_by(|&a, &b| owners[a] == owners[b]) {
        let overlap = |pair: &[usize]| {
            let (a, b) = (&all[pair[0]].range, &all[pair[1]].range);
            a != b && b.start < a.end
        };
        if group.windows(2).any(overlap) {
            continue;
        }
        // All but one let go, so that the one owns the bytes alone, or somebody else holds them too.
        let mut owner = Arc::clone(&nobody);
        for &i in group {
            owner = std::mem::replace(&mut all[i].owner, Arc::clone(&nobody));
        }
        let alone = Arc::get_mut(&mut owner);
        let changed = alone.is_some();
        if let Some(bytes) = alone {
            let mut last = None;
            for &i in group {
                let range = all[i].range.clone();
                if last.replace(range.clone()) != Some(range.clone()) {
                    edit(i, &mut bytes[range]);
                }
            }
        }
        for &i in group {
            all[i].owner = Arc::clone(&owner);
            done[i] = changed;
        }
    }
    done
}

/// Makes bytes fewer where they lie: `edit(i, bytes)` for each of `all` leaves what it keeps at the beginning and says how much that is. What
/// remains moves together, and the memory behind it is given back. Bytes whose owner somebody else shares, or that overlap, are
/// copied before.
pub fn pack(all: &mut [&mut Bytes], mut edit: impl FnMut(usize, &mut [u8]) -> usize) {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order::sort_by_key(&mut order, |&i| (Arc::as_ptr(&all[i].owner), all[i].range.start, all[i].range.end));
    let nobody = Arc::new(Vec::new());
    let owners: Vec<_> = all.iter().map(|bytes| Arc::as_ptr(&bytes.owner)).collect();
    for group in order.chunk_by(|&a, &b| owners[a] == owners[b]) {
        let overlap = group.windows(2).any(|pair| all[pair[1]].range.start < all[pair[0]].range.end);
        let mut owner = Arc::clone(&nobody);
        let ranges: Vec<_> = group.iter().map(|&i| all[i].range.clone()).collect();
        for &i in group {
            owner = std::mem::replace(&mut all[i].owner, Arc::clone(&nobody));
        }
        match Arc::get_mut(&mut owner).filter(|_| !overlap) {
            Some(bytes) => {
                let mut end = 0;
                for (&i, range) in group.iter().zip(ranges) {
                    let kept = edit(i, &mut bytes[range.clone()]).min(range.len());
                    bytes.copy_within(range.start..range.start + kept, end);
                    all[i].range = end..end + kept;
                    end += kept;
                }
                bytes.truncate(end);
                bytes.shrink_to_fit();
                group.iter().for_each(|&i| all[i].owner = Arc::clone(&owner));
            }
            None => {
                for (&i, range) in group.iter().zip(ranges) {
                    let mut copy = owner[range].to_vec();
                    let kept = edit(i, &mut copy).min(copy.len());
                    copy.truncate(kept);
                    copy.shrink_to_fit();
                    *all[i] = Bytes::new(copy);
                }
            }
        }
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.owner[self.range.clone()]
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", self.len())
    }
}
