//! T5 and Flan-T5, encoder-decoders that turn one text into another (arXiv 1910.10683): RMS norms before each block, no biases, no factor
//! on the scores but a bias by distance, which the first layer of each side has for all. T5's own feed-forwards are plain, those of version
//! 1.1 gated.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face as hf;
use super::names::{Name, Names, name};
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, LayerConfig, ModelConfig, Norm, Relative, SourceConfig};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["t5"], config: from_gguf, names: GGUF },
    hugging_face: Origin { known: &["T5ForConditionalGeneration"], config: from_hugging_face, names: HUGGING_FACE },
};

pub(super) const GGUF: Names = Names { tables: &[GGUF_NAMES], prefix: "", ignored: &["cross_attn_rel_b.weight"] };
pub(super) const HUGGING_FACE: Names = Names { tables: &[NAMES], prefix: "", ignored: IGNORED };

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

const GGUF_NAMES: &[Name] = &[
    name("enc.blk.{}.attn_output", "enc.blk.{}.attn_o"),
    name("dec.blk.{}.attn_output", "dec.blk.{}.attn_o"),
    name("dec.blk.{}.cross_attn_output", "dec.blk.{}.cross_attn_o"),
];

/// From which distance on all keys have the same bias, where the file does not say: GGUF files never do.
const MAX_DISTANCE: usize = 128;

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let (config, encoder) = encoder_of_gguf(s)?;
    let n_decoder = s.size_or("decoder_block_count", config.n_layers, limits::N_LAYERS)?;
    // The scale of a row goes with the head that is the table of tokens.
    let scaled = config.tied_embeddings;
    Ok(assembled(config, encoder, n_decoder, scaled))
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    let (config, encoder) = encoder_of_hugging_face(s)?;
    let n_decoder = s.size_or("num_decoder_layers", config.n_layers, limits::N_LAYERS)?;
    // Where the output is the table of tokens, a row is scaled before. Newer files say whether by a key of its own.
    let scaled = s.bool_or("scale_decoder_outputs", s.bool_or("tie_word_embeddings", true)?)?;
    let tied_embeddings = scaled || s.file.tensor("lm_head.weight").is_none();
    Ok(assembled(ModelConfig { tied_embeddings, ..config }, encoder, n_decoder, scaled))
}

/// The sizes of a file, and what a layer of its encoder is made of. The file names no activation: a gate tells which version's it is.
pub(super) fn encoder_of_gguf(s: &Settings<'_>) -> Result<(ModelConfig, LayerConfig)> {
    let norm = Norm::Rms { eps: s.positive(gguf::RMS_EPS)? };
    let gated = gguf::has(s.file, "enc.blk.0.ffn_gate.weight");
    let ffn = if gated { Ffn::Gated(Activation::GeluTanh) } else { Ffn::Plain(Activation::Relu) };
    let buckets = s.size("attention.relative_buckets_count", 1 << 16)?;
    let relative = Relative { buckets, max_distance: MAX_DISTANCE };
    Ok((gguf::decoder(s, norm, ffn, &[])?, encoder_layer(norm, ffn, relative)))
}

/// The same of a folder.
pub(super) fn encoder_of_hugging_face(s: &Settings<'_>) -> Result<(ModelConfig, LayerConfig)> {
    let norm = Norm::Rms { eps: s.positive_or("layer_norm_epsilon", 1e-6)? };
    let ffn = match s.str("feed_forward_proj")?.unwrap_or("relu") {
        "relu" => Ffn::Plain(Activation::Relu),
        "gated-gelu" => Ffn::Gated(Activation::GeluTanh),
        "gated-silu" => Ffn::Gated(Activation::Silu),
        other => return Err(s.unsupported("feed_forward_proj", other, "relu, gated-gelu, gated-silu")),
    };
    let relative = Relative {
        buckets: s.size_or("relative_attention_num_buckets", 32, 1 << 16)?,
        max_distance: s.size_or("relative_attention_max_distance", MAX_DISTANCE, limits::CONTEXT_LEN)?,
    };
    // Distances have no end; the positions are what the models were trained with.
    let config = hf::sized(s, norm, ["d_model", "d_ff", "num_layers", "num_heads", "n_positions"], Some(512))?;
    let head_dim = s.size("d_kv", limits::HEAD_DIM)?;
    Ok((ModelConfig { head_dim, ..config }, encoder_layer(norm, ffn, relative)))
}

fn encoder_layer(norm: Norm, ffn: Ffn, relative: Relative) -> LayerConfig {
    let mut layer = LayerConfig::decoder(norm, ffn);
    let attention = &mut layer.attention;
    (attention.causal, attention.scale, attention.relative) = (false, Some(1.0), Some(relative));
    layer
}

/// `config` has the sizes of the encoder, which is made of such layers. `scaled`: a row is, before the output head.
fn assembled(config: ModelConfig, encoder: LayerConfig, n_decoder: usize, scaled: bool) -> ModelConfig {
    let (n_layers, output_norm) = (config.n_layers, config.output_norm);
    let mut decoder = encoder;
    (decoder.attention.causal, decoder.cross) = (true, Some(encoder.attention.norms));
    ModelConfig {
        n_layers: n_decoder,
        layers: vec![decoder],
        logit_scale: if scaled { 1.0 / (config.d_model as f32).sqrt() } else { 1.0 },
        source: Some(SourceConfig { n_layers, layer: encoder, output_norm, sines: false }),
        ..config
    }
}
