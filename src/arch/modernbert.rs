//! ModernBERT: an encoder with a norm before each block but the first, no biases, rotation in place of learned positions and a gated
//! feed-forward. Every third layer sees the whole text, the others see a window to both sides, with a rotation of its own.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, Rotation};
use super::names::{Name, Names, Part, name};
use super::period::shortest;
use super::pooling::{self, is_masked};
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, Masked, ModelConfig, Norm, Norms, Rope, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin {
        known: &["modern-bert"],
        config: from_gguf,
        names: Names { tables: &[GGUF_NAMES], prefix: "", ignored: &["cls.weight", "cls.norm.weight"] },
    },
    hugging_face: Origin {
        known: &[
            "ModernBertModel",
            "ModernBertForSequenceClassification",
            "ModernBertForTokenClassification",
            "ModernBertForQuestionAnswering",
            "ModernBertForMaskedLM",
        ],
        config: from_hugging_face,
        names: Names { tables: &[NAMES], prefix: "model.", ignored: &[] },
    },
};

/// The other names are those inside. What masked words went through in training (`cls`) no vector does.
const GGUF_NAMES: &[Name] =
    &[name("blk.{}.ffn_gate", "blk.{}.ffn_up").part(Part::Gate), name("blk.{}.ffn_up", "blk.{}.ffn_up").part(Part::Up)];

const NAMES: &[Name] = &[
    name("token_embd", "model.embeddings.tok_embeddings"),
    name("token_embd_norm", "model.embeddings.norm"),
    name("output_norm", "model.final_norm"),
    name("blk.{}.attn_norm", "model.layers.{}.attn_norm"),
    name("blk.{}.attn_q", "model.layers.{}.attn.Wqkv").part(Part::Q),
    name("blk.{}.attn_k", "model.layers.{}.attn.Wqkv").part(Part::K),
    name("blk.{}.attn_v", "model.layers.{}.attn.Wqkv").part(Part::V),
    name("blk.{}.attn_output", "model.layers.{}.attn.Wo"),
    name("blk.{}.ffn_norm", "model.layers.{}.mlp_norm"),
    name("blk.{}.ffn_gate", "model.layers.{}.mlp.Wi").part(Part::Gate),
    name("blk.{}.ffn_up", "model.layers.{}.mlp.Wi").part(Part::Up),
    name("blk.{}.ffn_down", "model.layers.{}.mlp.Wo"),
    name("masked_dense", "head.dense"),
    name("masked_norm", "head.norm"),
    name("output", "decoder"),
];

/// Bases of the rotations of layers with a window, and of the others.
const THETAS: [f32; 2] = [10_000.0, 160_000.0];
/// One layer of so many sees everything, the first of them.
const PERIOD: usize = 3;

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Unbiased { eps: s.positive(gguf::LAYER_EPS)? };
    let config = gguf::encoder(s, norm, Ffn::Gated(Activation::Gelu), &[gguf::CAUSAL, "attention.sliding_window"])?;
    let rope = gguf::rope(s, config.head_dim, RopeLayout::HalfSplit)?;
    let theta = s.positive_or("rope.freq_base_swa", THETAS[0])?;
    let period = s.size_or("attention.sliding_window_pattern", PERIOD, limits::N_LAYERS)?;
    let window = s.optional_size("attention.sliding_window", limits::CONTEXT_LEN)?;
    let local = (0..config.n_layers).map(|i| window.is_some() && i % period != 0).collect();
    assembled(s, config, norm, window.unwrap_or(1), local, [Rope { theta, ..rope }, rope])
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = hf_norm(s)?;
    let mut config = hf::decoder(s, norm, ("hidden_activation", "gelu"))?;
    config.embedding_norm = Some(norm);
    let default = Rotation::of(&config);
    let rope = |key: &str, kind: &str, theta: f32| {
        let theta = s.positive_or(key, theta)?;
        hf::rope_in(s, &["rope_scaling", &format!("rope_parameters.{kind}")], &Rotation { theta, ..default })
    };
    let ropes = [
        rope("local_rope_theta", "sliding_attention", THETAS[0])?,
        rope("global_rope_theta", "full_attention", THETAS[1])?,
    ];
    let period = s.size_or("global_attn_every_n_layers", PERIOD, limits::N_LAYERS)?;
    let local = hf::windowed(s, config.n_layers, |i| i % period != 0)?;
    let window = s.size_or("local_attention", 128, limits::CONTEXT_LEN)?;
    config.tied_embeddings = s.bool_or("tie_word_embeddings", true)?;
    if is_masked(&config) {
        let bias = s.bool_or("classifier_bias", false)?;
        config.masked = Some(Masked { bias, activation: hf::activation(s, "classifier_activation", "gelu")?, norm });
        config.output_bias = s.bool_or("decoder_bias", true)?;
    }
    assembled(s, config, norm, window, local, ropes)
}

/// The norm of all layers and heads.
pub(super) fn hf_norm(s: &Settings<'_>) -> Result<Norm> {
    let eps = s.positive_or("norm_eps", 1e-5)?;
    Ok(if s.bool_or("norm_bias", false)? { Norm::Layer { eps } } else { Norm::Unbiased { eps } })
}

/// `window`: of both sides together, less the token itself. `local`: whether a layer sees no more. `ropes`: of such layers, and of the others.
fn assembled(
    s: &Settings<'_>,
    mut config: ModelConfig,
    norm: Norm,
    window: usize,
    local: Vec<bool>,
    ropes: [Rope; 2],
) -> Result<ModelConfig> {
    let Some(&first) = config.layers.first() else { return Ok(config) };
    let layer = |(i, local): (usize, bool)| {
        let mut layer = first;
        layer.attention.causal = false;
        layer.attention.rope = Some(ropes[usize::from(!local)]);
        layer.attention.window = local.then_some(window / 2 + 1);
        // The first layer reads what the embeddings' norm gives.
        layer.attention.norms = if i == 0 { Norms::default() } else { Norms::before(norm) };
        layer
    };
    config.layers = shortest(local.into_iter().enumerate().map(layer).collect());
    pooling::encoder(s, config)
}
