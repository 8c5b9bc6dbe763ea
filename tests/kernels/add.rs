use crate::reference::elementwise;
use crate::support::compare::{assert_close, wide};
use crate::support::inputs::{PATTERNS, WIDTHS, rows};
use nanolm::cpu::{ops::add, simd::Vector};

at_every_level!(adds);

fn adds<V: Vector>() {
    for pattern in PATTERNS {
        for width in WIDTHS {
            let (a, b) = (rows(pattern, 3, width, 1), rows(pattern, 3, width, 2));
            let mut out = vec![f32::NAN; a.len()];
            add::run::<V>(&a, &b, &mut out);
            let want = elementwise::add(&wide(&a), &wide(&b));
            assert_close("cpu", "add", &format!("{pattern:?} {width}"), &out, &want);
        }
    }
}
