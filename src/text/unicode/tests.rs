//! Makes the tables again from those of the crates that tokenizers use elsewhere.

use std::path::Path;

use regex_syntax::hir::{Class as Found, HirKind};
use tokenizers::pre_tokenizers::unicode_scripts::UnicodeScripts;
use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};
use unicode_categories::UnicodeCategories;

use super::*;

/// Every character from a pattern such as `\p{Lu}`.
fn chars_of(pattern: &str) -> Vec<(u32, u32)> {
    match regex_syntax::parse(pattern).unwrap().into_kind() {
        HirKind::Class(Found::Unicode(class)) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
        // A set of one.
        HirKind::Literal(literal) => {
            let c = std::str::from_utf8(&literal.0).unwrap().chars().next().unwrap();
            vec![(c.into(), c.into())]
        }
        other => panic!("{pattern}: {other:?}"),
    }
}

fn write_runs(numbers: &[u8], out: &mut Vec<u8>) {
    for run in numbers.chunk_by(|a, b| a == b) {
        let mut length = run.len();
        while length >= 128 {
            out.push((length & 127) as u8 | 128);
            length >>= 7;
        }
        out.push(length as u8);
        out.push(run[0]);
    }
}

/// Compares a table with its file, or writes it.
fn check(name: &str, found: &[u8], held: &[u8]) {
    if std::env::var_os("NANOLM_WRITE_TABLES").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/text/tables").join(name), found).unwrap();
    } else {
        assert!(found == held, "{name} is out of date: NANOLM_WRITE_TABLES=1 cargo test --lib unicode");
    }
}

#[test]
fn kinds_equal_those_of_the_crates() {
    let n = char::MAX as usize + 1;
    let mut categories = vec![29u8; n];
    for (number, name) in (0u8..).zip(CATEGORIES) {
        // Characters that are none cannot be asked for.
        if name != "Cs" {
            for (from, to) in chars_of(&format!("\\p{{{name}}}")) {
                categories[from as usize..=to as usize].fill(number);
            }
        }
    }
    let mut flags = vec![0u8; n];
    for (from, to) in chars_of("\\w") {
        flags[from as usize..=to as usize].fill(WORD);
    }
    let mut newer = vec![true; n];
    for (from, to) in chars_of("\\p{age=9.0}") {
        newer[from as usize..=to as usize].fill(false);
    }
    let mut kinds = Vec::new();
    let mut numbers = Vec::with_capacity(n);
    for at in 0..n {
        if let Some(c) = char::from_u32(at as u32) {
            let mut set = |flag, on: bool| flags[at] |= if on { flag } else { 0 };
            set(OLD_PUNCTUATION, c.is_punctuation());
            set(OLD_NONSPACING, c.is_mark_nonspacing());
            set(OLD_OTHER, c.is_other());
            set(NEWER, newer[at]);
            set(OLD_MARK, unicode_normalization_alignments::char::is_combining_mark(c));
        } else {
            // Surrogates are no characters: they go with what is before them.
            (categories[at], flags[at]) = (categories[at - 1], flags[at - 1]);
        }
        let kind = Kind { category: categories[at], flags: flags[at] };
        let number = kinds.iter().position(|known| *known == kind).unwrap_or_else(|| {
            kinds.push(kind);
            kinds.len() - 1
        });
        numbers.push(number as u8);
    }
    assert!(kinds.len() < 256);
    let mut out = vec![kinds.len() as u8];
    kinds.iter().for_each(|kind| out.extend([kind.category, kind.flags]));
    write_runs(&numbers, &mut out);
    check("kinds.bin", &out, KINDS);
}

fn write_number(mut number: u32, out: &mut Vec<u8>) {
    while number >= 128 {
        out.push((number & 127) as u8 | 128);
        number >>= 7;
    }
    out.push(number as u8);
}

/// As `crate::case` reads them: runs of letters at one distance from those of the other case.
fn case_table(other: impl Fn(char) -> Option<char>) -> Vec<u8> {
    // Of characters that later versions add, each toolchain knows others.
    let known = |c: &char| kind(*c).category() != "Cn";
    let other = |c: char| Some(other(c)?).filter(|other| *other != c && known(&c) && known(other));
    let distances = ('\u{80}'..=char::MAX).filter_map(|c| Some((c as u32, other(c)? as i32 - c as i32)));
    let distances: Vec<(u32, i32)> = distances.collect();
    let (mut out, mut end, mut rest) = (Vec::new(), 0, distances.as_slice());
    while let [(first, distance), ..] = rest {
        let length =
            |step: u32| rest.iter().zip(0..).take_while(|(found, i)| **found == (first + i * step, *distance)).count();
        // Of a letter alone, no step is the shorter.
        let (count, step) = if length(2) > length(1) { (length(2), 2) } else { (length(1), 1) };
        write_number(first - end, &mut out);
        write_number((count as u32 - 1) << 1 | (step - 1), &mut out);
        write_number((distance << 1 ^ distance >> 31) as u32, &mut out);
        end = first + (count as u32 - 1) * step + 1;
        rest = &rest[count..];
    }
    out
}

