//! Against the crates that this matcher stands in for.

use super::*;

fn found(pattern: &str, text: &str) -> Vec<(usize, usize)> {
    let regex = Regex::new(pattern).unwrap_or_else(|e| panic!("{pattern}: {e:?}"));
    regex.matches(text).map(|m| m.unwrap_or_else(|e| panic!("{pattern}: {e:?}"))).collect()
}

/// Texts out of many scripts, and what lies between them.
pub fn awkward_text(rng: &mut crate::sample::rng::Pcg32, most: u32) -> String {
    const PIECES: [&str; 56] = [
        " ",
        "  ",
        "\n",
        "\r\n",
        "\t",
        "'s",
        "'LL",
        "'ſ",
        "a",
        "ab",
        "aab",
        "bbc",
        "cd",
        "Hello",
        "WORLD",
        "fooBar",
        "x",
        "12",
        "3",
        "4567",
        "½",
        "Ⅷ",
        "٣",
        "é",
        "e\u{301}",
        "ß",
        "ẞ",
        "İ",
        "ı",
        "K",
        "σς",
        "Ω",
        "привет",
        "Я",
        "你好",
        "世",
        "々",
        "カ",
        "ひ",
        "ー",
        "한국",
        "ไทย",
        "हिन्दी",
        "عربي",
        "עב",
        "!",
        "?!",
        "...",
        "…",
        "。",
        "_",
        "-",
        "{}",
        "🦙",
        "👩‍🔬",
        "\u{200d}",
    ];
    let mut out = String::new();
    for _ in 0..rng.next_u32() % most {
        match rng.next_u32() % 8 {
            0 => out.extend(char::from_u32(rng.next_u32() % 0x3000)),
            1 => out.extend(char::from_u32(rng.next_u32() % 0x1fbff)),
            2 => out.push(char::from((rng.next_u32() % 128) as u8)),
            _ => out.push_str(PIECES[rng.next_u32() as usize % PIECES.len()]),
        }
    }
    out
}

#[test]
fn the_leftmost_alternative_wins() {
    assert_eq!(found("a|ab", "abab"), [(0, 1), (2, 3)]);
    assert_eq!(found("(a|ab)(c|bcd)", "abcd"), [(0, 4)]);
    assert_eq!(found("a*", "baac"), [(0, 0), (1, 3), (4, 4)]);
    assert_eq!(found(r"\s+(?!\S)|\s+", "a   b "), [(1, 3), (3, 4), (5, 6)]);
    assert_eq!(found("(?<=[a-z])(?=[A-Z])", "fooBarBaz"), [(3, 3), (6, 6)]);
    assert_eq!(found("(?:a|b*)*c", "abbac"), [(0, 5)]);
    assert!(Regex::new(r"\b").unwrap().may_match_nothing() && Regex::new("a*|b").unwrap().may_match_nothing());
    assert!(!Regex::new("a+|b").unwrap().may_match_nothing());
}

