//! The syntax of classes: `[..]` and what follows a backslash.

use super::class::Class;
use super::error::RegexError;
use super::input::Input;
use super::property::property;
use crate::text::unicode;

const MAX_DEPTH: usize = 32;

/// What `&&`, `--` and `~~` do with two classes.
type Operation = fn(&Class, &Class) -> Class;

/// A class whose opening bracket has been read. With `any_case`, characters stand for all their cases.
pub fn read_class(input: &mut Input<'_>, depth: usize, any_case: bool) -> Result<Class, RegexError> {
    if depth > MAX_DEPTH {
        return Err(RegexError::Unsupported(format!("classes {depth} deep")));
    }
    let negative = input.eat("^");
    let mut ranges = Vec::new();
    let mut first = true;
    // What stands left of the last set operation, and that operation.
    let mut left: Option<(Class, Operation)> = None;
    let close = |left: Option<(Class, Operation)>, ranges| {
        let right = if any_case { Class::new(ranges).fold_case() } else { Class::new(ranges) };
        match left {
            Some((class, operation)) => operation(&class, &right),
            None => right,
        }
    };
    loop {
        let operation: Option<Operation> = if input.eat("&&") {
            Some(Class::intersect)
        } else if input.eat("--") && !first {
            Some(Class::minus)
        } else if input.eat("~~") {
            Some(|a, b| a.minus(b).union(&b.minus(a)))
        } else {
            None
        };
        if let Some(operation) = operation {
            left = Some((close(left.take(), std::mem::take(&mut ranges)), operation));
            continue;
        }
        if !first && input.eat("]") {
            let class = close(left, ranges);
            return Ok(if negative { class.negate() } else { class });
        }
        first = false;
        if input.eat("[:") {
            let name = input.until(']')?;
            let name = name.strip_suffix(':').ok_or_else(|| input.wrong("[: without :]"))?;
            ranges.extend_from_slice(ascii_class(name)?.ranges());
            continue;
        }
        if input.eat("[") {
            ranges.extend_from_slice(read_class(input, depth + 1, any_case)?.ranges());
            continue;
        }
        let from = member(input, any_case)?;
        let after_dash = input.rest().strip_prefix('-').and_then(|rest| rest.chars().next());
        let starts_range = after_dash.is_some_and(|c| !matches!(c, ']' | '-'));
        match only_char(&from).filter(|_| starts_range) {
            Some(from) => {
                input.next();
                let to = only_char(&member(input, any_case)?);
                let to =
                    to.filter(|to| *to >= from).ok_or_else(|| input.wrong("a range that ends before it begins"))?;
                ranges.push((from, to));
            }
            None => ranges.extend_from_slice(from.ranges()),
        }
    }
}

fn only_char(class: &Class) -> Option<u32> {
    match class.ranges() {
        [(from, to)] if from == to => Some(*from),
        _ => None,
    }
}

fn member(input: &mut Input<'_>, any_case: bool) -> Result<Class, RegexError> {
    match input.next() {
        Some('\\') => escaped_class(input, any_case),
        Some(c) => Ok(Class::of(c)),
        None => Err(input.wrong("a class that is not closed")),
    }
}

/// What the characters behind a backslash stand for. With `any_case`, properties hold of all cases of a character.
pub fn escaped_class(input: &mut Input<'_>, any_case: bool) -> Result<Class, RegexError> {
    let Some(c) = input.next() else { return Err(input.wrong("a backslash at the end")) };
    let word = || unicode::class(|c| c.is_word());
    let digit = || unicode::class(|c| c.category() == "Nd");
    let space = || Class::new(unicode::WHITE_SPACE.to_vec());
    Ok(match c {
        'd' => digit(),
        'D' => digit().negate(),
        'w' => word(),
        'W' => word().negate(),
        's' => space(),
        'S' => space().negate(),
        'h' => Class::chars("0123456789abcdefABCDEF"),
        'H' => Class::chars("0123456789abcdefABCDEF").negate(),
        'n' => Class::of('\n'),
        'r' => Class::of('\r'),
        't' => Class::of('\t'),
        'f' => Class::of('\u{c}'),
        'v' => Class::of('\u{b}'),
        'a' => Class::of('\u{7}'),
        'e' => Class::of('\u{1b}'),
        'x' | 'u' | 'U' => {
            let digits = if input.eat("{") {
                input.until('}')?
            } else {
                let n = if c == 'x' {
                    2
                } else if c == 'u' {
                    4
                } else {
                    8
                };
                (0..n).filter_map(|_| input.next()).collect()
            };
            let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
            Class::of(code.ok_or_else(|| input.wrong("no hexadecimal number of a character"))?)
        }
        'p' | 'P' => {
            let name =
                if input.eat("{") { input.until('}')? } else { input.next().map(String::from).unwrap_or_default() };
            let (name, negative) = match name.strip_prefix('^') {
                Some(name) => (name, c == 'p'),
                None => (name.as_str(), c == 'P'),
            };
            let class = property(name).ok_or_else(|| RegexError::Unsupported(format!("\\p{{{name}}}")))?;
            let class = if any_case { class.fold_case() } else { class };
            if negative { class.negate() } else { class }
        }
        c if c.is_ascii_alphanumeric() => return Err(RegexError::Unsupported(format!("\\{c}"))),
        c => Class::of(c),
    })
}

/// `[:name:]`
fn ascii_class(name: &str) -> Result<Class, RegexError> {
    let (name, negative) = match name.strip_prefix('^') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let test: fn(&char) -> bool = match name {
        "alnum" => char::is_ascii_alphanumeric,
        "alpha" => char::is_ascii_alphabetic,
        "ascii" => char::is_ascii,
        "blank" => |c| matches!(c, ' ' | '\t'),
        "cntrl" => char::is_ascii_control,
        "digit" => char::is_ascii_digit,
        "graph" => char::is_ascii_graphic,
        "lower" => char::is_ascii_lowercase,
        "print" => |c| matches!(c, ' '..='~'),
        "punct" => char::is_ascii_punctuation,
        "space" => |c| matches!(c, '\t'..='\r' | ' '),
        "upper" => char::is_ascii_uppercase,
        "word" => |c| c.is_ascii_alphanumeric() || *c == '_',
        "xdigit" => char::is_ascii_hexdigit,
        _ => return Err(RegexError::Unsupported(format!("[:{name}:]"))),
    };
    let chars: String = ('\0'..='\u{7f}').filter(test).collect();
    let class = Class::chars(&chars);
    Ok(if negative { class.negate() } else { class })
}
