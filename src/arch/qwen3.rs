//! Qwen 3: Llama with norms of each head of queries and keys; and its mixtures of experts.

use super::experts;
use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, llama_names};
use super::names::Names;
use super::qwen2;
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, ModelConfig, Norm, QkNorm, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["qwen3"], config: from_gguf, names: Names { tables: &[], prefix: "", ignored: &[] } },
    hugging_face: Origin { known: &["Qwen3ForCausalLM"], config: from_hugging_face, names: llama_names(&[hf::LLAMA]) },
};

pub(super) const MIXTURE: Family = Family {
    gguf: Origin {
        known: &["qwen3moe"],
        config: mixture_from_gguf,
        names: Names { tables: &[], prefix: "", ignored: &[] },
    },
    hugging_face: Origin {
        known: &["Qwen3MoeForCausalLM"],
        config: mixture_from_hugging_face,
        names: llama_names(&[hf::EXPERTS, hf::LLAMA]),
    },
};

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    gguf::rms_decoder(s, Ffn::Gated(Activation::Silu), RopeLayout::HalfSplit, &[]).map(with_head_norms)
}

fn mixture_from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let config = gguf::rms_decoder(s, Ffn::Gated(Activation::Silu), RopeLayout::HalfSplit, &["expert_count"])?;
    experts::from_gguf(s, true, with_head_norms(config))
}

/// Every layer is a mixture; files may ask for some that are not.
fn mixture_from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    s.must_be_off("use_sliding_window", 0.0)?;
    s.must_be_off("decoder_sparse_step", 1.0)?;
    if let Some(dense) = s.get("mlp_only_layers").filter(|value| value.as_ints().is_none_or(|list| !list.is_empty())) {
        return Err(s.unsupported("mlp_only_layers", &dense.describe(), "experts in every layer"));
    }
    let mut config = with_head_norms(hf::rms_decoder(s, 1e-6, 10_000.0)?);
    config.d_ff = s.size("moe_intermediate_size", limits::WIDTH)?;
    experts::from_hugging_face(s, s.bool_or("norm_topk_prob", false)?, config)
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    let mut config = with_head_norms(hf::rms_decoder(s, 1e-6, 10_000.0)?);
    config.layers = qwen2::windows(s, &config)?;
    Ok(config)
}

/// They have the epsilon of the other norms.
fn with_head_norms(mut config: ModelConfig) -> ModelConfig {
    if let Some(Norm::Rms { eps }) = config.output_norm {
        config.layers.iter_mut().for_each(|layer| layer.attention.qk_norm = Some(QkNorm::Head { eps }));
    }
    config
}
