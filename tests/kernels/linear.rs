use super::embed::DTYPES;
use crate::reference::matrix;
use crate::support::compare::{assert_close, wide};
use crate::support::inputs::{self, PATTERNS, Pattern, rows};
use nanolm::cpu::ops::linear;
use nanolm::cpu::out::Out;
use nanolm::cpu::quant::{Inputs, Scratch};
use nanolm::cpu::simd::{Scalar, Vector};
use nanolm::tensor::{Bytes, DType};
use nanolm::weights::{Codes, Layout, Matrix};

at_every_level!(
    multiplies,
    what_is_not_finite_stays_visible,
    bits_do_not_depend_on_level_or_rows,
    the_largest_codes_overflow_nothing
);

/// The types with products of rounded activations.
fn quantised() -> impl Iterator<Item = DType> {
    DType::ALL.into_iter().filter(|dtype| dtype.is_quantised())
}

fn run<V: Vector>(x: &[f32], weight: &Matrix, bias: Option<&[f32]>, coarse: bool, out: &mut [f32]) {
    let mut inputs = Inputs::new(x.len() / weight.cols, weight.cols, coarse);
    linear::run::<V>(x, weight, bias, &mut inputs, &mut Scratch::new(weight.cols), out);
}

fn multiplies<V: Vector>() {
    for (dtype, pattern) in DTYPES.into_iter().flat_map(|d| PATTERNS.map(|p| (d, p))) {
        for n in [1, 2, 3, 4, 5, 8, 13] {
            for (i, (out_width, width)) in [
                (1, 1),
                (3, 5),
                (4, 8),
                (9, 31),
                (1, 32),
                (7, 32),
                (8, 64),
                (17, 96),
                (33, 288),
                (75, 64),
                (16, 100),
                (9, 256),
                (19, 768),
            ]
            .into_iter()
            .enumerate()
            {
                // So small that scales are subnormal numbers, too.
                let amplitude = [0.5, 0.002][i % 2];
                if dtype.bytes_for(width).is_none() {
                    continue;
                }
                let weight = inputs::matrix("weight", dtype, out_width, width, amplitude, 11);
                let panels = inputs::in_panels(&weight, Codes::Signed);
                let x = rows(pattern, n, width, 12);
                let bias = rows(Pattern::Normal, 1, out_width, 13);
                for bias in [None, Some(bias.as_slice())] {
                    let want = matrix::linear(&wide(&x), &weight, bias.map(wide).as_deref());
                    // Of a few products all can nearly cancel, and what is left is the rounding's.
                    let few = n * out_width < 64;
                    for (weight, coarse) in [&weight, &panels].into_iter().flat_map(|w| [(w, false), (w, !few)]) {
                        let mut out = vec![f32::NAN; n * out_width];
                        run::<V>(&x, weight, bias, coarse, &mut out);
                        let case = format!("{dtype} {pattern:?} n {n} [{out_width}, {width}] bias {}", bias.is_some());
                        // Types of four bits leave eight to the activations, others seven.
                        let kernel = match dtype {
                            _ if !dtype.is_quantised() => "linear",
                            _ if !coarse => "linear/quantized",
                            DType::Q4_0 | DType::Q4_1 | DType::Q4_K => "linear/coarse q4_0",
                            _ => "linear/coarse q8_0",
                        };
                        assert_close("cpu", kernel, &case, &out, &want);
                    }
                }
            }
        }
    }
}

fn what_is_not_finite_stays_visible<V: Vector>() {
    for dtype in DTYPES {
        let width = dtype.block_len().max(64);
        let weight = inputs::matrix("weight", dtype, 9, width, 0.5, 14);
        for (n, bad) in
            [1, 3, 11].into_iter().flat_map(|n| [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].map(|b| (n, b)))
        {
            let mut x = rows(Pattern::Normal, n, width, 15);
            x[(n - 1) * width + 40] = bad;
            let mut out = vec![0.0; n * 9];
            run::<V>(&x, &weight, None, true, &mut out);
            let (sound, poisoned) = out.split_at((n - 1) * 9);
            assert!(sound.iter().all(|x| x.is_finite()), "{dtype}");
            assert!(poisoned.iter().all(|x| !x.is_finite()), "{dtype}: {bad} became {poisoned:?}");
        }
    }
}

