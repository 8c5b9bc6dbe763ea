//! Mamba-2 (arXiv 2405.21060): layers of a state space alone. What such a layer is made of, other families say the same way.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face as hf;
use super::names::{Name, Names, name};
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::format::Value;
use crate::model::{Ffn, LayerConfig, ModelConfig, Norm, SsmConfig};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["mamba2"], config: from_gguf, names: Names { tables: &[GGUF], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &["Mamba2ForCausalLM"],
        config: from_hugging_face,
        names: Names { tables: &[HUGGING_FACE], prefix: "backbone.", ignored: &[] },
    },
};

/// Vectors of a number for each head, whose names have no ending.
pub(super) const GGUF: &[Name] =
    &[name("blk.{}.ssm_a", "blk.{}.ssm_a").alone(), name("blk.{}.ssm_d", "blk.{}.ssm_d").alone()];

const HUGGING_FACE: &[Name] = &[
    name("token_embd", "backbone.embeddings"),
    // As it was called when the class was new.
    name("token_embd", "backbone.embedding"),
    name("output_norm", "backbone.norm_f"),
    name("output", "lm_head"),
    name("blk.{}.attn_norm", "backbone.layers.{}.norm"),
    name("blk.{}.ssm_in", "backbone.layers.{}.mixer.in_proj"),
    name("blk.{}.ssm_conv1d", "backbone.layers.{}.mixer.conv1d"),
    name("blk.{}.ssm_dt", "backbone.layers.{}.mixer.dt_bias").alone(),
    name("blk.{}.ssm_a", "backbone.layers.{}.mixer.A_log").alone().log(),
    name("blk.{}.ssm_d", "backbone.layers.{}.mixer.D").alone(),
    name("blk.{}.ssm_norm", "backbone.layers.{}.mixer.norm"),
    name("blk.{}.ssm_out", "backbone.layers.{}.mixer.out_proj"),
];

/// Positions where a file does not say: nothing limits them.
const CONTEXT: usize = 1 << 20;
/// Positions that a convolution may see: far more than any does.
const KERNEL: usize = 64;

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Rms { eps: s.positive(gguf::RMS_EPS)? };
    let config = gguf::decoder(s, norm, Ffn::None, &[gguf::HEADS, gguf::KV_HEADS])?;
    let ssm = state_space(s, &config)?;
    Ok(with(config, ssm))
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    if let Some(other) = s.str("hidden_act")?.filter(|name| *name != "silu") {
        return Err(s.unsupported("hidden_act", other, "silu"));
    }
    let norm = Norm::Rms { eps: s.positive_or("layer_norm_epsilon", 1e-5)? };
    let keys = ["hidden_size", "hidden_size", "num_hidden_layers", "num_heads", "max_position_embeddings"];
    let mut config = hf::sized(s, norm, keys, Some(CONTEXT))?;
    config.tied_embeddings = s.bool_or("tie_word_embeddings", false)?;
    config.layers = vec![LayerConfig::decoder(norm, Ffn::None)];
    let names =
        ["num_heads", "head_dim", "n_groups", "state_size", "conv_kernel", "use_conv_bias", "use_bias", "expand"];
    let ssm = from_config(s, &config, names, 8)?;
    Ok(with(config, ssm))
}

/// Attention there is none: one head of it is the smallest that a configuration has.
fn with(mut config: ModelConfig, ssm: SsmConfig) -> ModelConfig {
    (config.n_heads, config.n_kv_heads, config.head_dim) = (1, 1, config.d_model);
    config.layers.iter_mut().for_each(|layer| layer.ssm = Some(ssm));
    config
}

fn eps(config: &ModelConfig) -> f32 {
    match config.output_norm {
        Some(Norm::Rms { eps }) => eps,
        _ => 1e-5,
    }
}

/// What a GGUF file says of its state spaces. Their heads it calls steps.
pub(super) fn state_space(s: &Settings<'_>, config: &ModelConfig) -> Result<SsmConfig> {
    s.must_be_off("ssm.dt_b_c_rms", 0.0)?;
    let n_heads = s.size("ssm.time_step_rank", limits::N_HEADS)?;
    let inner = s.size("ssm.inner_size", limits::WIDTH)?;
    if !inner.is_multiple_of(n_heads) {
        return Err(s.wrong("ssm.inner_size", format!("a multiple of the {n_heads} heads"), &inner.to_string()));
    }
    let layers = 0..config.n_layers;
    let has = |part: &str| layers.clone().any(|i| gguf::has(s.file, &format!("blk.{i}.{part}.bias")));
    Ok(SsmConfig {
        n_heads,
        head_dim: inner / n_heads,
        n_groups: s.size_or("ssm.group_count", 1, n_heads)?,
        state: s.size("ssm.state_size", limits::WIDTH)?,
        kernel: s.size("ssm.conv_kernel", KERNEL)?,
        conv_bias: has("ssm_conv1d"),
        proj_bias: has("ssm_in"),
        step_limits: (0.0, f32::INFINITY),
        eps: eps(config),
    })
}

/// What a `config.json` says of its state spaces, by the names of heads, a head's width, groups, the state's width, the convolution's
/// positions, its bias, that of the projections, and how many times as wide as the model they are.
pub(super) fn from_config(
    s: &Settings<'_>,
    config: &ModelConfig,
    names: [&str; 8],
    groups: usize,
) -> Result<SsmConfig> {
    let [heads, width, n_groups, state, kernel, conv_bias, proj_bias, expand] = names;
    let n_heads = s.size_or(heads, 128, limits::N_HEADS)?;
    let inner = s.size_or(expand, 2, 64)? * config.d_model;
    // A word in its place says: what the others make of it.
    let said = s.get(width).filter(|value| value.as_str() != Some("auto"));
    let head_dim = said.map_or(Ok(inner / n_heads), |_| s.size(width, limits::WIDTH))?;
    if head_dim * n_heads != inner {
        let expected = format!("as many times the {n_heads} heads as make {inner}");
        return Err(s.wrong(width, expected, &head_dim.to_string()));
    }
    Ok(SsmConfig {
        n_heads,
        head_dim,
        n_groups: s.size_or(n_groups, groups, n_heads)?,
        state: s.size_or(state, if groups == 8 { 128 } else { 256 }, limits::WIDTH)?,
        kernel: s.size_or(kernel, 4, KERNEL)?,
        conv_bias: s.bool_or(conv_bias, true)?,
        proj_bias: s.bool_or(proj_bias, false)?,
        step_limits: step_limits(s)?,
        eps: eps(config),
    })
}

/// The least and the greatest step. JSON has no word for infinity: what is no number is none.
fn step_limits(s: &Settings<'_>) -> Result<(f32, f32)> {
    let (key, infinite) = ("time_step_limit", (0.0, f32::INFINITY));
    let Some(value) = s.get(key) else { return Ok(infinite) };
    let numbers: Vec<Option<f64>> = match value {
        Value::Floats(list) => list.iter().map(|x| Some(f64::from(*x))).collect(),
        Value::Ints(list) => list.iter().map(|x| Some(*x as f64)).collect(),
        Value::List(list) => list.iter().map(Value::as_f64).collect(),
        _ => Vec::new(),
    };
    match numbers[..] {
        [Some(least), most] => Ok((least as f32, most.map_or(infinite.1, |most| most as f32))),
        _ => Err(s.wrong(key, "the least and the greatest step", &value.describe())),
    }
}
