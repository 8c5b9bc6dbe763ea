//! Canonical tensor names (GGUF style) to the names of a file's dialect and back: the only place that knows them.

use crate::format::{Dialect, ModelFile};

/// Where a canonical tensor may be found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The name in the file.
    pub name: String,
    /// The file stores q, k and v as one tensor; this is the wanted one's place in it.
    pub fused: Option<Fused>,
    /// The file stores `[in, out]`.
    pub transposed: bool,
}

/// A part of a fused q, k, v tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fused {
    Q,
    K,
    V,
}

/// A file's naming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    Gguf,
    /// Llama and its kin in `transformers`.
    HfLlama,
    /// GPT-2 in `transformers`, `transformer.h.0...`; its linear layers are `Conv1D`, stored `[in, out]`.
    HfGpt2,
    /// The same without the leading `transformer.`, as older exports have it.
    HfGpt2Bare,
}

impl Names {
    /// The naming of a file, by its dialect, architecture and tensors.
    pub fn of(file: &ModelFile, architecture: &str) -> Names {
        match (file.dialect, architecture) {
            (Dialect::Gguf, _) => Names::Gguf,
            (Dialect::HuggingFace, "GPT2LMHeadModel") if file.tensor("wte.weight").is_some() => Names::HfGpt2Bare,
            (Dialect::HuggingFace, "GPT2LMHeadModel") => Names::HfGpt2,
            (Dialect::HuggingFace, _) => Names::HfLlama,
        }
    }

    /// Where to look for a canonical name, best first.
    pub fn sources(self, canonical: &str) -> Vec<Source> {
        let plain = |name: String| Source { name, fused: None, transposed: false };
        match self {
            Names::Gguf => {
                let mut sources = vec![plain(canonical.to_string())];
                if let Some((layer, part, kind)) = layer(canonical)
                    && let Some(fused) = fused(part)
                {
                    let name = format!("blk.{layer}.attn_qkv.{kind}");
                    sources.push(Source { name, fused: Some(fused), transposed: false });
                }
                sources
            }
            Names::HfLlama => hf_llama(canonical).map(plain).into_iter().collect(),
            Names::HfGpt2 | Names::HfGpt2Bare => hf_gpt2(canonical, self == Names::HfGpt2).into_iter().collect(),
        }
    }

    /// Whether an unused tensor of this name changes nothing: masks and tables that exporters leave in the file, and
    /// the output head of a file whose configuration ties it to the embeddings.
    pub fn ignorable(self, name: &str) -> bool {
        match self {
            Names::Gguf => false,
            Names::HfLlama => name == "lm_head.weight" || name.ends_with(".rotary_emb.inv_freq"),
            Names::HfGpt2 | Names::HfGpt2Bare => {
                name == "lm_head.weight" || name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias")
            }
        }
    }
}

/// `blk.3.attn_q.weight` to `("3", "attn_q", "weight")`.
fn layer(canonical: &str) -> Option<(&str, &str, &str)> {
    let (layer, rest) = canonical.strip_prefix("blk.")?.split_once('.')?;
    let (part, kind) = rest.split_once('.')?;
    Some((layer, part, kind))
}

fn fused(part: &str) -> Option<Fused> {
    match part {
        "attn_q" => Some(Fused::Q),
        "attn_k" => Some(Fused::K),
        "attn_v" => Some(Fused::V),
        _ => None,
    }
}

fn hf_llama(canonical: &str) -> Option<String> {
    let whole = match canonical {
        "token_embd.weight" => Some("model.embed_tokens.weight"),
        "output_norm.weight" => Some("model.norm.weight"),
        "output.weight" => Some("lm_head.weight"),
        _ => None,
    };
    if let Some(name) = whole {
        return Some(name.to_string());
    }
    let (layer, part, kind) = layer(canonical)?;
    let part = match part {
        "attn_norm" => "input_layernorm",
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_output" => "self_attn.o_proj",
        "ffn_norm" => "post_attention_layernorm",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        _ => return None,
    };
    Some(format!("model.layers.{layer}.{part}.{kind}"))
}

fn hf_gpt2(canonical: &str, prefixed: bool) -> Option<Source> {
    let prefix = if prefixed { "transformer." } else { "" };
    let plain = |name: String| Some(Source { name, fused: None, transposed: false });
    match canonical {
        "token_embd.weight" => return plain(format!("{prefix}wte.weight")),
        "position_embd.weight" => return plain(format!("{prefix}wpe.weight")),
        "output_norm.weight" => return plain(format!("{prefix}ln_f.weight")),
        "output_norm.bias" => return plain(format!("{prefix}ln_f.bias")),
        // The head is outside of the inner model.
        "output.weight" => return plain("lm_head.weight".to_string()),
        _ => {}
    }
    let (layer, part, kind) = layer(canonical)?;
    let (theirs, conv1d) = match part {
        "attn_norm" => ("ln_1", false),
        "attn_q" | "attn_k" | "attn_v" => ("attn.c_attn", true),
        "attn_output" => ("attn.c_proj", true),
        "ffn_norm" => ("ln_2", false),
        "ffn_up" => ("mlp.c_fc", true),
        "ffn_down" => ("mlp.c_proj", true),
        _ => return None,
    };
    Some(Source {
        name: format!("{prefix}h.{layer}.{theirs}.{kind}"),
        fused: fused(part),
        transposed: conv1d && kind == "weight",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(names: Names, canonical: &str) -> String {
        names.sources(canonical).into_iter().next().map(|s| s.name).unwrap_or_default()
    }

    #[test]
    fn translates_each_dialect() {
        assert_eq!(first(Names::HfLlama, "blk.12.attn_output.weight"), "model.layers.12.self_attn.o_proj.weight");
        assert_eq!(first(Names::HfLlama, "output.weight"), "lm_head.weight");
        assert_eq!(first(Names::HfGpt2, "blk.0.ffn_up.bias"), "transformer.h.0.mlp.c_fc.bias");
        assert_eq!(first(Names::HfGpt2Bare, "output_norm.bias"), "ln_f.bias");
        assert_eq!(first(Names::HfLlama, "blk.0.attn_sinks.weight"), "");
    }

    #[test]
    fn fused_and_transposed_sources() {
        let gguf = Names::Gguf.sources("blk.1.attn_k.bias");
        assert_eq!(gguf[0].name, "blk.1.attn_k.bias");
        assert_eq!(
            (gguf[1].name.as_str(), gguf[1].fused, gguf[1].transposed),
            ("blk.1.attn_qkv.bias", Some(Fused::K), false)
        );
        let hf = &Names::HfGpt2.sources("blk.1.attn_v.weight")[0];
        assert_eq!(
            (hf.name.as_str(), hf.fused, hf.transposed),
            ("transformer.h.1.attn.c_attn.weight", Some(Fused::V), true)
        );
        assert!(!Names::HfGpt2.sources("blk.1.attn_v.bias")[0].transposed);
    }
}
