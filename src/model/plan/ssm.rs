//! The steps of a state space in the attention's place.

use super::build::{Buffers, Builder};
use crate::model::config::LayerConfig;
use crate::model::op::Op;
use crate::model::ssm::SsmConfig;

impl Builder<'_> {
    /// Reads the residual stream from `x`, leaves it in `y`.
    pub(super) fn ssm(&mut self, i: usize, layer: &LayerConfig, ssm: SsmConfig) {
        let Buffers { x, branch, .. } = self.buffers;
        let name = |part: &str| format!("blk.{i}.{part}");
        let read = self.read(&name("attn_norm"), layer.attention.norms.before, x);
        let (parts, out) = (self.buffer("ssm_parts", ssm.row_width()), self.buffer("ssm", ssm.inner()));
        self.linear(name("ssm_in"), read, parts, ssm.proj_bias);
        let conv = self.vector(name("ssm_conv1d.weight"), ssm.conv_width() * ssm.kernel);
        let conv_bias = match ssm.conv_bias {
            true => self.vector(name("ssm_conv1d.bias"), ssm.conv_width()),
            false => self.zeros(ssm.conv_width()),
        };
        // The names of files have no ending there.
        let [step_bias, a, d] =
            ["ssm_dt.bias", "ssm_a.bias", "ssm_d.bias"].map(|part| self.vector(name(part), ssm.n_heads));
        let norm = self.vector(name("ssm_norm.weight"), ssm.inner());
        let layer_of_states = self.config.layers_before(i, |layer| layer.ssm.is_some());
        let op = Op::Ssm { x: parts, ssm, conv, conv_bias, step_bias, a, d, norm, layer: layer_of_states, out };
        self.step(name("ssm"), op);
        self.linear(name("ssm_out"), out, branch, ssm.proj_bias);
        self.add_mixed(i, layer);
    }
}
