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

/// Sine and cosine of an angle between 0 and some ten millions. Up to a million the error is 4e-16, beyond it 1e-9 at most, which
/// f32 does not show. (The standard library's functions bring 10 KB for angles up to 1e308.)
///
/// The angle less its whole quarter turns, by their length in two parts (Cody and Waite, "Software Manual for the Elementary Functions",
/// 1980), then Taylor's series.
pub fn sin_cos(angle: f64) -> (f64, f64) {
    /// 33 bits of a quarter turn, so that its product with the number of turns is exact, and the rest.
    const QUARTER: [f64; 2] = [f64::from_bits(0x3ff9_21fb_5440_0000), f64::from_bits(0x3dd0_b461_1a62_6331)];
    let quarters = (angle * std::f64::consts::FRAC_2_PI).round();
    let x = (angle - quarters * QUARTER[0]) - quarters * QUARTER[1];
    // At most an eighth of a turn: the terms left out are below 1e-16.
    let square = x * x;
    let series = |ratios: [f64; 8]| ratios.iter().rev().fold(1.0, |rest, ratio| 1.0 - square * ratio * rest);
    let (sin, cos) = (x * series(const { ratios(2) }), series(const { ratios(1) }));
    match quarters as i64 & 3 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// What each coefficient is to the one before it: `1 / (n (n + 1))` for every other `n` from `first` on.
const fn ratios(first: u32) -> [f64; 8] {
    let mut all = [0.0; 8];
    let mut i = 0;
    while i < all.len() {
        let n = first + 2 * i as u32;
        all[i] = 1.0 / (n * (n + 1)) as f64;
        i += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_and_cosine_are_those_of_the_standard_library() {
        let frequencies = [1.0, 0.749_894_209_332_456, 0.1, 0.000_123_456_789, 3.0e-6];
        for position in (0..3000u32).chain((0..2000).map(|i| i * 499)).chain((0..2000).map(|i| i * 4999)) {
            for frequency in frequencies {
                let angle = f64::from(position) * frequency;
                let ((sin, cos), (want_sin, want_cos)) = (sin_cos(angle), angle.sin_cos());
                let error = (sin - want_sin).abs().max((cos - want_cos).abs());
                assert!(error <= if angle < 1e6 { 4e-16 } else { 1e-9 }, "{angle}: {error:e}");
            }
        }
    }
}
