//! Layers that differ by a pattern.

use crate::model::LayerConfig;

/// Layers without what repeats at the end: the shortest list that, repeated, begins with all of them.
pub(super) fn shortest(mut layers: Vec<LayerConfig>) -> Vec<LayerConfig> {
    let repeats = |period: &usize| {
        layers.iter().zip(layers.iter().cycle().skip(*period)).take(layers.len() - period).all(|(a, b)| a == b)
    };
    let period = (1..layers.len()).find(repeats).unwrap_or(layers.len());
    layers.truncate(period);
    layers
}

/// As many layers like `layer`, those with the given index of which `windowed` holds with a sliding window.
pub(super) fn with_windows(
    layer: LayerConfig,
    n_layers: usize,
    window: Option<usize>,
    windowed: impl Fn(usize) -> bool,
) -> Vec<LayerConfig> {
    let of = |i: usize| {
        let mut layer = layer;
        layer.attention.window = window.filter(|_| windowed(i));
        layer
    };
    shortest((0..n_layers).map(of).collect())
}
