use crate::reference::short_conv::{gated, short_conv as formula};
use crate::support::compare::{assert_close, wide};
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

fn convolves<V: Vector>() {
    for pattern in PATTERNS {
        for (width, kernel, n) in [(2, 1, 1), (6, 3, 1), (12, 3, 5), (32, 4, 17), (128, 3, 9), (256, 2, 140)] {
            // One input as the pattern says: the products of two outliers would leave nothing of the others in 16 bits.
            let mut x = rows(Pattern::Normal, n, 3 * width, 41);
            let b = rows(pattern, n, width, 42);
            x.chunks_mut(3 * width).zip(b.chunks(width)).for_each(|(x, b)| x[..width].copy_from_slice(b));
            let weight = rows(Pattern::Normal, width, kernel, 43);
            let out = convolve::<V>(&x, &weight, width, &[n], &mut layer(width, n));
            let x = wide(&x);
            let want = formula(&x, &gated(&x, width), &wide(&weight), kernel, 0);
            assert_close("cpu", "short_conv", &format!("{pattern:?} {n} x {width} over {kernel}"), &out, &want);
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
