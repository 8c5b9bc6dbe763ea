//! A mixture of experts: several gated feed-forwards, of which each row takes a few.
//!
//! Of many rows those that take an expert go through it together, so that its matrices are read once. A single row's experts are taken
//! together instead, so that threads meet twice, not twice for each. Either way a row adds up its experts in their order.

use super::gated_activation;
use super::linear::{self, Product};
use crate::cpu::out::Out;
use crate::cpu::quant::Inputs;
use crate::cpu::simd::Vector;
use crate::model::Activation;
use crate::quant::DType;
use crate::weights::Matrix;

/// Experts of a single row that are taken together at most.
const TOGETHER: usize = 8;

/// The matrices of a layer's experts, one each, of the same shapes.
#[derive(Clone, Copy, Debug)]
pub struct Experts<'a> {
    /// `[d_ff, d_model]` each.
    pub gate: &'a [Matrix],
    /// `[d_ff, d_model]` each.
    pub up: &'a [Matrix],
    /// `[d_model, d_ff]` each.
    pub down: &'a [Matrix],
    /// Of the gate.
    pub activation: Activation,
}

/// What the experts at hand need.
#[derive(Debug)]
pub struct Memory {
    /// The rows of an expert, or the experts of a row.
    chosen: Vec<usize>,
    /// The former's inputs.
    rows: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    hidden: Vec<f32>,
    y: Vec<f32>,
    /// Of a hidden row each; made when first needed.
    rounded: Vec<Inputs>,
    coarse: bool,
}

impl Memory {
    /// For experts of one shape. `coarse`: see [`Inputs::new`].
    pub fn new(coarse: bool) -> Self {
        let [rows, gate, up, hidden, y] = Default::default();
        Memory { chosen: Vec::new(), rows, gate, up, hidden, y, rounded: Vec::new(), coarse }
    }
}

