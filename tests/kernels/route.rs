use crate::reference::experts::route as formula;
use crate::support::compare::{assert_close, wide};
use crate::support::inputs::{PATTERNS, WIDTHS, rows};
use nanolm::cpu::{ops::route, simd::Vector};

at_every_level!(routes, of_equal_ones_the_first_are_taken);

fn routes<V: Vector>() {
    for pattern in PATTERNS {
        for width in WIDTHS {
            for (used, normalise) in [1, 2, 8, width].into_iter().flat_map(|used| [(used, true), (used, false)]) {
                if used > width {
                    continue;
                }
                let x = rows(pattern, 3, width, 51);
                let mut out = vec![f32::NAN; x.len()];
                route::run::<V>(&x, width, used, normalise, &mut out);
                let case = format!("{pattern:?} {used} of {width}, {normalise}");
                assert_close("cpu", "route", &case, &out, &formula(&wide(&x), width, used, normalise));
                for row in out.chunks(width) {
                    assert!(row.iter().filter(|x| **x != 0.0).count() <= used, "{case}");
                    assert!(!normalise || (row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{case}");
                }
            }
        }
    }
}

fn of_equal_ones_the_first_are_taken<V: Vector>() {
    let mut out = [f32::NAN; 10];
    route::run::<V>(&[1.0, 3.0, 1.0, 1.0, 0.0, 2.0, 2.0, 2.0, 2.0, 2.0], 5, 2, true, &mut out);
    assert_eq!(out.map(|x| x > 0.0), [true, true, false, false, false, true, true, false, false, false]);
    assert_eq!(out[5..7], [0.5, 0.5]);
    // Far from the largest a weight may be nothing, and what is not a number takes no expert's place twice.
    route::run::<V>(&[500.0, -500.0, 0.0, f32::NEG_INFINITY, 3.0], 5, 2, false, &mut out[..5]);
    assert_eq!(out[0], 1.0);
    assert!(out[1..5].iter().all(|x| *x < 1e-30));
    route::run::<V>(&[f32::NAN, 1.0, f32::NAN, 2.0, 3.0], 5, 5, true, &mut out[..5]);
}
