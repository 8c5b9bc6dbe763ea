//! Pre-tokenisation: text into the pieces inside which byte pairs are merged.
//!
//! Tokenizers define these cuts by regular expressions. The expressions are few, so each is a scanner here, by hand:
//! it costs a fraction of a regular expression engine in the wasm file, and runs in linear time. `\s` is the Unicode
//! property White_Space, `\p{L}`, `\p{N}` and `\p{P}` are general categories.

use std::ops::Range;

use unicode_general_category::{GeneralCategory as Category, get_general_category};

/// One cut. Several are applied in a row, each inside the pieces of the one before; what a pattern does not match stays
/// a piece of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Splitter {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    Gpt2,
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|`
    /// `\s+(?!\S)|\s+`, with 3 digits for Llama 3 and 1 for Qwen 2.
    Llama3 { digits: usize },
    /// `\p{N}`: each digit alone.
    EachNumber,
    /// `\p{N}+`
    Numbers,
    /// `\p{N}{1,3}`
    UpToThreeNumbers,
    /// `[0-9][0-9][0-9]`
    ThreeDigits,
    /// ``[\p{P}\$\+<=>\^~\|`]+``
    Punctuation,
    /// `[\r\n]`
    LineBreak,
    /// `\s?\p{L}+`
    SpaceLetters,
    /// `\s?\p{P}+`
    SpacePunctuation,
    /// `[一-龥ࠀ-一가-퟿]+`
    EastAsian,
    /// A piece starts at each `▁` (SentencePiece's space).
    MetaSpace,
}

impl Splitter {
    /// The splitter of a regular expression as written in a `tokenizer.json`, where it is one of those above.
    pub fn of_regex(pattern: &str) -> Option<Splitter> {
        Some(match pattern {
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
            | r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+" => Splitter::Gpt2,
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+" => {
                Splitter::Llama3 { digits: 3 }
            }
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+" => {
                Splitter::Llama3 { digits: 1 }
            }
            r"\p{N}" => Splitter::EachNumber,
            r"\p{N}+" => Splitter::Numbers,
            r"\p{N}{1,3}" => Splitter::UpToThreeNumbers,
            r"[0-9][0-9][0-9]" => Splitter::ThreeDigits,
            r"[\r\n]" => Splitter::LineBreak,
            r"\s?\p{L}+" => Splitter::SpaceLetters,
            r"\s?\p{P}+" => Splitter::SpacePunctuation,
            _ => return None,
        })
    }

    /// Appends the pieces of `text[range]`; they join to exactly that range.
    pub fn split(self, text: &str, range: Range<usize>, out: &mut Vec<Range<usize>>) {
        let end = range.end;
        let (mut at, mut gap) = (range.start, range.start);
        while let Some(rest) = text.get(at..end).filter(|rest| !rest.is_empty()) {
            let n = if self == Splitter::MetaSpace && at == gap { 0 } else { self.matches(rest) };
            if n == 0 {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            }
            if at > gap {
                out.push(gap..at);
            }
            if self == Splitter::MetaSpace {
                gap = at;
                at += n;
            } else {
                out.push(at..at + n);
                at += n;
                gap = at;
            }
        }
        if end > gap {
            out.push(gap..end);
        }
    }

    /// Bytes of the match at the start of `rest`; 0 where the pattern does not match there.
    fn matches(self, rest: &str) -> usize {
        let one = |is: fn(char) -> bool| rest.chars().next().filter(|c| is(*c)).map_or(0, char::len_utf8);
        match self {
            Splitter::Gpt2 => gpt2(rest),
            Splitter::Llama3 { digits } => llama3(rest, digits),
            Splitter::EachNumber => one(is_number),
            Splitter::Numbers => run(rest, usize::MAX, is_number),
            Splitter::UpToThreeNumbers => run(rest, 3, is_number),
            Splitter::ThreeDigits => match run(rest, 3, |c| c.is_ascii_digit()) {
                3 => 3,
                _ => 0,
            },
            Splitter::Punctuation => run(rest, usize::MAX, |c| {
                is_punctuation(c) || matches!(c, '$' | '+' | '<'..='>' | '^' | '~' | '|' | '`')
            }),
            Splitter::LineBreak => one(|c| matches!(c, '\r' | '\n')),
            Splitter::SpaceLetters => after_optional(rest, char::is_whitespace, is_letter),
            Splitter::SpacePunctuation => after_optional(rest, char::is_whitespace, is_punctuation),
            Splitter::EastAsian => {
                run(rest, usize::MAX, |c| matches!(c, '\u{800}'..='\u{9fa5}' | '\u{ac00}'..='\u{d7ff}'))
            }
            Splitter::MetaSpace => one(|c| c == '▁'),
        }
    }
}

