//! SmolLM 3: Llama in which every fourth layer does not rotate.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, llama_names};
use super::names::Names;
use super::period::shortest;
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, ModelConfig, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["smollm3"], config: from_gguf, names: Names { tables: &[], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &["SmolLM3ForCausalLM"],
        config: from_hugging_face,
        names: llama_names(&[hf::LLAMA]),
    },
};

/// Of so many layers the last does not rotate; GGUF files do not say it.
const PERIOD: usize = 4;

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let config = gguf::rms_decoder(s, Ffn::Gated(Activation::Silu), RopeLayout::Interleaved, &[])?;
    Ok(rotating(config, |i| (i + 1) % PERIOD != 0))
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    s.must_be_off("use_sliding_window", 0.0)?;
    let config = hf::rms_decoder(s, 1e-6, 2_000_000.0)?;
    let config = ModelConfig { tied_embeddings: s.bool_or("tie_word_embeddings", true)?, ..config };
    let period = s.size_or("no_rope_layer_interval", PERIOD, limits::N_LAYERS)?;
    let Some(value) = s.get("no_rope_layers") else { return Ok(rotating(config, |i| (i + 1) % period != 0)) };
    // Its name notwithstanding, 1 means that the layer rotates.
    let flags = value.as_ints().filter(|flags| flags.len() >= config.n_layers);
    let expected = || format!("0 or 1 for each of {} layers", config.n_layers);
    let flags = flags.ok_or_else(|| s.wrong("no_rope_layers", expected(), &value.describe()))?;
    Ok(rotating(config, |i| flags.get(i) != Some(&0)))
}

fn rotating(mut config: ModelConfig, rotates: impl Fn(usize) -> bool) -> ModelConfig {
    if let Some(&first) = config.layers.first() {
        let layer = |i: usize| {
            let mut layer = first;
            layer.attention.rope = layer.attention.rope.filter(|_| rotates(i));
            layer
        };
        config.layers = shortest((0..config.n_layers).map(layer).collect());
    }
    config
}
