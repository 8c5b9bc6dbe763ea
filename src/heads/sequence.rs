//! Sequences of tags of the BIO scheme (Ramshaw and Marcus 1995): the best of all, and the names in it.

use std::ops::Range;

/// A tag; the number is that of the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Outside,
    Begin(usize),
    Inside(usize),
}

impl Tag {
    /// The tag of a name such as `B-PER`, whose type joins `types` where it is new; `None` for what is no tag's name.
    pub(crate) fn read(name: &str, types: &mut Vec<String>) -> Option<Tag> {
        let mut kind = |name: &str| {
            types.iter().position(|known| known == name).unwrap_or_else(|| {
                types.push(name.to_string());
                types.len() - 1
            })
        };
        match name.split_once('-') {
            None if name == "O" => Some(Tag::Outside),
            Some(("B", name)) if !name.is_empty() => Some(Tag::Begin(kind(name))),
            Some(("I", name)) if !name.is_empty() => Some(Tag::Inside(kind(name))),
            _ => None,
        }
    }
}

/// The best sequence of `n` tags (Viterbi). `fits`: for each token how well each tag fits it; `step`: how well a tag follows another,
/// or begins where there is none. Both are logarithms.
#[inline(never)]
pub(crate) fn best_path(fits: &[Vec<f32>], n: usize, step: &dyn Fn(Option<usize>, usize) -> f32) -> Vec<usize> {
    // For each token and tag: the best sequence that ends so, and the tag before.
    let mut best: Vec<Vec<(f32, usize)>> = Vec::with_capacity(fits.len());
    for row in fits {
        let last = best.last();
        let ending = |k: usize| {
            let own = row.get(k).copied().unwrap_or(f32::NEG_INFINITY);
            let (score, before) = match last {
                None => (step(None, k), 0),
                Some(last) => (0..n)
                    .map(|j| (last[j].0 + step(Some(j), k), j))
                    .reduce(|a, b| if b.0 > a.0 { b } else { a })
                    .unwrap_or_default(),
            };
            (score + own, before)
        };
        best.push((0..n).map(ending).collect());
    }
    let Some(last) = best.last() else { return Vec::new() };
    let mut k = (0..n).reduce(|a, b| if last[b].0 > last[a].0 { b } else { a }).unwrap_or(0);
    let mut path = vec![k; fits.len()];
    for t in (1..fits.len()).rev() {
        k = best[t][k].1;
        path[t - 1] = k;
    }
    path
}

/// The names in a sequence of tags: their tokens, their type, and the geometric mean of how likely their tags are. `likely`: the
/// logarithm of that, a token each.
#[inline(never)]
pub(crate) fn spans(tags: &[Tag], path: &[usize], likely: &[f32]) -> Vec<(Range<usize>, usize, f32)> {
    let mut spans: Vec<(Range<usize>, usize, f32)> = Vec::new();
    for (t, (k, likely)) in path.iter().zip(likely).enumerate() {
        match (tags.get(*k), spans.last_mut()) {
            (Some(Tag::Begin(kind)), _) => spans.push((t..t + 1, *kind, *likely)),
            (Some(Tag::Inside(_)), Some((tokens, _, sum))) => {
                tokens.end = t + 1;
                *sum += likely;
            }
            _ => {}
        }
    }
    for (tokens, _, score) in &mut spans {
        *score = (*score / tokens.len() as f32).exp().min(1.0);
    }
    spans
}