/// Bytes of up to `limit` leading characters that satisfy `is`.
fn run(text: &str, limit: usize, is: impl Fn(char) -> bool) -> usize {
    text.chars().take(limit).take_while(|c| is(*c)).map(char::len_utf8).sum()
}

/// Bytes of one character of kind `first`, if there is one, followed by at least one of kind `then`; else 0.
fn after_optional(text: &str, first: impl Fn(char) -> bool, then: impl Fn(char) -> bool + Copy) -> usize {
    let lead = text.chars().next().filter(|c| first(*c)).map_or(0, char::len_utf8);
    match run(&text[lead..], usize::MAX, then) {
        0 if lead > 0 => run(text, usize::MAX, then),
        0 => 0,
        n => lead + n,
    }
}

/// Bytes of a contraction at the start of `text`, else 0.
fn contraction(text: &str, any_case: bool) -> usize {
    let mut chars = text.chars();
    if chars.next() != Some('\'') {
        return 0;
    }
    let fold = |c: char| match c {
        // The one character beyond ASCII that folds to one of these letters.
        'ſ' if any_case => 's',
        c if any_case => c.to_ascii_lowercase(),
        c => c,
    };
    let (a, b) = (chars.next(), chars.next());
    let n = match (a.map(fold), b.map(fold)) {
        (Some('s' | 't' | 'm' | 'd'), _) => a.map_or(0, char::len_utf8),
        (Some('r'), Some('e')) | (Some('v'), Some('e')) | (Some('l'), Some('l')) => 2,
        _ => return 0,
    };
    1 + n
}

/// `\s+(?!\S)|\s+` on text that starts with white space: the last character of the run is left for what follows it.
fn spaces(text: &str) -> usize {
    let all = run(text, usize::MAX, char::is_whitespace);
    if all == text.len() {
        return all;
    }
    let last = text[..all].chars().next_back().map_or(0, char::len_utf8);
    if all > last { all - last } else { all }
}

fn is_other(c: char) -> bool {
    !c.is_whitespace() && !is_letter(c) && !is_number(c)
}

fn gpt2(text: &str) -> usize {
    let n = contraction(text, false);
    if n > 0 {
        return n;
    }
    for is in [is_letter, is_number, is_other] {
        let n = after_optional(text, |c| c == ' ', is);
        if n > 0 {
            return n;
        }
    }
    spaces(text)
}

fn llama3(text: &str, digits: usize) -> usize {
    let n = contraction(text, true);
    if n > 0 {
        return n;
    }
    let n = after_optional(text, |c| !matches!(c, '\r' | '\n') && !is_letter(c) && !is_number(c), is_letter);
    if n > 0 {
        return n;
    }
    let n = run(text, digits, is_number);
    if n > 0 {
        return n;
    }
    let n = after_optional(text, |c| c == ' ', is_other);
    if n > 0 {
        return n + run(&text[n..], usize::MAX, |c| matches!(c, '\r' | '\n'));
    }
    let white = run(text, usize::MAX, char::is_whitespace);
    match text[..white].rfind(['\r', '\n']) {
        Some(last) => last + 1,
        None => spaces(text),
    }
}

