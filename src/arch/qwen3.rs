//! Qwen 3: Llama with norms of each head of queries and keys.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, llama_names};
use super::names::Names;
use super::qwen2;
use super::settings::Settings;
use crate::error::Result;
use crate::model::{Activation, Ffn, ModelConfig, Norm, QkNorm, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["qwen3"], config: from_gguf, names: Names { tables: &[], prefix: "", ignored: &[] } },
    hugging_face: Origin { known: &["Qwen3ForCausalLM"], config: from_hugging_face, names: llama_names(&[hf::LLAMA]) },
};

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    gguf::rms_decoder(s, Ffn::Gated(Activation::Silu), RopeLayout::HalfSplit, &[]).map(with_head_norms)
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
