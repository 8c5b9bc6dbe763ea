//! What a model is made of: sizes, and what each of its layers computes. Everything here comes from the model's file, read by
//! `crate::arch`; nothing here knows an architecture's name.

use super::output::{EncoderConfig, Output};
use super::rope::Rope;
use super::ssm::SsmConfig;
use crate::error::{Error, Result};

/// Normalisation of a row, or of each head of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Norm {
    /// RMSNorm (arXiv 1910.07467): `x / sqrt(mean(x^2) + eps) * weight`.
    Rms {
        /// Added to the mean of the squares.
        eps: f32,
    },
    /// LayerNorm (arXiv 1607.06450): `(x - mean) / sqrt(var + eps) * weight + bias`.
    Layer {
        /// Added to the variance.
        eps: f32,
    },
    /// LayerNorm without a bias (ModernBERT).
    Unbiased {
        /// Added to the variance.
        eps: f32,
    },
}

/// Elementwise non-linearity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `x * sigmoid(x)`.
    Silu,
    /// GELU by its tanh approximation (GPT-2's `gelu_new`).
    GeluTanh,
    /// Exact GELU, by erf.
    Gelu,
    /// The greater of x and 0.
    Relu,
}

/// What the feed-forward block computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ffn {
    /// `down(act(gate(x)) * up(x))` (SwiGLU and kin, arXiv 2002.05202).
    Gated(Activation),
    /// `down(act(up(x)))`.
    Plain(Activation),
    /// Nothing: the layer ends before it (Mamba-2).
    None,
}

/// Norms around an attention or feed-forward block, `x + block(x)`: at each of the three places there may be one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Norms {
    /// Of what the block reads: `x + block(norm(x))`.
    pub before: Option<Norm>,
    /// Of what the block gives: `x + norm(block(x))`.
    pub after: Option<Norm>,
    /// Of the sum: `norm(x + block(x))`, as in BERT.
    pub sum: Option<Norm>,
}

impl Norms {
    /// Only the block's input is normalised, as in most decoders.
    pub fn before(norm: Norm) -> Norms {
        Norms { before: Some(norm), ..Norms::default() }
    }
}

/// Normalisation of queries and keys before they rotate (QK-norm).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QkNorm {
    /// RMS over each head, one weight `[head_dim]` for all heads.
    Head {
        /// Added to the mean of the squares.
        eps: f32,
    },
    /// RMS over all heads together, weight `[n_heads * head_dim]`.
    Row {
        /// Added to the mean of the squares.
        eps: f32,
    },
}

/// A bias of each head on the scores, by how far a key is from the query (T5, arXiv 1910.10683): a learned table of `buckets` rows,
/// one for all layers. Of a distance up to half of the buckets each has its own; further ones share one the more, the further they are, and
/// from `max_distance` on all. Attention both ways has half of the buckets for what comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relative {
    /// Rows of the table.
    pub buckets: usize,
    /// From where on all keys have the same bias.
    pub max_distance: usize,
}

/// The attention of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionConfig {
    /// A token sees none after itself; encoders see both ways.
    pub causal: bool,
    /// Sliding window: only the last so many positions are seen, the token's own among them.
    pub window: Option<usize>,
    /// Factor on the scores; `1 / sqrt(head_dim)` where nothing is said.
    pub scale: Option<f32>,
    /// Scores become `cap * tanh(score / cap)`.
    pub soft_cap: Option<f32>,
    /// Rotation of queries and keys by their position.
    pub rope: Option<Rope>,
    /// Norms of queries and keys.
    pub qk_norm: Option<QkNorm>,
    /// Biases on the scores by distance.
    pub relative: Option<Relative>,
    /// Biases on q, k and v.
    pub qkv_bias: bool,
    /// Bias on the output projection.
    pub out_bias: bool,
    /// Norms around the block.
    pub norms: Norms,
}

/// A mixture of experts (arXiv 1701.06538): several feed-forwards, of which each row takes a few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpertsConfig {
    /// How many there are.
    pub n: usize,
    /// How many a row takes: those that the router gives the most.
    pub used: usize,
    /// The weights of those that a row takes are brought to a sum of 1.
    pub normalise: bool,
    /// Beside them every row goes through one more feed-forward, of this width; 0 where there is none.
    pub shared: usize,
}

/// The feed-forward of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FfnConfig {
    /// What it computes, or each of its experts.
    pub kind: Ffn,
    /// It is a mixture of experts: gated ones, without biases.
    pub experts: Option<ExpertsConfig>,
    /// Biases on its matrices.
    pub bias: bool,
    /// Norms around the block.
    pub norms: Norms,
}

