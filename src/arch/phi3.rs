//! Phi 3 and 3.5 mini, Phi 4 mini: Llama with q, k and v in one tensor and gate and up in another. Models whose rotation depends on the
//! length of the text (`longrope`) are refused.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, llama_names};
use super::names::{Name, Names, Part, name};
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, ModelConfig, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["phi3"], config: from_gguf, names: Names { tables: &[GGUF], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &["Phi3ForCausalLM"],
        config: from_hugging_face,
        names: llama_names(&[FUSED, hf::LLAMA]),
    },
};

const GGUF: &[Name] =
    &[name("blk.{}.ffn_gate", "blk.{}.ffn_up").part(Part::Gate), name("blk.{}.ffn_up", "blk.{}.ffn_up").part(Part::Up)];

const FUSED: &[Name] = &[
    name("blk.{}.attn_q", "model.layers.{}.self_attn.qkv_proj").part(Part::Q),
    name("blk.{}.attn_k", "model.layers.{}.self_attn.qkv_proj").part(Part::K),
    name("blk.{}.attn_v", "model.layers.{}.self_attn.qkv_proj").part(Part::V),
    name("blk.{}.ffn_gate", "model.layers.{}.mlp.gate_up_proj").part(Part::Gate),
    name("blk.{}.ffn_up", "model.layers.{}.mlp.gate_up_proj").part(Part::Up),
];

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let config =
        gguf::rms_decoder(s, Ffn::Gated(Activation::Silu), RopeLayout::HalfSplit, &["attention.sliding_window"])?;
    with_window(s, "attention.sliding_window", config)
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    with_window(s, "sliding_window", hf::rms_decoder(s, 1e-5, 10_000.0)?)
}

fn with_window(s: &Settings<'_>, key: &str, mut config: ModelConfig) -> Result<ModelConfig> {
    // Converters write 0 where there is none.
    let some = s.get(key).is_some_and(|value| value.as_usize() != Some(0));
    let window = if some { s.optional_size(key, limits::CONTEXT_LEN)? } else { None };
    let window = window.filter(|window| *window < config.context_len);
    config.layers.iter_mut().for_each(|layer| layer.attention.window = window);
    Ok(config)
}
