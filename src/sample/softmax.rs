//! Sums and exponentials over a whole vocabulary, once a token: by the processor's vectors, the same bits on every platform.

use crate::cpu::simd::math;
use crate::cpu::simd::{Best, Vector, store_partial};

/// Elements taken together: sums in several vectors do not wait for each other.
const LANES: usize = 16;

/// Elements summed in f32 before they go to f64.
const BLOCK: usize = 512;

/// Vectors of a chunk.
#[inline(always)]
fn vectors(chunk: &[f32; LANES]) -> impl Iterator<Item = Best> {
    chunk.as_chunks().0.iter().map(Best::load)
}

/// The highest of `x`; minus infinity where there is none. NaN does not count.
pub fn highest(x: &[f32]) -> f32 {
    let (chunks, tail) = x.as_chunks();
    let mut lanes = [Best::splat(f32::NEG_INFINITY); LANES / 4];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(vectors(chunk)) {
            *lane = lane.max(x);
        }
    }
    let lanes = lanes.into_iter().reduce(Best::max).map_or([f32::NEG_INFINITY; 4], Best::lanes);
    lanes.iter().chain(tail).copied().fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a })
}

/// Whether all are finite.
pub fn are_finite(x: &[f32]) -> bool {
    let (chunks, tail) = x.as_chunks();
    // 0 * x is 0 for every finite x, and NaN for the others.
    let mut lanes = [Best::splat(0.0); LANES / 4];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(vectors(chunk)) {
            *lane = lane.add(x.mul(Best::splat(0.0)));
        }
    }
    lanes.into_iter().map(Best::sum).chain(tail.iter().map(|x| x * 0.0)).sum::<f32>() == 0.0
}

/// `sum(exp(x - highest))`, none of `x` above `highest`. Each term to 2e-7 of itself (see [`math::exp`]), summed in f64 by
/// blocks in f32. NaN where one of `x` is not finite.
pub fn sum_of_exponentials(x: &[f32], highest: f32) -> f64 {
    let (highest, zero) = (Best::splat(highest), Best::splat(0.0));
    // The exponential may lose a NaN.
    let term = |x: Best| math::exp(x.sub(highest)).add(x.mul(zero));
    let block = |block: &[f32]| {
        let (chunks, tail) = block.as_chunks();
        let mut lanes = [zero; LANES / 4];
        for chunk in chunks {
            for (lane, x) in lanes.iter_mut().zip(vectors(chunk)) {
                *lane = lane.add(term(x));
            }
        }
        let tail = tail.iter().map(|x| term(Best::splat(*x)).lanes()[0]);
        lanes.into_iter().flat_map(Best::lanes).chain(tail).map(f64::from).sum::<f64>()
    };
    x.chunks(BLOCK).map(block).sum()
}

/// `x = exp((x - highest) / temperature)`, none of `x` above `highest`; the highest becomes 1, and minus infinity nearly 0.
pub fn exponentials(x: &mut [f32], highest: f32, temperature: f32) {
    let (highest, temperature) = (Best::splat(highest), Best::splat(temperature));
    // The difference first: dividing each by a tiny temperature could overflow.
    let of = |x: Best| math::exp(x.sub(highest).div(temperature));
    let (chunks, tail) = x.as_chunks_mut::<4>();
    for chunk in chunks {
        of(Best::load(chunk)).store(chunk);
    }
    for x in tail {
        store_partial(of(Best::splat(*x)), std::slice::from_mut(x));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_extremes_of_any_length() {
        for n in [0usize, 1, 7, 15, 16, 17, 255, 511, 512, 513, 1000] {
            let x: Vec<f32> = (0..n).map(|i| ((i * 37) % 101) as f32 / 7.0 - 9.0).collect();
            let top = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(highest(&x), top, "{n}");
            let expected: f64 = x.iter().map(|x| f64::from(x - top).exp()).sum();
            let found = sum_of_exponentials(&x, top);
            assert!((found - expected).abs() <= 1e-6 * expected, "{n}: {found}, expected {expected}");
            let mut powers = x.clone();
            exponentials(&mut powers, top, 0.5);
            for (x, found) in x.iter().zip(powers) {
                let expected = (f64::from(x - top) * 2.0).exp();
                assert!((f64::from(found) / expected - 1.0).abs() < 1e-6, "{x} of {n}: {found}, expected {expected}");
            }
            assert!(are_finite(&x));
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                for at in [0, n / 2, n.saturating_sub(1)] {
                    let mut x = x.clone();
                    if let Some(place) = x.get_mut(at) {
                        *place = bad;
                        assert!(!are_finite(&x), "{bad} at {at} of {n}");
                        assert!(sum_of_exponentials(&x, top).is_nan(), "{bad} at {at} of {n}");
                        assert_eq!(highest(&x), x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
                    }
                }
            }
        }
    }

    #[test]
    fn the_highest_becomes_one_and_what_cannot_be_nearly_nothing() {
        let mut x = [3.0, f32::NEG_INFINITY, 3.0, -1e30, 2.0];
        exponentials(&mut x, 3.0, 1e-6);
        assert_eq!((x[0], x[2]), (1.0, 1.0));
        assert!([x[1], x[3], x[4]].iter().all(|x| (0.0..2e-38).contains(x)), "{x:?}");
    }
}
