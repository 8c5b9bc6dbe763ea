//! OLMo 2: Llama with norms behind the blocks instead of before them, and norms of all queries and all keys.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, llama_names};
use super::names::{Name, Names, name};
use super::settings::Settings;
use crate::error::Result;
use crate::model::{Activation, Ffn, ModelConfig, Norm, Norms, QkNorm, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["olmo2"], config: from_gguf, names: Names { tables: &[], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &["Olmo2ForCausalLM"],
        config: from_hugging_face,
        names: llama_names(&[NORMS, hf::LLAMA]),
    },
};

const NORMS: &[Name] = &[
    name("blk.{}.post_attention_norm", "model.layers.{}.post_attention_layernorm"),
    name("blk.{}.post_ffw_norm", "model.layers.{}.post_feedforward_layernorm"),
];

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    gguf::rms_decoder(s, Ffn::Gated(Activation::Silu), RopeLayout::HalfSplit, &[]).map(with_norms)
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    hf::rms_decoder(s, 1e-5, 10_000.0).map(with_norms)
}

fn with_norms(mut config: ModelConfig) -> ModelConfig {
    if let Some(norm @ Norm::Rms { eps }) = config.output_norm {
        let norms = Norms { after: Some(norm), ..Norms::default() };
        for layer in &mut config.layers {
            (layer.attention.norms, layer.ffn.norms) = (norms, norms);
            layer.attention.qk_norm = Some(QkNorm::Row { eps });
        }
    }
    config
}
