//! Each kernel against the naive f64 reference: all weight types, ragged sizes, length 1, chunked weights.

use super::builder::{Builder, DTYPES};
use crate::support::inputs::{PATTERNS as ALL_PATTERNS, Pattern, WIDTHS};
use crate::support::rng;
use nanolm::gpu::{GpuOptions, Tuning};
use nanolm::model::{Activation, BufferId, Op, Rope, RopeLayout, RopeScaling, RowIds};
use nanolm::tensor::DType;

tests_of! {
    embed,
    position_embed,
    norms,
    linear,
    linear_within_subgroups,
    linear_of_bytes,
    scales_and_halves_below_the_normal_range_are_not_flushed,
    weights_in_chunks,
    rope,
    attention,
    attention_that_sees_less_or_more,
    norms_of_heads,
    short_conv,
    elementwise,
}

const DEFAULT: GpuOptions = GpuOptions {
    max_binding_bytes: None,
    max_batch: None,
    tuning: Tuning::Adapter,
    unfused: Some(false),
    choose_elsewhere: false,
    split: None,
    half_kv: None,
    subgroups: None,
    packed: None,
    half_tiles: None,
    timestamps: false,
    sabotage: None,
};
/// Each with its own kernels, whatever the adapter is.
const TUNINGS: [Tuning; 2] = [Tuning::Hardware, Tuning::Software];
/// How kernels with sums over workgroups or teams add up: through memory, or within subgroups, of which the adapter may have larger
/// ones than is counted on. (In a browser, wgpu does not ask for any.)
const SUBGROUPS: &[u32] = if cfg!(target_arch = "wasm32") { &[0] } else { &[0, 2, 64] };
/// One row, few, a tile's edge, and two tiles with a ragged end. (In a browser every step costs a trip to another
/// process: fewer there.)
const BATCHES: &[(usize, usize)] =
    if cfg!(target_arch = "wasm32") { &[(0, 1), (0, 45)] } else { &[(0, 1), (3, 2), (0, 31), (1, 32), (0, 45)] };
/// What the inputs look like.
const PATTERNS: &[Pattern] =
    if cfg!(target_arch = "wasm32") { &[Pattern::Normal, Pattern::Outliers] } else { &ALL_PATTERNS };

async fn embed() {
    for dtype in DTYPES {
        let mut b = Builder::new(45);
        for width in WIDTHS.into_iter().chain([96, 1056]).filter(|&w| dtype.bytes_for(w).is_some()) {
            let table = b.matrix(dtype, 45, width, 0.5);
            let out = b.buffer(width);
            b.step(format!("embed {dtype} {width}"), Op::Embed { table, ids: RowIds::Tokens, out });
        }
        b.check(DEFAULT, BATCHES).await;
    }
}

async fn position_embed() {
    for dtype in DTYPES {
        let mut b = Builder::new(50);
        for width in WIDTHS.into_iter().chain([1056]).filter(|&w| dtype.bytes_for(w).is_some()) {
            let (x, table, out) = (b.input(Pattern::Normal, width), b.matrix(dtype, 50, width, 0.5), b.buffer(width));
            b.step(format!("position_embed {dtype} {width}"), Op::PositionEmbed { x, table, out });
        }
        b.check(DEFAULT, &[(0, 1), (49, 1), (7, 40), (0, 50)]).await;
    }
}

async fn norms() {
    for (tuning, subgroups) in TUNINGS.into_iter().flat_map(|t| SUBGROUPS.iter().map(move |s| (t, Some(*s)))) {
        norms_of(GpuOptions { tuning, subgroups, ..DEFAULT }).await;
    }
}

async fn norms_of(options: GpuOptions) {
    let mut b = Builder::new(45);
    for (width, pattern) in WIDTHS.into_iter().chain([288, 1000]).flat_map(|w| PATTERNS.iter().map(move |&p| (w, p))) {
        let x = b.input(pattern, width);
        let (weight, bias) = (b.vector(Pattern::Normal, width), b.vector(Pattern::Normal, width));
        let (rms, layer) = (b.buffer(width), b.buffer(width));
        b.step(format!("rms_norm {pattern:?} {width}"), Op::RmsNorm { x, weight, n_heads: 1, eps: 1e-5, out: rms });
        b.step(format!("layer_norm {pattern:?} {width}"), Op::LayerNorm { x, weight, bias, eps: 1e-5, out: layer });
    }
    b.check(options, BATCHES).await;
}

