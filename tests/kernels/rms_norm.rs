use crate::reference::norm;
use crate::support::compare::{assert_close, wide};
use crate::support::inputs::{PATTERNS, Pattern, WIDTHS, rows};
use nanolm::cpu::{ops::rms_norm, simd::Vector};

at_every_level!(normalises, normalises_each_head);

fn normalises<V: Vector>() {
    for pattern in PATTERNS {
        for width in WIDTHS {
            let (x, weight) = (rows(pattern, 3, width, 5), rows(Pattern::Normal, 1, width, 6));
            let mut out = vec![f32::NAN; x.len()];
            rms_norm::run::<V>(&x, &weight, 1e-5, &mut out);
            let want = norm::rms_norm(&wide(&x), &wide(&weight), 1e-5f32 as f64);
            assert_close("cpu", "rms_norm", &format!("{pattern:?} {width}"), &out, &want);
        }
    }
}

/// A head's norm knows nothing of its neighbours.
fn normalises_each_head<V: Vector>() {
    for (n_heads, head_dim) in [(1, 6), (3, 5), (4, 64)] {
        let (x, weight) = (rows(Pattern::Outliers, 2, n_heads * head_dim, 5), rows(Pattern::Normal, 1, head_dim, 6));
        let mut out = vec![f32::NAN; x.len()];
        rms_norm::run::<V>(&x, &weight, 1e-6, &mut out);
        for (x, out) in x.chunks(head_dim).zip(out.chunks(head_dim)) {
            let want = norm::rms_norm(&wide(x), &wide(&weight), 1e-6f32 as f64);
            assert_close("cpu", "rms_norm", &format!("a head of {n_heads} x {head_dim}"), out, &want);
        }
    }
}
