//! Hyperparameters, always from the file, never from presets.

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
