use crate::reference::elementwise;
use crate::support::compare::{assert_close, wide};
use crate::support::inputs::{PATTERNS, WIDTHS, rows};
use nanolm::cpu::{ops::soft_cap, simd::Vector};

at_every_level!(caps, stays_within_the_cap_and_passes_what_is_small);

fn caps<V: Vector>() {
    for (pattern, width) in PATTERNS.into_iter().flat_map(|p| WIDTHS.map(|w| (p, w))) {
        for by in [0.5f32, 2.5, 30.0] {
            let x = rows(pattern, 2, width, 3);
            let mut out = vec![f32::NAN; x.len()];
            soft_cap::run::<V>(&x, by, &mut out);
            let want = elementwise::soft_cap(&wide(&x), by as f64);
            assert_close("cpu", "soft_cap", &format!("{pattern:?} {width} by {by}"), &out, &want);
        }
    }
}

fn stays_within_the_cap_and_passes_what_is_small<V: Vector>() {
    let x = [-1e30f32, -1e4, -120.0, -0.0, 0.0, 1e-30, 1e-6, 120.0, 1e30];
    let mut out = [f32::NAN; 9];
    soft_cap::run::<V>(&x, 30.0, &mut out);
    assert_eq!(out[..2], [-30.0, -30.0]);
    assert!((out[2] + 30.0 * 4.0f32.tanh()).abs() < 1e-5 && (out[7] - 30.0 * 4.0f32.tanh()).abs() < 1e-5);
    assert!((out[5] / 1e-30 - 1.0).abs() < 1e-6 && (out[6] / 1e-6 - 1.0).abs() < 1e-6, "{out:?}");
    assert_eq!(out[8], 30.0);
    soft_cap::run::<V>(&[f32::NAN, f32::INFINITY], 30.0, &mut out[..2]);
    assert!(out[0].is_nan() && out[1].is_nan());
}
