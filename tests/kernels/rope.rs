use crate::reference;
use crate::support::compare::{assert_close, wide};
use crate::support::inputs::{PATTERNS, rows};
use crate::support::rng::Rng;
use nanolm::cpu::ops::rope::{self, Rotation};
use nanolm::model::{Rope, RopeLayout, RopeScaling};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const SCALINGS: [RopeScaling; 3] = [
    RopeScaling::None,
    RopeScaling::Linear { factor: 4.0 },
    RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context_len: 64 },
];

#[test]
fn rotates() {
    let mut rng = Rng::new(14);
    for (pattern, scaling) in PATTERNS.into_iter().flat_map(|p| SCALINGS.map(|s| (p, s))) {
        for layout in [RopeLayout::Interleaved, RopeLayout::HalfSplit] {
            for (head_dim, n_dims) in [(2, 2), (6, 6), (8, 4), (48, 48), (64, 16), (5, 0)] {
                let rope = Rope { layout, theta: 10000.0, n_dims, scaling };
                let (n, n_heads, position) = (3, 2, rng.below(2000));
                let x = rows(pattern, n, n_heads * head_dim, 15);
                let factors: Vec<f32> = (0..n_dims / 2).map(|_| rng.uniform(1.0, 4.0)).collect();
                for factors in [None, Some(factors.as_slice())] {
                    let mut rotation = Rotation::new(&rope, factors, 8);
                    rotation.prepare(position..position + n);
                    let mut out = vec![f32::NAN; x.len()];
                    rope::run(&x, n_heads, head_dim, &rotation, &mut out);
                    let factors = factors.map(wide);
                    let width = n_heads * head_dim;
                    let want = reference::rope::rope(&wide(&x), head_dim, width, &rope, factors.as_deref(), position);
                    let case = format!("{rope:?} {pattern:?} head {head_dim} at {position}");
                    assert_close("cpu", "rope", &case, &out, &want);
                }
            }
        }
    }
}
