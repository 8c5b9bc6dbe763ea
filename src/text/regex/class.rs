//! Sets of characters as sorted ranges.

use crate::case;
use crate::order;
use std::sync::OnceLock;

/// A set of characters: inclusive ranges of code points, sorted, neither overlapping nor touching.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Class(Vec<(u32, u32)>);

const LAST: u32 = char::MAX as u32;

impl Class {
    pub fn new(mut ranges: Vec<(u32, u32)>) -> Class {
        order::sort(&mut ranges);
        let mut out: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match out.last_mut() {
                Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
                _ => out.push((from, to)),
            }
        }
        Class(out)
    }

    pub fn of(c: char) -> Class {
        Class(vec![(c.into(), c.into())])
    }

    /// The characters of a text.
    pub fn chars(text: &str) -> Class {
        Class::new(text.chars().map(|c| (c.into(), c.into())).collect())
    }

    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    pub fn contains_one(&self) -> bool {
        matches!(self.0.as_slice(), [(from, to)] if from == to)
    }

    pub fn contains(&self, c: char) -> bool {
        let c = u32::from(c);
        let at = self.0.partition_point(|range| range.1 < c);
        self.0.get(at).is_some_and(|range| range.0 <= c)
    }

    pub fn union(mut self, other: &Class) -> Class {
        self.0.extend_from_slice(&other.0);
        Class::new(self.0)
    }

    pub fn negate(&self) -> Class {
        let mut out = Vec::with_capacity(self.0.len() + 1);
        let mut from = 0;
        for range in &self.0 {
            if from < range.0 {
                out.push((from, range.0 - 1));
            }
            from = range.1 + 1;
        }
        if from <= LAST {
            out.push((from, LAST));
        }
        Class(out)
    }

    pub fn intersect(&self, other: &Class) -> Class {
        self.negate().union(&other.negate()).negate()
    }

    pub fn minus(&self, other: &Class) -> Class {
        self.intersect(&other.negate())
    }

    /// With every character that differs from one of the set in case alone.
    pub fn fold_case(mut self) -> Class {
        let (mut folded, mut unfolded) = (Vec::new(), Vec::new());
        for (c, fold) in case_folds() {
            if self.contains(*c) {
                folded.push((u32::from(*fold), u32::from(*fold)));
            }
        }
        self = self.union(&Class::new(folded));
        for (c, fold) in case_folds() {
            if self.contains(*fold) {
                unfolded.push((u32::from(*c), u32::from(*c)));
            }
        }
        self.union(&Class::new(unfolded))
    }
}

/// Every character with another case, and the one that stands for its group (Unicode's simple case folding).
fn case_folds() -> &'static [(char, char)] {
    static FOLDS: OnceLock<Vec<(char, char)>> = OnceLock::new();
    FOLDS.get_or_init(|| {
        // The last characters with case are those of Adlam.
        ('A'..='\u{1e943}').map(|c| (c, fold_case(c))).filter(|(c, fold)| c != fold).collect()
    })
}

fn fold_case(c: char) -> char {
    match c {
        // Its capital is that of another letter, only in Turkish.
        'ı' => c,
        // Pairs that fold although their capitals take several characters.
        '\u{1fd3}' => '\u{390}',
        '\u{1fe3}' => '\u{3b0}',
        'ﬅ' => 'ﬆ',
        _ => case::lower_char(case::upper_char(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_join_and_cut() {
        let class = Class::new(vec![(5, 9), (1, 2), (3, 4), (20, 30)]);
        assert_eq!(class.ranges(), [(1, 9), (20, 30)]);
        assert_eq!(class.negate().ranges(), [(0, 0), (10, 19), (31, LAST)]);
        assert_eq!(class.negate().negate(), class);
        assert_eq!(class.intersect(&Class::new(vec![(8, 25)])).ranges(), [(8, 9), (20, 25)]);
        assert_eq!(class.minus(&Class::new(vec![(8, 25)])).ranges(), [(1, 7), (26, 30)]);
        assert!(class.contains('\u{1e}') && !class.contains('\u{1f}') && !class.contains('\u{0}'));
    }

    #[test]
    fn case_folds_by_groups() {
        assert_eq!(Class::of('s').fold_case(), Class::chars("sSſ"));
        assert_eq!(Class::of('\u{212a}').fold_case(), Class::chars("kK\u{212a}"));
        assert_eq!(Class::of('σ').fold_case(), Class::chars("σςΣ"));
        assert_eq!(Class::of('ß').fold_case(), Class::chars("ßẞ"));
        assert_eq!(Class::chars("iıİ1").fold_case(), Class::chars("iIıİ1"));
    }
}
