//! What the start-up check found wrong, as data, and in words.

use std::fmt;

use crate::gpu::kernel::{KernelId, Variant, names};

/// Which kernels are at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Those over many rows.
    Many,
    /// Those over one.
    One,
    /// The one that chooses tokens.
    Choice,
}

/// What is wrong with kernels.
#[derive(Clone, Debug, PartialEq)]
pub enum Wrong {
    /// The device does not take them.
    Refused { why: String },
    /// Their numbers are not the CPU's: by so much, as a normalised mean squared error.
    Off { error: f64 },
    /// The same of attention over a long past.
    OffOverLongPast { error: f64 },
    /// No token was chosen.
    NoToken,
    /// Such a token there is not.
    Token { found: u32, of: usize },
    /// A token was chosen although so many were likelier.
    Unlikely { likelier: usize },
    /// A token's logarithm of its probability is another.
    Logprob { found: f32, expected: f64 },
}

/// Kernels and what is wrong with them.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub path: Path,
    /// Those whose results are wrong; none where only the logits were.
    pub kernels: Vec<KernelId>,
    /// Those whose results they read and which nobody looked at.
    pub or: Vec<KernelId>,
    pub wrong: Wrong,
}

impl Fault {
    /// A kernel that the device refuses.
    pub fn refused(kernel: KernelId, why: String) -> Fault {
        let path = if kernel.variants.contains(&Variant::Fused) { Path::One } else { Path::Many };
        Fault { path, kernels: vec![kernel], or: Vec::new(), wrong: Wrong::Refused { why } }
    }

    /// Whether one of the kernels is such a variant of a plainer one.
    pub fn has(&self, variant: Variant) -> bool {
        self.kernels.iter().chain(&self.or).any(|kernel| kernel.variants.contains(&variant))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kernels = names(&self.kernels);
        if !self.or.is_empty() {
            kernels = format!("{kernels} or {}", names(&self.or));
        }
        match &self.wrong {
            Wrong::Refused { why } => write!(f, "kernel {kernels}: {why}"),
            Wrong::Off { error } if self.kernels.is_empty() => write!(f, "the logits were off by {error:.1e}"),
            Wrong::Off { error } => write!(f, "{kernels} was off by {error:.1e}"),
            Wrong::OffOverLongPast { error } => write!(f, "{kernels} was off by {error:.1e} over a long past"),
            Wrong::NoToken => write!(f, "{kernels} chose no token"),
            Wrong::Token { found, of } => write!(f, "{kernels} chose token {found}, of {of}"),
            Wrong::Unlikely { likelier } => write!(f, "{kernels} chose a token although {likelier} were likelier"),
            Wrong::Logprob { found, expected } => {
                write!(f, "{kernels} gave a log probability of {found}, not {expected:.3}")
            }
        }
    }
}

/// How a GPU passed the check.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// The largest normalised error of its logits.
    pub error: f64,
    /// What was found wrong before, and runs no more.
    pub avoided: Vec<Fault>,
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "agrees with the CPU (normalised error {:.1e})", self.error)?;
        for (i, fault) in self.avoided.iter().enumerate() {
            f.write_str(if i == 0 { ", without kernels that failed: " } else { "; " })?;
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}
