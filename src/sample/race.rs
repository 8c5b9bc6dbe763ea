//! The draw, as a race: each token arrives after a random time, exponentially distributed, divided by its weight, and the first one
//! is drawn. The time of the first is again exponentially distributed, and it is token `i` with a probability of its weight by that
//! of all (the "Gumbel-max trick", Maddison et al. 2014, arXiv 1411.0030, before its logarithm).
//!
//! Every token has random bits of its own, made of the draw's and its id. So nothing is added up over a vocabulary: a token's
//! chance to be drawn in place of another depends on the two of them, and a device that rounds logits otherwise draws another
//! token only where two arrive at nearly the same time. A number that is looked for among sums of weights, as drawing is mostly
//! done, falls close to one of them far more often, for every token before it moves each. Order does not matter either.
//!
//! `shaders/sample.wgsl` does the same.

/// A token's random bits in a draw, of which `draw` are the random bits.
pub fn noise(draw: u32, token: u32) -> u32 {
    mixed(draw ^ mixed(token.wrapping_add(0x9e37_79b9)))
}

/// Every bit depends on every bit (the finaliser of MurmurHash3 by Appleby; each result comes once).
fn mixed(mut h: u32) -> u32 {
    h ^= h >> 16;
    h = h.wrapping_mul(0x85eb_ca6b);
    h ^= h >> 13;
    h = h.wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

/// Random bits as a number between 0 and 1, neither of them.
pub fn unit(bits: u32) -> f64 {
    (f64::from(bits) + 0.5) / 4_294_967_296.0
}

/// A time that is exponentially distributed, of mean 1: `-ln(1 - unit(bits))`. At least `unit(bits)`.
pub fn time(bits: u32) -> f64 {
    -(-unit(bits)).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exponentially_distributed() {
        let n = 200_000u32;
        let times: Vec<f64> = (0..n).map(|token| time(noise(7, token))).collect();
        for limit in [0.001, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 9.0] {
            let (found, expected) = (times.iter().filter(|t| **t < limit).count() as f64, 1.0 - f64::exp(-limit));
            let deviation = (expected * (1.0 - expected) * f64::from(n)).sqrt();
            let off = (found - expected * f64::from(n)) / deviation;
            assert!(off.abs() < 4.0, "{found} times of {n} below {limit}, {off:.1} standard deviations off");
        }
        assert!((0..n).all(|token| time(noise(7, token)) >= unit(noise(7, token))));
        assert!(unit(0) > 0.0 && time(u32::MAX).is_finite());
    }

    #[test]
    fn tokens_and_draws_do_not_depend_on_each_other() {
        // Neighbouring tokens, neighbouring draws, and both.
        for (a, b) in [((0, 0), (0, 1)), ((0, 0), (1, 0)), ((0, 0), (1, 1)), ((0, 0), (0x9e37_79b9, 1))] {
            let n = 100_000u32;
            let at = |i: u32, (draw, token): (u32, u32)| unit(noise(draw.wrapping_add(i / 300), token + i % 300)) - 0.5;
            let together: f64 = (0..n).map(|i| at(i, a) * at(i, b)).sum();
            // The product of two independent numbers has a variance of 1/144.
            let off = together * 12.0 / f64::from(n).sqrt();
            assert!(off.abs() < 4.0, "{a:?} and {b:?}: {off:.1} standard deviations");
        }
    }
}
