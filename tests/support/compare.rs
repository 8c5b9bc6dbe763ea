//! Comparators against the f64 reference, and the one table of their limits.

/// How far a lane's kernel may be from the f64 reference.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// `cpu` (scalar and simd128 alike) or `gpu`.
    pub lane: &'static str,
    /// The operation's stem, `/` and the weight's type where that matters; `model` for a whole model's logits.
    pub kernel: &'static str,
    /// Largest normalised mean squared error: `sum((got - want)^2) / sum(want^2)`.
    pub nmse: f64,
    /// Largest single error, as a fraction of the largest `|want|`.
    pub max_abs: f64,
}

const fn row(lane: &'static str, kernel: &'static str, nmse: f64, max_abs: f64) -> Limit {
    Limit { lane, kernel, nmse, max_abs }
}

/// Every limit of every lane. f32's rounding unit is 6e-8: sums of a few hundred terms stay near 1e-6 of the largest.
pub const LIMITS: &[Limit] = &[
    row("cpu", "embed", 0.0, 0.0),
    row("cpu", "position_embed", 1e-14, 1e-7),
    row("cpu", "rms_norm", 1e-12, 1e-6),
    row("cpu", "layer_norm", 1e-12, 2e-6),
    row("cpu", "linear", 1e-11, 5e-6),
    // Activations are rounded to 16 bits, 1/65534 of their block's largest: uniform errors of 2e-5 of the block's rms.
    row("cpu", "linear/quantized", 1e-8, 2e-4),
    // Seven and eight bits a block: uniform errors of 1/126 and 1/254 of the block's largest.
    row("cpu", "linear/coarse q8_0", 3e-4, 3e-2),
    row("cpu", "linear/coarse q4_0", 8e-5, 1.5e-2),
    row("cpu", "rope", 1e-12, 1e-6),
    row("cpu", "attention", 1e-11, 4e-6),
    row("cpu", "gated_activation", 1e-12, 2e-6),
    row("cpu", "activation", 1e-12, 2e-6),
    row("cpu", "route", 1e-12, 1e-6),
    row("cpu", "experts", 1e-10, 1e-5),
    row("cpu", "ssm", 1e-11, 1e-5),
    row("cpu", "experts/quantized", 3e-8, 4e-4),
    row("cpu", "add", 1e-14, 1e-7),
    row("cpu", "scale", 1e-14, 1e-7),
    row("cpu", "soft_cap", 1e-13, 1e-6),
    row("cpu", "select_rows", 0.0, 0.0),
    // Keys and values are rounded to 16 bits as well, whatever the weights.
    row("cpu", "model", 2e-9, 5e-5),
    row("cpu", "model/quantized", 2e-8, 3e-4),
    // With a router whose products are rounded, too: a softmax makes more of it.
    row("cpu", "model/mixture", 6e-8, 6e-4),
    // WGSL allows division and square root errors of 2.5 units in the last place, and exp more.
    row("gpu", "embed", 0.0, 0.0),
    row("gpu", "position_embed", 1e-14, 1e-7),
    row("gpu", "rms_norm", 1e-11, 4e-6),
    row("gpu", "layer_norm", 1e-11, 2e-5),
    row("gpu", "linear", 2e-11, 1e-5),
    row("gpu", "rope", 1e-12, 1e-6),
    row("gpu", "attention", 1e-10, 1e-5),
    row("gpu", "short_conv", 1e-11, 1e-5),
    row("gpu", "gated_activation", 1e-11, 1e-5),
    row("gpu", "activation", 1e-11, 1e-5),
    row("gpu", "add", 1e-14, 1e-7),
    row("gpu", "scale", 1e-14, 1e-7),
    row("gpu", "soft_cap", 1e-11, 1e-5),
    row("gpu", "model", 1e-9, 1e-4),
    // Against the CPU, whose products with quantised weights round the activations.
    row("gpu", "model/cpu", 2e-8, 3e-4),
];

/// The limit of a lane's kernel.
pub fn limit(lane: &str, kernel: &str) -> Limit {
    let found = LIMITS.iter().find(|l| l.lane == lane && l.kernel == kernel);
    *found.unwrap_or_else(|| panic!("no limit for {kernel} on {lane} in tests/support/compare.rs"))
}

