//! Sums over a whole vocabulary, once a token: written so that the compiler turns them into vector instructions.

/// Elements taken together.
const LANES: usize = 8;

/// Elements summed in f32 before they go to f64.
const BLOCK: usize = 256;

/// The highest of `x`; minus infinity where there is none. NaN does not count.
pub fn highest(x: &[f32]) -> f32 {
    let higher = |a: f32, b: f32| if b > a { b } else { a };
    let (chunks, tail) = x.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = higher(*lane, x);
        }
    }
    lanes.iter().chain(tail).copied().fold(f32::NEG_INFINITY, higher)
}

/// Whether all are finite.
pub fn are_finite(x: &[f32]) -> bool {
    x.iter().fold(true, |finite, x| finite & x.is_finite())
}

/// `sum(exp(x - highest))`, none of `x` above `highest`. Each term to 1e-6 of itself (see [`exp`]), summed in f64 by blocks
/// of 256 in f32. NaN where one of `x` is.
pub fn sum_of_exponentials(x: &[f32], highest: f32) -> f64 {
    let block = |block: &[f32]| {
        let (chunks, tail) = block.as_chunks::<LANES>();
        let mut lanes = [0.0f32; LANES];
        for chunk in chunks {
            for (lane, &x) in lanes.iter_mut().zip(chunk) {
                *lane += exp(x - highest);
            }
        }
        lanes.into_iter().chain(tail.iter().map(|x| exp(x - highest))).map(f64::from).sum::<f64>()
    };
    x.chunks(BLOCK).map(block).sum()
}

/// `e^x` for `x <= 0` to 1e-6 of itself, the same bits on every platform; below -87 it counts as -87. NaN stays.
///
/// `x = n ln 2 + r` with `|r| <= ln 2 / 2`, then the Taylor polynomial of `e^r`, and n added to the exponent.
fn exp(x: f32) -> f32 {
    /// Adding it rounds to an integer, which then stands in the lowest bits: 1.5 * 2^23.
    const ROUNDER: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    // ln 2 in two parts, the first with so few bits that its product with n is exact.
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let mut p = 1.0 / 720.0;
    for coefficient in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = p * r + coefficient;
    }
    f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_close() {
        for i in 0..=87_000 {
            let x = -(i as f32) / 1000.0;
            let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((found / expected - 1.0).abs() < 1e-6, "exp({x}): {found}, expected {expected}");
        }
        assert!(exp(f32::NEG_INFINITY) < 2e-38 && exp(-1e30) < 2e-38);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn sums_and_extremes_of_any_length() {
        for n in [0usize, 1, 7, 8, 9, 255, 256, 257, 1000] {
            let x: Vec<f32> = (0..n).map(|i| ((i * 37) % 101) as f32 / 7.0 - 9.0).collect();
            let top = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(highest(&x), top, "{n}");
            let expected: f64 = x.iter().map(|x| f64::from(x - top).exp()).sum();
            let found = sum_of_exponentials(&x, top);
            assert!((found - expected).abs() <= 1e-6 * expected, "{n}: {found}, expected {expected}");
            assert!(are_finite(&x));
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                for at in [0, n / 2, n.saturating_sub(1)] {
                    let mut x = x.clone();
                    if let Some(place) = x.get_mut(at) {
                        *place = bad;
                        assert!(!are_finite(&x), "{bad} at {at} of {n}");
                    }
                }
            }
        }
    }
}
