//! T5 and Flan-T5, encoder-decoders that turn one text into another (arXiv 1910.10683): RMS norms before each block, no biases, no factor
//! on the scores but a bias by distance, which the first layer of each side has for all. T5's own feed-forwards are plain, those of version
//! 1.1 gated.

use super::family::{Family, Origin};
use super::hugging_face as hf;
use super::names::{Name, Names, name};
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, LayerConfig, ModelConfig, Norm, Norms, Relative, SourceConfig};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &[], config: from_hugging_face, names: Names { tables: &[], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &["T5ForConditionalGeneration"],
        config: from_hugging_face,
        names: Names { tables: &[NAMES], prefix: "", ignored: IGNORED },
    },
};

/// Copies of the table of tokens, and a table that no attention reads.
const IGNORED: &[&str] =
    &["encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "EncDecAttention.relative_attention_bias.weight"];

const NAMES: &[Name] = &[
    name("token_embd", "shared"),
    name("output", "lm_head"),
    name("enc.output_norm", "encoder.final_layer_norm"),
    name("enc.blk.{}.attn_norm", "encoder.block.{}.layer.0.layer_norm"),
    name("enc.blk.{}.attn_q", "encoder.block.{}.layer.0.SelfAttention.q"),
    name("enc.blk.{}.attn_k", "encoder.block.{}.layer.0.SelfAttention.k"),
    name("enc.blk.{}.attn_v", "encoder.block.{}.layer.0.SelfAttention.v"),
    name("enc.blk.{}.attn_output", "encoder.block.{}.layer.0.SelfAttention.o"),
    name("enc.blk.{}.attn_rel_b", "encoder.block.{}.layer.0.SelfAttention.relative_attention_bias"),
    name("enc.blk.{}.ffn_norm", "encoder.block.{}.layer.1.layer_norm"),
    name("enc.blk.{}.ffn_gate", "encoder.block.{}.layer.1.DenseReluDense.wi_0"),
    name("enc.blk.{}.ffn_up", "encoder.block.{}.layer.1.DenseReluDense.wi_1"),
    name("enc.blk.{}.ffn_up", "encoder.block.{}.layer.1.DenseReluDense.wi"),
    name("enc.blk.{}.ffn_down", "encoder.block.{}.layer.1.DenseReluDense.wo"),
    name("dec.output_norm", "decoder.final_layer_norm"),
    name("dec.blk.{}.attn_norm", "decoder.block.{}.layer.0.layer_norm"),
    name("dec.blk.{}.attn_q", "decoder.block.{}.layer.0.SelfAttention.q"),
    name("dec.blk.{}.attn_k", "decoder.block.{}.layer.0.SelfAttention.k"),
    name("dec.blk.{}.attn_v", "decoder.block.{}.layer.0.SelfAttention.v"),
    name("dec.blk.{}.attn_output", "decoder.block.{}.layer.0.SelfAttention.o"),
    name("dec.blk.{}.attn_rel_b", "decoder.block.{}.layer.0.SelfAttention.relative_attention_bias"),
    name("dec.blk.{}.cross_attn_norm", "decoder.block.{}.layer.1.layer_norm"),
    name("dec.blk.{}.cross_attn_q", "decoder.block.{}.layer.1.EncDecAttention.q"),
    name("dec.blk.{}.cross_attn_k", "decoder.block.{}.layer.1.EncDecAttention.k"),
    name("dec.blk.{}.cross_attn_v", "decoder.block.{}.layer.1.EncDecAttention.v"),
    name("dec.blk.{}.cross_attn_output", "decoder.block.{}.layer.1.EncDecAttention.o"),
    name("dec.blk.{}.ffn_norm", "decoder.block.{}.layer.2.layer_norm"),
    name("dec.blk.{}.ffn_gate", "decoder.block.{}.layer.2.DenseReluDense.wi_0"),
    name("dec.blk.{}.ffn_up", "decoder.block.{}.layer.2.DenseReluDense.wi_1"),
    name("dec.blk.{}.ffn_up", "decoder.block.{}.layer.2.DenseReluDense.wi"),
    name("dec.blk.{}.ffn_down", "decoder.block.{}.layer.2.DenseReluDense.wo"),
];

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Rms { eps: s.positive_or("layer_norm_epsilon", 1e-6)? };
    let ffn = match s.str("feed_forward_proj")?.unwrap_or("relu") {
        "relu" => Ffn::Plain(Activation::Relu),
        "gated-gelu" => Ffn::Gated(Activation::GeluTanh),
        "gated-silu" => Ffn::Gated(Activation::Silu),
        other => return Err(s.unsupported("feed_forward_proj", other, "relu, gated-gelu, gated-silu")),
    };
    let relative = Relative {
        buckets: s.size_or("relative_attention_num_buckets", 32, 1 << 16)?,
        max_distance: s.size_or("relative_attention_max_distance", 128, limits::CONTEXT_LEN)?,
    };
    let mut decoder = LayerConfig::decoder(norm, ffn);
    (decoder.attention.scale, decoder.attention.relative) = (Some(1.0), Some(relative));
    let mut encoder = decoder;
    encoder.attention.causal = false;
    decoder.cross = Some(Norms::before(norm));
    // Distances have no end; the positions are what the models were trained with.
    let config = hf::sized(s, norm, ["d_model", "d_ff", "num_layers", "num_heads", "n_positions"], Some(512))?;
    let n_layers = config.n_layers;
    // Where the output is the table of tokens, a row is scaled before. Newer files say whether by a key of its own.
    let scaled = s.bool_or("scale_decoder_outputs", s.bool_or("tie_word_embeddings", true)?)?;
    let tied_embeddings = scaled || s.file.tensor("lm_head.weight").is_none();
    Ok(ModelConfig {
        n_layers: s.size_or("num_decoder_layers", n_layers, limits::N_LAYERS)?,
        head_dim: s.size("d_kv", limits::HEAD_DIM)?,
        layers: vec![decoder],
        tied_embeddings,
        logit_scale: if scaled { 1.0 / (config.d_model as f32).sqrt() } else { 1.0 },
        source: Some(SourceConfig { n_layers, layer: encoder, output_norm: Some(norm), sines: false }),
        ..config
    })
}