/// `\p{L}`
pub fn is_letter(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    use Category::{LowercaseLetter, ModifierLetter, OtherLetter, TitlecaseLetter, UppercaseLetter};
    matches!(
        get_general_category(c),
        LowercaseLetter | ModifierLetter | OtherLetter | TitlecaseLetter | UppercaseLetter
    )
}

/// `\p{N}`, which is exactly the standard library's notion of numeric.
pub fn is_number(c: char) -> bool {
    c.is_numeric()
}

/// `\p{P}`
pub fn is_punctuation(c: char) -> bool {
    use Category::{
        ClosePunctuation, ConnectorPunctuation, DashPunctuation, FinalPunctuation, InitialPunctuation, OpenPunctuation,
        OtherPunctuation,
    };
    matches!(
        get_general_category(c),
        ClosePunctuation
            | ConnectorPunctuation
            | DashPunctuation
            | FinalPunctuation
            | InitialPunctuation
            | OpenPunctuation
            | OtherPunctuation
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces<'a>(splitters: &[Splitter], text: &'a str) -> Vec<&'a str> {
        let mut ranges = vec![0..text.len()];
        for splitter in splitters {
            let before = std::mem::take(&mut ranges);
            before.into_iter().for_each(|range| splitter.split(text, range, &mut ranges));
        }
        let pieces: Vec<&str> = ranges.into_iter().map(|range| &text[range]).collect();
        assert_eq!(pieces.concat(), text, "nothing may be lost");
        pieces
    }

    #[test]
    fn gpt2_cuts_as_its_expression_says() {
        let cut = |text| pieces(&[Splitter::Gpt2], text);
        assert_eq!(cut("Hello world!  I've 42 cats"), ["Hello", " world", "!", " ", " I", "'ve", " 42", " cats"]);
        assert_eq!(cut("a\n\n b"), ["a", "\n\n", " b"]);
        assert_eq!(cut("a\nb  "), ["a", "\n", "b", "  "]);
        assert_eq!(cut("'S 'll"), ["'", "S", " '", "ll"]);
        assert_eq!(cut("x²½ é́"), ["x", "²½", " é", "́"]);
        assert_eq!(cut(""), [""; 0]);
    }

    #[test]
    fn llama3_cuts_as_its_expression_says() {
        let cut = |text| pieces(&[Splitter::Llama3 { digits: 3 }], text);
        assert_eq!(
            cut("Hello world!\n\n  I'VE 12345"),
            ["Hello", " world", "!\n\n", " ", " I", "'VE", " ", "123", "45"]
        );
        assert_eq!(cut("(see\tit) \n x"), ["(see", "\tit", ")", " \n", " x"]);
        assert_eq!(cut("a  \n\n  b"), ["a", "  \n\n", " ", " b"]);
        assert_eq!(pieces(&[Splitter::Llama3 { digits: 1 }], "x12"), ["x", "1", "2"]);
    }

    #[test]
    fn patterns_with_gaps_keep_the_gaps() {
        assert_eq!(pieces(&[Splitter::EachNumber, Splitter::Gpt2], "a 12b"), ["a", " ", "1", "2", "b"]);
        assert_eq!(pieces(&[Splitter::ThreeDigits], "12345678"), ["123", "456", "78"]);
        assert_eq!(pieces(&[Splitter::Punctuation], "a=b, c"), ["a", "=", "b", ",", " c"]);
        assert_eq!(pieces(&[Splitter::MetaSpace], "▁a▁▁bc"), ["▁a", "▁", "▁bc"]);
        assert_eq!(pieces(&[Splitter::MetaSpace], "ab▁c"), ["ab", "▁c"]);
    }

    #[test]
    fn long_runs_take_linear_time() {
        for splitter in [Splitter::Gpt2, Splitter::Llama3 { digits: 3 }, Splitter::SpaceLetters, Splitter::MetaSpace] {
            for unit in [" ", "\n", "a", "1", "'", " '", "▁", "é \n"] {
                let text = unit.repeat(200_000);
                pieces(&[splitter], &text);
            }
        }
    }
}
