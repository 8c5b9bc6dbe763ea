//! `out = a + b`, elementwise
//!
//! a, b, out: `[n, stride]` vectors of 4 f32. One rounding.

use crate::Result;
use crate::gpu::kernel::{Access, Kernel, WORKGROUP, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::BATCH;
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::model::BufferId;

uniform! {
    /// Parameters of `shaders/add.wgsl`.
    Params {
        /// Vectors of 4 in a row.
        stride: u32,
    }
}

/// The kernel.
pub fn kernel() -> Kernel {
    Kernel {
        stem: "add",
        entry: "add",
        parts: vec![BATCH],
        body: wgsl!("add"),
        constants: vec![("WORKGROUP", WORKGROUP)],
        storage: vec![(2, Access::Read), (3, Access::Read), (4, Access::Write)],
        workgroup_bytes: 0,
        params: Params::LAYOUT,
        variants: Vec::new(),
    }
}

pub fn launch(r: &Resources, a: BufferId, b: BufferId, out: BufferId) -> Result<Launch> {
    let (a, b, out) = (r.activation(a)?, r.activation(b)?, r.activation(out)?);
    let params = Params { stride: u32_of("stride", a.vectors())? };
    let buffers = [(2, &a.buffer), (3, &b.buffer), (4, &out.buffer)];
    Ok(Launch::new(kernel(), Grid::elementwise(a.vectors())?, &buffers, params))
}
