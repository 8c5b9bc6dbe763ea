//! Rotary position embedding (RoPE, arXiv 2104.09864) as data.

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
    /// Frequencies as they are.
    None,
    /// Positions are divided by `factor`.
    Linear {
        /// How many times longer the context becomes.
        factor: f32,
    },
    /// Llama 3's frequency-dependent scaling.
    Llama3 {
        /// Divides the low frequencies.
        factor: f32,
        /// Wavelengths above `original_context_len / low_freq_factor` are scaled whole.
        low_freq_factor: f32,
        /// Wavelengths below `original_context_len / high_freq_factor` stay.
        high_freq_factor: f32,
        /// Context length of the training before the extension, in tokens.
        original_context_len: usize,
    },
}

/// Rotary position embedding (RoPE, arXiv 2104.09864).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rope {
    /// Which elements make a pair.
    pub layout: RopeLayout,
    /// Base of the frequencies (10000 in the paper).
    pub theta: f32,
    /// How many leading elements of each head rotate; even, at most `head_dim`.
    pub n_dims: usize,
    /// Context extension.
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
