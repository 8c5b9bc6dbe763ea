use super::attention::{Kind, attend};
use crate::support::inputs::{PATTERNS, Pattern, rows};
use nanolm::Error;
use nanolm::cpu::ops::store_kv::Layer;
use nanolm::cpu::simd::Vector;

at_every_level!(rounds_to_16_bits, what_is_not_finite_stays_visible);

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A query that sees one position gets its value, as it is stored.
fn rounds_to_16_bits<V: Vector>() {
    for (pattern, head_dim) in PATTERNS.into_iter().flat_map(|p| [1, 6, 8, 13, 64].map(|d| (p, d))) {
        let (q, k) = (rows(Pattern::Normal, 1, 2 * head_dim, 23), rows(Pattern::Normal, 1, 2 * head_dim, 24));
        let v = rows(pattern, 1, 2 * head_dim, 25);
        let out = attend::<V>(&q, &k, &v, Kind::plain((2, 2, head_dim), 0.3), 0, 1);
        for (out, v) in out.chunks(head_dim).zip(v.chunks(head_dim)) {
            let largest = v.iter().fold(0.0, |m: f32, v| m.max(v.abs()));
            for (out, v) in out.iter().zip(v) {
                assert!((out - v).abs() <= largest * (0.501 / 32767.0), "{pattern:?}, {head_dim}: {v} became {out}");
            }
        }
    }
}

fn what_is_not_finite_stays_visible<V: Vector>() {
    let of = |seed| rows(Pattern::Normal, 3, 12, seed);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for (in_keys, soft_cap) in [(true, None), (false, None), (true, Some(30.0)), (false, Some(30.0))] {
            let (q, mut k, mut v) = (of(26), of(27), of(28));
            if in_keys {
                k[12 + 2] = bad
            } else {
                v[12 + 2] = bad
            }
            let out = attend::<V>(&q, &k, &v, Kind { soft_cap, ..Kind::plain((2, 2, 6), 0.3) }, 0, 3);
            // Position 1 of head 0: those of later positions see it, and no others.
            for (i, out) in out.chunks(6).enumerate() {
                let sees = i % 2 == 0 && i / 2 >= 1;
                assert_eq!(out.iter().all(|x| x.is_finite()), !sees, "{bad} in row {i}: {out:?}");
            }
        }
    }
}

#[test]
fn a_cache_that_cannot_be_had_is_an_error() {
    for capacity in [usize::MAX, usize::MAX / 64] {
        assert!(matches!(Layer::new(4, 64, capacity), Err(Error::OutOfMemory { .. })));
    }
}