#[test]
fn letters_have_the_case_that_the_standard_library_says() {
    fn single(mut chars: impl Iterator<Item = char>) -> Option<char> {
        chars.next().filter(|_| chars.next().is_none())
    }
    check("../../case/lower.bin", &case_table(|c| single(c.to_lowercase())), crate::case::LOWER);
    check("../../case/upper.bin", &case_table(|c| single(c.to_uppercase())), crate::case::UPPER);
    let known = |c: char| kind(c).category() != "Cn";
    for c in ('\0'..=char::MAX).filter(|c| known(*c)) {
        let mut lower = String::new();
        crate::case::push_lower(c, &mut lower);
        assert!(lower.chars().eq(c.to_lowercase()) || !c.to_lowercase().all(known), "{c:?} in lower case: {lower:?}");
        let upper = single(c.to_uppercase()).filter(|c| known(*c)).unwrap_or(c);
        assert_eq!(crate::case::upper_char(c), upper, "{c:?} in upper case");
    }
}

/// Which characters of a text begin a piece, the first one aside.
fn cuts(text: &[char]) -> Vec<bool> {
    let mut parts = PreTokenizedString::from(text.iter().collect::<String>());
    UnicodeScripts.pre_tokenize(&mut parts).unwrap();
    let pieces = parts.get_splits(OffsetReferential::Normalized, OffsetType::None);
    let mut cuts = Vec::with_capacity(text.len());
    for (piece, _, _) in pieces {
        cuts.extend(piece.chars().enumerate().map(|(at, _)| at == 0));
    }
    cuts
}

/// The library keeps its table to itself; what it cuts tells.
#[test]
fn scripts_equal_those_of_the_library() {
    // Nothing behind has a script.
    let chars: Vec<char> = ('\0'..'\u{32400}').chain('\u{e0000}'..'\u{e0200}').collect();
    let mut numbers = vec![0u8; 0xe0200];
    // None where it is cut off neither from Latin nor from Cyrillic.
    let with_script: Vec<char> = chars
        .chunks(4096)
        .flat_map(|chars| {
            let text: Vec<char> = chars.iter().flat_map(|c| ['a', *c, 'я', *c]).collect();
            let cuts = cuts(&text);
            let has_script = |at: usize| cuts[4 * at + 1] || cuts[4 * at + 3];
            chars.iter().enumerate().filter(|(at, _)| has_script(*at)).map(|(_, c)| *c).collect::<Vec<_>>()
        })
        .collect();
    let starts = cuts(&with_script);
    let mut known: Vec<char> = Vec::new();
    let mut number = 0;
    for (c, starts) in with_script.iter().zip(starts) {
        if starts || known.is_empty() {
            // A known script is cut from this character on one side only: from the other script before it.
            let text: Vec<char> = known.iter().flat_map(|known| [*known, *c]).collect();
            let cuts = cuts(&text);
            number = (0..known.len()).find(|at| !cuts[2 * at + 1]).unwrap_or_else(|| {
                known.push(*c);
                known.len() - 1
            });
        }
        numbers[*c as usize] = number as u8 + 1;
    }
    assert!(known.len() > 100 && known.len() < 255, "{}", known.len());
    for at in 0xd800..0xe000 {
        numbers[at] = numbers[0xd7ff];
    }
    numbers.push(0);
    let mut out = Vec::new();
    write_runs(&numbers, &mut out);
    check("scripts.bin", &out, SCRIPTS);
}

#[test]
fn small_tables_equal_those_of_the_crates() {
    assert_eq!(chars_of("\\s"), WHITE_SPACE);
    assert_eq!(chars_of("\\p{Han}"), HAN);
    for c in '\0'..=char::MAX {
        assert_eq!(c.is_whitespace(), WHITE_SPACE.iter().any(|(from, to)| (*from..=*to).contains(&u32::from(c))));
    }
}
