//! Words of a text, and which of them are only the mortar of English.

use crate::case;
use std::ops::Range;
use std::sync::LazyLock;

/// English words that say little by themselves: articles, pronouns, prepositions, conjunctions, auxiliaries and the most
/// common adverbs and verbs; what is left of a contraction after its apostrophe too. Lower case, sorted; read by the training
/// pipeline too.
static FUNCTION_WORDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("lists/function_words.txt").lines().collect());

/// A line for each accent: itself, then pairs of a letter without and with it.
const ACCENTS: &str = include_str!("lists/accents.txt");

/// The words of a text, as ranges of UTF-8 bytes: the longest runs of letters and digits, with the marks on them and what is
/// invisible between them.
pub fn words(text: &str) -> Vec<Range<usize>> {
    runs(text, |_, _, _| false)
}

/// Like [`words`], with what belongs to a word between letters and behind them: `long-term`, `O'Neill`, `AT&T`, `Node.js`,
/// `user_name`, `4.5`, `C++`.
pub fn joined_words(text: &str) -> Vec<Range<usize>> {
    runs(text, |before, c, after| match c {
        '+' => (before.is_alphanumeric() || before == '+') && !after.is_alphanumeric(),
        '#' => before.is_ascii_uppercase() && !after.is_alphanumeric(),
        '&' => before.is_uppercase() && after.is_uppercase(),
        ',' => before.is_ascii_digit() && after.is_ascii_digit(),
        '-' | '\'' | '’' | '\u{2010}' | '\u{2011}' | '_' | '.' => before.is_alphanumeric() && after.is_alphanumeric(),
        _ => false,
    })
}

fn runs(text: &str, joins: impl Fn(char, char, char) -> bool) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    let mut open = None;
    // The last character that shows.
    let mut before = ' ';
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let after = chars.peek().map_or(' ', |(_, c)| *c);
        if is_mark(c) || is_invisible(c) {
            if is_invisible(c)
                && !after.is_alphanumeric()
                && let Some(start) = open.take()
            {
                out.push(start..at);
            }
            continue;
        }
        // A lone plus is none of "C++".
        let plus = c == '+' && before != '+' && after != '+';
        if c.is_alphanumeric() || joins(before, c, after) && open.is_some() && !plus {
            open.get_or_insert(at);
        } else if let Some(start) = open.take() {
            out.push(start..at);
        }
        before = c;
    }
    out.extend(open.map(|start| start..text.len()));
    out
}

/// A mark on the character before it.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{5bf}'..='\u{5c7}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}' | '\u{9cd}' | '\u{a4d}' | '\u{acd}' | '\u{b4d}'
        | '\u{bcd}' | '\u{c4d}' | '\u{ccd}' | '\u{d4d}' | '\u{dca}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{3099}' | '\u{309a}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}')
}

/// What a page may put inside of a word and nobody sees: soft hyphens, spaces without width, marks of direction.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// A word as it is compared: in lower case, without what is invisible, with its accents as part of the letters, with plain hyphens.
pub fn plain_word(word: &str) -> String {
    let lower = case::lower(word);
    if lower.is_ascii() {
        return lower;
    }
    let mut out = String::with_capacity(lower.len());
    for c in lower.chars().filter(|c| !is_invisible(*c)) {
        let c = match c {
            '\u{2010}' | '\u{2011}' => '-',
            '’' => '\'',
            c => c,
        };
        match out.chars().next_back().and_then(|letter| composed(letter, c)) {
            Some(letter) => {
                out.pop();
                out.push(letter);
            }
            None => out.push(c),
        }
    }
    out
}

/// A letter with an accent on it as one character.
fn composed(letter: char, accent: char) -> Option<char> {
    if !is_mark(accent) {
        return None;
    }
    let mut pairs = ACCENTS.lines().find_map(|line| line.strip_prefix(accent))?.chars();
    while let (Some(bare), Some(whole)) = (pairs.next(), pairs.next()) {
        if bare == letter {
            return Some(whole);
        }
    }
    None
}

/// Whether a word in lower case is a function word.
pub fn is_function_word(word: &str) -> bool {
    FUNCTION_WORDS.binary_search(&word).is_ok()
}

/// What a word counts as where words are compared: lower case, without the s of a plural; nothing for a function word or
/// a single letter.
pub fn content_word(word: &str) -> Option<String> {
    let mut lower = plain_word(word);
    if is_function_word(&lower) || lower.chars().count() < 2 {
        return None;
    }
    if lower.chars().count() > 3 && lower.ends_with('s') && !lower.ends_with("ss") {
        lower.pop();
    }
    Some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, words: Vec<Range<usize>>) -> Vec<&str> {
        words.into_iter().map(|word| &text[word]).collect()
    }

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        let text = "Ünal's 3rd, long-term plan_B: -x- 東京 (1.5)";
        assert_eq!(cut(text, words(text)), ["Ünal", "s", "3rd", "long", "term", "plan", "B", "x", "東京", "1", "5"]);
        let joined = ["Ünal's", "3rd", "long-term", "plan_B", "x", "東京", "1.5"];
        assert_eq!(cut(text, joined_words(text)), joined);
        assert!(words(" ,.-").is_empty() && words("").is_empty());
    }

    #[test]
    fn marks_and_invisible_characters_part_no_word() {
        let text = "na\u{ef}ve nai\u{308}ve data\u{200b}base soft\u{ad}ware Zu\u{308}rich e\u{2011}mail \u{915}\u{94d}\u{937}a";
        assert_eq!(words(text).len(), 8, "the hyphen parts a word");
        let keys: Vec<_> = joined_words(text).into_iter().filter_map(|word| content_word(&text[word])).collect();
        assert_eq!(keys[..6], ["naïve", "naïve", "database", "software", "zürich", "e-mail"]);
        assert_eq!(cut("a\u{200b} b", words("a\u{200b} b")), ["a", "b"]);
    }

    #[test]
    fn signs_belong_to_words() {
        for (text, expected) in [
            ("C++ and C# and Node.js and AT&T.", &["C++", "and", "C#", "and", "Node.js", "and", "AT&T"][..]),
            ("user_name is 4.5 or 12,000, R&D", &["user_name", "is", "4.5", "or", "12,000", "R&D"]),
            ("1 + 1 = 2, A+ and #1 F#", &["1", "1", "2", "A", "and", "1", "F#"]),
            ("Vue.js, Notepad++. U.S. e-mail", &["Vue.js", "Notepad++", "U.S", "e-mail"]),
            ("_x_ a_b, .NET & me; ASP.NET", &["x", "a_b", "NET", "me", "ASP.NET"]),
        ] {
            assert_eq!(cut(text, joined_words(text)), expected, "{text}");
        }
    }

    #[test]
    fn function_words_are_found() {
        assert!(FUNCTION_WORDS.is_sorted());
        assert!(is_function_word("the") && is_function_word("yourselves") && is_function_word("a"));
        assert!(!is_function_word("bridge") && !is_function_word(""));
        let content = ["The", "Bridges", "pass", "gas", "x", "Öls", "5", "12"].map(content_word);
        let content: Vec<_> = content.iter().map(|word| word.as_deref().unwrap_or("-")).collect();
        assert_eq!(content, ["-", "bridge", "pass", "gas", "-", "öls", "-", "12"]);
    }
}
