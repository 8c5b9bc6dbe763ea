//! `out = activation(gate) * up`, elementwise (arXiv 2002.05202)
//!
//! gate, up, out: `[n, stride]` vectors of 4 f32.

use super::activation::number;
use crate::Result;
use crate::gpu::kernel::{Access, Kernel, WORKGROUP, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::{ACTIVATION, BATCH};
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::model::{Activation, BufferId};

uniform! {
    /// Parameters of `shaders/gated_activation.wgsl`.
    Params {
        /// Vectors of 4 in a row.
        stride: u32,
    }
}

/// The kernel for an activation.
pub fn kernel(activation: Activation) -> Kernel {
    Kernel {
        stem: "gated_activation",
        entry: "gated_activation",
        parts: vec![BATCH, ACTIVATION],
        body: wgsl!("gated_activation"),
        constants: vec![("WORKGROUP", WORKGROUP), ("ACTIVATION", number(activation))],
        storage: vec![(2, Access::Read), (3, Access::Read), (4, Access::Write)],
        workgroup_bytes: 0,
        params: Params::LAYOUT,
        variants: Vec::new(),
    }
}

pub fn launch(r: &Resources, gate: BufferId, up: BufferId, activation: Activation, out: BufferId) -> Result<Launch> {
    let (gate, up, out) = (r.activation(gate)?, r.activation(up)?, r.activation(out)?);
    let params = Params { stride: u32_of("stride", gate.vectors())? };
    let buffers = [(2, &gate.buffer), (3, &up.buffer), (4, &out.buffer)];
    Ok(Launch::new(kernel(activation), Grid::elementwise(gate.vectors())?, &buffers, params))
}
