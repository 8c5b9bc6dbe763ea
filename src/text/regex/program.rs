//! Expressions as programs for the matcher.

use std::collections::HashMap;

use super::class::Class;
use super::error::RegexError;
use super::node::{Anchor, Greed, Node};

/// A set of characters to look up quickly.
#[derive(Debug)]
pub struct Set {
    ascii: u128,
    class: Class,
}

impl Set {
    fn new(class: &Class) -> Set {
        let ascii = (0..128u8).filter(|c| class.contains(char::from(*c))).fold(0, |bits, c| bits | 1 << c);
        Set { ascii, class: class.clone() }
    }

    pub fn n_ranges(&self) -> usize {
        self.class.ranges().len()
    }

    pub fn contains(&self, c: char) -> bool {
        if c.is_ascii() { self.ascii >> u32::from(c) & 1 == 1 } else { self.class.contains(c) }
    }
}

/// Places in the program are its indices.
#[derive(Clone, Debug)]
pub enum Step {
    /// One character of a set.
    One(usize),
    /// Characters of a set.
    Run {
        set: usize,
        min: usize,
        max: usize,
        greed: Greed,
    },
    Jump(usize),
    /// Goes on here, or there if that fails.
    Either(usize, usize),
    Anchor(Anchor),
    /// Tries what follows up to the next `Done`, and goes on at `end` from where it began.
    Look {
        end: usize,
        negative: bool,
    },
    /// Tries what follows up to the next `Done`, and goes on at `end` from where that ended.
    Atomic {
        end: usize,
    },
    /// Goes back by a number of characters.
    Back(usize),
    /// Notes the place in the text.
    Mark(usize),
    /// Fails where nothing was read since the note: a repetition of nothing would not end.
    Moved(usize),
    Done,
}

#[derive(Debug, Default)]
pub struct Program {
    pub steps: Vec<Step>,
    pub sets: Vec<Set>,
    pub n_marks: usize,
}

/// Hundreds of times what real expressions take.
const MAX_STEPS: usize = 20_000;
const MAX_RANGES: usize = 100_000;

impl Program {
    pub fn new(node: &Node) -> Result<Program, RegexError> {
        let mut builder = Builder::default();
        builder.add(node)?;
        builder.push(Step::Done)?;
        Ok(builder.program)
    }
}

#[derive(Default)]
struct Builder {
    program: Program,
    known: HashMap<Vec<(u32, u32)>, usize>,
    n_ranges: usize,
}

impl Builder {
    fn push(&mut self, step: Step) -> Result<usize, RegexError> {
        self.program.steps.push(step);
        if self.program.steps.len() > MAX_STEPS || self.n_ranges > MAX_RANGES {
            return Err(RegexError::Unsupported("an expression as large as this one".into()));
        }
        Ok(self.program.steps.len() - 1)
    }

    fn here(&self) -> usize {
        self.program.steps.len()
    }

    fn set(&mut self, class: &Class) -> usize {
        if let Some(at) = self.known.get(class.ranges()) {
            return *at;
        }
        let at = self.program.sets.len();
        self.program.sets.push(Set::new(class));
        self.known.insert(class.ranges().to_vec(), at);
        self.n_ranges += class.ranges().len();
        at
    }

    fn add(&mut self, node: &Node) -> Result<(), RegexError> {
        match node {
            Node::Class(class) => {
                let set = self.set(class);
                self.push(Step::One(set))?;
            }
            Node::Concat(nodes) => nodes.iter().try_for_each(|node| self.add(node))?,
            Node::Either(nodes) => {
                let mut jumps = Vec::new();
                let (last, others) = nodes.split_last().unwrap_or((node, &[]));
                for node in others {
                    let either = self.push(Step::Either(0, 0))?;
                    self.add(node)?;
                    jumps.push(self.push(Step::Jump(0))?);
                    self.program.steps[either] = Step::Either(either + 1, self.here());
                }
                self.add(last)?;
                for jump in jumps {
                    self.program.steps[jump] = Step::Jump(self.here());
                }
            }
            Node::Repeat { node, min, max, greed } => self.repeat(node, *min, *max, *greed)?,
            Node::Anchor(anchor) => {
                self.push(Step::Anchor(*anchor))?;
            }
            Node::Look { node, ahead, negative } => {
                let start = self.push(Step::Done)?;
                if *ahead {
                    self.add(node)?;
                } else {
                    self.behind(node)?;
                }
                self.push(Step::Done)?;
                self.program.steps[start] = Step::Look { end: self.here(), negative: *negative };
            }
            Node::Atomic(node) => self.atomic(|builder| builder.add(node))?,
        }
        Ok(())
    }

    fn atomic(&mut self, add: impl FnOnce(&mut Self) -> Result<(), RegexError>) -> Result<(), RegexError> {
        let start = self.push(Step::Done)?;
        add(self)?;
        self.push(Step::Done)?;
        self.program.steps[start] = Step::Atomic { end: self.here() };
        Ok(())
    }

    /// Each alternative goes back by its own length.
    fn behind(&mut self, node: &Node) -> Result<(), RegexError> {
        let each = match node {
            Node::Either(nodes) => nodes.as_slice(),
            node => std::slice::from_ref(node),
        };
        let mut either = Vec::new();
        for node in each {
            let Some(n) = node.fixed_chars() else {
                return Err(RegexError::Unsupported("look-behind of several lengths".into()));
            };
            let start = self.push(Step::Either(0, 0))?;
            self.push(Step::Back(n as usize))?;
            self.add(node)?;
            either.push(self.push(Step::Jump(0))?);
            self.program.steps[start] = Step::Either(start + 1, self.here());
        }
        // No alternative was there: an empty set fails.
        let none = self.set(&Class::default());
        self.push(Step::One(none))?;
        for jump in either {
            self.program.steps[jump] = Step::Jump(self.here());
        }
        Ok(())
    }

    fn repeat(&mut self, node: &Node, min: u32, max: Option<u32>, greed: Greed) -> Result<(), RegexError> {
        let mut node = node;
        while let Node::Concat(nodes) = node {
            let [only] = nodes.as_slice() else { break };
            node = only;
        }
        if let Node::Class(class) = node {
            let set = self.set(class);
            let max = max.map_or(usize::MAX, |max| max as usize);
            self.push(Step::Run { set, min: min as usize, max, greed })?;
            return Ok(());
        }
        if greed == Greed::Possessive {
            return self.atomic(|builder| builder.repeat(node, min, max, Greed::Greedy));
        }
        let either = |on, past| if greed == Greed::Lazy { Step::Either(past, on) } else { Step::Either(on, past) };
        for _ in 0..min {
            self.add(node)?;
        }
        match max {
            Some(max) => {
                let mut starts = Vec::new();
                for _ in min..max {
                    starts.push(self.push(Step::Done)?);
                    self.add(node)?;
                }
                for start in starts {
                    self.program.steps[start] = either(start + 1, self.here());
                }
            }
            None => {
                let mark = self.program.n_marks;
                self.program.n_marks += 1;
                let start = self.push(Step::Done)?;
                self.push(Step::Mark(mark))?;
                self.add(node)?;
                self.push(Step::Moved(mark))?;
                self.push(Step::Jump(start))?;
                self.program.steps[start] = either(start + 1, self.here());
            }
        }
        Ok(())
    }
}
