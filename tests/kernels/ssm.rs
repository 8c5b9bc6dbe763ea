use crate::reference::ssm::{Vectors, ssm as formula};
use crate::support::compare::{assert_close, wide};
use crate::support::inputs::{PATTERNS, Pattern, rows};
use nanolm::cpu::ops::ssm::Weights;
use nanolm::cpu::share;
use nanolm::cpu::simd::{Scalar, Vector};
use nanolm::cpu::threads::POOL;
use nanolm::model::SsmConfig;

at_every_level!(
    scans,
    parts_equal_the_whole_bit_for_bit,
    a_mark_is_the_state_before_the_last_row,
    a_state_that_fades_at_once_is_not_subnormal
);

fn config(n_heads: usize, head_dim: usize, n_groups: usize, state: usize, kernel: usize) -> SsmConfig {
    let (conv_bias, proj_bias, step_limits, eps) = (true, false, (0.0, f32::INFINITY), 1e-5);
    SsmConfig { n_heads, head_dim, n_groups, state, kernel, conv_bias, proj_bias, step_limits, eps }
}

/// Decays from a state that lasts to one that fades at once.
fn vectors(ssm: &SsmConfig) -> [Vec<f32>; 6] {
    let width = ssm.conv_width();
    let normal = |n, seed| rows(Pattern::Normal, 1, n, seed);
    let a = (0..ssm.n_heads).map(|h| -(0.01 * 4f32.powi(h as i32 % 6))).collect();
    let bias = normal(ssm.n_heads, 82).iter().map(|x| x - 1.0).collect();
    [normal(width * ssm.kernel, 80), normal(width, 81), bias, a, normal(ssm.n_heads, 83), normal(ssm.inner(), 84)]
}

/// Runs parts of so many rows behind each other; gives what comes out, what is kept, and the mark of the last part.
fn run<V: Vector>(x: &[f32], ssm: &SsmConfig, vectors: &[Vec<f32>; 6], parts: &[usize]) -> [Vec<f32>; 3] {
    let [conv, conv_bias, step_bias, a, d, norm] = vectors.each_ref().map(Vec::as_slice);
    let weights = Weights { conv, conv_bias, step_bias, a, d, norm };
    let (mut kept, mut mark) = (vec![0.0; ssm.kept_len()], vec![f32::NAN; ssm.kept_len()]);
    let (mut all, mut left) = (Vec::new(), x);
    for n in parts {
        let (x, rest) = left.split_at(n * ssm.row_width());
        let (mut scratch, mut out) = (vec![f32::NAN; n * ssm.conv_width()], vec![f32::NAN; n * ssm.inner()]);
        share::ssm::<V>(&POOL, x, ssm, &weights, (&mut kept, Some(&mut mark)), &mut scratch, &mut out);
        all.extend(out);
        left = rest;
    }
    [all, kept, mark]
}

fn scans<V: Vector>() {
    let limited = SsmConfig { step_limits: (0.2, 0.9), ..config(4, 8, 2, 16, 4) };
    let shapes =
        [config(2, 4, 1, 8, 1), config(3, 5, 3, 8, 2), config(4, 16, 2, 24, 4), config(6, 7, 1, 64, 3), limited];
    for ssm in &shapes {
        let vectors = vectors(ssm);
        let expected: Vectors = vectors.each_ref().map(|vector| wide(vector));
        // Five inputs are multiplied: of large ones f32 does not hold the squares.
        for pattern in PATTERNS.into_iter().filter(|pattern| *pattern != Pattern::Large) {
            for n in [1, 2, 17] {
                let x = rows(pattern, n, ssm.row_width(), 85);
                let [out, ..] = run::<V>(&x, ssm, &vectors, &[n]);
                assert_close(
                    "cpu",
                    "ssm",
                    &format!("{ssm:?} {pattern:?} {n}"),
                    &out,
                    &formula(&wide(&x), ssm, &expected),
                );
            }
        }
    }
}

fn parts_equal_the_whole_bit_for_bit<V: Vector>() {
    for kernel in [1, 2, 4, 9] {
        let ssm = config(4, 12, 2, 16, kernel);
        let (vectors, n) = (vectors(&ssm), 13);
        let x = rows(Pattern::Normal, n, ssm.row_width(), 86);
        let [out, kept, _] = run::<V>(&x, &ssm, &vectors, &[n]);
        assert_eq!(run::<Scalar>(&x, &ssm, &vectors, &[n])[0], out);
        for parts in [vec![1; n], vec![2, 1, 10], vec![12, 1]] {
            let [again, other, _] = run::<V>(&x, &ssm, &vectors, &parts);
            assert!(again == out && other == kept, "{kernel} {parts:?}");
        }
    }
}

fn a_mark_is_the_state_before_the_last_row<V: Vector>() {
    for (kernel, n) in [(1, 2), (4, 2), (4, 3), (4, 11)] {
        let ssm = config(4, 12, 2, 16, kernel);
        let vectors = vectors(&ssm);
        let x = rows(Pattern::Normal, n, ssm.row_width(), 87);
        let [.., mark] = run::<V>(&x, &ssm, &vectors, &[n]);
        let [_, kept, _] = run::<V>(&x[..(n - 1) * ssm.row_width()], &ssm, &vectors, &[n - 1]);
        assert_eq!(mark, kept, "{kernel} {n}");
    }
}

/// Products with subnormal numbers take some processors many times as long.
fn a_state_that_fades_at_once_is_not_subnormal<V: Vector>() {
    let ssm = config(5, 8, 1, 16, 1);
    let mut vectors = vectors(&ssm);
    // Steps of 1, and decays of e^-60, e^-70 ...
    vectors[1].fill(0.0);
    vectors[2].fill((std::f32::consts::E - 1.0).ln());
    vectors[3] = (6..11).map(|a| -10.0 * a as f32).collect();
    let mut x = rows(Pattern::Normal, 2, ssm.row_width(), 88);
    let (first, second) = x.split_at_mut(ssm.row_width());
    first[ssm.row_width() - ssm.n_heads..].fill(0.0);
    // Nothing is written in its place.
    second.fill(0.0);
    let [_, kept, mark] = run::<V>(&x, &ssm, &vectors, &[2]);
    assert!(mark.iter().all(|x| x.is_normal()), "the first row is written");
    assert_eq!(kept.iter().find(|x| x.is_subnormal()), None);
    let (slowest, rest) = kept.split_at(8 * 16);
    assert!(slowest.iter().all(|x| *x != 0.0) && rest.iter().all(|x| *x == 0.0));
}
