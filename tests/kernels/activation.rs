use crate::reference::elementwise;
use crate::support::compare::{assert_close, wide};
use crate::support::inputs::{PATTERNS, WIDTHS, rows};
use nanolm::cpu::{ops::activation, simd::Vector};
use nanolm::model::Activation;

pub const ACTIVATIONS: [Activation; 4] = [Activation::Silu, Activation::GeluTanh, Activation::Gelu, Activation::Relu];

at_every_level!(activates, stays_accurate_over_the_whole_range, gives_nothing_subnormal);

fn activates<V: Vector>() {
    for pattern in PATTERNS {
        for width in WIDTHS {
            for kind in ACTIVATIONS {
                let x = rows(pattern, 2, width, 3);
                let mut out = vec![f32::NAN; x.len()];
                activation::run::<V>(&x, kind, &mut out);
                let want = elementwise::activation(&wide(&x), kind);
                assert_close("cpu", "activation", &format!("{kind:?} {pattern:?} {width}"), &out, &want);
            }
        }
    }
}

fn stays_accurate_over_the_whole_range<V: Vector>() {
    for kind in ACTIVATIONS {
        let x: Vec<f32> = (-2400..2400).map(|i| i as f32 / 200.0).collect();
        let mut out = vec![f32::NAN; x.len()];
        activation::run::<V>(&x, kind, &mut out);
        for (x, got) in x.iter().zip(out) {
            let want = elementwise::activate(*x as f64, kind);
            assert!((got as f64 - want).abs() < 1e-6 * (1.0 + x.abs() as f64), "{kind:?}({x}) = {got}, want {want}");
        }
        let extremes = [-1e30f32, -1e4, -200.0, -0.0, 0.0, 200.0, 1e4, 1e30];
        let mut out = [f32::NAN; 8];
        activation::run::<V>(&extremes, kind, &mut out);
        for (x, got) in extremes.into_iter().zip(out) {
            assert!((got - x.max(0.0)).abs() <= 1e-6 * x.abs(), "{kind:?}({x}) = {got}");
        }
    }
}

/// What is multiplied by subnormal numbers takes some processors many times as long.
fn gives_nothing_subnormal<V: Vector>() {
    for kind in ACTIVATIONS {
        let x: Vec<f32> = (-40_000..4000).map(|i| i as f32 / 100.0).collect();
        let mut out = vec![f32::NAN; x.len()];
        activation::run::<V>(&x, kind, &mut out);
        let found = x.iter().zip(out).find(|(_, y)| y.is_subnormal());
        assert_eq!(found, None, "{kind:?}");
    }
}
