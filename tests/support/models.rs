//! Configurations of tiny random models that reach every operation, and one of a size worth measuring.

use nanolm::model::{
    Activation, ExpertsConfig, Ffn, LayerConfig, ModelConfig, Norm, Output, Rope, RopeLayout, RopeScaling,
};

/// Llama family: RMSNorm, rotary positions, grouped-query attention, gated feed-forward; head_dim 8 of which `n_dims`
/// rotate.
pub fn tiny_llama(layout: RopeLayout, n_dims: usize, scaling: RopeScaling, tied: bool) -> ModelConfig {
    let norm = Norm::Rms { eps: 1e-5 };
    let mut layer = LayerConfig::decoder(norm, Ffn::Gated(Activation::Silu));
    layer.attention.rope = Some(Rope { layout, theta: 10000.0, n_dims, scaling });
    ModelConfig {
        architecture: "llama".to_string(),
        name: "tiny random llama".to_string(),
        n_vocab: 77,
        d_model: 64,
        d_ff: 96,
        n_layers: 2,
        n_heads: 8,
        n_kv_heads: 4,
        head_dim: 8,
        context_len: 128,
        embedding_scale: 1.0,
        learned_positions: false,
        segments: 0,
        embedding_norm: None,
        layers: vec![layer],
        output: Output::Logits,
        output_norm: Some(norm),
        masked: None,
        tied_embeddings: tied,
        output_bias: false,
        logit_scale: 1.0,
        logit_soft_cap: None,
        rope_factors: false,
        side: "",
        source: None,
    }
}

/// GPT-2 family: LayerNorm, learned positions, biases everywhere, plain GELU feed-forward; a ragged head_dim of 6.
pub fn tiny_gpt2() -> ModelConfig {
    let norm = Norm::Layer { eps: 1e-5 };
    let mut layer = LayerConfig::decoder(norm, Ffn::Plain(Activation::GeluTanh));
    (layer.attention.qkv_bias, layer.attention.out_bias, layer.ffn.bias) = (true, true, true);
    ModelConfig {
        architecture: "gpt2".to_string(),
        name: "tiny random gpt2".to_string(),
        n_vocab: 61,
        d_model: 42,
        d_ff: 100,
        n_layers: 2,
        n_heads: 7,
        n_kv_heads: 7,
        head_dim: 6,
        context_len: 64,
        embedding_scale: 1.0,
        learned_positions: true,
        segments: 0,
        embedding_norm: None,
        layers: vec![layer],
        output: Output::Logits,
        output_norm: Some(norm),
        masked: None,
        tied_embeddings: true,
        output_bias: false,
        logit_scale: 1.0,
        logit_soft_cap: None,
        rope_factors: false,
        side: "",
        source: None,
    }
}

/// The same model with another activation in its feed-forwards.
pub fn activated(mut config: ModelConfig, ffn: Ffn) -> ModelConfig {
    config.layers.iter_mut().for_each(|layer| layer.ffn.kind = ffn);
    config
}

/// The same model with biases on queries, keys and values.
pub fn with_qkv_bias(mut config: ModelConfig) -> ModelConfig {
    config.layers.iter_mut().for_each(|layer| layer.attention.qkv_bias = true);
    config
}

/// The same model with mixtures of experts.
pub fn mixed(mut config: ModelConfig, experts: ExpertsConfig) -> ModelConfig {
    config.layers.iter_mut().for_each(|layer| layer.ffn.experts = Some(experts));
    config
}

/// The shape of the default model: d_model 192, 6 layers, 6 heads on 2, d_ff 512, vocabulary 6176, tied.
pub fn llama_default() -> ModelConfig {
    ModelConfig {
        name: "random llama of the default model's shape".to_string(),
        n_vocab: 6176,
        d_model: 192,
        d_ff: 512,
        n_layers: 6,
        n_heads: 6,
        n_kv_heads: 2,
        head_dim: 32,
        context_len: 1024,
        ..tiny_llama(RopeLayout::Interleaved, 32, RopeScaling::None, true)
    }
}

/// A Llama of 15 million parameters: d_model 288, 6 layers, 6 heads, d_ff 768, vocabulary 32000.
pub fn llama_15m() -> ModelConfig {
    ModelConfig {
        name: "random llama of 15 M".to_string(),
        n_vocab: 32000,
        d_model: 288,
        d_ff: 768,
        n_layers: 6,
        n_heads: 6,
        n_kv_heads: 6,
        head_dim: 48,
        context_len: 1024,
        ..tiny_llama(RopeLayout::Interleaved, 48, RopeScaling::None, false)
    }
}

/// Llama of 135 million parameters: d_model 576, 30 layers, 9 heads on 3, d_ff 1536, vocabulary 49152, tied.
pub fn llama_135m() -> ModelConfig {
    ModelConfig {
        name: "random llama of 135 M".to_string(),
        n_vocab: 49152,
        d_model: 576,
        d_ff: 1536,
        n_layers: 30,
        n_heads: 9,
        n_kv_heads: 3,
        head_dim: 64,
        context_len: 1024,
        ..tiny_llama(RopeLayout::HalfSplit, 64, RopeScaling::None, true)
    }
}

/// Llama of 1.1 billion parameters: d_model 2048, 22 layers, 32 heads on 4, d_ff 5632, vocabulary 32000.
pub fn llama_1b() -> ModelConfig {
    ModelConfig {
        name: "random llama of 1 B".to_string(),
        n_vocab: 32000,
        d_model: 2048,
        d_ff: 5632,
        n_layers: 22,
        n_heads: 32,
        n_kv_heads: 4,
        head_dim: 64,
        context_len: 2048,
        ..tiny_llama(RopeLayout::HalfSplit, 64, RopeScaling::None, false)
    }
}
