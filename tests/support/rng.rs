//! A small seeded generator: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).

/// Same seed, same sequence, on every target.
#[derive(Clone)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Rng(seed)
    }

    /// 64 uniformly distributed bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `0..n`, for `n` far below 2^64 (the bias is then negligible).
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `[low, high)`.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        (low as f64 + self.unit() * (high as f64 - low as f64)) as f32
    }

    /// Normal with mean 0 and variance 1 (Box-Muller).
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        (radius * (std::f64::consts::TAU * self.unit()).cos()) as f32
    }
}

/// Whether `NANOLM_LONG=1` asks for the long run. Never in a browser.
pub fn long() -> bool {
    std::env::var("NANOLM_LONG").is_ok_and(|value| value == "1")
}

/// How many random cases to run: `usual`, or at least ten thousand in the long run.
pub fn cases(usual: usize) -> usize {
    if long() { usual.max(10_000) } else { usual }
}

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn the_same_seed_gives_the_same_numbers() {
    let (mut a, mut b, mut c) = (Rng::new(7), Rng::new(7), Rng::new(8));
    let (x, y, z) = (a.bits(), b.bits(), c.bits());
    assert_eq!(x, y);
    assert_ne!(x, z);
    // The published first output of SplitMix64 for seed 0.
    assert_eq!(Rng::new(0).bits(), 0xE220_A839_7B1D_CDAF);
}
