//! Runs a program over a text, with a stack of what else could be tried.

use super::node::{Anchor, Greed};
use super::program::{Program, Step};
use crate::text::unicode::is_word;

/// The work allowed for a text: so many steps, and so many more for each byte.
const STEPS: u64 = 1 << 20;
const STEPS_PER_BYTE: u64 = 256;

/// The expression takes too long on this text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuchWork;

/// Something else to try.
enum Other {
    Branch {
        step: usize,
        at: usize,
    },
    /// One character less, down to `least`.
    Shorter {
        step: usize,
        at: usize,
        least: usize,
    },
    /// One character more, while there are `left`.
    Longer {
        step: usize,
        at: usize,
        set: usize,
        left: usize,
    },
    /// Puts a note back.
    Mark {
        mark: usize,
        at: usize,
    },
}

/// Iterates over the places of matches.
pub struct Matches<'a> {
    program: &'a Program,
    text: &'a str,
    at: usize,
    last_end: Option<usize>,
    marks: Vec<usize>,
    left: u64,
}

impl<'a> Matches<'a> {
    pub fn new(program: &'a Program, text: &'a str) -> Self {
        let left = STEPS + STEPS_PER_BYTE * text.len() as u64;
        Matches { program, text, at: 0, last_end: None, marks: vec![0; program.n_marks], left }
    }

    fn find(&mut self) -> Result<Option<(usize, usize)>, TooMuchWork> {
        let mut stack = Vec::new();
        while self.at <= self.text.len() {
            let start = self.at;
            let end = self.run(0, start, &mut stack)?;
            match end {
                Some(end) if end > start => {
                    (self.at, self.last_end) = (end, Some(end));
                    return Ok(Some((start, end)));
                }
                _ => self.at += self.char_at(start).map_or(1, char::len_utf8),
            }
            if end.is_some() && self.last_end != Some(start) {
                return Ok(Some((start, start)));
            }
        }
        Ok(None)
    }

    fn char_at(&self, at: usize) -> Option<char> {
        let first = *self.text.as_bytes().get(at)?;
        if first.is_ascii() { Some(char::from(first)) } else { self.text[at..].chars().next() }
    }

    fn char_before(&self, at: usize) -> Option<char> {
        self.text[..at].chars().next_back()
    }

    /// Runs from a step until `Done`, from `at`; gives where in the text that is.
    fn run(&mut self, mut step: usize, mut at: usize, stack: &mut Vec<Other>) -> Result<Option<usize>, TooMuchWork> {
        let bottom = stack.len();
        loop {
            self.left = self.left.checked_sub(1).ok_or(TooMuchWork)?;
            let next = match self.program.steps.get(step) {
                None | Some(Step::Done) => {
                    stack.truncate(bottom);
                    return Ok(Some(at));
                }
                Some(step_here) => self.take(step_here.clone(), step, at, stack)?,
            };
            let next = match next {
                Some(next) => Some(next),
                None => loop {
                    if stack.len() == bottom {
                        break None;
                    }
                    match stack.pop() {
                        None => break None,
                        Some(other) => {
                            if let Some(next) = self.turn(other, stack) {
                                break Some(next);
                            }
                        }
                    }
                },
            };
            match next {
                Some((to, place)) => (step, at) = (to, place),
                None => return Ok(None),
            }
        }
    }

    /// Takes a step: the next one and the place in the text, `None` where it fails.
    fn take(
        &mut self,
        step: Step,
        number: usize,
        at: usize,
        stack: &mut Vec<Other>,
    ) -> Result<Option<(usize, usize)>, TooMuchWork> {
        let next = number + 1;
        Ok(match step {
            Step::One(set) => {
                self.char_at(at).filter(|c| self.program.sets[set].contains(*c)).map(|c| (next, at + c.len_utf8()))
            }
            Step::Run { set, min, max, greed } => {
                let most = if greed == Greed::Lazy { min } else { max };
                let (mut n, mut end, mut least) = (0, at, at);
                while n < most {
                    let Some(c) = self.char_at(end).filter(|c| self.program.sets[set].contains(*c)) else { break };
                    end += c.len_utf8();
                    n += 1;
                    if n == min {
                        least = end;
                    }
                }
                self.left = self.left.checked_sub(n as u64 / 4).ok_or(TooMuchWork)?;
                if n < min {
                    return Ok(None);
                }
                match greed {
                    Greed::Greedy if end > least => stack.push(Other::Shorter { step: next, at: end, least }),
                    Greed::Lazy if max > min => stack.push(Other::Longer { step: next, at: end, set, left: max - min }),
                    _ => {}
                }
                Some((next, end))
            }
            Step::Jump(to) => Some((to, at)),
            Step::Either(first, second) => {
                stack.push(Other::Branch { step: second, at });
                Some((first, at))
            }
            Step::Anchor(anchor) => self.holds(anchor, at).then_some((next, at)),
            Step::Look { end, negative } => {
                let found = self.run(next, at, stack)?.is_some();
                (found != negative).then_some((end, at))
            }
            Step::Atomic { end } => self.run(next, at, stack)?.map(|at| (end, at)),
            Step::Back(n) => {
                let mut before = self.text[..at].char_indices().rev();
                let to = if n == 0 { Some(at) } else { before.nth(n - 1).map(|(at, _)| at) };
                to.map(|to| (next, to))
            }
            Step::Mark(mark) => {
                stack.push(Other::Mark { mark, at: self.marks[mark] });
                self.marks[mark] = at;
                Some((next, at))
            }
            Step::Moved(mark) => (self.marks[mark] != at).then_some((next, at)),
            Step::Done => None,
        })
    }

    /// Turns to something else: the next step and place, `None` where it is no try of its own.
    fn turn(&mut self, other: Other, stack: &mut Vec<Other>) -> Option<(usize, usize)> {
        match other {
            Other::Branch { step, at } => Some((step, at)),
            Other::Shorter { step, at, least } => {
                let at = at - self.char_before(at)?.len_utf8();
                if at > least {
                    stack.push(Other::Shorter { step, at, least });
                }
                Some((step, at))
            }
            Other::Longer { step, at, set, left } => {
                let c = self.char_at(at).filter(|c| self.program.sets[set].contains(*c))?;
                let at = at + c.len_utf8();
                if left > 1 {
                    stack.push(Other::Longer { step, at, set, left: left - 1 });
                }
                Some((step, at))
            }
            Other::Mark { mark, at } => {
                self.marks[mark] = at;
                None
            }
        }
    }

    fn holds(&self, anchor: Anchor, at: usize) -> bool {
        let (before, after) = (self.char_before(at), self.char_at(at));
        let at_word = || before.is_some_and(is_word) != after.is_some_and(is_word);
        match anchor {
            Anchor::TextStart => before.is_none(),
            Anchor::TextEnd => after.is_none(),
            Anchor::LineStart => matches!(before, None | Some('\n')),
            Anchor::LineEnd => matches!(after, None | Some('\n')),
            Anchor::WordBoundary => at_word(),
            Anchor::NoWordBoundary => !at_word(),
        }
    }
}

impl Iterator for Matches<'_> {
    type Item = Result<(usize, usize), TooMuchWork>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.find();
        if found.is_err() {
            self.at = self.text.len() + 1;
        }
        found.transpose()
    }
}
