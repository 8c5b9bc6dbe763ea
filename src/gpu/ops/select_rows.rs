//! `out[i] = x[rows[i]]`
//!
//! x: `[batch, stride]`, out: `[n, stride]` vectors of 4 f32; rows: `[n]` u32. Exact.

use crate::Result;
use crate::gpu::kernel::{Access, Kernel, WORKGROUP, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::BATCH;
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::model::BufferId;

uniform! {
    /// Parameters of `shaders/select_rows.wgsl`.
    Params {
        /// Vectors of 4 in a row.
        stride: u32,
    }
}

/// The kernel.
pub fn kernel() -> Kernel {
    Kernel {
        stem: "select_rows",
        entry: "select_rows",
        parts: vec![BATCH],
        body: wgsl!("select_rows"),
        constants: vec![("WORKGROUP", WORKGROUP)],
        storage: vec![(2, Access::Read), (3, Access::Read), (4, Access::Write)],
        workgroup_bytes: 0,
        params: Params::LAYOUT,
        variants: Vec::new(),
    }
}

pub fn launch(r: &Resources, x: BufferId, out: BufferId) -> Result<Launch> {
    let (x, out) = (r.activation(x)?, r.activation(out)?);
    let params = Params { stride: u32_of("stride", x.vectors())? };
    let buffers = [(2, &x.buffer), (3, &r.selected), (4, &out.buffer)];
    Ok(Launch::new(kernel(), Grid::elementwise(x.vectors())?, &buffers, params))
}