/// How far `got` is from `want`; both measures are infinite where `got` is not finite or the lengths differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    pub nmse: f64,
    pub max_abs: f64,
    /// Index of the largest error.
    pub at: usize,
}

/// Measures `got` against `want`. Against an all-zero `want`, any error counts as infinite.
pub fn distance(got: &[f32], want: &[f64]) -> Distance {
    if got.len() != want.len() {
        return Distance { nmse: f64::INFINITY, max_abs: f64::INFINITY, at: got.len().min(want.len()) };
    }
    let (mut squares, mut energy, mut largest, mut worst, mut at) = (0.0f64, 0.0f64, 0.0f64, 0.0f64, 0);
    for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
        let error = (g as f64 - w).abs();
        // NaN must not slip through a comparison.
        let error = if error.is_nan() { f64::INFINITY } else { error };
        squares += error * error;
        energy += w * w;
        largest = largest.max(w.abs());
        if error > worst {
            (worst, at) = (error, i);
        }
    }
    let ratio = |x: f64, y: f64| if x == 0.0 { 0.0 } else { x / y };
    Distance { nmse: ratio(squares, energy), max_abs: ratio(worst, largest), at }
}

/// `Err` says by how much a limit is exceeded, and where.
pub fn within(limit: Limit, got: &[f32], want: &[f64]) -> Result<Distance, String> {
    let d = distance(got, want);
    if d.nmse <= limit.nmse && d.max_abs <= limit.max_abs {
        return Ok(d);
    }
    Err(format!(
        "{} on {}: nmse {:.3e} (limit {:.1e}), max error {:.3e} (limit {:.1e}) at {} of {}: got {:?}, want {:?}",
        limit.kernel,
        limit.lane,
        d.nmse,
        limit.nmse,
        d.max_abs,
        limit.max_abs,
        d.at,
        want.len(),
        got.get(d.at),
        want.get(d.at),
    ))
}

/// Fails the test where `got` is further from `want` than the table allows; `case` names the input.
#[track_caller]
pub fn assert_close(lane: &str, kernel: &str, case: &str, got: &[f32], want: &[f64]) {
    if let Err(message) = within(limit(lane, kernel), got, want) {
        panic!("{case}: {message}");
    }
}

/// Widens to f64.
pub fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&v| v as f64).collect()
}

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn every_limit_lets_the_exact_answer_pass_and_stops_a_perturbed_one() {
    let want: Vec<f64> = (0..100).map(|i| (i as f64 - 50.0) * 0.125).collect();
    let exact: Vec<f32> = want.iter().map(|&w| w as f32).collect();
    for &limit in LIMITS {
        within(limit, &exact, &want).unwrap();
        // One element off by a little more than the limit on a single error.
        let mut perturbed = exact.clone();
        perturbed[37] += (limit.max_abs * 1.5 * 6.25) as f32 + 1e-5;
        assert!(within(limit, &perturbed, &want).is_err(), "{limit:?} lets one wrong element pass");
        // All elements off by a relative error whose square is above the limit on the mean.
        let factor = 1.0 + (2.0 * limit.nmse.sqrt()).max(1e-6) as f32;
        let scaled: Vec<f32> = exact.iter().map(|x| x * factor).collect();
        assert!(within(limit, &scaled, &want).is_err(), "{limit:?} lets a wrong scale pass");
    }
}

#[test]
fn what_is_not_a_number_is_never_close() {
    let loose = row("none", "none", 1e9, 1e9);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(within(loose, &[1.0, bad], &[1.0, 2.0]).is_err());
    }
    assert!(within(loose, &[1.0], &[1.0, 2.0]).is_err(), "a missing element");
    assert!(within(loose, &[1.0, 2.0], &[1.0]).is_err(), "an extra element");
    assert!(within(loose, &[0.0, 1e-30], &[0.0, 0.0]).is_err(), "noise where zero is right");
    assert!(within(limit("cpu", "add"), &[0.0, 0.0], &[0.0, 0.0]).is_ok());
    assert!(within(limit("cpu", "add"), &[], &[]).is_ok());
}
