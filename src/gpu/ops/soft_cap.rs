//! `out = cap * tanh(x / cap)`, elementwise
//!
//! x, out: `[n, stride]` vectors of 4 f32.

use crate::Result;
use crate::gpu::kernel::{Access, Kernel, WORKGROUP, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::{BATCH, SOFT_TANH};
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::model::BufferId;

uniform! {
    /// Parameters of `shaders/soft_cap.wgsl`.
    Params {
        /// Vectors of 4 in a row.
        stride: u32,
        /// The largest result.
        cap: f32,
    }
}

/// The kernel.
pub fn kernel() -> Kernel {
    Kernel {
        stem: "soft_cap",
        entry: "soft_cap",
        parts: vec![BATCH, SOFT_TANH],
        body: wgsl!("soft_cap"),
        constants: vec![("WORKGROUP", WORKGROUP)],
        storage: vec![(2, Access::Read), (3, Access::Write)],
        workgroup_bytes: 0,
        params: Params::LAYOUT,
        variants: Vec::new(),
    }
}

pub fn launch(r: &Resources, x: BufferId, cap: f32, out: BufferId) -> Result<Launch> {
    let (x, out) = (r.activation(x)?, r.activation(out)?);
    let params = Params { stride: u32_of("stride", x.vectors())?, cap };
    let buffers = [(2, &x.buffer), (3, &out.buffer)];
    Ok(Launch::new(kernel(), Grid::elementwise(x.vectors())?, &buffers, params))
}
