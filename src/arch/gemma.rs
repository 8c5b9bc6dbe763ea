//! Gemma 1, 2 and 3: scaled embeddings, norms whose weight is stored less 1, a feed-forward gated by GELU. Gemma 2 added norms behind the
//! blocks, soft caps and layers that see a window only; Gemma 3 has norms of each head instead of the caps, five such layers to one
//! that sees everything, and another rotation in them.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, Rotation, llama_names};
use super::names::{Name, Names, name};
use super::period::shortest;
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, LayerConfig, ModelConfig, Norm, QkNorm, Rope, RopeLayout, RopeScaling};

pub(super) const FAMILY: Family = Family {
    gguf: Origin {
        known: &["gemma", "gemma2", "gemma3"],
        config: from_gguf,
        names: Names { tables: &[], prefix: "", ignored: &[] },
    },
    hugging_face: Origin {
        known: &["GemmaForCausalLM", "Gemma2ForCausalLM", "Gemma3ForCausalLM"],
        config: from_hugging_face,
        names: NAMES,
    },
};

pub(super) const NAMES: Names = llama_names(&[NORMS, hf::LLAMA]);

/// The norm before the feed-forward is the first of those that Gemma 1, or else Gemma 2, has.
const NORMS: &[Name] = &[
    name("output_norm", "model.norm").plus_one(),
    name("blk.{}.attn_norm", "model.layers.{}.input_layernorm").plus_one(),
    name("blk.{}.attn_q_norm", "model.layers.{}.self_attn.q_norm").plus_one(),
    name("blk.{}.attn_k_norm", "model.layers.{}.self_attn.k_norm").plus_one(),
    name("blk.{}.post_attention_norm", "model.layers.{}.post_attention_layernorm").plus_one(),
    name("blk.{}.ffn_norm", "model.layers.{}.pre_feedforward_layernorm").plus_one(),
    name("blk.{}.ffn_norm", "model.layers.{}.post_attention_layernorm").plus_one(),
    name("blk.{}.post_ffw_norm", "model.layers.{}.post_feedforward_layernorm").plus_one(),
];

/// Which of the three.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
    Three,
}

/// What the files say in different ways.
struct Layers {
    version: Version,
    /// Whether a layer sees a window only.
    local: Vec<bool>,
    window: usize,
    scale: Option<f32>,
    score_cap: Option<f32>,
    /// The rotation of layers with a window, and of the others.
    ropes: [Rope; 2],
}

/// The base of Gemma 3's rotation in layers with a window.
const LOCAL_THETA: f32 = 10_000.0;

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    of_gguf(s, &["attention.sliding_window", "attn_logit_softcapping", "final_logit_softcapping"])
}

/// `reads`: what of the settings that change the computation counts.
pub(super) fn of_gguf(s: &Settings<'_>, reads: &[&str]) -> Result<ModelConfig> {
    let config = gguf::rms_decoder(s, Ffn::Gated(Activation::GeluTanh), RopeLayout::HalfSplit, reads)?;
    let (version, period) = match config.architecture.as_str() {
        "gemma" => (Version::One, 1),
        "gemma2" => (Version::Two, 2),
        _ => (Version::Three, 6),
    };
    let rope = gguf::rope(s, config.head_dim, RopeLayout::HalfSplit)?;
    let local = match version {
        Version::Three => {
            let theta = s.positive_or("rope.freq_base_swa", LOCAL_THETA)?;
            Rope { theta, scaling: RopeScaling::None, ..rope }
        }
        _ => rope,
    };
    // The two 27B models scale by the width of a head's share of the row, which no key says.
    let largest = [(Version::Two, 46), (Version::Three, 62)].contains(&(version, config.n_layers));
    let share = (config.d_model / config.n_heads) as f32;
    let layers = Layers {
        version,
        local: (0..config.n_layers).map(|i| i % period < period - 1).collect(),
        window: if version == Version::One { 1 } else { s.size("attention.sliding_window", limits::CONTEXT_LEN)? },
        scale: largest.then(|| 1.0 / share.sqrt()),
        score_cap: s.optional_positive("attn_logit_softcapping")?,
        ropes: [local, rope],
    };
    let logit_soft_cap = s.optional_positive("final_logit_softcapping")?;
    Ok(ModelConfig { logit_soft_cap, ..assembled(config, &layers) })
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    s.must_be_off("use_bidirectional_attention", 0.0)?;
    of_hugging_face(s)
}

pub(super) fn of_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Rms { eps: s.positive_or("rms_norm_eps", 1e-6)? };
    let config = hf::decoder(s, norm, ("hidden_activation", "gelu_pytorch_tanh"))?;
    let version = match config.architecture.as_str() {
        "GemmaForCausalLM" => Version::One,
        "Gemma2ForCausalLM" => Version::Two,
        _ => Version::Three,
    };
    let default = Rotation::of(&config);
    let ropes = match version {
        Version::Three => {
            let theta = s.positive_or("rope_local_base_freq", LOCAL_THETA)?;
            let local = hf::rope_in(s, &["rope_parameters.sliding_attention"], &Rotation { theta, ..default })?;
            let theta = s.positive_or("rope_theta", 1_000_000.0)?;
            let groups = ["rope_scaling", "rope_parameters", "rope_parameters.full_attention"];
            [local, hf::rope_in(s, &groups, &Rotation { theta, ..default })?]
        }
        _ => [hf::rope(s, &default)?; 2],
    };
    let (period, caps) = match version {
        Version::One => (1, [None, None]),
        Version::Two => (2, [Some(50.0), Some(30.0)]),
        Version::Three => (s.size_or("sliding_window_pattern", 6, limits::N_LAYERS)?, [None, None]),
    };
    // A key that is absent has the class's default, null switches the cap off.
    let cap = |key: &str, default: Option<f32>| match s.file.metadata.contains_key(key) {
        true => s.optional_positive(key),
        false => Ok(default),
    };
    let scale = s.positive_or("query_pre_attn_scalar", 256.0)?;
    let layers = Layers {
        version,
        local: hf::windowed(s, config.n_layers, |i| (i + 1) % period != 0)?,
        window: s.size_or("sliding_window", 4096, limits::CONTEXT_LEN)?,
        scale: (version != Version::One).then(|| 1.0 / scale.sqrt()),
        score_cap: cap("attn_logit_softcapping", caps[0])?,
        ropes,
    };
    let logit_soft_cap = cap("final_logit_softcapping", caps[1])?;
    let tied_embeddings = s.bool_or("tie_word_embeddings", true)?;
    Ok(ModelConfig { logit_soft_cap, tied_embeddings, ..assembled(config, &layers) })
}

fn assembled(mut config: ModelConfig, layers: &Layers) -> ModelConfig {
    let Layers { version, window, scale, score_cap, ropes: [local_rope, rope], .. } = *layers;
    let Some((&first, norm @ Some(Norm::Rms { eps }))) = config.layers.first().zip(Some(config.output_norm)) else {
        return config;
    };
    let layer = |local: &bool| {
        let mut layer: LayerConfig = first;
        let attention = &mut layer.attention;
        attention.rope = Some(if *local { local_rope } else { rope });
        attention.window = (*local && version != Version::One).then_some(window);
        (attention.scale, attention.soft_cap) = (scale, score_cap);
        attention.qk_norm = (version == Version::Three).then_some(QkNorm::Head { eps });
        if version != Version::One {
            (attention.norms.after, layer.ffn.norms.after) = (norm, norm);
        }
        layer
    };
    config.layers = shortest(layers.local.iter().map(layer).collect());
    config.embedding_scale = (config.d_model as f32).sqrt();
    config
}
