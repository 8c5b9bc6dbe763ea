use crate::reference::elementwise;
use crate::support::compare::{assert_close, wide};
use crate::support::inputs::{PATTERNS, WIDTHS, rows};
use nanolm::cpu::{ops::scale, simd::Vector};

at_every_level!(scales);

fn scales<V: Vector>() {
    for (pattern, width) in PATTERNS.into_iter().flat_map(|p| WIDTHS.map(|w| (p, w))) {
        for by in [0.0f32, 1.0, -0.125, 25.298_222] {
            let x = rows(pattern, 2, width, 3);
            let mut out = vec![f32::NAN; x.len()];
            scale::run::<V>(&x, by, &mut out);
            let want = elementwise::scale(&wide(&x), by as f64);
            assert_close("cpu", "scale", &format!("{pattern:?} {width} by {by}"), &out, &want);
        }
    }
}
