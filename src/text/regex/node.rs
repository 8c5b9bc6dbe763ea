//! Expressions as trees.

use super::class::Class;

/// How often, and in which order lengths are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greed {
    Greedy,
    Lazy,
    /// As many as there are, for good.
    Possessive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    TextStart,
    TextEnd,
    LineStart,
    LineEnd,
    WordBoundary,
    NoWordBoundary,
}

/// An expression as a tree.
#[derive(Clone, Debug)]
pub enum Node {
    /// One character.
    Class(Class),
    Concat(Vec<Node>),
    Either(Vec<Node>),
    Repeat {
        node: Box<Node>,
        min: u32,
        max: Option<u32>,
        greed: Greed,
    },
    Anchor(Anchor),
    Look {
        node: Box<Node>,
        ahead: bool,
        negative: bool,
    },
    Atomic(Box<Node>),
}

impl Node {
    /// The fewest characters that it matches.
    pub fn min_chars(&self) -> u32 {
        match self {
            Node::Class(_) => 1,
            Node::Concat(nodes) => nodes.iter().fold(0, |sum, node| node.min_chars().saturating_add(sum)),
            Node::Either(nodes) => nodes.iter().map(Node::min_chars).min().unwrap_or_default(),
            Node::Repeat { node, min, .. } => node.min_chars().saturating_mul(*min),
            Node::Anchor(_) | Node::Look { .. } => 0,
            Node::Atomic(node) => node.min_chars(),
        }
    }

    /// The number of characters, where it is always the same.
    pub fn fixed_chars(&self) -> Option<u32> {
        match self {
            Node::Class(_) => Some(1),
            Node::Concat(nodes) => nodes.iter().try_fold(0u32, |sum, node| node.fixed_chars()?.checked_add(sum)),
            Node::Either(nodes) => {
                let first = nodes.first()?.fixed_chars()?;
                nodes.iter().all(|node| node.fixed_chars() == Some(first)).then_some(first)
            }
            Node::Repeat { node, min, max, .. } if Some(*min) == *max => node.fixed_chars()?.checked_mul(*min),
            Node::Repeat { .. } => None,
            Node::Anchor(_) | Node::Look { .. } => Some(0),
            Node::Atomic(node) => node.fixed_chars(),
        }
    }
}
