//! BART and Marian (Opus-MT), encoder-decoders with norms behind each block and biases everywhere (arXiv 1910.13461). BART's positions
//! are learned, behind two rows that no token has, and the sum of its embeddings is normalised; Marian's are sines and cosines, and its
//! embeddings are scaled.

use super::family::{Family, Origin};
use super::hugging_face as hf;
use super::names::{Name, Names, Part, name};
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Ffn, LayerConfig, ModelConfig, Norm, Norms, SourceConfig};

pub(super) const BART: Family = Family {
    gguf: NO_GGUF,
    hugging_face: Origin {
        known: &["BartForConditionalGeneration"],
        config: |s| from_hugging_face(s, "gelu", false),
        names: Names { tables: &[NAMES], prefix: "model.", ignored: IGNORED },
    },
};

pub(super) const MARIAN: Family = Family {
    gguf: NO_GGUF,
    hugging_face: Origin {
        known: &["MarianMTModel"],
        config: |s| from_hugging_face(s, "gelu", true),
        names: Names { tables: &[NAMES], prefix: "model.", ignored: MARIAN_IGNORED },
    },
};

const NO_GGUF: Origin = Origin {
    known: &[],
    config: |s| from_hugging_face(s, "gelu", false),
    names: Names { tables: &[], prefix: "", ignored: &[] },
};

/// Rows of BART's positions that belong to padding.
const UNUSED_POSITIONS: usize = 2;

/// Copies of the table of tokens.
const IGNORED: &[&str] = &["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];
/// And sines and cosines, which are computed.
const MARIAN_IGNORED: &[&str] =
    &["encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "embed_positions.weight"];

const NAMES: &[Name] = &[
    name("token_embd", "model.shared"),
    name("output", "lm_head"),
    name("output", "final_logits_bias").alone(),
    name("enc.position_embd", "model.encoder.embed_positions").part(Part::After(UNUSED_POSITIONS)),
    name("enc.token_embd_norm", "model.encoder.layernorm_embedding"),
    name("enc.blk.{}.attn_q", "model.encoder.layers.{}.self_attn.q_proj"),
    name("enc.blk.{}.attn_k", "model.encoder.layers.{}.self_attn.k_proj"),
    name("enc.blk.{}.attn_v", "model.encoder.layers.{}.self_attn.v_proj"),
    name("enc.blk.{}.attn_output", "model.encoder.layers.{}.self_attn.out_proj"),
    name("enc.blk.{}.attn_output_norm", "model.encoder.layers.{}.self_attn_layer_norm"),
    name("enc.blk.{}.ffn_up", "model.encoder.layers.{}.fc1"),
    name("enc.blk.{}.ffn_down", "model.encoder.layers.{}.fc2"),
    name("enc.blk.{}.layer_output_norm", "model.encoder.layers.{}.final_layer_norm"),
    name("dec.position_embd", "model.decoder.embed_positions").part(Part::After(UNUSED_POSITIONS)),
    name("dec.token_embd_norm", "model.decoder.layernorm_embedding"),
    name("dec.blk.{}.attn_q", "model.decoder.layers.{}.self_attn.q_proj"),
    name("dec.blk.{}.attn_k", "model.decoder.layers.{}.self_attn.k_proj"),
    name("dec.blk.{}.attn_v", "model.decoder.layers.{}.self_attn.v_proj"),
    name("dec.blk.{}.attn_output", "model.decoder.layers.{}.self_attn.out_proj"),
    name("dec.blk.{}.attn_output_norm", "model.decoder.layers.{}.self_attn_layer_norm"),
    name("dec.blk.{}.cross_attn_q", "model.decoder.layers.{}.encoder_attn.q_proj"),
    name("dec.blk.{}.cross_attn_k", "model.decoder.layers.{}.encoder_attn.k_proj"),
    name("dec.blk.{}.cross_attn_v", "model.decoder.layers.{}.encoder_attn.v_proj"),
    name("dec.blk.{}.cross_attn_output", "model.decoder.layers.{}.encoder_attn.out_proj"),
    name("dec.blk.{}.cross_attn_output_norm", "model.decoder.layers.{}.encoder_attn_layer_norm"),
    name("dec.blk.{}.ffn_up", "model.decoder.layers.{}.fc1"),
    name("dec.blk.{}.ffn_down", "model.decoder.layers.{}.fc2"),
    name("dec.blk.{}.layer_output_norm", "model.decoder.layers.{}.final_layer_norm"),
];

fn from_hugging_face(s: &Settings<'_>, activation: &str, marian: bool) -> Result<ModelConfig> {
    // Kin that computes something else: norms before each block, or behind the last.
    s.must_be_off("normalize_before", 0.0)?;
    s.must_be_off("add_final_layer_norm", 0.0)?;
    if s.bool_or("normalize_embedding", !marian)? == marian {
        return Err(s.unsupported("normalize_embedding", &marian.to_string(), &(!marian).to_string()));
    }
    for key in ["share_encoder_decoder_embeddings", "tie_word_embeddings"] {
        if !s.bool_or(key, true)? {
            return Err(s.unsupported(key, "false", "true"));
        }
    }
    // One size for both sides.
    let same = |one: &str, other: &str, most: usize| {
        let (a, b) = (s.size(one, most)?, s.size(other, most)?);
        if a == b { Ok(()) } else { Err(s.unsupported(other, &b.to_string(), &format!("{a}, that of {one}"))) }
    };
    same("encoder_attention_heads", "decoder_attention_heads", limits::N_HEADS)?;
    same("encoder_ffn_dim", "decoder_ffn_dim", limits::WIDTH)?;
    let norm = Norm::Layer { eps: 1e-5 };
    let keys = ["d_model", "decoder_ffn_dim", "decoder_layers", "decoder_attention_heads", "max_position_embeddings"];
    let config = hf::sized(s, norm, keys, Some(1024))?;
    let mut layer = LayerConfig::encoder(norm, Ffn::Plain(hf::activation(s, "activation_function", activation)?));
    let encoder = layer;
    layer.attention.causal = true;
    layer.cross = Some(Norms { sum: Some(norm), ..Norms::default() });
    Ok(ModelConfig {
        embedding_scale: if s.bool_or("scale_embedding", false)? { (config.d_model as f32).sqrt() } else { 1.0 },
        learned_positions: true,
        embedding_norm: Some(norm).filter(|_| !marian),
        layers: vec![layer],
        output_norm: None,
        output_bias: s.file.tensor("final_logits_bias").is_some(),
        source: Some(SourceConfig {
            n_layers: s.size("encoder_layers", limits::N_LAYERS)?,
            layer: encoder,
            output_norm: None,
            sines: marian,
        }),
        ..config
    })
}
