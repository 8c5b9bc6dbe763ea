//! The draw, as a race: each token arrives after a random time, exponentially distributed, divided by its weight, and the first one
//! is drawn. The time of the first is again exponentially distributed, and it is token `i` with a probability of its weight by that
//! of all (the "Gumbel-max trick", Maddison et al. 2014, arXiv 1411.0030, before its logarithm).
//!
//! Every token has random bits of its own, made of the draw's and its id. So nothing is added up over a vocabulary: a token's
//! chance to be drawn in place of another depends on the two of them, and a device that rounds logits otherwise draws another
//! token only where two arrive at nearly the same time. A number that is looked for among sums of weights, as drawing is mostly
//! done, falls close to one of them far more often, for every token before it moves each. Order does not matter either.
//!
//! `shaders/choose.wgsl` does the same.

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

/// Who is first so far.
#[derive(Clone, Copy, Debug)]
pub struct Race {
    draw: u32,
    /// Weight by time: the highest is the first to arrive.
    fastest: f64,
    first: Option<u32>,
}

impl Race {
    /// A race with the random bits `draw`.
    pub fn new(draw: u32) -> Self {
        Race { draw, fastest: 0.0, first: None }
    }

    /// The token that arrives first of those that were offered with a weight; of equals the lowest, whatever the order.
    pub fn first(&self) -> Option<u32> {
        self.first
    }

    /// Lets a token take part.
    #[inline(always)]
    pub fn offer(&mut self, token: u32, weight: f32) {
        let bits = noise(self.draw, token);
        let weight = f64::from(weight);
        // No time is shorter than this: hardly any needs to be known.
        if weight < self.fastest * unit(bits) {
            return;
        }
        let speed = weight / time(bits);
        let ahead = speed > self.fastest
            || (speed == self.fastest && speed > 0.0 && self.first.is_none_or(|first| token < first));
        if ahead {
            (self.fastest, self.first) = (speed, Some(token));
        }
    }

    /// Lets tokens 0, 1, ... take part with these weights, where they are at least `least`.
    pub fn offer_all(&mut self, weights: &[f32], least: f32) {
        const LANES: usize = 16;
        let (groups, tail) = weights.as_chunks::<LANES>();
        let mut token = 0;
        for group in groups {
            // Who is slower for sure, in numbers that are rounded to the safe side, of several tokens at a time.
            let fastest = (self.fastest * 0.999_999) as f32;
            let lead: [f32; LANES] = std::array::from_fn(|i| {
                let time = (noise(self.draw, token + i as u32) >> 8) as i32 as f32 * (1.0 / 16_777_216.0);
                group[i] - fastest * time
            });
            if lead.iter().fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a }) >= 0.0 {
                self.offer_each(token, group, least);
            }
            token += LANES as u32;
        }
        self.offer_each(token, tail, least);
    }

    #[inline(never)]
    fn offer_each(&mut self, first: u32, weights: &[f32], least: f32) {
        for (token, weight) in (first..).zip(weights).filter(|(_, weight)| **weight >= least) {
            self.offer(token, *weight);
        }
    }
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
    fn all_at_a_time_is_one_after_the_other() {
        for draw in 0..500u32 {
            let steepness = [0.0, 0.01, 1.0][draw as usize % 3];
            let weights: Vec<f32> = (0..777).map(|i| (-steepness * (i * 7919 % 777) as f32).exp()).collect();
            let least = [0.0, 0.3][draw as usize % 2];
            let (mut each, mut all) = (Race::new(draw), Race::new(draw));
            for (token, weight) in (0..).zip(&weights).filter(|(_, weight)| **weight >= least) {
                each.offer(token, *weight);
            }
            all.offer_all(&weights, least);
            assert_eq!(all.first(), each.first(), "draw {draw}");
            assert!(each.first().is_some());
        }
        let mut none = Race::new(3);
        none.offer_all(&[0.0; 20], 0.0);
        assert_eq!(none.first(), None);
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