/// `(rows, cols)`: within and around tiles, teams and groups.
const SHAPES: [(usize, usize); 11] =
    [(1, 1), (3, 5), (4, 16), (9, 31), (1, 32), (33, 32), (31, 96), (70, 288), (16, 100), (257, 64), (5, 2080)];

fn linear_of(b: &mut Builder, dtype: DType, patterns: &[Pattern], deviation: f32) {
    for (rows, cols) in SHAPES.into_iter().filter(|&(_, cols)| dtype.bytes_for(cols).is_some()) {
        for &pattern in patterns {
            let (x, weight) = (b.input(pattern, cols), b.matrix(dtype, rows, cols, deviation));
            let bias = b.vector(Pattern::Normal, rows);
            for bias in [None, Some(bias)] {
                let out = b.buffer(rows);
                let name = format!("linear {dtype} {pattern:?} [{rows}, {cols}] bias {}", bias.is_some());
                b.step(name, Op::Linear { x, weight, bias, out });
            }
        }
    }
}

async fn linear() {
    for (dtype, tuning) in DTYPES.into_iter().flat_map(|d| TUNINGS.map(|t| (d, t))) {
        let mut b = Builder::new(45);
        linear_of(&mut b, dtype, PATTERNS, 0.5);
        b.check(GpuOptions { tuning, subgroups: Some(0), ..DEFAULT }, BATCHES).await;
    }
}

/// One row: what many take has no sums over teams.
async fn linear_within_subgroups() {
    for (dtype, subgroups) in DTYPES.into_iter().flat_map(|d| SUBGROUPS[1..].iter().map(move |s| (d, Some(*s)))) {
        let mut b = Builder::new(1);
        linear_of(&mut b, dtype, PATTERNS, 0.5);
        b.check(GpuOptions { tuning: Tuning::Hardware, subgroups, ..DEFAULT }, &[(0, 1)]).await;
    }
}

/// Many rows, rounded to bytes: of such that are rounded already, so that the reference need not know how.
async fn linear_of_bytes() {
    for (dtype, largest_code) in [(DType::Q8_0, 63.0), (DType::Q4_0, 127.0)] {
        let mut b = Builder::new(45);
        for (rows, cols) in [(1, 32), (33, 32), (31, 96), (70, 288), (257, 64), (5, 2080)] {
            for &pattern in PATTERNS {
                let (x, weight) = (b.rounded_input(pattern, cols, largest_code), b.matrix(dtype, rows, cols, 0.5));
                let (bias, out) = (Some(b.vector(Pattern::Normal, rows)), b.buffer(rows));
                b.step(format!("linear {dtype} {pattern:?} [{rows}, {cols}]"), Op::Linear { x, weight, bias, out });
            }
        }
        let options = GpuOptions { tuning: Tuning::Hardware, packed: Some(true), ..DEFAULT };
        b.check(options, &BATCHES[1..]).await;
    }
}

async fn scales_and_halves_below_the_normal_range_are_not_flushed() {
    for (dtype, tuning) in DTYPES.into_iter().flat_map(|d| TUNINGS.map(|t| (d, t))) {
        // f16 holds less than 6e-5 only as subnormal numbers.
        let mut b = Builder::new(4);
        linear_of(&mut b, dtype, &[Pattern::Normal], 1e-5);
        b.check(GpuOptions { tuning, ..DEFAULT }, &[(0, 1), (0, 4)]).await;
    }
}

async fn weights_in_chunks() {
    // One row of the widest F32 matrix in a chunk, then 7 of them (and more of the smaller types).
    let cases =
        [(640, Tuning::Hardware), (7 * 640, Tuning::Software), (640, Tuning::Software), (7 * 640, Tuning::Hardware)];
    let cases = if cfg!(target_arch = "wasm32") { &cases[..2] } else { &cases[..] };
    for (dtype, (limit, tuning)) in DTYPES.into_iter().flat_map(|d| cases.iter().map(move |&c| (d, c))) {
        let mut b = Builder::new(45);
        for (rows, cols) in [(45, 64), (50, 160)] {
            let (table, out) = (b.matrix(dtype, rows, cols, 0.5), b.buffer(cols));
            b.step(format!("embed {dtype} [{rows}, {cols}]"), Op::Embed { table, ids: RowIds::Tokens, out });
            let sum = b.buffer(cols);
            b.step(format!("position_embed {dtype} [{rows}, {cols}]"), Op::PositionEmbed { x: out, table, out: sum });
            let (weight, bias) = (b.matrix(dtype, 33, cols, 0.5), b.vector(Pattern::Normal, 33));
            let (x, out) = (b.input(Pattern::Normal, cols), b.buffer(33));
            b.step(format!("linear {dtype} [33, {cols}]"), Op::Linear { x, weight, bias: Some(bias), out });
        }
        b.check(GpuOptions { max_binding_bytes: Some(limit), tuning, ..DEFAULT }, BATCHES).await;
    }
}

