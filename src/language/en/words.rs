//! Words of a text, and which of them are only the mortar of English.

use std::ops::Range;
use std::sync::LazyLock;

/// English words that say little by themselves: articles, pronouns, prepositions, conjunctions, auxiliaries and the most
/// common adverbs and verbs; what is left of a contraction after its apostrophe too. Lower case, sorted; read by the training
/// pipeline too.
static FUNCTION_WORDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("lists/function_words.txt").lines().collect());

/// The words of a text, as ranges of UTF-8 bytes: the longest runs of letters and digits.
pub fn words(text: &str) -> Vec<Range<usize>> {
    runs(text, |_, _, _| false)
}

/// Like [`words`], with hyphens and apostrophes between letters as parts of a word: `long-term`, `O'Neill`.
pub fn joined_words(text: &str) -> Vec<Range<usize>> {
    runs(text, |before, c, after| {
        matches!(c, '-' | '\'' | '’' | '\u{2010}' | '\u{2011}') && before.is_alphanumeric() && after.is_alphanumeric()
    })
}

fn runs(text: &str, joins: impl Fn(char, char, char) -> bool) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    let mut open = None;
    let mut before = ' ';
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let after = chars.peek().map_or(' ', |(_, c)| *c);
        if c.is_alphanumeric() || joins(before, c, after) {
            open.get_or_insert(at);
        } else if let Some(start) = open.take() {
            out.push(start..at);
        }
        before = c;
    }
    out.extend(open.map(|start| start..text.len()));
    out
}

/// Whether a word in lower case is a function word.
pub fn is_function_word(word: &str) -> bool {
    FUNCTION_WORDS.binary_search(&word).is_ok()
}

/// What a word counts as where words are compared: lower case, without the s of a plural; nothing for a function word or
/// a single letter.
pub fn content_word(word: &str) -> Option<String> {
    let mut lower = word.to_lowercase();
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
        let joined = ["Ünal's", "3rd", "long-term", "plan", "B", "x", "東京", "1", "5"];
        assert_eq!(cut(text, joined_words(text)), joined);
        assert!(words(" ,.-").is_empty() && words("").is_empty());
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
