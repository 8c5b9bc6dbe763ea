//! A state space over the rows of a pass.

use super::CpuModel;
use super::ops::ssm::Weights;
use super::pass::Observe;
use super::recurrent::Recurrent;
use super::share;
use super::simd::Vector;
use crate::model::{Op, Step};

impl CpuModel {
    /// Runs an [`Op::Ssm`] over n rows.
    pub(super) fn remember<V: Vector>(&mut self, step: &Step, states: &mut Recurrent, n: usize, observe: Observe<'_>) {
        let Op::Ssm { x, ssm, conv, conv_bias, step_bias, a, d, norm, layer, out } = step.op else { return };
        let [conv, conv_bias, step_bias, a, d, norm] =
            [conv, conv_bias, step_bias, a, d, norm].map(|id| self.weights.vectors[id.0].as_slice());
        let weights = Weights { conv, conv_bias, step_bias, a, d, norm };
        let mut written = std::mem::take(&mut self.buffers[out.0]);
        let x = &self.buffers[x.0][..n * ssm.row_width()];
        let mixed = &mut written[..n * ssm.inner()];
        share::ssm::<V>(self.pool, x, &ssm, &weights, states.layer(layer), &mut self.convolved, mixed);
        observe(step, mixed);
        self.buffers[out.0] = written;
    }
}