async fn rope() {
    let llama3 =
        RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context_len: 64 };
    let mut b = Builder::new(200);
    for layout in [RopeLayout::Interleaved, RopeLayout::HalfSplit] {
        for (n_heads, head_dim, n_dims) in [(1, 2, 2), (3, 6, 4), (6, 48, 48), (5, 7, 6), (9, 64, 64)] {
            for scaling in [RopeScaling::None, RopeScaling::Linear { factor: 4.0 }, llama3] {
                let x = b.input(Pattern::Normal, n_heads * head_dim);
                let rope = Rope { layout, theta: 10000.0, n_dims, scaling };
                let factors = b.vector_of((0..n_dims / 2).map(|i| 1.0 + i as f32 * 0.125).collect());
                for factors in [None, Some(factors)] {
                    let out = b.buffer(n_heads * head_dim);
                    let name = format!("rope {n_heads} x {head_dim} {rope:?} factors {}", factors.is_some());
                    b.step(name, Op::Rope { x, n_heads, head_dim, rope, factors, out });
                }
            }
        }
    }
    b.check(DEFAULT, &[(0, 1), (199, 1), (0, 33), (150, 50)]).await;
}

/// Attention of a decoder or an encoder, of so many heads, those of keys and values, and numbers of each.
fn attention_op(
    (q, layer, out): (BufferId, usize, BufferId),
    (n_heads, n_kv_heads, head_dim): (usize, usize, usize),
    (causal, window, soft_cap): (bool, Option<usize>, Option<f32>),
) -> Op {
    let scale = 1.0 / (head_dim as f32).sqrt();
    let (relative, cross) = (None, false);
    #[rustfmt::skip]
    let op = Op::Attention { q, layer, n_heads, n_kv_heads, head_dim, scale, causal, window, soft_cap, relative, cross, out };
    op
}

async fn attention() {
    for (tuning, subgroups) in TUNINGS.into_iter().flat_map(|t| SUBGROUPS.iter().map(move |s| (t, Some(*s)))) {
        attention_of(GpuOptions { tuning, subgroups, ..DEFAULT }).await;
    }
}

async fn attention_of(options: GpuOptions) {
    // Ragged heads, grouped and single ones, and a head wider than a workgroup.
    let shapes =
        [(1, 1, 1), (2, 2, 6), (4, 2, 8), (6, 2, 5), (6, 6, 48), (9, 3, 64), (8, 1, 12), (2, 1, 128), (2, 2, 300)];
    let mut b = Builder::new(200);
    let mut layer = 0;
    for (i, (n_heads, n_kv_heads, head_dim)) in shapes.into_iter().enumerate() {
        // What is summed is the same within subgroups: there each shape has two of the patterns, and each pattern three shapes.
        let some = options.subgroups != Some(0) && !rng::long();
        let turn = |(p, pattern): (usize, Pattern)| (!some || p % 3 == i % 3).then_some(pattern);
        for pattern in PATTERNS.iter().copied().enumerate().filter_map(turn) {
            // Queries and keys of variance 1, or the choice between near-equal maxima is a matter of the last bit.
            let moderate =
                if matches!(pattern, Pattern::Large | Pattern::Outliers) { Pattern::Normal } else { pattern };
            let queries = if pattern == Pattern::Equal { pattern } else { Pattern::Normal };
            let q = b.input(queries, n_heads * head_dim);
            let (k, v) = (b.input(moderate, n_kv_heads * head_dim), b.input(pattern, n_kv_heads * head_dim));
            b.step(format!("store {layer}"), Op::StoreKv { k, v, layer });
            let out = b.buffer(n_heads * head_dim);
            let name = format!("attention {pattern:?} {n_heads}/{n_kv_heads} of {head_dim}");
            b.step(name, attention_op((q, layer, out), (n_heads, n_kv_heads, head_dim), (true, None, None)));
            layer += 1;
        }
    }
    // Around a workgroup's 64 positions, and over several of them; then again from the middle: later rows are stale.
    b.check(options, &[(0, 1), (1, 62), (63, 1), (64, 1), (65, 128), (193, 7), (30, 1), (31, 5)]).await;
}

