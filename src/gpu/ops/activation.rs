//! `out = activation(x)`, elementwise
//!
//! x, out: `[n, stride]` vectors of 4 f32.

use crate::Result;
use crate::gpu::kernel::{Access, Kernel, WORKGROUP, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::{ACTIVATION, BATCH};
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::model::{Activation, BufferId};

uniform! {
    /// Parameters of `shaders/activation.wgsl`.
    Params {
        /// Vectors of 4 in a row.
        stride: u32,
    }
}

/// The activation as the number that `shaders/parts/activation.wgsl` knows.
pub fn number(activation: Activation) -> u32 {
    match activation {
        Activation::Silu => 0,
        Activation::GeluTanh => 1,
        Activation::Gelu => 2,
        Activation::Relu => 3,
    }
}

/// The kernel for an activation.
pub fn kernel(activation: Activation) -> Kernel {
    Kernel {
        stem: "activation",
        entry: "activation",
        parts: vec![BATCH, ACTIVATION],
        body: wgsl!("activation"),
        constants: vec![("WORKGROUP", WORKGROUP), ("ACTIVATION", number(activation))],
        storage: vec![(2, Access::Read), (3, Access::Write)],
        workgroup_bytes: 0,
        params: Params::LAYOUT,
        variants: Vec::new(),
    }
}

pub fn launch(r: &Resources, x: BufferId, activation: Activation, out: BufferId) -> Result<Launch> {
    let (x, out) = (r.activation(x)?, r.activation(out)?);
    let params = Params { stride: u32_of("stride", x.vectors())? };
    let buffers = [(2, &x.buffer), (3, &out.buffer)];
    Ok(Launch::new(kernel(activation), Grid::elementwise(x.vectors())?, &buffers, params))
}
