//! Llama, and what computes the same under other names: Mistral, whose files may ask for a sliding window, and ERNIE 4.5, in whose heads
//! neighbours rotate together in files of both kinds.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, llama_names};
use super::names::Names;
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, ModelConfig, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin {
        known: &["llama", "ernie4_5"],
        config: from_gguf,
        names: Names { tables: &[], prefix: "", ignored: &[] },
    },
    hugging_face: Origin {
        known: &["LlamaForCausalLM", "MistralForCausalLM", "Ernie4_5ForCausalLM"],
        config: from_hugging_face,
        names: llama_names(&[hf::LLAMA]),
    },
};

/// Llama's converter turns the heads' rows so that neighbours rotate together.
fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    gguf::rms_decoder(s, Ffn::Gated(Activation::Silu), RopeLayout::Interleaved, &[])
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    for key in ["partial_rotary_factor", "rope_parameters.partial_rotary_factor"] {
        s.must_be_off(key, 1.0)?;
    }
    let ernie = hf::class(s.file)? == "Ernie4_5ForCausalLM";
    let (eps, theta) = if ernie { (1e-5, 500_000.0) } else { (1e-6, 10_000.0) };
    let mut config = hf::rms_decoder(s, eps, theta)?;
    if ernie {
        let bias = s.bool_or("use_bias", false)?;
        config.tied_embeddings = s.bool_or("tie_word_embeddings", true)?;
        for layer in &mut config.layers {
            (layer.attention.qkv_bias, layer.attention.out_bias, layer.ffn.bias) = (bias, bias, bias);
            if let Some(rope) = &mut layer.attention.rope {
                rope.layout = RopeLayout::Interleaved;
            }
        }
    }
    if config.architecture == "MistralForCausalLM" {
        // Mistral's configuration class puts 4096 where the key is absent, unlike null.
        let window = match s.file.metadata.contains_key("sliding_window") {
            true => s.optional_size("sliding_window", limits::CONTEXT_LEN)?,
            false => Some(4096),
        };
        // A window at least as long as the context changes nothing.
        let window = window.filter(|window| *window < config.context_len);
        config.layers.iter_mut().for_each(|layer| layer.attention.window = window);
    }
    Ok(config)
}