/// Windows, soft caps and attention both ways, with kernels that split heads over workgroups and those that do not.
async fn attention_that_sees_less_or_more() {
    for tuning in TUNINGS {
        let mut b = Builder::new(200);
        let shapes = [(6, 2, 5), (4, 2, 8), (9, 3, 64), (2, 1, 128)];
        let kinds = [(true, Some(1), None), (true, Some(70), Some(0.75)), (true, None, Some(50.0))];
        let both_ways = [(false, None, None), (false, Some(9), None), (false, Some(130), Some(2.0))];
        let all =
            shapes.into_iter().flat_map(|shape| kinds.into_iter().chain(both_ways).map(move |kind| (shape, kind)));
        for (layer, ((n_heads, n_kv_heads, head_dim), (causal, window, soft_cap))) in all.enumerate() {
            let q = b.input(Pattern::Normal, n_heads * head_dim);
            let [k, v] = [0; 2].map(|_| b.input(Pattern::Normal, n_kv_heads * head_dim));
            b.step(format!("store {layer}"), Op::StoreKv { k, v, layer });
            let out = b.buffer(n_heads * head_dim);
            let name = format!("attention of {head_dim}, causal {causal}, window {window:?}, cap {soft_cap:?}");
            b.step(name, attention_op((q, layer, out), (n_heads, n_kv_heads, head_dim), (causal, window, soft_cap)));
        }
        let options = GpuOptions { tuning, subgroups: Some(0), ..DEFAULT };
        b.check(options, &[(0, 1), (1, 62), (63, 1), (64, 128), (192, 8), (30, 5)]).await;
    }
}

async fn norms_of_heads() {
    for tuning in TUNINGS {
        let mut b = Builder::new(45);
        for (n_heads, head_dim) in [(2, 4), (3, 8), (9, 64), (2, 300), (5, 20)] {
            for &pattern in PATTERNS {
                let (x, out) = (b.input(pattern, n_heads * head_dim), b.buffer(n_heads * head_dim));
                let weight = b.vector(Pattern::Normal, head_dim);
                let name = format!("rms_norm {pattern:?} of {n_heads} heads of {head_dim}");
                b.step(name, Op::RmsNorm { x, weight, n_heads, eps: 1e-5, out });
            }
        }
        b.check(GpuOptions { tuning, subgroups: Some(0), ..DEFAULT }, BATCHES).await;
    }
}

async fn short_conv() {
    // What is equal everywhere, 16 bits hold exactly.
    let caches = [(Some(false), Pattern::Normal), (Some(true), Pattern::Equal)];
    for (tuning, (half_kv, pattern)) in TUNINGS.into_iter().flat_map(|t| caches.map(|cache| (t, cache))) {
        let mut b = Builder::new(200);
        let shapes = [(8, 1), (8, 3), (24, 4), (64, 3), (264, 2), (40, 64)];
        for (layer, (width, taps)) in shapes.into_iter().enumerate() {
            let (x, weight) = (b.input(pattern, 3 * width), b.vector(Pattern::Normal, width * taps));
            let out = b.buffer(width);
            let name = format!("short_conv of {width} over {taps}");
            b.step(name, Op::ShortConv { x, weight, kernel: taps, layer, out });
        }
        // Single rows, few and many, and once more from the middle.
        let options = GpuOptions { tuning, half_kv, ..DEFAULT };
        b.check(options, &[(0, 1), (1, 1), (2, 61), (63, 1), (64, 128), (192, 8), (30, 5), (35, 1)]).await;
    }
}

async fn elementwise() {
    let mut b = Builder::new(45);
    for (width, pattern) in WIDTHS.into_iter().chain([288, 1000]).flat_map(|w| PATTERNS.iter().map(move |&p| (w, p))) {
        let (x, y) = (b.input(pattern, width), b.input(Pattern::Normal, width));
        let out = b.buffer(width);
        b.step(format!("add {pattern:?} {width}"), Op::Add { a: x, b: y, out });
        let (scaled, capped) = (b.buffer(width), b.buffer(width));
        b.step(format!("scale {pattern:?} {width}"), Op::Scale { x, factor: 11.3, out: scaled });
        b.step(format!("soft_cap {pattern:?} {width}"), Op::SoftCap { x, cap: 2.5, out: capped });
        for activation in [Activation::Silu, Activation::GeluTanh, Activation::Gelu] {
            let (plain, gated) = (b.buffer(width), b.buffer(width));
            b.step(format!("{activation:?} {pattern:?} {width}"), Op::Activation { x, activation, out: plain });
            let name = format!("gated {activation:?} {pattern:?} {width}");
            b.step(name, Op::GatedActivation { gate: x, up: y, activation, out: gated });
        }
    }
    b.check(DEFAULT, BATCHES).await;
}
