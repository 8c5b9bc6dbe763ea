//! EmbeddingGemma (arXiv 2509.20354): Gemma 3's layers, in which a token sees what comes after it too, and a layer with a window as much to
//! each side. What its vectors go through behind their pooling is in `dense.rs`.

use super::family::{Family, Origin};
use super::gemma;
use super::gguf::CAUSAL;
use super::names::Names;
use super::pooling;
use super::settings::Settings;
use crate::error::Result;
use crate::model::ModelConfig;

pub(super) const FAMILY: Family = Family {
    gguf: Origin {
        known: &["gemma-embedding"],
        config: from_gguf,
        names: Names { tables: &[], prefix: "", ignored: &[] },
    },
    hugging_face: Origin { known: &["Gemma3TextModel"], config: from_hugging_face, names: gemma::NAMES },
};

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    both_ways(s, gemma::of_gguf(s, &["attention.sliding_window", CAUSAL])?)
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    if !s.bool_or("use_bidirectional_attention", false)? {
        let supported = "true, as EmbeddingGemma has it; models that write are of the class Gemma3ForCausalLM";
        return Err(s.unsupported("use_bidirectional_attention", "false", supported));
    }
    both_ways(s, gemma::of_hugging_face(s)?)
}

/// The files' window is that of both sides together, less the token itself.
fn both_ways(s: &Settings<'_>, mut config: ModelConfig) -> Result<ModelConfig> {
    for attention in config.layers.iter_mut().map(|layer| &mut layer.attention) {
        attention.causal = false;
        attention.window = attention.window.map(|window| window / 2 + 1);
    }
    pooling::encoder(s, config)
}
