use super::activation::ACTIVATIONS;
use crate::reference::elementwise;
use crate::support::compare::{assert_close, wide};
use crate::support::inputs::{PATTERNS, WIDTHS, rows};
use nanolm::cpu::{ops::gated_activation, simd::Vector};

at_every_level!(gates);

fn gates<V: Vector>() {
    for pattern in PATTERNS {
        for width in WIDTHS {
            for kind in ACTIVATIONS {
                let (gate, up) = (rows(pattern, 2, width, 3), rows(pattern, 2, width, 4));
                let mut out = vec![f32::NAN; gate.len()];
                gated_activation::run::<V>(&gate, &up, kind, &mut out);
                let want = elementwise::gated_activation(&wide(&gate), &wide(&up), kind);
                assert_close("cpu", "gated_activation", &format!("{kind:?} {pattern:?} {width}"), &out, &want);
            }
        }
    }
}