/// Products of some inputs, in one section of the threads.
pub type Multiply<'a> = &'a dyn Fn(&[Option<Product<'_>>]);

/// - `x`: `[n, d_model]`
/// - `routes`: `[n, n_experts]`: how much each expert counts in each row; 0 where it is not taken
/// - `inputs`: for n rows
/// - `out`: `[n, d_model]`
pub fn run<V: Vector>(
    x: &[f32],
    routes: &[f32],
    experts: Experts<'_>,
    inputs: &mut Inputs,
    memory: &mut Memory,
    multiply: Multiply<'_>,
    out: &mut [f32],
) {
    let n_experts = experts.gate.len();
    let Some(width) = experts.gate.first().map(|gate| gate.cols) else { return };
    out.fill(0.0);
    let (mut chosen, mut rows) = (std::mem::take(&mut memory.chosen), std::mem::take(&mut memory.rows));
    if routes.len() == n_experts {
        chosen.clear();
        chosen.extend((0..n_experts).filter(|&e| routes[e] != 0.0));
        let mut left = &chosen[..];
        while let Some(&first) = left.first() {
            let same = left.iter().take_while(|&&e| experts.types(e) == experts.types(first)).count();
            let (now, later) = left.split_at(same.min(TOGETHER));
            let y = through::<V>(x, now, experts, inputs, memory, multiply);
            now.iter().zip(y.chunks_exact(width)).for_each(|(e, y)| add::<V>(routes[*e], y, out));
            left = later;
        }
    } else {
        for e in 0..n_experts {
            chosen.clear();
            chosen.extend((0..routes.len() / n_experts).filter(|row| routes[row * n_experts + e] != 0.0));
            if chosen.is_empty() {
                continue;
            }
            rows.clear();
            chosen.iter().for_each(|row| rows.extend_from_slice(&x[row * width..][..width]));
            let y = through::<V>(&rows, &[e], experts, inputs, memory, multiply);
            for (row, y) in chosen.iter().zip(y.chunks_exact(width)) {
                add::<V>(routes[row * n_experts + e], y, &mut out[row * width..][..width]);
            }
        }
    }
    (memory.chosen, memory.rows) = (chosen, rows);
}

impl Experts<'_> {
    fn types(&self, e: usize) -> [DType; 3] {
        [self.gate, self.up, self.down].map(|matrices| matrices[e].dtype)
    }
}

/// Some rows through one expert, or one row through several of the same types, at most [`TOGETHER`]. Gives the outputs, those of one
/// expert behind those of the other.
fn through<'a, V: Vector>(
    x: &[f32],
    chosen: &[usize],
    experts: Experts<'_>,
    inputs: &mut Inputs,
    memory: &'a mut Memory,
    multiply: Multiply<'_>,
) -> &'a [f32] {
    let (width, d_ff) = (experts.down[chosen[0]].rows, experts.down[chosen[0]].cols);
    let n = x.len() / width;
    let Memory { gate, up, hidden, y, rounded, coarse, .. } = memory;
    let len = chosen.len() * n * d_ff;
    let (gate, up, hidden) = (room(gate, len), room(up, len), room(hidden, len));
    let y = room(y, chosen.len() * n * width);
    let [gate_type, up_type, down_type] = experts.types(chosen[0]);

    linear::prepare::<V>(inputs, x, width, gate_type);
    if gate_type == up_type {
        let mut products = [const { None }; 2 * TOGETHER];
        let (gates, ups) = products.split_at_mut(TOGETHER);
        of_one_input(gates, x, inputs, experts.gate, chosen, gate);
        of_one_input(ups, x, inputs, experts.up, chosen, up);
        multiply(&products);
    } else {
        let mut products = [const { None }; TOGETHER];
        of_one_input(&mut products, x, inputs, experts.gate, chosen, gate);
        multiply(&products);
        linear::prepare::<V>(inputs, x, width, up_type);
        let mut products = [const { None }; TOGETHER];
        of_one_input(&mut products, x, inputs, experts.up, chosen, up);
        multiply(&products);
    }
    gated_activation::run::<V>(gate, up, experts.activation, hidden);
    let mut products = [const { None }; TOGETHER];
    if let [_] = chosen {
        linear::prepare::<V>(inputs, hidden, d_ff, down_type);
        of_one_input(&mut products, hidden, inputs, experts.down, chosen, y);
    } else {
        rounded.resize_with(TOGETHER, || Inputs::new(1, d_ff, *coarse));
        for (inputs, hidden) in rounded.iter_mut().zip(hidden.chunks_exact(d_ff)) {
            linear::prepare::<V>(inputs, hidden, d_ff, down_type);
        }
        let each = chosen.chunks(1).zip(hidden.chunks_exact(d_ff)).zip(&*rounded).zip(y.chunks_exact_mut(width));
        for (product, (((e, x), inputs), y)) in products.chunks_mut(1).zip(each) {
            of_one_input(product, x, inputs, experts.down, e, y);
        }
    }
    multiply(&products);
    y
}

/// Products of one input with the matrices chosen, whose outputs follow each other in `out`.
fn of_one_input<'a>(
    products: &mut [Option<Product<'a>>],
    x: &'a [f32],
    inputs: &'a Inputs,
    matrices: &'a [Matrix],
    chosen: &[usize],
    out: &'a mut [f32],
) {
    let outs = out.chunks_exact_mut(out.len() / chosen.len());
    for ((product, e), out) in products.iter_mut().zip(chosen).zip(outs) {
        let weight = &matrices[*e];
        *product = Some(Product { x, inputs, weight, bias: None, out: Out::new(out, weight.rows) });
    }
}

/// The first `len` elements, whatever they are.
fn room(memory: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if memory.len() < len {
        memory.resize(len, 0.0);
    }
    &mut memory[..len]
}

/// `out += weight * y`
fn add<V: Vector>(weight: f32, y: &[f32], out: &mut [f32]) {
    let ((out, last), (y, y_last)) = (out.as_chunks_mut::<4>(), y.as_chunks::<4>());
    for (out, y) in out.iter_mut().zip(y) {
        V::load(out).add(V::load(y).mul(V::splat(weight))).store(out);
    }
    last.iter_mut().zip(y_last).for_each(|(out, y)| *out += weight * y);
}
