use super::embed::DTYPES;
use crate::reference::matrix;
use crate::support::compare::{assert_close, wide};
use crate::support::inputs::{self, PATTERNS, Pattern, rows};
use nanolm::cpu::{linear, vector::Vector};

at_every_level!(multiplies, what_is_not_finite_stays_visible);

fn multiplies<V: Vector>() {
    for (dtype, pattern) in DTYPES.into_iter().flat_map(|d| PATTERNS.map(|p| (d, p))) {
        for n in [1, 2, 3, 4, 5, 8, 13] {
            for (out_width, width) in
                [(1, 1), (3, 5), (4, 8), (9, 31), (1, 32), (7, 32), (8, 64), (17, 96), (33, 288), (16, 100)]
            {
                if dtype.bytes_for(width).is_none() {
                    continue;
                }
                let weight = inputs::matrix("weight", dtype, out_width, width, 0.5, 11);
                let x = rows(pattern, n, width, 12);
                let bias = rows(Pattern::Normal, 1, out_width, 13);
                for bias in [None, Some(bias.as_slice())] {
                    let mut scratch = linear::Scratch::new(n, width);
                    let mut out = vec![f32::NAN; n * out_width];
                    linear::run::<V>(&x, &weight, bias, &mut scratch, &mut out);
                    let want = matrix::linear(&wide(&x), &weight, bias.map(wide).as_deref());
                    let case = format!("{dtype} {pattern:?} n {n} [{out_width}, {width}] bias {}", bias.is_some());
                    let kernel = if dtype.block_len() > 1 { "linear/quantized" } else { "linear" };
                    assert_close("cpu", kernel, &case, &out, &want);
                }
            }
        }
    }
}

fn what_is_not_finite_stays_visible<V: Vector>() {
    for dtype in DTYPES {
        let weight = inputs::matrix("weight", dtype, 9, 64, 0.5, 14);
        for (n, bad) in [1, 3].into_iter().flat_map(|n| [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].map(|b| (n, b))) {
            let mut x = rows(Pattern::Normal, n, 64, 15);
            x[(n - 1) * 64 + 40] = bad;
            let mut out = vec![0.0; n * 9];
            linear::run::<V>(&x, &weight, None, &mut linear::Scratch::new(n, 64), &mut out);
            let (sound, poisoned) = out.split_at((n - 1) * 9);
            assert!(sound.iter().all(|x| x.is_finite()), "{dtype}");
            assert!(poisoned.iter().all(|x| !x.is_finite()), "{dtype}: {bad} became {poisoned:?}");
        }
    }
}
