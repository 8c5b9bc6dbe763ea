//! Falcon (7B, 11B, 40B and what was trained like them): layer norms, a plain feed-forward beside the attention, and q, k and v in one
//! tensor, by groups of the heads that share keys and values: one group for all in the first models. Falcon 3 is a Llama.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, Rotation};
use super::names::{Name, Names, Part, name};
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::format::ModelFile;
use crate::model::{Activation, Ffn, ModelConfig, Norm, Norms, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["falcon"], config: from_gguf, names: Names { tables: &[GGUF], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &["FalconForCausalLM"],
        config: from_hugging_face,
        names: Names { tables: &[HUGGING_FACE], prefix: "transformer.", ignored: &[".rotary_emb.inv_freq"] },
    },
};

/// The attention's norm is the second of two, the feed-forward's the first, which otherwise both read.
const GGUF: &[Name] = &[
    name("blk.{}.attn_norm", "blk.{}.attn_norm_2"),
    name("blk.{}.attn_norm", "blk.{}.attn_norm"),
    name("blk.{}.ffn_norm", "blk.{}.attn_norm"),
];

const HUGGING_FACE: &[Name] = &[
    name("token_embd", "transformer.word_embeddings"),
    name("output_norm", "transformer.ln_f"),
    name("output", "lm_head"),
    name("blk.{}.attn_norm", "transformer.h.{}.ln_attn"),
    name("blk.{}.attn_norm", "transformer.h.{}.input_layernorm"),
    name("blk.{}.attn_q", "transformer.h.{}.self_attention.query_key_value").part(Part::GroupQ),
    name("blk.{}.attn_k", "transformer.h.{}.self_attention.query_key_value").part(Part::GroupK),
    name("blk.{}.attn_v", "transformer.h.{}.self_attention.query_key_value").part(Part::GroupV),
    name("blk.{}.attn_output", "transformer.h.{}.self_attention.dense"),
    name("blk.{}.ffn_norm", "transformer.h.{}.ln_mlp"),
    name("blk.{}.ffn_norm", "transformer.h.{}.post_attention_layernorm"),
    name("blk.{}.ffn_up", "transformer.h.{}.mlp.dense_h_to_4h"),
    name("blk.{}.ffn_down", "transformer.h.{}.mlp.dense_4h_to_h"),
];

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Layer { eps: s.positive(gguf::LAYER_EPS)? };
    let mut config = gguf::decoder(s, norm, Ffn::Plain(Activation::Gelu), &[])?;
    let rope = gguf::rope(s, config.head_dim, RopeLayout::HalfSplit)?;
    let two = has_two_norms(s.file);
    for layer in &mut config.layers {
        (layer.attention.rope, layer.parallel) = (Some(rope), true);
        if !two {
            layer.ffn.norms = Norms::default();
        }
    }
    Ok(config)
}

fn has_two_norms(file: &ModelFile) -> bool {
    gguf::has(file, "blk.0.attn_norm_2.weight")
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    s.must_be_off("alibi", 0.0)?;
    let norm = Norm::Layer { eps: s.positive_or("layer_norm_epsilon", 1e-5)? };
    // Files may leave out the feed-forward's width, of which this is a quarter then.
    let width = if s.get("ffn_hidden_size").is_some() { "ffn_hidden_size" } else { "hidden_size" };
    // The first models do not say how many positions they have.
    let sizes = (width, Some(2048));
    let mut config = hf::plain_decoder(s, norm, ("activation", "gelu"), sizes, s.bool_or("bias", false)?)?;
    if width == "hidden_size" {
        config.d_ff *= 4;
    }
    let grouped = s.bool_or("new_decoder_architecture", false)?;
    config.n_kv_heads = match (grouped, s.bool_or("multi_query", true)?) {
        (true, _) => s.size_or("num_kv_heads", config.n_heads, limits::N_HEADS)?,
        (false, true) => 1,
        (false, false) => config.n_heads,
    };
    config.tied_embeddings = s.bool_or("tie_word_embeddings", true)?;
    let rope = hf::rope(s, &Rotation::of(&config))?;
    let parallel = grouped || s.bool_or("parallel_attn", true)?;
    let two = grouped && s.size_or("num_ln_in_parallel_attn", 2, 2)? == 2;
    for layer in &mut config.layers {
        (layer.attention.rope, layer.parallel) = (Some(rope), parallel);
        if parallel && !two {
            layer.ffn.norms = Norms::default();
        }
    }
    Ok(config)
}
