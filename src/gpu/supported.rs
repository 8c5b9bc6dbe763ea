//! What the kernels cannot do is refused before a model is put on the GPU, so that it runs on the CPU instead and never computes
//! something else.

use super::cache::conv_shape;
use super::ops::rms_norm::takes_heads;
use crate::model::{BufferId, Op, Plan};
use crate::{Error, Result};

/// Whether there are kernels for every step.
///
/// # Errors
/// [`Error::Unsupported`] for the first step that has none.
pub(super) fn check(plan: &Plan) -> Result<()> {
    if plan.config.encoder().is_some() {
        let (what, found) = ("the GPU for this model".to_string(), "an encoder".to_string());
        return Err(Error::Unsupported { what, found, supported: "decoders; encoders run on the CPU".to_string() });
    }
    if plan.config.source.is_some() {
        let (what, found) = ("the GPU for this model".to_string(), "an encoder-decoder".to_string());
        let supported = "decoders; encoder-decoders run on the CPU".to_string();
        return Err(Error::Unsupported { what, found, supported });
    }
    let width = |id: BufferId| plan.buffers.get(id.0).map_or(0, |spec| spec.width);
    for step in &plan.steps {
        let lacks = match step.op {
            Op::ShortConv { out, .. } if conv_shape(width(out)).is_none() => {
                Some(("a convolution of a width that is no multiple of 8", "other widths"))
            }
            Op::Ssm { .. } => Some(("a state space", "attention and convolutions")),
            Op::Route { .. } | Op::Experts { .. } => Some(("a mixture of experts", "one feed-forward a layer")),
            _ => None,
        };
        if let Some((found, instead)) = lacks {
            let (what, found) = (format!("{} on the GPU", step.name), found.to_string());
            return Err(Error::Unsupported {
                what,
                found,
                supported: format!("{instead}; such models run on the CPU"),
            });
        }
        let Op::RmsNorm { x, n_heads, .. } = step.op else { continue };
        let head_dim = width(x) / n_heads.max(1);
        if n_heads > 1 && !takes_heads(head_dim) {
            let what = format!("{} on the GPU", step.name);
            let found = format!("a norm of each head of {head_dim} elements");
            return Err(Error::Unsupported { what, found, supported: "heads of a multiple of 4 elements".to_string() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan;
    use crate::tensor::Bytes;
    use crate::{arch, format};

    fn plan_of(bytes: &[u8]) -> Plan {
        let file = format::parse(vec![("model.gguf".to_string(), Bytes::new(bytes.to_vec()))]).unwrap();
        plan::build(&arch::config(&file).unwrap())
    }

    #[test]
    fn what_only_the_cpu_has_is_refused_by_name() {
        let mut lfm2 = plan_of(include_bytes!("../../tests/golden/tiny-lfm2/model-f16.gguf"));
        assert!(check(&lfm2).is_ok());
        lfm2.buffers.iter_mut().filter(|spec| spec.name == "conv").for_each(|spec| spec.width = 12);
        let error = check(&lfm2).unwrap_err();
        assert!(error.to_string().contains("blk.0.shortconv.conv on the GPU"), "{error}");
        let error = check(&plan_of(include_bytes!("../../tests/golden/tiny-granitemoe/model-f16.gguf"))).unwrap_err();
        assert!(error.to_string().contains("blk.0.ffn_route on the GPU"), "{error}");
        assert!(check(&plan_of(include_bytes!("../../tests/golden/tiny-qwen3/model-f16.gguf"))).is_ok());
    }
}
