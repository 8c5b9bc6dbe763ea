//! The marks that end sentences, what may stand behind them, and the words after which a full stop ends none.

use std::sync::LazyLock;

/// Words whose full stop ends a sentence only where a word follows that begins one; case-sensitive, sorted.
static ABBREVIATIONS: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("lists/abbreviations.txt").lines().collect());
/// Words whose full stop ends none: something must follow.
static TITLES: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("lists/titles.txt").lines().collect());
/// Words whose full stop ends none before a number.
static NUMBERED: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("lists/numbered.txt").lines().collect());

pub fn is_ender(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '‼' | '⁇' | '⁈' | '⁉')
}

pub fn is_closer(c: char) -> bool {
    matches!(c, '"' | '\'' | '”' | '’' | ')' | ']' | '»' | '›' | '“' | '״')
}

pub fn is_opener(c: char) -> bool {
    matches!(c, '"' | '\'' | '“' | '‘' | '«' | '‹' | '(' | '[' | '¿' | '¡' | '„' | '‚')
}

/// Ends a sentence, whatever follows: CJK, Urdu, Arabic, Hindi, Armenian, Burmese, Khmer, Amharic.
pub fn is_wide_ender(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '｡' | '۔' | '؟' | '।' | '॥' | '։' | '။' | '។' | '።' | '፧')
}

pub fn is_wide_closer(c: char) -> bool {
    matches!(c, '」' | '』' | '）' | '】' | '》') || is_closer(c)
}

/// What kind of word a single full stop stands behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Something must follow.
    Title,
    /// A number may follow.
    Numbered,
    /// Ends only before what begins a sentence.
    Abbreviation,
    Word,
}

/// What a word before a full stop, without that, is.
pub fn before_stop(word: &str) -> Before {
    let among = |list: &[&str]| list.binary_search(&word).is_ok();
    let mut tail = word.rsplit('.').next().unwrap_or_default().chars();
    let letter = matches!((tail.next(), tail.next()), (Some(c), None) if c.is_alphabetic() && !is_syllable(c));
    match () {
        () if among(&TITLES) => Before::Title,
        () if among(&NUMBERED) => Before::Numbered,
        () if among(&ABBREVIATIONS) || letter && word != "I" => Before::Abbreviation,
        () => Before::Word,
    }
}

/// A character that is a whole word as easily as a letter: Hangul, kana, ideographs.
pub fn is_syllable(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// The byte length of a reference behind a sentence, `[1]`, `[citation needed]`, `¹²`; 0 where there is none.
pub fn reference(text: &str) -> usize {
    let mut length = 0;
    loop {
        let rest = text.get(length..).unwrap_or_default();
        let raised = rest
            .chars()
            .take_while(|c| matches!(c, '¹' | '²' | '³' | '⁰' | '⁴'..='⁹'))
            .map(char::len_utf8)
            .sum::<usize>();
        let inside = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(inside, _)| inside);
        let note = inside.filter(|inside| {
            let digits = inside.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '–' | '-' | ' '));
            !inside.is_empty() && inside.len() < 40 && (digits || super::asides::is_note(inside))
        });
        match note.map_or(raised, |note| note.len() + 2) {
            0 => return length,
            more => length += more,
        }
    }
}

/// Whether a text ends like a sentence.
pub fn ends_with_stop(text: &str) -> bool {
    let mut text = text.trim_end();
    while let Some(at) = text.rfind('[').filter(|at| reference(&text[*at..]) == text.len() - at) {
        text = &text[..at];
    }
    let raised = |c: char| matches!(c, '¹' | '²' | '³' | '⁰' | '⁴'..='⁹');
    let bare = text.trim_end_matches(raised).trim_end_matches(is_wide_closer).trim_end();
    bare.ends_with(|c| is_ender(c) || is_wide_ender(c))
}

/// Whether the full stop that a line ends with belongs to an abbreviation that something must follow.
pub fn is_abbreviation_at_end(line: &str) -> bool {
    let word = line.rsplit(char::is_whitespace).next().unwrap_or_default();
    let word = word.trim_start_matches(is_opener);
    word.strip_suffix('.').is_some_and(|word| matches!(before_stop(word), Before::Title))
}
