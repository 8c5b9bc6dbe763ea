//! Letters in lower and upper case.
//!
//! As the standard library says, whose tables are 25 KB. These are 1.4 KB: runs of letters that have their other case at the same distance.
//! A test makes them again, of all characters of Unicode 16 (`NANOLM_WRITE_TABLES=1 cargo test --lib unicode` writes them).

use std::sync::OnceLock;

/// The only letter with two characters in lower case.
const DOTTED_CAPITAL_I: char = '\u{130}';

/// Letters from `first` to `last`, each or every other one (`step`), have their other case at a distance.
struct Run {
    first: u32,
    last: u32,
    step: u32,
    distance: i32,
}

/// Numbers of 7 bits a byte, low first: of each run how many characters lie before its first letter, from the last run on; how many
/// letters follow the first, the lowest bit saying whether every other one is left out; and the distance, the lowest bit its sign.
pub(crate) static LOWER: &[u8] = include_bytes!("case/lower.bin");
pub(crate) static UPPER: &[u8] = include_bytes!("case/upper.bin");

fn read(bytes: &[u8]) -> Vec<Run> {
    let mut bytes = bytes.iter();
    let mut number = || {
        let (mut number, mut shift) = (0u32, 0);
        loop {
            let byte = bytes.next()?;
            number |= u32::from(byte & 127).checked_shl(shift)?;
            if *byte < 128 {
                return Some(number);
            }
            shift += 7;
        }
    };
    let (mut runs, mut end) = (Vec::new(), 0u32);
    while let (Some(gap), Some(count), Some(distance)) = (number(), number(), number()) {
        let (first, step) = (end.saturating_add(gap), 1 + (count & 1));
        let last = first.saturating_add((count >> 1) * step);
        let distance = (distance >> 1) as i32 ^ -((distance & 1) as i32);
        runs.push(Run { first, last, step, distance });
        end = last.saturating_add(1);
    }
    runs
}

fn other(c: char, runs: &[Run]) -> char {
    let code = u32::from(c);
    let run = runs.partition_point(|run| run.first <= code).checked_sub(1).and_then(|at| runs.get(at));
    let run = run.filter(|run| code <= run.last && (code - run.first).is_multiple_of(run.step));
    run.and_then(|run| char::from_u32(code.wrapping_add_signed(run.distance))).unwrap_or(c)
}

/// A letter in lower case; itself where that is more than one character.
pub fn lower_char(c: char) -> char {
    static RUNS: OnceLock<Vec<Run>> = OnceLock::new();
    if c.is_ascii() { c.to_ascii_lowercase() } else { other(c, RUNS.get_or_init(|| read(LOWER))) }
}

/// A letter in upper case; itself where that is more than one character.
pub fn upper_char(c: char) -> char {
    static RUNS: OnceLock<Vec<Run>> = OnceLock::new();
    if c.is_ascii() { c.to_ascii_uppercase() } else { other(c, RUNS.get_or_init(|| read(UPPER))) }
}

/// Appends a letter in lower case.
pub fn push_lower(c: char, out: &mut String) {
    if c == DOTTED_CAPITAL_I {
        out.push_str("i\u{307}");
    } else {
        out.push(lower_char(c));
    }
}

/// A text in lower case. A capital sigma that ends a word becomes a final one.
pub fn lower(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            'Σ' if ends_word(text, at) => out.push('ς'),
            _ => push_lower(c, &mut out),
        }
    }
    out
}

fn ends_word(text: &str, at: usize) -> bool {
    let (before, rest) = text.split_at(at);
    letter_first(before.chars().rev()) && !letter_first(rest.chars().skip(1))
}

/// Whether a letter with case comes first, after marks and points that may stand within a word.
fn letter_first(mut chars: impl Iterator<Item = char>) -> bool {
    let within = |c: &char| matches!(c, '\'' | '.' | ':' | '^' | '`' | '¨' | '\u{ad}' | '·' | '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '‘' | '’' | '․' | '‧');
    chars.find(|c| !within(c)).is_some_and(|c| c.is_lowercase() || c.is_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_the_standard_library_has_them() {
        for text in [
            "",
            "Plain ASCII, 123",
            "DON’T — ÄÖÜ ß ẞ ŒUVRE Ÿ",
            "İstanbul IĞDIR ığdır",
            "ΟΔΥΣΣΕΥΣ ΣΑΣ Σ ΑΣ. ΑΣ.Β ΑΣ’Β Α\u{301}Σ ΑΣ\u{301}Ω «ΑΣ» 1Σ Σ1 ΑΣ1",
            "ЖЁЛТЫЙ Ԁ Ա Ⴀ Ꭰ Ꮿ Ᏸ ｚＺ 𐐀 𞤀 Ǆ ǅ ǆ Ⅷ Ⓐ K Å Ω",
        ] {
            assert_eq!(lower(text), text.to_lowercase());
        }
        for (letter, upper) in
            [('a', 'A'), ('ä', 'Ä'), ('ÿ', 'Ÿ'), ('ж', 'Ж'), ('ß', 'ß'), ('ǆ', 'Ǆ'), ('ς', 'Σ'), ('1', '1')]
        {
            assert_eq!(upper_char(letter), upper);
        }
    }
}
