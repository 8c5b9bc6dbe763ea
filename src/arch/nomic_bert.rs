//! NomicBERT: BERT with rotation in place of learned positions, a gated feed-forward and no biases but those of the norms. Its published
//! files have settings of their own, those that `transformers` writes since it knows the class are others.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, Rotation};
use super::names::{Name, Names, Part, name};
use super::pooling;
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, LayerConfig, ModelConfig, Norm, Rope, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["nomic-bert"], config: from_gguf, names: Names { tables: &[], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &["NomicBertModel"],
        config: from_hugging_face,
        names: Names {
            tables: &[NAMES],
            prefix: "nomic_bert.",
            ignored: &["pooler.dense.weight", "pooler.dense.bias"],
        },
    },
};

const NAMES: &[Name] = &[
    name("token_embd", "nomic_bert.embeddings.word_embeddings"),
    name("token_types", "nomic_bert.embeddings.token_type_embeddings"),
    name("token_embd_norm", "nomic_bert.emb_ln"),
    name("blk.{}.attn_q", "nomic_bert.encoder.layers.{}.attn.Wqkv").part(Part::Q),
    name("blk.{}.attn_k", "nomic_bert.encoder.layers.{}.attn.Wqkv").part(Part::K),
    name("blk.{}.attn_v", "nomic_bert.encoder.layers.{}.attn.Wqkv").part(Part::V),
    name("blk.{}.attn_output", "nomic_bert.encoder.layers.{}.attn.out_proj"),
    name("blk.{}.attn_output_norm", "nomic_bert.encoder.layers.{}.norm1"),
    name("blk.{}.ffn_gate", "nomic_bert.encoder.layers.{}.mlp.fc12"),
    name("blk.{}.ffn_up", "nomic_bert.encoder.layers.{}.mlp.fc11"),
    name("blk.{}.ffn_down", "nomic_bert.encoder.layers.{}.mlp.fc2"),
    name("blk.{}.layer_output_norm", "nomic_bert.encoder.layers.{}.norm2"),
];

const FFN: Ffn = Ffn::Gated(Activation::Silu);

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Layer { eps: s.positive(gguf::LAYER_EPS)? };
    let config = gguf::encoder(s, norm, FFN, &[gguf::CAUSAL])?;
    let rope = gguf::rope(s, config.head_dim, RopeLayout::HalfSplit)?;
    assembled(s, config, norm, rope)
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    // Keys as published, which take after GPT-2's; those of `transformers` where there are none of them.
    let is_published = s.get("n_embd").is_some();
    let (keys, eps) = match is_published {
        true => (["n_embd", "n_inner", "n_layer", "n_head", "n_positions"], "layer_norm_epsilon"),
        false => (hf::sizes_with("intermediate_size"), "layer_norm_eps"),
    };
    let norm = Norm::Layer { eps: s.positive_or(eps, 1e-12)? };
    let mut config = hf::sized(s, norm, keys, None)?;
    config.segments = s.size_or("type_vocab_size", 2, limits::N_VOCAB)?;
    for key in [
        "causal",
        "is_decoder",
        "moe_every_n_layers",
        "mlp_fc1_bias",
        "mlp_fc2_bias",
        "parallel_block",
        "prenorm",
        "qkv_proj_bias",
        "rotary_emb_interleaved",
        "rotary_emb_scale_base",
        "rotary_scaling_factor",
        "use_rms_norm",
    ] {
        s.must_be_off(key, 0.0)?;
    }
    let (key, kind) = if is_published { ("activation_function", "swiglu") } else { ("hidden_act", "silu") };
    if let Some(other) = s.str(key)?.filter(|found| *found != kind) {
        return Err(s.unsupported(key, other, kind));
    }
    let default = Rotation { theta: s.positive_or("rotary_emb_base", 1000.0)?, ..Rotation::of(&config) };
    let partial = if is_published { s.positive("rotary_emb_fraction")? } else { default.partial };
    let rope = hf::rope(s, &Rotation { partial, ..default })?;
    assembled(s, config, norm, rope)
}

fn assembled(s: &Settings<'_>, mut config: ModelConfig, norm: Norm, rope: Rope) -> Result<ModelConfig> {
    let mut layer = LayerConfig::encoder(norm, FFN);
    (layer.attention.qkv_bias, layer.attention.out_bias, layer.ffn.bias) = (false, false, false);
    layer.attention.rope = Some(rope);
    config.layers = vec![layer];
    (config.embedding_norm, config.output_norm) = (Some(norm), None);
    pooling::encoder(s, config)
}
