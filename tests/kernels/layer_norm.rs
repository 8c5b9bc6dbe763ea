use crate::reference::norm;
use crate::support::compare::{assert_close, wide};
use crate::support::inputs::{PATTERNS, Pattern, WIDTHS, rows};
use nanolm::cpu::{ops::layer_norm, simd::Vector};

at_every_level!(normalises);

fn normalises<V: Vector>() {
    for pattern in PATTERNS {
        for width in WIDTHS {
            let x = rows(pattern, 3, width, 5);
            let (weight, bias) = (rows(Pattern::Normal, 1, width, 6), rows(Pattern::Normal, 1, width, 7));
            let mut out = vec![f32::NAN; x.len()];
            layer_norm::run::<V>(&x, &weight, &bias, 1e-5, &mut out);
            let want = norm::layer_norm(&wide(&x), &wide(&weight), &wide(&bias), 1e-5f32 as f64);
            assert_close("cpu", "layer_norm", &format!("{pattern:?} {width}"), &out, &want);
        }
    }
}
