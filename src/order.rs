//! Sorting, compiled once.
//!
//! The standard library's sorts are compiled anew for every type and every comparison, with 5 to 10 KB each. Nothing that this crate
//! sorts beside a model's forward pass is large, so here one merge sort orders places, and the items follow.

use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Sorts; equal items keep their order.
pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut order = sorted_places(items.len(), &|a, b| compare(&items[a], &items[b]) == Ordering::Greater);
    for start in 0..items.len() {
        let mut at = start;
        // A circle of items that take each other's places.
        loop {
            let from = std::mem::replace(&mut order[at], at);
            if from == start {
                break;
            }
            items.swap(at, from);
            at = from;
        }
    }
}

/// Sorts by a key; equal items keep their order.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |a, b| key(a).cmp(&key(b)));
}

/// Sorts from the least to the greatest.
pub fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, T::cmp);
}

/// A set of items. What the standard library makes one with sorts them first, compiled anew for every type.
pub fn set<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    for item in items {
        set.insert(item);
    }
    set
}

/// The places of `n` items in the order of the items. `after`: whether the first of two belongs behind the second.
fn sorted_places(n: usize, after: &dyn Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut from: Vec<usize> = (0..n).collect();
    let mut to = Vec::with_capacity(n);
    let mut width = 1;
    while width < n {
        to.clear();
        for pair in from.chunks(2 * width) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let ([first, left_rest @ ..], [second, right_rest @ ..]) = (left, right) {
                if after(*first, *second) {
                    to.push(*second);
                    right = right_rest;
                } else {
                    to.push(*first);
                    left = left_rest;
                }
            }
            to.extend_from_slice(left);
            to.extend_from_slice(right);
        }
        std::mem::swap(&mut from, &mut to);
        width *= 2;
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_sorted_and_equal_ones_keep_their_order() {
        let mut rng = crate::sample::rng::Pcg32::new(7, 0);
        for n in (0..40).chain([1000]) {
            let mut items: Vec<(u32, String)> = (0..n).map(|i| (rng.next_u32() % 10, i.to_string())).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            sort_by_key(&mut items, |item| item.0);
            assert_eq!(items, expected);
            sort(&mut items);
            expected.sort();
            assert_eq!(items, expected);
        }
    }
}
