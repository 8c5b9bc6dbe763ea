//! Regular expressions as JavaScript reads them, put into the words of `regex-syntax`: a schema's `pattern` is checked by
//! JavaScript, so what is written must match there.
//!
//! Only what a pattern matches counts here, not how: groups capture nothing, and lazy repetitions are repetitions.

use std::iter::Peekable;
use std::str::Chars;

/// What JavaScript's `\s` takes, as the inside of a class.
const SPACE: &str = r"\t\n\x0b\x0c\r \u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}";
const DIGIT: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";

/// A pattern in the syntax of `regex-syntax`.
///
/// # Errors
/// What cannot be written by a mask, such as a look-ahead, or is no regular expression, in words.
pub fn translated(pattern: &str) -> Result<String, String> {
    let mut reader = Reader { chars: pattern.chars().peekable(), out: String::new() };
    reader.alternatives()?;
    match regex_syntax::parse(&reader.out) {
        Ok(_) => Ok(reader.out),
        Err(_) => Err(format!("{pattern:?}, which is no regular expression")),
    }
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    out: String,
}

/// What one escape stands for.
enum Escape {
    Char(char),
    /// The inside of a class, and whether it is the complement that is meant.
    Class(String, bool),
    /// A property of Unicode, as it is written.
    Property(String),
}

impl Reader<'_> {
    fn alternatives(&mut self) -> Result<(), String> {
        while let Some(c) = self.chars.next() {
            match c {
                '.' => self.out.push_str(r"[^\n\r\u{2028}\u{2029}]"),
                '(' => self.group()?,
                '[' => self.class()?,
                '\\' => match self.escape(false)? {
                    Escape::Char(c) => self.literal(c),
                    Escape::Class(inside, negated) => {
                        self.out.push_str(if negated { "[^" } else { "[" });
                        self.out.push_str(&inside);
                        self.out.push(']');
                    }
                    Escape::Property(written) => self.out.push_str(&written),
                },
                '*' | '+' | '?' => self.repeated(&c.to_string()),
                '{' => match self.counts() {
                    Some(counts) => self.repeated(&counts),
                    None => self.literal('{'),
                },
                ')' | '|' | '^' | '$' => self.out.push(c),
                other => self.literal(other),
            }
        }
        Ok(())
    }

    /// A repetition; that it may be lazy changes nothing of what matches.
    fn repeated(&mut self, times: &str) {
        self.out.push_str(times);
        self.chars.next_if_eq(&'?');
    }

    /// `{2}`, `{2,}` or `{2,5}`, if that is what follows the brace.
    fn counts(&mut self) -> Option<String> {
        let mut ahead = self.chars.clone();
        let mut counts = String::from("{");
        loop {
            let c = ahead.next()?;
            counts.push(c);
            match c {
                '}' => break,
                '0'..='9' => {}
                ',' if counts.len() > 2 && !counts[..counts.len() - 1].contains(',') => {}
                _ => return None,
            }
        }
        if counts.len() < 3 {
            return None;
        }
        self.chars = ahead;
        Some(counts)
    }

    /// What stands behind an opening parenthesis.
    fn group(&mut self) -> Result<(), String> {
        self.out.push_str("(?:");
        if self.chars.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        match self.chars.next() {
            Some(':') => Ok(()),
            Some('<') if !matches!(self.chars.peek(), Some('=' | '!')) => {
                self.chars.by_ref().find(|c| *c == '>').map(|_| ()).ok_or_else(|| "a name without its end".into())
            }
            Some('=' | '!') => Err("a look-ahead".into()),
            Some('<') => Err("a look-behind".into()),
            _ => Err("a group of an unknown kind".into()),
        }
    }

    fn class(&mut self) -> Result<(), String> {
        let negated = self.chars.next_if_eq(&'^').is_some();
        let mut inside = String::new();
        loop {
            let Some(c) = self.chars.next() else { return Err("a class without its end".into()) };
            if c == ']' {
                break;
            }
            let first = match self.member(c)? {
                Escape::Char(c) => c,
                other => {
                    push_class(&mut inside, &other);
                    continue;
                }
            };
            let mut ahead = self.chars.clone();
            if ahead.next() != Some('-') || matches!(ahead.peek(), None | Some(']')) {
                push_char(&mut inside, first);
                continue;
            }
            // A range, or a minus before something that is no character.
            self.chars.next();
            let last = self.chars.next().unwrap_or('-');
            match self.member(last)? {
                Escape::Char(last) if last < first => return Err(format!("the range {first}-{last}")),
                Escape::Char(last) => {
                    push_char(&mut inside, first);
                    inside.push('-');
                    push_char(&mut inside, last);
                }
                other => {
                    push_char(&mut inside, first);
                    push_char(&mut inside, '-');
                    push_class(&mut inside, &other);
                }
            }
        }
        // JavaScript's `[]` matches nothing, and its `[^]` everything.
        if inside.is_empty() {
            self.out.push_str(if negated { r"[\x00-\u{10ffff}]" } else { r"[^\x00-\u{10ffff}]" });
        } else {
            self.out.push_str(if negated { "[^" } else { "[" });
            self.out.push_str(&inside);
            self.out.push(']');
        }
        Ok(())
    }

    fn member(&mut self, c: char) -> Result<Escape, String> {
        if c == '\\' { self.escape(true) } else { Ok(Escape::Char(c)) }
    }

    fn escape(&mut self, in_class: bool) -> Result<Escape, String> {
        let Some(c) = self.chars.next() else { return Err("a backslash at the end".into()) };
        let class = |inside: &str| Ok(Escape::Class(inside.into(), c.is_ascii_uppercase()));
        match c {
            'd' | 'D' => class(DIGIT),
            'w' | 'W' => class(WORD),
            's' | 'S' => class(SPACE),
            't' => Ok(Escape::Char('\t')),
            'n' => Ok(Escape::Char('\n')),
            'r' => Ok(Escape::Char('\r')),
            'v' => Ok(Escape::Char('\x0b')),
            'f' => Ok(Escape::Char('\x0c')),
            '0' if !matches!(self.chars.peek(), Some('0'..='9')) => Ok(Escape::Char('\0')),
            'b' if in_class => Ok(Escape::Char('\x08')),
            'b' | 'B' => Err(format!(r"the word boundary \{c}")),
            '0'..='9' | 'k' => Err("a reference back to a group".into()),
            'x' => self.hex(2).map(Escape::Char),
            'u' => self.unicode().map(Escape::Char),
            'c' => match self.chars.next() {
                Some(letter) if letter.is_ascii_alphabetic() => Ok(Escape::Char((letter as u8 % 32) as char)),
                _ => Err(r"\c without a letter".into()),
            },
            'p' | 'P' => {
                let name: String = self.chars.by_ref().take_while(|c| *c != '}').collect();
                if !name.starts_with('{') {
                    return Err(format!(r"\{c} without the name of a property"));
                }
                Ok(Escape::Property(format!(r"\{c}{name}}}")))
            }
            other => Ok(Escape::Char(other)),
        }
    }

    fn number(&mut self, digits: usize) -> Option<u32> {
        let mut ahead = self.chars.clone();
        let text: String = ahead.by_ref().take(digits).collect();
        if text.len() != digits || !text.chars().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        self.chars = ahead;
        u32::from_str_radix(&text, 16).ok()
    }

    fn hex(&mut self, digits: usize) -> Result<char, String> {
        self.number(digits).and_then(char::from_u32).ok_or_else(|| "an escape that is no character".into())
    }

    /// Behind `\u`: four digits, two pairs of four, or any number in braces.
    fn unicode(&mut self) -> Result<char, String> {
        let none = || "an escape that is no character".to_string();
        if self.chars.next_if_eq(&'{').is_some() {
            let text: String = self.chars.by_ref().take_while(|c| *c != '}').collect();
            return u32::from_str_radix(&text, 16).ok().and_then(char::from_u32).ok_or_else(none);
        }
        let high = self.number(4).ok_or_else(none)?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high).ok_or_else(none);
        }
        let (slash, u) = (self.chars.next(), self.chars.next());
        let low = self.number(4).filter(|low| (0xdc00..0xe000).contains(low) && (slash, u) == (Some('\\'), Some('u')));
        low.and_then(|low| char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))).ok_or_else(none)
    }

    fn literal(&mut self, c: char) {
        push_char(&mut self.out, c);
    }
}