/// One layer: an attention, or what stands in its place, and a feed-forward, each added to the residual stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerConfig {
    /// The attention block.
    pub attention: AttentionConfig,
    /// In the attention's place, behind its norm, stands a gated convolution over so many positions (LFM2).
    pub short_conv: Option<usize>,
    /// In the attention's place, behind its norm, stands a state space.
    pub ssm: Option<SsmConfig>,
    /// Behind the attention stands another one, over what the encoder left of the source, with these norms around it.
    pub cross: Option<Norms>,
    /// The feed-forward block.
    pub ffn: FfnConfig,
    /// Both blocks read the layer's input (GPT-NeoX), not the feed-forward what the attention gives. A feed-forward without a norm
    /// before it then shares the attention's.
    pub parallel: bool,
    /// Factor on what each block adds to the residual stream; 1 in most models.
    pub residual_scale: f32,
}

impl LayerConfig {
    /// A layer of most encoders: attention both ways, a norm of each sum, biases everywhere, no rotation.
    pub fn encoder(norm: Norm, ffn: Ffn) -> LayerConfig {
        let mut layer = LayerConfig::decoder(norm, ffn);
        let norms = Norms { sum: Some(norm), ..Norms::default() };
        layer.attention = AttentionConfig { causal: false, qkv_bias: true, out_bias: true, norms, ..layer.attention };
        layer.ffn = FfnConfig { bias: true, norms, ..layer.ffn };
        layer
    }

    /// A layer of most decoders: causal attention to all earlier positions, a norm before each block, no biases, no rotation.
    pub fn decoder(norm: Norm, ffn: Ffn) -> LayerConfig {
        let norms = Norms::before(norm);
        let attention = AttentionConfig {
            causal: true,
            window: None,
            scale: None,
            soft_cap: None,
            rope: None,
            qk_norm: None,
            relative: None,
            qkv_bias: false,
            out_bias: false,
            norms,
        };
        LayerConfig {
            attention,
            short_conv: None,
            ssm: None,
            cross: None,
            ffn: FfnConfig { kind: ffn, experts: None, bias: false, norms },
            parallel: false,
            residual_scale: 1.0,
        }
    }
}

/// The encoder of an encoder-decoder. It has the decoder's widths, heads and table of tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SourceConfig {
    /// How many layers there are.
    pub n_layers: usize,
    /// What each is made of.
    pub layer: LayerConfig,
    /// Norm of what they leave.
    pub output_norm: Option<Norm>,
    /// The tables of positions, of both halves, are sines and cosines that no file need hold: half of the columns each.
    pub sines: bool,
}

/// What a masked language model has between its rows and its output head: a matrix as wide as they are, and a norm of what follows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Masked {
    /// Bias on the matrix.
    pub bias: bool,
    /// What follows it.
    pub activation: Activation,
    /// Norm of that.
    pub norm: Norm,
}

/// Everything that shapes the plan. Invariants (see [`ModelConfig::check`]): all sizes are at least 1, there is a layer,
/// `n_heads % n_kv_heads == 0`, rotary `n_dims` is even and at most `head_dim`.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// The architecture's name in the file, for example `llama` or `GPT2LMHeadModel`.
    pub architecture: String,
    /// Human-readable model name, where the file gives one.
    pub name: String,
    /// Tokens that the model knows.
    pub n_vocab: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Width of the feed-forward's hidden row; of each expert's where there are several.
    pub d_ff: usize,
    /// How many layers there are.
    pub n_layers: usize,
    /// Query heads.
    pub n_heads: usize,
    /// Heads of keys and values; fewer than `n_heads` is grouped-query attention (arXiv 2305.13245).
    pub n_kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Positions the model was made for.
    pub context_len: usize,
    /// Factor on the embeddings; 1 in most models.
    pub embedding_scale: f32,
    /// A learned table of positions is added to the embeddings (GPT-2, BERT).
    pub learned_positions: bool,
    /// Rows of a learned table of segments that is added to the embeddings (BERT's token types); 0 where there is none.
    pub segments: usize,
    /// Norm of the sum of the embeddings.
    pub embedding_norm: Option<Norm>,
    /// The layers, repeating: layer i is `layers[i % layers.len()]`, see [`ModelConfig::layer`].
    pub layers: Vec<LayerConfig>,
    /// What the model gives.
    pub output: Output,
    /// Norm before the output head.
    pub output_norm: Option<Norm>,
    /// An encoder's rows become logits of the vocabulary, by way of this: a masked language model.
    pub masked: Option<Masked>,
    /// The output head is the embedding table.
    pub tied_embeddings: bool,
    /// Bias on the output head.
    pub output_bias: bool,
    /// Factor on the logits; 1 in most models.
    pub logit_scale: f32,
    /// Logits become `cap * tanh(logit / cap)`.
    pub logit_soft_cap: Option<f32>,
    /// The file holds per-frequency divisors (`rope_freqs.weight`).
    pub rope_factors: bool,
    /// What the names of its layers begin with, where it is an encoder that was taken out of an encoder-decoder: `enc.`.
    pub side: &'static str,
    /// The encoder that reads a source first, where there is one.
    pub source: Option<SourceConfig>,
}

/// The width from which on activations are rounded to bytes for products with quantised weights, where that is faster. Narrower models
/// are fast enough without, and have fewer terms for rounding errors to cancel in. The default model is 192 wide: its key points
/// are as good with bytes as without (its model card has the figures).
const COARSE_FROM: usize = 192;

