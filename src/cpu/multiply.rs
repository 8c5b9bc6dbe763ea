//! Products that follow each other in a plan and have one input: taken together, so that it is rounded once and threads meet once.

use super::CpuModel;
use super::ops::linear::{self, Product};
use super::out::Out;
use super::share;
use super::simd::Vector;
use crate::model::{Op, Step};

/// Products of one input that are taken together at most, as those of queries, keys and values are.
const MOST_PRODUCTS: usize = 4;

impl CpuModel {
    /// How many products of one input there are from step `at` on, with weights of one type and outputs of their own. They
    /// do not read each other's outputs, because no operation reads what it writes.
    pub(super) fn products_at(&self, at: usize) -> usize {
        let input_at = |step: &Step| match step.op {
            Op::Linear { x, weight, .. } => Some((x, self.weights.matrices[weight.0].dtype)),
            _ => None,
        };
        let steps = &self.plan.steps[at..];
        let first = steps.first().and_then(input_at);
        let same = |i: usize| {
            let out = steps[i].op.out();
            first.is_some() && input_at(&steps[i]) == first && steps[..i].iter().all(|step| step.op.out() != out)
        };
        (0..steps.len().min(MOST_PRODUCTS)).take_while(|&i| same(i)).count()
    }

    /// The products of one input, found by [`products_at`](Self::products_at).
    pub(super) fn multiply<V: Vector>(&mut self, steps: &[Step], n: usize, observe: &mut dyn FnMut(&Step, &[f32])) {
        let (plan, weights) = (&self.plan, &self.weights);
        let mut outs: [Vec<f32>; MOST_PRODUCTS] = Default::default();
        for (out, id) in outs.iter_mut().zip(steps.iter().filter_map(|step| step.op.out())) {
            *out = std::mem::take(&mut self.buffers[id.0]);
        }
        let Some(Op::Linear { x, weight, .. }) = steps.first().map(|step| &step.op) else { return };
        let (cols, dtype) = (weights.matrices[weight.0].cols, weights.matrices[weight.0].dtype);
        let input = &self.buffers[x.0][..n * cols];
        linear::prepare::<V>(&mut self.inputs, input, cols, dtype);
        let mut products = [const { None }; MOST_PRODUCTS];
        for ((product, step), out) in products.iter_mut().zip(steps).zip(&mut outs) {
            let Op::Linear { weight, bias, .. } = step.op else { continue };
            let matrix = &weights.matrices[weight.0];
            let bias = bias.map(|id| weights.vectors[id.0].as_slice());
            if out.len() < n * matrix.rows {
                out.resize(n * matrix.rows, 0.0);
            }
            let out = Out::new(&mut out[..n * matrix.rows], matrix.rows);
            *product = Some(Product { x: input, inputs: &self.inputs, weight: matrix, bias, out });
        }
        share::products::<V>(self.pool, &products, &self.scratch);
        for (out, step) in outs.into_iter().zip(steps) {
            if let Some(id) = step.op.out() {
                observe(step, &out[..n * plan.buffers[id.0].width]);
                self.buffers[id.0] = out;
            }
        }
    }
}
