//! Qwen 2 and 2.5: Llama with biases on queries, keys and values.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, llama_names};
use super::names::Names;
use super::period::with_windows;
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, LayerConfig, ModelConfig, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["qwen2"], config: from_gguf, names: Names { tables: &[], prefix: "", ignored: &[] } },
    hugging_face: Origin { known: &["Qwen2ForCausalLM"], config: from_hugging_face, names: llama_names(&[hf::LLAMA]) },
};

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    gguf::rms_decoder(s, Ffn::Gated(Activation::Silu), RopeLayout::HalfSplit, &[])
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    let mut config = hf::rms_decoder(s, 1e-6, 10_000.0)?;
    for layer in &mut config.layers {
        (layer.attention.qkv_bias, layer.attention.out_bias) = (true, false);
    }
    config.layers = windows(s, &config)?;
    Ok(config)
}

/// The layers from `max_window_layers` on have a sliding window, where windows are switched on.
pub(super) fn windows(s: &Settings<'_>, config: &ModelConfig) -> Result<Vec<LayerConfig>> {
    let Some(&layer) = config.layers.first() else { return Ok(Vec::new()) };
    if !s.bool_or("use_sliding_window", false)? {
        return Ok(config.layers.clone());
    }
    let window = s.optional_size("sliding_window", limits::CONTEXT_LEN)?.filter(|w| *w < config.context_len);
    let first = s.get("max_window_layers").and_then(|value| value.as_usize()).unwrap_or(28);
    let windowed = hf::windowed(s, config.n_layers, |i| i >= first)?;
    Ok(with_windows(layer, config.n_layers, window, |i| windowed.get(i) == Some(&true)))
}
