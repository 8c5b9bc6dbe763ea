//! PCG32 (O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random Number
//! Generation"): a 64-bit linear congruential state, permuted into 32 bits by a shift and a rotation (XSH RR).

const MULTIPLIER: u64 = 6_364_136_223_846_793_005;

/// A small seeded generator: whole-number arithmetic only, so it is the same everywhere.
#[derive(Clone, Debug)]
pub struct Pcg32 {
    state: u64,
    increment: u64,
}

impl Pcg32 {
    /// A generator for `seed`; generators of different `stream`s are independent.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = Pcg32 { state: 0, increment: (stream << 1) | 1 };
        rng.next_u32();
        rng.state = rng.state.wrapping_add(seed);
        rng.next_u32();
        rng
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        let old = self.state;
        self.state = old.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
        let shifted = (((old >> 18) ^ old) >> 27) as u32;
        shifted.rotate_right((old >> 59) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the authors' demonstration program, seed 42, stream 54.
    #[test]
    fn gives_the_published_sequence() {
        let mut rng = Pcg32::new(42, 54);
        let found: Vec<u32> = (0..6).map(|_| rng.next_u32()).collect();
        assert_eq!(found, [0xa15c_02b7, 0x7b47_f409, 0xba1d_3330, 0x83d2_f293, 0xbfa4_784b, 0xcbed_606e]);
    }
}
