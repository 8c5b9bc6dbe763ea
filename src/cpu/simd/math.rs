//! Exponential and the activations built on it, over vectors.

use super::Vector;

/// `e^x` with a relative error below 2e-7 for `|x| <= 87`; beyond, `x` counts as its nearest of -87 and 88. NaN
/// becomes NaN or, with some engines' vector instructions, counts as -87.
///
/// `x = n ln 2 + r` with `|r| <= ln 2 / 2`, then the Taylor polynomial of `e^r` and n added to the exponent.
#[inline(always)]
pub fn exp<V: Vector>(x: V) -> V {
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the lowest bits.
    let shift = V::splat(12_582_912.0);
    let x = x.max(V::splat(-87.0)).min(V::splat(88.0));
    let shifted = x.madd(V::splat(std::f32::consts::LOG2_E), shift);
    let n = shifted.sub(shift);
    // ln 2 in two parts, the first with so few bits that its product with n is exact.
    let r = x.sub(n.mul(V::splat(0.693_359_4))).sub(n.mul(V::splat(-2.121_944_4e-4)));
    let mut p = V::splat(1.0 / 5040.0);
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = p.madd(r, V::splat(coefficient));
    }
    p.add_exponent(shifted)
}

/// The exponent from which down [`exp_or_zero`] is 0: `e^-64` is 1.6e-28, less than f32 can add to 1 over any context.
pub const VANISHING: f32 = -64.0;

/// [`exp`] of what is 0 at most, less `e^-64`: 0 from [`VANISHING`] down.
///
/// For what is multiplied on: near the smallest numbers of f32 the products would be subnormal. Of those, WebAssembly must keep every bit, and
/// some processors, Intel's among them, take many times as long for each.
#[inline(always)]
pub fn exp_or_zero<V: Vector>(x: V) -> V {
    let least = V::splat(VANISHING);
    // The same function of both, so that what is limited becomes 0 exactly.
    exp(x.max(least)).sub(exp(least))
}

/// `tanh(x)` with a relative error below 5e-7, and as small near 0: `(e^2x - 1) / (e^2x + 1)`, the numerator without the loss
/// of digits that subtracting from [`exp`] would have. NaN may become -1, see `exp`.
#[inline(always)]
pub fn tanh<V: Vector>(x: V) -> V {
    let shift = V::splat(12_582_912.0);
    let x = x.add(x).max(V::splat(-87.0)).min(V::splat(88.0));
    let shifted = x.madd(V::splat(std::f32::consts::LOG2_E), shift);
    let n = shifted.sub(shift);
    let r = x.sub(n.mul(V::splat(0.693_359_4))).sub(n.mul(V::splat(-2.121_944_4e-4)));
    let mut p = V::splat(1.0 / 5040.0);
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0] {
        p = p.madd(r, V::splat(coefficient));
    }
    // e^2x - 1 = 2^n (e^r - 1) + (2^n - 1)
    let power = V::splat(1.0).add_exponent(shifted);
    let numerator = p.mul(r).madd(power, power.sub(V::splat(1.0)));
    numerator.div(numerator.add(V::splat(2.0)))
}

/// `cap * tanh(x / cap)`; NaN where `x` is not finite.
#[inline(always)]
pub fn soft_cap<V: Vector>(x: V, cap: V) -> V {
    // 0 * x is 0 for every finite x, and NaN for the others, which `tanh` may lose.
    tanh(x.div(cap)).mul(cap).add(x.mul(V::splat(0.0)))
}

/// `x * sigmoid(x)`.
#[inline(always)]
pub fn silu<V: Vector>(x: V) -> V {
    x.div(exp(V::splat(0.0).sub(x)).add(V::splat(1.0)))
}

/// GELU by its tanh approximation: `x * sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3))`, which is the same.
#[inline(always)]
pub fn gelu_tanh<V: Vector>(x: V) -> V {
    let cubic = x.mul(x).madd(V::splat(0.044_715), V::splat(1.0)).mul(x);
    x.div(exp(cubic.mul(V::splat(-1.595_769))).add(V::splat(1.0)))
}

/// `x * Phi(x)`, Phi by approximation 7.1.26 of Abramowitz and Stegun for erfc (absolute error below 1.5e-7).
#[inline(always)]
pub fn gelu<V: Vector>(x: V) -> V {
    let magnitude = x.max(V::splat(0.0).sub(x));
    let z = magnitude.mul(V::splat(std::f32::consts::FRAC_1_SQRT_2));
    let t = V::splat(1.0).div(z.madd(V::splat(0.327_591_1), V::splat(1.0)));
    let mut p = V::splat(1.061_405_4);
    for coefficient in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
        p = p.madd(t, V::splat(coefficient));
    }
    let erfc = p.mul(t).mul(exp_or_zero(V::splat(0.0).sub(z.mul(z))));
    // x Phi(x) is x - |x| erfc / 2 where x is positive, and -|x| erfc / 2 where it is not.
    x.max(V::splat(0.0)).sub(magnitude.mul(erfc).mul(V::splat(0.5)))
}

/// The greater of x and 0; NaN where `x` is not finite.
#[inline(always)]
pub fn relu<V: Vector>(x: V) -> V {
    // 0 * x is 0 for every finite x, and NaN for the others, which `max` may lose.
    x.max(V::splat(0.0)).add(x.mul(V::splat(0.0)))
}
