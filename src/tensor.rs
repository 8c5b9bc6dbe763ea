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
    for group in by_owner(all) {
        let overlap = |pair: &[usize]| {
            let (a, b) = (&all[pair[0]].range, &all[pair[1]].range);
            a != b && b.start < a.end
        };
        if group.windows(2).any(overlap) {
            continue;
        }
        let mut owner = take_owner(all, &group);
        let alone = Arc::get_mut(&mut owner);
        let changed = alone.is_some();
        if let Some(bytes) = alone {
            let mut last = None;
            for &i in &group {
                let range = all[i].range.clone();
                if last.replace(range.clone()) != Some(range.clone()) {
                    edit(i, &mut bytes[range]);
                }
            }
        }
        for i in group {
            all[i].owner = Arc::clone(&owner);
            done[i] = changed;
        }
    }
    done
}

/// Makes bytes fewer where they lie: `edit(i, bytes)` for each of `all` leaves what it keeps at the beginning and says how much that is. What
/// remains moves together, and the memory behind it is given back. Bytes whose owner somebody else shares, or that overlap, are
/// copied before.
pub fn pack(all: &mut [&mut Bytes], edit: &mut dyn FnMut(usize, &mut [u8]) -> usize) {
    for group in by_owner(all) {
        let overlap = group.windows(2).any(|pair| all[pair[1]].range.start < all[pair[0]].range.end);
        let mut owner = take_owner(all, &group);
        let mut end = 0;
        for &i in &group {
            let range = all[i].range.clone();
            if let Some(bytes) = Arc::get_mut(&mut owner).filter(|_| !overlap) {
                let kept = edit(i, &mut bytes[range.clone()]).min(range.len());
                bytes.copy_within(range.start..range.start + kept, end);
                all[i].range = end..end + kept;
                end += kept;
            } else {
                let mut copy = owner[range].to_vec();
                let kept = edit(i, &mut copy);
                copy.truncate(kept);
                copy.shrink_to_fit();
                *all[i] = Bytes::new(copy);
            }
        }
        if let Some(bytes) = Arc::get_mut(&mut owner).filter(|_| !overlap) {
            bytes.truncate(end);
            bytes.shrink_to_fit();
            group.iter().for_each(|&i| all[i].owner = Arc::clone(&owner));
        }
    }
}

/// The places of bytes with one owner, in the order in which they lie there.
fn by_owner(all: &[&mut Bytes]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..all.len()).collect();
    let owner = |i: usize| Arc::as_ptr(&all[i].owner);
    order::sort_by_key(&mut order, |&i| (owner(i), all[i].range.start, all[i].range.end));
    order.chunk_by(|&a, &b| owner(a) == owner(b)).map(<[usize]>::to_vec).collect()
}

/// The owner of a group. All of them let go, so that the one that is given holds the bytes alone, or somebody else holds them, too.
fn take_owner(all: &mut [&mut Bytes], group: &[usize]) -> Arc<Vec<u8>> {
    let nobody = Arc::new(Vec::new());
    let mut owner = Arc::clone(&nobody);
    for &i in group {
        owner = std::mem::replace(&mut all[i].owner, Arc::clone(&nobody));
    }
    owner
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps the first half of each.
    fn halves(all: &mut [&mut Bytes]) {
        pack(all, &mut |_, bytes| bytes.len() / 2);
    }

    #[test]
    fn what_is_kept_of_one_owner_moves_together() {
        let file = Bytes::new((0..10).collect());
        let (mut a, mut b) = (file.slice(6..10).unwrap(), file.slice(0..4).unwrap());
        drop(file);
        halves(&mut [&mut a, &mut b]);
        assert_eq!((&*a, &*b), (&[6, 7][..], &[0, 1][..]));
        assert_eq!(*a.owner, [0, 1, 6, 7]);
        assert!(Arc::ptr_eq(&a.owner, &b.owner));
    }

    #[test]
    fn what_others_hold_or_what_overlaps_is_copied() {
        let file = Bytes::new((0..10).collect());
        let mut held = file.slice(0..4).unwrap();
        halves(&mut [&mut held]);
        assert_eq!((&*held, file.len()), (&[0, 1][..], 10));
        let (mut a, mut b) = (file.slice(0..8).unwrap(), file.slice(4..8).unwrap());
        drop(file);
        halves(&mut [&mut a, &mut b]);
        assert_eq!((&*a, &*b), (&[0, 1, 2, 3][..], &[4, 5][..]));
    }
}
