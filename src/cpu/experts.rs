//! A step of a mixture of experts, whose products the threads share.

use super::CpuModel;
use super::ops::experts::{self, Experts};
use super::ops::linear::Product;
use super::share;
use super::simd::Vector;
use crate::model::{MatrixId, Op, Step};

impl CpuModel {
    /// Runs an [`Op::Experts`] over n rows.
    pub(super) fn mix<V: Vector>(&mut self, step: &Step, n: usize, observe: &mut dyn FnMut(&Step, &[f32])) {
        let Op::Experts { x, routes, gate, up, down, activation, out, .. } = step.op else { return };
        let width = |id: usize| self.plan.buffers[id].width;
        let (n_experts, len) = (width(routes.0), n * width(out.0));
        let mut written = std::mem::take(&mut self.buffers[out.0]);
        if written.len() < len {
            written.resize(len, 0.0);
        }
        let (x, routes) = (&self.buffers[x.0][..len], &self.buffers[routes.0][..n * n_experts]);
        let of = |first: MatrixId| &self.weights.matrices[first.0..first.0 + n_experts];
        let experts = Experts { gate: of(gate), up: of(up), down: of(down), activation };
        let multiply = &|products: &[Option<Product<'_>>]| share::products::<V>(self.pool, products, &self.scratch);
        let (inputs, memory) = (&mut self.inputs, &mut self.experts);
        experts::run::<V>(x, routes, experts, inputs, memory, multiply, &mut written[..len]);
        observe(step, &written[..len]);
        self.buffers[out.0] = written;
    }
}
