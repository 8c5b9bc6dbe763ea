//! Granite 4.0 H: layers of a state space among layers of attention, mostly without rotation, Granite's factors, and a feed-forward alone or
//! beside a mixture of experts.

use super::experts::{self, SHARED};
use super::family::{Family, Origin};
use super::gguf::{self, KV_HEADS};
use super::granite::{EXPERTS, scaled};
use super::hugging_face::{self as hf, Rotation, llama_names};
use super::mamba2;
use super::names::{Name, Names, Part, name};
use super::period::shortest;
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, LayerConfig, ModelConfig, Norm, Rope, RopeLayout, SsmConfig};

pub(super) const FAMILY: Family = Family {
    gguf: Origin {
        known: &["granitehybrid"],
        config: from_gguf,
        names: Names { tables: &[mamba2::GGUF], prefix: "", ignored: &[] },
    },
    hugging_face: Origin {
        known: &["GraniteMoeHybridForCausalLM"],
        config: from_hugging_face,
        names: llama_names(&[HUGGING_FACE, EXPERTS, hf::LLAMA]),
    },
};

const HUGGING_FACE: &[Name] = &[
    name("blk.{}.ssm_in", "model.layers.{}.mamba.in_proj"),
    name("blk.{}.ssm_conv1d", "model.layers.{}.mamba.conv1d"),
    name("blk.{}.ssm_dt", "model.layers.{}.mamba.dt_bias").alone(),
    name("blk.{}.ssm_a", "model.layers.{}.mamba.A_log").alone().log(),
    name("blk.{}.ssm_d", "model.layers.{}.mamba.D").alone(),
    name("blk.{}.ssm_norm", "model.layers.{}.mamba.norm"),
    name("blk.{}.ssm_out", "model.layers.{}.mamba.out_proj"),
    name("blk.{}.ffn_gate", "model.layers.{}.shared_mlp.input_linear").part(Part::Gate),
    name("blk.{}.ffn_up", "model.layers.{}.shared_mlp.input_linear").part(Part::Up),
    name("blk.{}.ffn_down", "model.layers.{}.shared_mlp.output_linear"),
    name("blk.{}.ffn_gate_shexp", "model.layers.{}.shared_mlp.input_linear").part(Part::Gate),
    name("blk.{}.ffn_up_shexp", "model.layers.{}.shared_mlp.input_linear").part(Part::Up),
    name("blk.{}.ffn_down_shexp", "model.layers.{}.shared_mlp.output_linear"),
];

/// A layer without key-value heads is a state space.
fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let keys = ["embedding_scale", "residual_scale", "attention.scale", "logit_scale"];
    let reads = [keys[0], keys[1], keys[2], keys[3], "expert_count", KV_HEADS];
    let norm = Norm::Rms { eps: s.positive(gguf::RMS_EPS)? };
    let mut config = scaled(s, keys, None, gguf::decoder(s, norm, Ffn::Gated(Activation::Silu), &reads)?)?;
    if s.bool_or("rope.scaling.finetuned", true)? {
        let rope = gguf::rope(s, config.head_dim, RopeLayout::Interleaved)?;
        config.layers.iter_mut().for_each(|layer| layer.attention.rope = Some(rope));
    }
    let attention = gguf::attention_layers(s, &mut config)?;
    config = match s.get("expert_count").and_then(|value| value.as_usize()) {
        None | Some(0) => ModelConfig { d_ff: s.size_or(SHARED, config.d_ff, limits::WIDTH)?, ..config },
        Some(_) => experts::shared_from_gguf(s, true, config)?,
    };
    mixed(config, &attention, |config| mamba2::state_space(s, config))
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    let keys = ["embedding_multiplier", "residual_multiplier", "attention_multiplier", "logits_scaling"];
    let has_experts = s.get("num_local_experts").and_then(|value| value.as_usize()) != Some(0);
    let shared = "shared_intermediate_size";
    let width = if has_experts { "intermediate_size" } else { shared };
    let norm = Norm::Rms { eps: s.positive_or("rms_norm_eps", 1e-6)? };
    let config = hf::decoder_with(s, norm, ("hidden_act", "silu"), (width, None))?;
    let mut config = scaled(s, keys, Some(1.0), config)?;
    if has_experts {
        config = experts::from_hugging_face(s, true, config)?;
        let shared = s.size_or(shared, 1024, limits::WIDTH)?;
        let mixtures = config.layers.iter_mut().filter_map(|layer| layer.ffn.experts.as_mut());
        mixtures.for_each(|experts| experts.shared = shared);
    }
    let rope: Option<Rope> = match s.str("position_embedding_type")? {
        Some("rope") => Some(hf::rope(s, &Rotation::of(&config))?),
        None | Some("nope") => None,
        Some(other) => return Err(s.unsupported("position_embedding_type", other, "rope, nope")),
    };
    config.layers.iter_mut().for_each(|layer| layer.attention.rope = rope);
    let n = config.n_layers;
    let types = s.get("layer_types").and_then(|value| value.as_strings()).unwrap_or_default();
    let is_new = types.iter().any(|kind| matches!(kind.as_str(), "linear_attention" | "full_attention"));
    let attention = match s.get("layer_types") {
        None => vec![false; n],
        Some(_) if is_new => hf::kinds(s, n, ["full_attention", "linear_attention"])?,
        Some(_) => hf::kinds(s, n, ["attention", "mamba"])?,
    };
    // The same class has models of attention alone, whose files say nothing of use about states.
    let names = ["n_heads", "d_head", "n_groups", "d_state", "d_conv", "conv_bias", "proj_bias", "expand"];
    let names = names.map(|name| format!("mamba_{name}"));
    mixed(config, &attention, |config| mamba2::from_config(s, config, names.each_ref().map(String::as_str), 1))
}

/// Layers of attention, and of what `ssm` reads where there are others.
fn mixed(
    mut config: ModelConfig,
    attention: &[bool],
    ssm: impl Fn(&ModelConfig) -> Result<SsmConfig>,
) -> Result<ModelConfig> {
    let ssm = if attention.contains(&false) { Some(ssm(&config)?) } else { None };
    if let Some(&first) = config.layers.first() {
        let layer = |attention: &bool| LayerConfig { ssm: ssm.filter(|_| !attention), ..first };
        config.layers = shortest(attention.iter().map(layer).collect());
    }
    Ok(config)
}
