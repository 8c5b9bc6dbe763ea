//! A matrix behind an encoder, of a head or of a dense module.

use crate::model::Norm;

/// What follows a matrix of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadActivation {
    /// Nothing: these are the outputs.
    None,
    /// Hyperbolic tangent.
    Tanh,
    /// The greater of x and 0.
    Relu,
    /// Exact GELU, by erf.
    Gelu,
}

/// A matrix of a head, and what follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadLayer {
    /// The matrix's name in the file without `.weight` and `.bias`.
    pub name: String,
    /// Whether it has a bias.
    pub bias: bool,
    /// What follows it.
    pub then: HeadActivation,
    /// Norm of what that gives, and its name.
    pub norm: Option<(&'static str, Norm)>,
}

impl HeadLayer {
    pub(super) fn new(name: &str, bias: bool, then: HeadActivation) -> HeadLayer {
        HeadLayer { name: name.to_string(), bias, then, norm: None }
    }

    /// Whether a tensor of the file is one of its own.
    pub fn owns(&self, tensor: &str) -> bool {
        let own = |name: &str, bias: bool| match tensor.strip_prefix(name) {
            Some(".weight") => true,
            Some(".bias") => bias,
            _ => false,
        };
        let of_norm = |(name, norm)| own(name, matches!(norm, Norm::Layer { .. }));
        own(&self.name, self.bias) || self.norm.is_some_and(of_norm)
    }
}