/// A character that means itself, in a class or outside of one.
fn push_char(out: &mut String, c: char) {
    if c.is_control() || c == '/' {
        // The library that reads this next changes slashes.
        out.push_str(&format!(r"\u{{{:x}}}", c as u32));
        return;
    }
    if regex_syntax::is_meta_character(c) {
        out.push('\\');
    }
    out.push(c);
}

fn push_class(inside: &mut String, escape: &Escape) {
    match escape {
        Escape::Char(c) => push_char(inside, *c),
        Escape::Class(class, false) => inside.push_str(class),
        Escape::Class(class, true) => inside.push_str(&format!("[^{class}]")),
        Escape::Property(written) => inside.push_str(written),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_in_javascript() {
        for (from, to) in [
            ("^a.c$", r"^a[^\n\r\u{2028}\u{2029}]c$"),
            (r"\d+\.\D", r"[0-9]+\.[^0-9]"),
            (r"(?<year>\d{4})-(x|y)", r"(?:[0-9]{4})\-(?:x|y)"),
            ("a*?b+?c??d{2,}?", "a*b+c?d{2,}"),
            (r"[\w-.]", r"[0-9A-Za-z_\-\.]"),
            ("[a-f&&~[]", r"[a-f\&\&\~\[]"),
            ("[^]", r"[\x00-\u{10ffff}]"),
            (r"\u{1f600}\ud83d\ude00\x41\cA", "\u{1f600}\u{1f600}A\\u{1}"),
            (r"{a}]}", r"\{a\}\]\}"),
            (r"[\]\\^-]", r"[\]\\\^\-]"),
            (r"\/\-\p{L}", r"\u{2f}\-\p{L}"),
            (r"[+--]", r"[\+-\-]"),
        ] {
            assert_eq!(translated(from).as_deref(), Ok(to), "{from}");
        }
    }

    #[test]
    fn what_no_mask_can_hold_is_refused_in_words() {
        for (pattern, why) in [
            ("(?=a)", "a look-ahead"),
            ("(?<!a)b", "a look-behind"),
            (r"\bword", r"the word boundary \b"),
            (r"(a)\1", "a reference back to a group"),
            ("[a", "a class without its end"),
            ("[z-a]", "the range z-a"),
            (r"\ud800", "an escape that is no character"),
        ] {
            assert_eq!(translated(pattern), Err(why.to_string()), "{pattern}");
        }
        for pattern in ["(a", "a)", "*", r"\p{Nothing}", "a{3,2}"] {
            assert!(translated(pattern).unwrap_err().contains("no regular expression"), "{pattern}");
        }
    }
}
