//! What the kernels cannot do yet is refused before a model is put on the GPU, so that it runs on the CPU instead and never computes
//! something else.

use crate::model::{Op, Plan, Step};
use crate::{Error, Result};

/// Whether there are kernels for every step.
///
/// # Errors
/// [`Error::Unsupported`] for the first step that has none.
pub(super) fn check(plan: &Plan) -> Result<()> {
    plan.steps.iter().try_for_each(step)
}

fn step(step: &Step) -> Result<()> {
    let (found, supported) = match step.op {
        Op::RmsNorm { n_heads, .. } if n_heads > 1 => ("a norm of each head", "norms of whole rows"),
        Op::Attention { causal: false, .. } => ("attention both ways", "causal attention"),
        Op::Attention { window: Some(_), .. } => ("attention with a window", "attention to all earlier positions"),
        Op::Attention { soft_cap: Some(_), .. } => ("attention with a soft cap", "attention without one"),
        _ => return Ok(()),
    };
    let what = format!("{} on the GPU", step.name);
    Err(Error::Unsupported { what, found: found.to_string(), supported: supported.to_string() })
}
