//! OLMoE: Llama with norms of all queries and all keys, and mixtures of experts whose weights are not brought to a sum of 1.

use super::experts;
use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, llama_names};
use super::names::Names;
use super::settings::Settings;
use crate::error::Result;
use crate::model::{Activation, Ffn, ModelConfig, Norm, QkNorm, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["olmoe"], config: from_gguf, names: Names { tables: &[], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &["OlmoeForCausalLM"],
        config: from_hugging_face,
        names: llama_names(&[hf::EXPERTS, hf::LLAMA]),
    },
};

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let config = gguf::rms_decoder(s, Ffn::Gated(Activation::Silu), RopeLayout::HalfSplit, &["expert_count"])?;
    experts::from_gguf(s, false, with_norms(config))
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    s.must_be_off("clip_qkv", 0.0)?;
    let config = with_norms(hf::rms_decoder(s, 1e-5, 10_000.0)?);
    experts::from_hugging_face(s, s.bool_or("norm_topk_prob", false)?, config)
}

fn with_norms(mut config: ModelConfig) -> ModelConfig {
    if let Some(Norm::Rms { eps }) = config.output_norm {
        config.layers.iter_mut().for_each(|layer| layer.attention.qk_norm = Some(QkNorm::Row { eps }));
    }
    config
}