/// Whatever multiplies, however weights are stored and bytes are summed, and however the rows of a matrix are shared out, quantised products are
/// the same bits; and several rows get those that each gets alone.
fn bits_do_not_depend_on_level_or_rows<V: Vector>() {
    let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let shapes = [(7, 32, 0.5), (17, 96, 0.002), (33, 288, 0.5), (75, 64, 500.0), (35, 512, 0.5), (7, 256, 0.002)];
    for (dtype, (out_width, width, amplitude)) in quantised().flat_map(|d| shapes.map(|s| (d, s))) {
        if dtype.bytes_for(width).is_none() || dtype.block_len() == 32 && width % 256 == 0 {
            continue;
        }
        let weight = inputs::matrix("weight", dtype, out_width, width, amplitude, 16);
        let stored = [Codes::Signed, Codes::Unsigned].map(|codes| inputs::in_panels(&weight, codes));
        assert!(stored.iter().all(|panels| panels.panels() == if dtype.in_panels() { out_width / 8 } else { 0 }));
        for (n, pattern) in [1, 8, 9, 14].into_iter().flat_map(|n| PATTERNS.map(|p| (n, p))) {
            let x = rows(pattern, n, width, 17);
            let (mut plain, mut out) = (vec![f32::NAN; n * out_width], vec![f32::NAN; n * out_width]);
            run::<Scalar>(&x, &weight, None, true, &mut plain);
            run::<V>(&x, &weight, None, true, &mut out);
            assert_eq!(bits(&out), bits(&plain), "{dtype} {pattern:?} n {n} [{out_width}, {width}]");
            for (weight, &dots) in
                [&weight, &stored[0], &stored[1]].into_iter().flat_map(|w| V::all_dots().iter().map(move |d| (w, d)))
            {
                let mut inputs = Inputs::new(n, width, true).with_dots(dots);
                let mut panel = Scratch::new(width);
                let case = format!("{dtype} {:?} {pattern:?} n {n} [{out_width}, {width}] by {dots:?}", weight.layout);
                out.fill(f32::NAN);
                linear::run::<V>(&x, weight, None, &mut inputs, &mut panel, &mut out);
                assert_eq!(bits(&out), bits(&plain), "{case}");
                out.fill(f32::NAN);
                for range in [5..out_width, 0..2, 2..5] {
                    let out = Out::new(&mut out, out_width);
                    // SAFETY: one after the other.
                    unsafe { linear::rows::<V>(&x, &inputs, weight, None, range, &mut panel, out) };
                }
                assert_eq!(bits(&out), bits(&plain), "{case} in ranges");
            }
            for (x, out) in x.chunks(width).zip(out.chunks(out_width)) {
                let mut alone = vec![f32::NAN; out_width];
                run::<V>(x, &weight, None, true, &mut alone);
                assert_eq!(bits(&alone), bits(out));
            }
        }
    }
}

/// Weights and activations at the ends of their ranges, all of one sign: the largest sums that there can be.
fn the_largest_codes_overflow_nothing<V: Vector>() {
    const ONE: [u8; 2] = [0x00, 0x3c];
    let (n, width) = (12, 512);
    for (dtype, code) in quantised().flat_map(|d| [0x00, 0xff, 0x80, 0x7f].map(|code| (d, code))) {
        let mut block = vec![code; dtype.block_bytes()];
        match dtype {
            // A power of two.
            DType::MXFP4 => block[0] = 128,
            _ => block[dtype.scales()].as_chunks_mut::<2>().0.fill(ONE),
        }
        let data = block.repeat(9 * width / dtype.block_len());
        let weight =
            Matrix { name: "weight".into(), dtype, rows: 9, cols: width, data: Bytes::new(data), layout: Layout::Rows };
        for x in [1000.0f32, -1000.0] {
            let x = vec![x; n * width];
            let want = matrix::linear(&wide(&x), &weight, None);
            assert!(!V::all_dots().is_empty());
            for &dots in V::all_dots() {
                let mut inputs = Inputs::new(n, width, true).with_dots(dots);
                let mut out = vec![f32::NAN; n * 9];
                linear::run::<V>(&x, &weight, None, &mut inputs, &mut Scratch::new(width), &mut out);
                assert_close("cpu", "linear", &format!("{dtype} {dots:?} {}", x[0]), &out, &want);
            }
        }
    }
}
