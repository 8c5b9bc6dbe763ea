//! The syntax of expressions.

use super::class::Class;
use super::error::RegexError;
use super::input::Input;
use super::node::{Anchor, Greed, Node};
use super::parse_class::{escaped_class, read_class};

/// Repetitions up to which `{n,m}` is read.
const MAX_REPEAT: u32 = 1000;
const MAX_DEPTH: usize = 32;

#[derive(Clone, Copy, Default)]
struct Flags {
    any_case: bool,
    lines: bool,
    dot_is_all: bool,
}

/// Parses a whole expression.
pub fn parse(pattern: &str) -> Result<Node, RegexError> {
    let mut input = Input::new(pattern);
    let node = alternatives(&mut input, Flags::default(), 0)?;
    match input.peek() {
        None => Ok(node),
        Some(_) => Err(input.wrong("a closing parenthesis that closes nothing")),
    }
}

fn alternatives(input: &mut Input<'_>, mut flags: Flags, depth: usize) -> Result<Node, RegexError> {
    if depth > MAX_DEPTH {
        return Err(RegexError::Unsupported(format!("groups {depth} deep")));
    }
    let mut either = Vec::new();
    let mut concat = Vec::new();
    loop {
        match input.peek() {
            None | Some(')') => break,
            Some('|') => {
                input.next();
                either.push(Node::Concat(std::mem::take(&mut concat)));
            }
            Some(_) => {
                let Some(node) = atom(input, &mut flags, depth)? else { continue };
                concat.push(repeated(input, node)?);
            }
        }
    }
    if either.is_empty() {
        return Ok(Node::Concat(concat));
    }
    either.push(Node::Concat(concat));
    Ok(Node::Either(either))
}

/// One element; `None` where only flags were set.
fn atom(input: &mut Input<'_>, flags: &mut Flags, depth: usize) -> Result<Option<Node>, RegexError> {
    let class = |class: Class| Node::Class(if flags.any_case { class.fold_case() } else { class });
    Ok(Some(match input.peek() {
        Some('(') => return group(input, flags, depth),
        Some('[') => {
            input.next();
            Node::Class(read_class(input, depth, flags.any_case)?)
        }
        Some('.') => {
            input.next();
            let line_end = Class::of('\n');
            Node::Class(if flags.dot_is_all { Class::default().negate() } else { line_end.negate() })
        }
        Some('^') => {
            input.next();
            Node::Anchor(if flags.lines { Anchor::LineStart } else { Anchor::TextStart })
        }
        Some('$') => {
            input.next();
            Node::Anchor(if flags.lines { Anchor::LineEnd } else { Anchor::TextEnd })
        }
        Some('*' | '+' | '?') => return Err(input.wrong("a repetition of nothing")),
        Some('\\') => {
            input.next();
            let anchor = match input.peek() {
                Some('b') => Anchor::WordBoundary,
                Some('B') => Anchor::NoWordBoundary,
                Some('A') => Anchor::TextStart,
                Some('z') => Anchor::TextEnd,
                _ => {
                    let escaped = escaped_class(input, flags.any_case)?;
                    // Characters by themselves; classes have seen to it.
                    let single = escaped.contains_one();
                    return Ok(Some(if single { class(escaped) } else { Node::Class(escaped) }));
                }
            };
            input.next();
            if input.peek() == Some('{') {
                return Err(RegexError::Unsupported("\\b{..}".into()));
            }
            Node::Anchor(anchor)
        }
        Some(c) => {
            input.next();
            class(Class::of(c))
        }
        None => return Ok(None),
    }))
}

fn group(input: &mut Input<'_>, flags: &mut Flags, depth: usize) -> Result<Option<Node>, RegexError> {
    input.next();
    let look = |ahead, negative| Some((ahead, negative));
    let (mut inner, mut atomic, mut looks) = (*flags, false, None);
    if input.eat("?=") {
        looks = look(true, false);
    } else if input.eat("?!") {
        looks = look(true, true);
    } else if input.eat("?<=") {
        looks = look(false, false);
    } else if input.eat("?<!") {
        looks = look(false, true);
    } else if input.eat("?>") {
        atomic = true;
    } else if input.eat("?#") {
        input.until(')')?;
        return Ok(None);
    } else if input.eat("?P<") || input.eat("?<") {
        // A name that nothing asks for.
        input.until('>')?;
    } else if input.eat("?") {
        let mut on = true;
        loop {
            match input.next() {
                Some('-') => on = false,
                Some('i') => inner.any_case = on,
                Some('m') => inner.lines = on,
                Some('s') => inner.dot_is_all = on,
                Some('u') if on => {}
                Some(':') => break,
                Some(')') => {
                    *flags = inner;
                    return Ok(None);
                }
                Some(other) => return Err(RegexError::Unsupported(format!("the group (?{other}"))),
                None => return Err(input.wrong("a group that is not closed")),
            }
        }
    }
    let node = alternatives(input, inner, depth + 1)?;
    if !input.eat(")") {
        return Err(input.wrong("a group that is not closed"));
    }
    Ok(Some(match looks {
        Some((ahead, negative)) => Node::Look { node: Box::new(node), ahead, negative },
        None if atomic => Node::Atomic(Box::new(node)),
        None => node,
    }))
}

fn repeated(input: &mut Input<'_>, mut node: Node) -> Result<Node, RegexError> {
    loop {
        let (min, max) = if input.eat("*") {
            (0, None)
        } else if input.eat("+") {
            (1, None)
        } else if input.eat("?") {
            (0, Some(1))
        } else if let Some((min, max)) = counts(input)? {
            (min, max)
        } else {
            return Ok(node);
        };
        let greed = if input.eat("?") {
            Greed::Lazy
        } else if input.eat("+") {
            Greed::Possessive
        } else {
            Greed::Greedy
        };
        node = Node::Repeat { node: Box::new(node), min, max, greed };
    }
}

/// `{n}`, `{n,}`, `{,m}` or `{n,m}`; any other brace is a character.
fn counts(input: &mut Input<'_>) -> Result<Option<(u32, Option<u32>)>, RegexError> {
    let Some(inside) = input.rest().strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(inside, _)| inside)
    else {
        return Ok(None);
    };
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let found = match inside.split_once(',') {
        None => number(inside).map(|n| (n, Some(n))),
        Some((min, max)) if max.trim().is_empty() => number(min).map(|min| (min, None)),
        Some((min, max)) if min.trim().is_empty() => number(max).map(|max| (0, Some(max))),
        Some((min, max)) => number(min).zip(number(max)).map(|(min, max)| (min, Some(max))),
    };
    let Some((min, max)) = found else { return Ok(None) };
    input.skip(inside.len() + 2);
    if max.is_some_and(|max| max < min) {
        return Err(input.wrong("a repetition with its most below its least"));
    }
    if max.unwrap_or(min) > MAX_REPEAT {
        return Err(RegexError::Unsupported(format!("more than {MAX_REPEAT} repetitions")));
    }
    Ok(Some((min, max)))
}
