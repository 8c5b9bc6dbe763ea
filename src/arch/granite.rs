//! Granite 3: Llama with factors on embeddings, scores, branches and logits; and its mixtures of experts (1B-A400M, 3B-A800M).

use super::experts;
use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, llama_names};
use super::names::{Name, Names, Part, name};
use super::settings::Settings;
use crate::error::Result;
use crate::model::{Activation, Ffn, ModelConfig, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["granite"], config: from_gguf, names: Names { tables: &[], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &["GraniteForCausalLM"],
        config: from_hugging_face,
        names: llama_names(&[hf::LLAMA]),
    },
};

pub(super) const MIXTURE: Family = Family {
    gguf: Origin {
        known: &["granitemoe"],
        config: mixture_from_gguf,
        names: Names { tables: &[], prefix: "", ignored: &[] },
    },
    hugging_face: Origin {
        known: &["GraniteMoeForCausalLM"],
        config: |s| experts::from_hugging_face(s, true, from_hugging_face(s)?),
        names: llama_names(&[EXPERTS, hf::LLAMA]),
    },
};

pub(super) const EXPERTS: &[Name] = &[
    name("blk.{}.ffn_gate_inp", "model.layers.{}.block_sparse_moe.router.layer"),
    name("blk.{}.ffn_gate_exps.{}", "model.layers.{}.block_sparse_moe.input_linear").part(Part::Gate),
    name("blk.{}.ffn_up_exps.{}", "model.layers.{}.block_sparse_moe.input_linear").part(Part::Up),
    name("blk.{}.ffn_down_exps.{}", "model.layers.{}.block_sparse_moe.output_linear"),
];

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let keys = ["embedding_scale", "residual_scale", "attention.scale", "logit_scale"];
    let config = gguf::rms_decoder(s, Ffn::Gated(Activation::Silu), RopeLayout::Interleaved, &keys)?;
    scaled(s, keys, None, config)
}

fn mixture_from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let reads = ["embedding_scale", "residual_scale", "attention.scale", "logit_scale", "expert_count"];
    let config = gguf::rms_decoder(s, Ffn::Gated(Activation::Silu), RopeLayout::Interleaved, &reads)?;
    let [keys @ .., _] = reads;
    experts::from_gguf(s, true, scaled(s, keys, None, config)?)
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    let keys = ["embedding_multiplier", "residual_multiplier", "attention_multiplier", "logits_scaling"];
    scaled(s, keys, Some(1.0), hf::rms_decoder(s, 1e-6, 10_000.0)?)
}

/// Logits are divided by the last factor. `scale`: of the scores, where the file says nothing.
pub(super) fn scaled(
    s: &Settings<'_>,
    keys: [&str; 4],
    scale: Option<f32>,
    mut config: ModelConfig,
) -> Result<ModelConfig> {
    let [embedding, residual, attention, logit] = keys;
    let residual = s.positive_or(residual, 1.0)?;
    let scale = s.optional_positive(attention)?.or(scale);
    for layer in &mut config.layers {
        (layer.residual_scale, layer.attention.scale) = (residual, scale);
    }
    config.embedding_scale = s.positive_or(embedding, 1.0)?;
    config.logit_scale = 1.0 / s.positive_or(logit, 1.0)?;
    Ok(config)
}
