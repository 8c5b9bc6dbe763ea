//! Hyperparameters, always from the file, never from presets.

use super::settings::unsupported;
use super::{from_gguf, from_hf};
use crate::error::{Error, Result};
use crate::format::{Dialect, ModelFile};

/// Normalisation before each block and before the output head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Norm {
    /// RMSNorm (arXiv 1910.07467): `x / sqrt(mean(x^2) + eps) * weight`.
    Rms { eps: f32 },
    /// LayerNorm (arXiv 1607.06450): `(x - mean) / sqrt(var + eps) * weight + bias`.
    Layer { eps: f32 },
}

/// Which elements of a head rotate together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RopeLayout {
    /// Pairs `(2i, 2i + 1)`: GGUF files of the llama architecture.
    Interleaved,
    /// Pairs `(i, i + n_dims / 2)`: Hugging Face files, and GGUF files of most other architectures.
    HalfSplit,
}

/// Context extension of the rotary frequencies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RopeScaling {
    None,
    /// Positions are divided by `factor`.
    Linear {
        factor: f32,
    },
    /// Llama 3's frequency-dependent scaling.
    Llama3 {
        factor: f32,
        low_freq_factor: f32,
        high_freq_factor: f32,
        original_context_len: usize,
    },
}

/// Rotary position embedding (RoPE, arXiv 2104.09864).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rope {
    pub layout: RopeLayout,
    /// Base of the frequencies (10000 in the paper).
    pub theta: f32,
    /// How many leading elements of each head rotate; even, at most `head_dim`.
    pub n_dims: usize,
    pub scaling: RopeScaling,
}

impl Rope {
    /// The angle per position of each rotating pair, `[n_dims / 2]`: `theta^(-2i / n_dims)`, scaled, divided by
    /// `factors[i]` where given. Computed in f64 so that every backend rotates by the same table.
    pub fn frequencies(&self, factors: Option<&[f32]>) -> Vec<f64> {
        let n = self.n_dims as f64;
        (0..self.n_dims / 2)
            .map(|i| {
                let f = self.scaling.apply(f64::from(self.theta).powf(-2.0 * i as f64 / n));
                f / factors.and_then(|factors| factors.get(i)).map_or(1.0, |&d| f64::from(d))
            })
            .collect()
    }
}

impl RopeScaling {
    fn apply(self, frequency: f64) -> f64 {
        match self {
            RopeScaling::None => frequency,
            RopeScaling::Linear { factor } => frequency / f64::from(factor),
            RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_context_len } => {
                let (low, high) = (f64::from(low_freq_factor), f64::from(high_freq_factor));
                // Turns within the original context: many are kept, few are stretched, between them it blends.
                let turns = original_context_len as f64 * frequency / std::f64::consts::TAU;
                let keep = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                (1.0 - keep) * frequency / f64::from(factor) + keep * frequency
            }
        }
    }
}

/// How positions enter the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Position {
    /// A learned table added to the embeddings (GPT-2).
    Learned,
    Rope(Rope),
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
}

/// The feed-forward block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ffn {
    /// `down(act(gate(x)) * up(x))` (SwiGLU and kin, arXiv 2002.05202).
    Gated(Activation),
    /// `down(act(up(x)))`.
    Plain(Activation),
}

/// Everything that shapes the plan. Invariants (checked by `ModelConfig::from_file`): all sizes are at least 1,
/// `n_heads % n_kv_heads == 0`, rotary `n_dims` is even and at most `head_dim`.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// The architecture's name in the file, for example `llama` or `gpt2`.
    pub architecture: String,
    /// Human-readable model name, where the file gives one.
    pub name: String,
    pub n_vocab: usize,
    pub d_model: usize,
    pub d_ff: usize,
    pub n_layers: usize,
    pub n_heads: usize,
    /// Fewer than `n_heads` is grouped-query attention (arXiv 2305.13245).
    pub n_kv_heads: usize,
    pub head_dim: usize,
    /// Positions the model was made for.
    pub context_len: usize,
    pub norm: Norm,
    pub position: Position,
    pub ffn: Ffn,
    /// Biases on q, k and v.
    pub qkv_bias: bool,
    /// Bias on the attention's output projection.
    pub attn_out_bias: bool,
    /// Biases on the feed-forward matrices.
    pub ffn_bias: bool,
    /// The output head is the embedding table.
    pub tied_embeddings: bool,
    /// The file holds per-frequency divisors (`rope_freqs.weight`).
    pub rope_factors: bool,
}

/// The width from which on activations are rounded to bytes for products with quantised weights, where that is faster. Narrower models
/// are fast enough without, and have fewer terms for rounding errors to cancel in. The default model is 192 wide: its key points
/// are as good with bytes as without (its model card has the figures).
const COARSE_FROM: usize = 192;

impl ModelConfig {
    /// Whether activations may be rounded coarsely (see `cpu::quant::Inputs`), on any device.
    pub fn rounds_coarsely(&self) -> bool {
        self.d_model >= COARSE_FROM
    }

    /// Reads the hyperparameters of a model file.
    ///
    /// # Errors
    /// `Unsupported` for architectures and settings that would change the computation in a way no plan has, `Format`
    /// for values that are missing, of the wrong type, out of range or in contradiction.
    pub fn from_file(file: &ModelFile) -> Result<ModelConfig> {
        let config = match file.dialect {
            Dialect::Gguf => from_gguf::config(file)?,
            Dialect::HuggingFace => from_hf::config(file)?,
        };
        config.check(&file.name)?;
        Ok(config)
    }

    /// The invariants that span several values.
    fn check(&self, file: &str) -> Result<()> {
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
        match self.position {
            Position::Rope(rope) if rope.n_dims == 0 || rope.n_dims % 2 != 0 || rope.n_dims > self.head_dim => {
                let expected = format!("an even number from 2 to the head size {}", self.head_dim);
                Err(wrong("the number of rotating dimensions", expected, rope.n_dims))
            }
            // Learned positions are a table of d_model columns, and each head gets an equal part of them.
            Position::Learned if self.head_dim * self.n_heads != self.d_model => {
                Err(wrong("the model's width", format!("a multiple of the {} heads", self.n_heads), self.d_model))
            }
            Position::Learned if self.rope_factors => {
                Err(unsupported("rope_freqs.weight", "a model with learned positions", "models with rotary positions"))
            }
            _ => Ok(()),
        }
    }
}
