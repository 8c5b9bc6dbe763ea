//! What files say of mixtures of experts.

use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{ExpertsConfig, ModelConfig};

/// Settings of other routers, with the value besides 0 that means "off". The first: 1 is the softmax.
const REFUSED: [(&str, f64); 7] = [
    ("expert_gating_func", 1.0),
    ("expert_weights_scale", 1.0),
    ("expert_shared_count", 0.0),
    ("expert_group_count", 1.0),
    ("expert_group_used_count", 1.0),
    ("leading_dense_block_count", 0.0),
    ("interleave_moe_layer_step", 1.0),
];

/// The width of a feed-forward beside the experts.
pub(super) const SHARED: &str = "expert_shared_feed_forward_length";

/// Makes the feed-forward of every layer a mixture, by a GGUF file's settings; its family reads `expert_count`. `normalise`: where the file does not say.
pub(super) fn from_gguf(s: &Settings<'_>, normalise: bool, config: ModelConfig) -> Result<ModelConfig> {
    s.must_be_off(SHARED, 0.0)?;
    shared_from_gguf(s, normalise, config)
}

/// The same of a family that may have a feed-forward beside the experts, through which every row goes.
pub(super) fn shared_from_gguf(s: &Settings<'_>, normalise: bool, mut config: ModelConfig) -> Result<ModelConfig> {
    for (key, neutral) in REFUSED {
        s.must_be_off(key, neutral)?;
    }
    config.d_ff = s.size_or("expert_feed_forward_length", config.d_ff, limits::WIDTH)?;
    let shared = s.get(SHARED).filter(|value| value.as_usize() != Some(0));
    let shared = shared.map_or(Ok(0), |_| s.size(SHARED, limits::WIDTH))?;
    mixed(s, ["expert_count", "expert_used_count"], s.bool_or("expert_weights_norm", normalise)?, shared, config)
}

/// The same by a `config.json`. Newer versions of `transformers` write the second of two names of how many there are.
pub(super) fn from_hugging_face(s: &Settings<'_>, normalise: bool, config: ModelConfig) -> Result<ModelConfig> {
    let names = ["num_experts", "num_local_experts"];
    let count = names.into_iter().find(|name| s.get(name).is_some()).unwrap_or(names[1]);
    mixed(s, [count, "num_experts_per_tok"], normalise, 0, config)
}

fn mixed(
    s: &Settings<'_>,
    keys: [&str; 2],
    normalise: bool,
    shared: usize,
    mut config: ModelConfig,
) -> Result<ModelConfig> {
    let n = s.size(keys[0], limits::N_EXPERTS)?;
    let experts = ExpertsConfig { n, used: s.size(keys[1], n)?, normalise, shared };
    config.layers.iter_mut().for_each(|layer| layer.ffn.experts = Some(experts));
    Ok(config)
}
