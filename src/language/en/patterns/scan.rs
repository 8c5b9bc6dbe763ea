//! Looking around in a text, for the scanners.

/// The character before `at`; a space at the beginning.
pub fn before(text: &str, at: usize) -> char {
    text.get(..at).and_then(|head| head.chars().next_back()).unwrap_or(' ')
}

/// The character at `at`; a space at the end.
pub fn char_at(text: &str, at: usize) -> char {
    text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or(' ')
}

/// Where the run of characters from `at` on that satisfy `is` ends; of at most `most` characters.
pub fn run(text: &str, at: usize, most: usize, is: impl Fn(char) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.chars().take(most).take_while(|c| is(*c)).map(char::len_utf8).sum::<usize>()
}

/// The run of letters at `at`.
pub fn letters(text: &str, at: usize) -> &str {
    text.get(at..run(text, at, 24, char::is_alphabetic)).unwrap_or_default()
}

/// Where the word ends that begins at `at`, if it is one of `words` in any case and no letter or digit follows.
pub fn word_of(text: &str, at: usize, words: &[&str]) -> Option<usize> {
    let word = letters(text, at);
    let known = !word.is_empty() && words.iter().any(|known| word.eq_ignore_ascii_case(known));
    (known && !char_at(text, at + word.len()).is_alphanumeric()).then_some(at + word.len())
}

/// The position after spaces within a line, of which there are at most three.
pub fn gap(text: &str, at: usize) -> usize {
    run(text, at, 3, |c| matches!(c, ' ' | '\u{a0}' | '\u{202f}'))
}

/// Digits at `at`: their end and value; none where there are more than `most`.
pub fn digits(text: &str, at: usize, most: usize) -> Option<(usize, u32)> {
    let end = run(text, at, most + 1, |c| c.is_ascii_digit());
    let value = text.get(at..end)?.parse().ok()?;
    (end - at <= most).then_some((end, value))
}
