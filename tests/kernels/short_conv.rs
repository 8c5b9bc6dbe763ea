use crate::reference::short_conv::{gated, short_conv as formula};
use crate::support::compare::wide;
use crate::support::inputs::{PATTERNS, Pattern, rows};
use nanolm::cpu::ops::short_conv::{self, cache_shape};
use nanolm::cpu::ops::store_kv::Layer;
use nanolm::cpu::simd::Vector;

at_every_level!(convolves, parts_equal_the_whole_bit_for_bit, what_is_forgotten_is_not_seen);

/// Runs parts of so many rows behind each other.
fn convolve<V: Vector>(x: &[f32], weight: &[f32], width: usize, parts: &[usize], layer: &mut Layer) -> Vec<f32> {
    let (mut out, mut position) = (Vec::new(), 0);
    let (mut row, mut codes) = (vec![f32::NAN; width], vec![0; width.next_multiple_of(8)]);
    for n in parts {
        let mut part = vec![f32::NAN; n * width];
        let x = &x[position * 3 * width..(position + n) * 3 * width];
        short_conv::run::<V>(x, weight, position, (&mut row, &mut codes), layer, &mut part);
        out.extend(part);
        position += n;
    }
    out
}

fn layer(width: usize, capacity: usize) -> Layer {
    let (n_kv_heads, head_dim) = cache_shape(width);
    assert_eq!(2 * n_kv_heads * head_dim, width);
    Layer::new(n_kv_heads, head_dim, capacity).unwrap()
}

/// Within what rounding to 16 bits may change: half a step of the largest of the numbers that share a scale.
fn convolves<V: Vector>() {
    for pattern in PATTERNS {
        for (width, kernel, n) in [(2, 1, 1), (6, 3, 1), (12, 3, 5), (32, 4, 17), (128, 3, 9), (256, 2, 140)] {
            let x = rows(pattern, n, 3 * width, 41);
            let weight = rows(Pattern::Normal, width, kernel, 43);
            let out = convolve::<V>(&x, &weight, width, &[n], &mut layer(width, n));
            let (x, weight) = (wide(&x), wide(&weight));
            let want = formula(&x, &gated(&x, width), &weight, kernel, 0);
            let absolute = |x: &[f64]| x.iter().map(|x| x.abs()).collect::<Vec<f64>>();
            let (x, weight) = (absolute(&x), absolute(&weight));
            let kept = gated(&x, width);
            let largest = |part: &[f64]| vec![part.iter().fold(0.0, |m: f64, x| m.max(*x)); part.len()];
            let scales: Vec<f64> = kept.chunks(cache_shape(width).1).flat_map(largest).collect();
            let rounding = formula(&x, &scales, &weight, kernel, 0);
            let sums = formula(&x, &kept, &weight, kernel, 0);
            for (i, (out, want)) in out.iter().zip(&want).enumerate() {
                let limit = rounding[i] * 0.501 / 32767.0 + sums[i] * 1e-6 + 1e-30;
                let case = format!("{pattern:?} {n} x {width} over {kernel}, {i}");
                assert!((f64::from(*out) - want).abs() <= limit, "{case}: {out}, expected {want} within {limit}");
            }
        }
    }
}

fn parts_equal_the_whole_bit_for_bit<V: Vector>() {
    let (width, n) = (128, 13);
    for kernel in [1, 3, 5] {
        let (x, weight) = (rows(Pattern::Normal, n, 3 * width, 44), rows(Pattern::Normal, width, kernel, 45));
        let whole = convolve::<V>(&x, &weight, width, &[n], &mut layer(width, n));
        for parts in [vec![1; n], vec![2, 1, 10], vec![12, 1]] {
            assert_eq!(convolve::<V>(&x, &weight, width, &parts, &mut layer(width, n)), whole, "{parts:?}");
        }
    }
}

/// A layer that is written again from the beginning gives what a new one does.
fn what_is_forgotten_is_not_seen<V: Vector>() {
    let (width, n) = (12, 6);
    let (x, other) = (rows(Pattern::Normal, n, 3 * width, 46), rows(Pattern::Large, n, 3 * width, 47));
    let weight = rows(Pattern::Normal, width, 3, 48);
    let mut used = layer(width, n);
    convolve::<V>(&other, &weight, width, &[n], &mut used);
    let again = convolve::<V>(&x, &weight, width, &[1, 5], &mut used);
    assert_eq!(again, convolve::<V>(&x, &weight, width, &[n], &mut layer(width, n)));
}