/// Experts of all layers together: far more than any model has, so that a damaged number is refused before a plan is made of it.
const MAX_EXPERTS: usize = 1 << 16;

impl ModelConfig {
    /// Whether activations may be rounded coarsely (see `cpu::quant::Inputs`), on any device.
    pub fn rounds_coarsely(&self) -> bool {
        self.d_model >= COARSE_FROM
    }

    /// What an encoder's files say of its vectors; `None` for a decoder.
    pub fn encoder(&self) -> Option<EncoderConfig> {
        match self.output {
            Output::Rows(encoder) => Some(encoder),
            Output::Logits => None,
        }
    }

    /// What layer `i` is made of; `None` where no layers are given.
    pub fn layer(&self, i: usize) -> Option<&LayerConfig> {
        self.layers.get(i.checked_rem(self.layers.len())?)
    }

    /// How many of the layers before layer `i` are such.
    pub fn layers_before(&self, i: usize, such: impl Fn(&LayerConfig) -> bool) -> usize {
        (0..i).filter(|before| self.layer(*before).is_some_and(&such)).count()
    }

    /// Whether what it remembers of a text is what it has become, so that it cannot go back to any place of it.
    pub fn is_recurrent(&self) -> bool {
        self.layers.iter().any(|layer| layer.ssm.is_some())
    }

    /// Checks the invariants that span several values. `file` is for messages.
    ///
    /// # Errors
    /// `Format` for values in contradiction, `Unsupported` for combinations that no plan has.
    pub fn check(&self, file: &str) -> Result<()> {
        let wrong = |what: &str, expected: String, found: usize| Error::Format {
            file: file.to_string(),
            what: what.to_string(),
            expected,
            found: found.to_string(),
        };
        if self.head_dim == 0 {
            return Err(wrong("the head size", "at least 1 (d_model / n_heads)".to_string(), 0));
        }
        if !self.n_heads.is_multiple_of(self.n_kv_heads) {
            let expected = format!("a divisor of the {} attention heads", self.n_heads);
            return Err(wrong("the number of key-value heads", expected, self.n_kv_heads));
        }
        if self.layers.is_empty() {
            return Err(wrong("the layers", "at least one".to_string(), 0));
        }
        let relative = |layer: &LayerConfig| layer.attention.relative;
        let own = self.layers.iter().chain(self.source.as_ref().map(|source| &source.layer));
        for Relative { buckets, max_distance } in own.filter_map(relative) {
            if !(4..=1 << 16).contains(&buckets) || !buckets.is_multiple_of(4) {
                return Err(wrong("the buckets of relative positions", "a multiple of 4, 4 to 65536".into(), buckets));
            }
            if max_distance <= buckets / 2 {
                let expected = format!("more than {}", buckets / 2);
                return Err(wrong("the largest distance of relative positions", expected, max_distance));
            }
        }
        let ropes = self.layers.iter().filter_map(|layer| layer.attention.rope);
        for rope in ropes {
            if rope.n_dims == 0 || rope.n_dims % 2 != 0 || rope.n_dims > self.head_dim {
                let expected = format!("an even number from 2 to the head size {}", self.head_dim);
                return Err(wrong("the number of rotating dimensions", expected, rope.n_dims));
            }
        }
        for (ffn, experts) in self.layers.iter().filter_map(|layer| Some((layer.ffn, layer.ffn.experts?))) {
            if !(1..=experts.n).contains(&experts.used) {
                return Err(wrong(
                    "the number of experts used",
                    format!("1 to {}, all of them", experts.n),
                    experts.used,
                ));
            }
            if experts.n.saturating_mul(self.n_layers) > MAX_EXPERTS {
                let expected =
                    format!("at most {} in each of {} layers", MAX_EXPERTS / self.n_layers.max(1), self.n_layers);
                return Err(wrong("the number of experts", expected, experts.n));
            }
            if ffn.bias || !matches!(ffn.kind, Ffn::Gated(_)) {
                return Err(Error::Unsupported {
                    what: "the experts".to_string(),
                    found: "biases, or no gate".to_string(),
                    supported: "gated experts without biases".to_string(),
                });
            }
        }
        self.layers.iter().filter_map(|layer| layer.ssm).try_for_each(|ssm| ssm.check(file))?;
        // The cache holds half of a row as if it were a key, and half as a value.
        if self.layers.iter().any(|layer| layer.short_conv.is_some()) && !self.d_model.is_multiple_of(2) {
            return Err(wrong("the model's width", "an even number".to_string(), self.d_model));
        }
        // Learned positions are a table of d_model columns, and each head gets an equal part of them.
        if self.learned_positions && self.head_dim * self.n_heads != self.d_model {
            return Err(wrong("the model's width", format!("a multiple of the {} heads", self.n_heads), self.d_model));
        }
        if self.learned_positions && self.rope_factors {
            return Err(Error::Unsupported {
                what: "rope_freqs.weight".to_string(),
                found: "a model with learned positions".to_string(),
                supported: "models with rotary positions".to_string(),
            });
        }
        Ok(())
    }
}
