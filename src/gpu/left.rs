//! What stays a dispatch of its own where a single token runs, and why: as data, and in words.

use std::collections::BTreeMap;

/// Why a step is a dispatch of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alone {
    /// No fused kernel has a place for it there.
    NoPlace,
    /// What would have been in between is read by others.
    ReadElsewhere,
    /// The weights do not lie in one binding, or lie in that of others.
    Weights,
}

/// A step that was left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) step: usize,
    pub(super) stem: &'static str,
    pub(super) why: Alone,
}

/// For people: how many of which operations, and why; nothing where there are none.
pub(super) fn left_in_words(left: &[Left]) -> String {
    let mut counts: BTreeMap<(Alone, &str), usize> = BTreeMap::new();
    for Left { stem, why, .. } in left {
        *counts.entry((*why, *stem)).or_default() += 1;
    }
    let mut words = String::new();
    for why in [Alone::NoPlace, Alone::ReadElsewhere, Alone::Weights] {
        let of = counts.iter().filter(|((other, _), _)| *other == why);
        let listed: Vec<String> = of.map(|((_, stem), n)| format!("{n} {stem}")).collect();
        if !listed.is_empty() {
            let because = match why {
                Alone::NoPlace => "no fused kernel has a place for them",
                Alone::ReadElsewhere => "their results are read elsewhere too",
                Alone::Weights => "their weights do not fit into one binding",
            };
            words.push_str(&format!(", not fused: {} ({because})", listed.join(", ")));
        }
    }
    words
}
