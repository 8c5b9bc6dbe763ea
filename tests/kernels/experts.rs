use super::embed::DTYPES;
use crate::reference::experts::experts as formula;
use crate::support::compare::{assert_close, wide};
use crate::support::inputs::{self, PATTERNS, Pattern, rows};
use nanolm::cpu::ops::experts::{self, Experts, Memory};
use nanolm::cpu::ops::linear::{self, Product};
use nanolm::cpu::ops::route;
use nanolm::cpu::quant::{Inputs, Scratch};
use nanolm::cpu::simd::{Scalar, Vector};
use nanolm::model::Activation;
use nanolm::tensor::DType;
use nanolm::weights::Matrix;
use std::cell::RefCell;

at_every_level!(mixes, rows_and_levels_do_not_change_the_bits, nobody_may_take_an_expert);

const WIDTH: usize = 96;
const D_FF: usize = 64;

/// Gates, ups and downs of so many experts, whose types are those given in turns.
fn matrices(n: usize, dtypes: &[DType]) -> [Vec<Matrix>; 3] {
    let shapes = [(D_FF, WIDTH), (D_FF, WIDTH), (WIDTH, D_FF)];
    [0, 1, 2].map(|part| {
        let (out, width) = shapes[part];
        let matrix = |e: usize| {
            let dtype = dtypes[(e * 3 + part) % dtypes.len()];
            inputs::matrix("expert", dtype, out, width, 0.1, 60 + (3 * e + part) as u64)
        };
        (0..n).map(matrix).collect()
    })
}

fn run<V: Vector>(x: &[f32], routes: &[f32], [gate, up, down]: &[Vec<Matrix>; 3], coarse: bool) -> Vec<f32> {
    let experts = Experts { gate, up, down, activation: Activation::Silu };
    let mut inputs = Inputs::new(x.len() / WIDTH, WIDTH.max(D_FF), coarse);
    let mut memory = Memory::new(coarse);
    let scratch = RefCell::new(Scratch::new(WIDTH.max(D_FF)));
    let multiply = |products: &[Option<Product<'_>>]| {
        for &Product { x, inputs, weight, bias, out } in products.iter().flatten() {
            // SAFETY: one after the other.
            unsafe { linear::rows::<V>(x, inputs, weight, bias, 0..weight.rows, &mut scratch.borrow_mut(), out) }
        }
    };
    // What an earlier call left is not seen.
    let mut out = vec![f32::NAN; x.len()];
    for _ in 0..2 {
        experts::run::<V>(x, routes, experts, &mut inputs, &mut memory, &multiply, &mut out);
    }
    out
}

fn routes_of(n: usize, n_experts: usize, used: usize) -> Vec<f32> {
    let logits = rows(Pattern::Normal, n, n_experts, 71);
    let mut routes = vec![f32::NAN; n * n_experts];
    route::run::<Scalar>(&logits, n_experts, used, true, &mut routes);
    routes
}

/// Every type in all of an expert's matrices, and all of them mixed.
fn mixes<V: Vector>() {
    let each = DTYPES.iter().filter(|dtype| dtype.bytes_for(32).is_some()).map(|dtype| vec![*dtype]);
    let other = vec![DType::Q8_0, DType::Q4_0, DType::Q5_0, DType::F16, DType::Q8_0];
    for dtypes in each.chain([other]) {
        for (n, n_experts, used) in [(1, 1, 1), (1, 5, 2), (1, 20, 17), (2, 4, 4), (9, 3, 1), (17, 7, 3)] {
            let matrices = matrices(n_experts, &dtypes);
            let routes = routes_of(n, n_experts, used);
            for pattern in PATTERNS {
                let x = rows(pattern, n, WIDTH, 72);
                let parts = matrices.each_ref().map(|part| part.as_slice());
                let want = formula(&wide(&x), &wide(&routes), parts, Activation::Silu);
                let kernel = if dtypes[0].is_quantised() { "experts/quantized" } else { "experts" };
                let case = format!("{dtypes:?} {pattern:?} {n} rows, {used} of {n_experts}");
                assert_close("cpu", kernel, &case, &run::<V>(&x, &routes, &matrices, false), &want);
            }
        }
    }
}

fn rows_and_levels_do_not_change_the_bits<V: Vector>() {
    for dtypes in [&[DType::Q8_0][..], &[DType::Q4_0], &[DType::Q8_0, DType::Q4_0, DType::Q5_0, DType::Q4_1]] {
        for coarse in [false, true] {
            let (n, n_experts) = (13, 6);
            let (x, matrices) = (rows(Pattern::Normal, n, WIDTH, 73), matrices(n_experts, dtypes));
            let routes = routes_of(n, n_experts, 3);
            let whole = run::<V>(&x, &routes, &matrices, coarse);
            assert_eq!(whole, run::<Scalar>(&x, &routes, &matrices, coarse), "{dtypes:?}");
            for parts in [vec![1; n], vec![2, 1, 10], vec![12, 1]] {
                let (mut out, mut at) = (Vec::new(), 0);
                for m in parts {
                    let routes = &routes[at * n_experts..(at + m) * n_experts];
                    out.extend(run::<V>(&x[at * WIDTH..(at + m) * WIDTH], routes, &matrices, coarse));
                    at += m;
                }
                assert_eq!(out, whole, "{dtypes:?}");
            }
        }
    }
}

fn nobody_may_take_an_expert<V: Vector>() {
    let matrices = matrices(3, &[DType::Q8_0]);
    for n in [1, 4] {
        let x = rows(Pattern::Normal, n, WIDTH, 74);
        assert_eq!(run::<V>(&x, &vec![0.0; 3 * n], &matrices, true), vec![0.0; n * WIDTH]);
    }
}