#[test]
fn what_is_wrong_or_unknown_is_said() {
    for pattern in ["(", ")", "[a", "a**b(", r"\p{N", "*", r"\", "[b-a]", "a{3,2}", "(?i"] {
        assert!(matches!(Regex::new(pattern), Err(RegexError::Syntax(_))), "{pattern}");
    }
    for pattern in
        [r"(a)\1", r"\p{Elvish}", "(?<=a+)b", "a{1001}", "(?(1)a|b)", r"\K", "(?:(?:a{1,1000}b){1,1000}c){9}"]
    {
        assert!(matches!(Regex::new(pattern), Err(RegexError::Unsupported(_))), "{pattern}");
    }
    assert!(Regex::new(&"(".repeat(2000)).is_err() && Regex::new(&"[".repeat(2000)).is_err());
}

#[test]
fn work_is_limited() {
    let text = format!("{}!", "a".repeat(5000));
    let regex = Regex::new("(a*)*b|(a|aa)+$").unwrap();
    assert_eq!(regex.matches(&text).next(), Some(Err(matcher::TooMuchWork)));
    assert_eq!(found(r"\s*[\r\n]+|\s+(?!\S)|\s+", &" ".repeat(1 << 20)).len(), 1);
}

#[cfg(not(target_arch = "wasm32"))]
mod against_the_crates {
    use super::*;
    use crate::text::unicode;

    /// The cuts of well-known tokenizers, and what else expressions are made of.
    const PATTERNS: [&str; 52] = [
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "[一-龥ࠀ-一가-퟿]+",
        r"[\p{P}\$\+<=>\^~\|`]+",
        r"[\p{P}\p{S}]|\p{N}{1,3}|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        r"[!\x22#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+",
        r"\d{1,3}(?=(?:\d{3})*\b)",
        r"(?<!\n)\n+(?!\n)|\n",
        r"[\r\n]",
        r"\s?\p{L}+",
        r"\s?\p{P}+",
        "[0-9][0-9][0-9]",
        "[0-9]",
        r"\p{N}",
        r" ?[^(\s|.,!?…。，、।۔،)]+",
        r"\w+|[^\w\s]+",
        r"\b\w",
        r"\B.",
        r"(?m)^.|.$",
        r"^\s+|\s+$",
        r"(?i)straße|(?i:ꭰ)|(?i)[à-þ]",
        r"(?s).{3}",
        r"[^\S\n]+",
        r"[[:punct:][:digit:]]+|[[:^alpha:]&&[:print:]]",
        r"\pL\pM*|\PL",
        r"\p{Lu}\p{Ll}*|\P{L}",
        r"\p{Uppercase_Letter}|\p{Letter}+?|\p{gc=Nd}",
        r"\p{Greek}+|\p{Script=Cyrillic}+|\p{sc=Latin}+|\p{Thai}",
        r"\p{Emoji}|\p{Alphabetic}+",
        r"[a-z&&[^aeiou]]+|[\w--\d]+|[a-f~~d-k]",
        r"a{2}|b{2,}|c{,3}d|e{1,2}?|f{x|g{",
        r"(?>a|ab)c|(?>\s+)x",
        r"(a|b)*?c|(?:a*)*|(?:ab?)+b",
        r"x*|y",
        r"",
        r"(?=\p{Lu})",
        r"(?<=\p{L})(?=\p{N})|(?<=\p{N})(?=\p{L})",
        r"(?<!a|bc|d)e",
        r"\u{4e00}|\x{e9}|\xe8|\u00ea|[\x00-\x1f]",
        r"[]a]|[^]b]c|[a-]|[-a]d|[\]\-\\]",
        r"(?<name>a)b|(?P<other>c)d|(?#note)e",
        r"\.\*\+\?\(\)\[\]\{\}\^\$\|\/\-\ ",
        r"\t|\n|\r|\f|\v|\h+z",
        r"(?i)K|(?i:ſ)|(?i)σ",
        r"(?i:[^k])",
        r"[\s\S]|.",
        r" {2,}|▁",
        r"((a+)+b|\s*\S)",
    ];

    #[test]
    fn matches_equal_theirs() {
        let mut rng = crate::sample::rng::Pcg32::new(11, 0);
        let n = if std::env::var_os("NANOLM_LONG").is_some() { 10_000 } else { 100 };
        let mut refused = Vec::new();
        for pattern in PATTERNS {
            let Ok(theirs) = fancy_regex::Regex::new(pattern) else {
                refused.push(pattern);
                continue;
            };
            for _ in 0..n {
                let text = awkward_text(&mut rng, 24);
                let expected: Vec<_> =
                    theirs.find_iter(&text).map(|m| m.unwrap()).map(|m| (m.start(), m.end())).collect();
                assert_eq!(found(pattern, &text), expected, "{pattern}: {text:?}");
            }
        }
        assert!(refused.is_empty(), "{refused:#?}");
    }

    #[test]
    fn every_character_folds_as_theirs() {
        for c in ('\0'..=char::MAX).filter(|c| unicode::kind(*c).category() != "Cn") {
            if !(c.to_lowercase().eq([c]) && c.to_uppercase().eq([c])) {
                let mut theirs =
                    regex_syntax::hir::ClassUnicode::new([regex_syntax::hir::ClassUnicodeRange::new(c, c)]);
                theirs.case_fold_simple();
                let found = Class::of(c).fold_case();
                // The standard library's Unicode is newer.
                if found.minus(&property::property("Cn").unwrap()) != found {
                    continue;
                }
                let theirs = theirs.ranges().iter().map(|range| (range.start().into(), range.end().into()));
                assert_eq!(found, Class::new(theirs.collect()), "{c:?}");
            }
        }
    }

    #[test]
    fn every_category_is_theirs() {
        for name in
            unicode::CATEGORIES.into_iter().chain(["L", "M", "N", "P", "S", "Z", "C", "LC", "Letter", "Any", "ASCII"])
        {
            let text: String = ('\0'..='\u{2fff}').chain('\u{fe00}'..'\u{1ffff}').collect();
            if name == "Cs" {
                // No text has surrogates.
                continue;
            }
            let pattern = format!("\\p{{{name}}}+");
            let theirs = fancy_regex::Regex::new(&pattern).unwrap();
            let expected: Vec<_> = theirs.find_iter(&text).map(|m| m.unwrap()).map(|m| (m.start(), m.end())).collect();
            assert_eq!(found(&pattern, &text), expected, "{name}");
        }
    }
}
