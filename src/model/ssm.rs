//! Layers of a state space: what they are made of, and the sizes that follow from it.

use crate::error::{Error, Result};

/// A selective state space in the attention's place (Mamba-2, arXiv 2405.21060): each head keeps a matrix that decays and takes up what
/// it reads, by factors that depend on the token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SsmConfig {
    /// Heads, each with a state of its own.
    pub n_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Groups of heads that share what is written to the state and read from it, and a norm.
    pub n_groups: usize,
    /// Columns of a head's state, of which it has `head_dim` rows.
    pub state: usize,
    /// Positions that the convolution before it sees.
    pub kernel: usize,
    /// Bias on the convolution.
    pub conv_bias: bool,
    /// Biases on the projections around it.
    pub proj_bias: bool,
    /// The least and the greatest step.
    pub step_limits: (f32, f32),
    /// Added to the mean of the squares, by the norm of what it gives.
    pub eps: f32,
}

impl SsmConfig {
    /// Columns of what it gives.
    pub fn inner(&self) -> usize {
        self.n_heads * self.head_dim
    }

    /// Columns that are convolved: inputs of the heads, then what groups write and what they read.
    pub fn conv_width(&self) -> usize {
        self.inner() + 2 * self.n_groups * self.state
    }

    /// Columns of what it reads: a gate, what is convolved, and a step for each head.
    pub fn row_width(&self) -> usize {
        self.inner() + self.conv_width() + self.n_heads
    }

    /// Numbers that it keeps of the rows of the convolution before the next one.
    pub fn conv_len(&self) -> usize {
        (self.kernel - 1) * self.conv_width()
    }

    /// Numbers of all that it keeps: those of the convolution, then the states `[n_heads, head_dim, state]`.
    pub fn kept_len(&self) -> usize {
        self.conv_len() + self.inner() * self.state
    }

    /// # Errors
    /// `Format` for sizes in contradiction, `Unsupported` for those that no kernel has. `file` is for messages.
    pub fn check(&self, file: &str) -> Result<()> {
        let &SsmConfig { n_heads, n_groups, state, kernel, step_limits: (least, most), .. } = self;
        let problem = if n_groups == 0 || !n_heads.is_multiple_of(n_groups) {
            Some(("the groups of the state space", format!("a divisor of its {n_heads} heads"), n_groups.to_string()))
        } else if kernel == 0 {
            Some(("the convolution of the state space", "at least 1 position".to_string(), kernel.to_string()))
        } else if least.is_nan() || least > most {
            let expected = "the least, then the greatest".to_string();
            Some(("the limits of the state space's steps", expected, format!("{least}, {most}")))
        } else {
            None
        };
        if let Some((what, expected, found)) = problem {
            return Err(Error::Format { file: file.to_string(), what: what.to_string(), expected, found });
        }
        if state == 0 || !state.is_multiple_of(8) {
            return Err(Error::Unsupported {
                what: "the width of the state space's states".to_string(),
                found: state.to_string(),
                supported: "multiples of 8".to_string(),
            });
        }
        Ok(())
    }
}
