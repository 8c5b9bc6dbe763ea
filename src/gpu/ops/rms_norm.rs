//! `out = x / sqrt(mean(x^2) + eps) * weight`, per row (arXiv 1910.07467)
//!
//! x, out: `[n, stride]` f32, zero beyond width; weight: `[stride]` f32, zero beyond width. Accumulates in f32, one
//! partial sum per invocation, then over the workgroup, as
//! parts/reduce_memory or reduce_subgroups has it. One workgroup per row.

use crate::Result;
use crate::gpu::kernel::{Access, Kernel, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::BATCH;
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::gpu::sums::Sums;
use crate::model::{BufferId, VectorId};

uniform! {
    /// Parameters of `shaders/rms_norm.wgsl`.
    Params {
        /// Elements in a row.
        width: u32,
        /// Vectors of 4 in a row's storage.
        stride: u32,
        /// Added to the mean of the squares.
        eps: f32,
    }
}

/// The kernel with `workgroup` invocations per row.
pub fn kernel(workgroup: u32, sums: Sums) -> Kernel {
    Kernel {
        stem: "rms_norm",
        entry: "rms_norm",
        parts: vec![BATCH, sums.reduce()],
        body: wgsl!("rms_norm"),
        constants: sums.constants(workgroup),
        storage: vec![(2, Access::Read), (3, Access::Read), (4, Access::Write)],
        workgroup_bytes: 4 * sums.places(workgroup),
        params: Params::LAYOUT,
        variants: Vec::new(),
    }
}

pub fn launch(r: &Resources, x: BufferId, weight: VectorId, eps: f32, out: BufferId) -> Result<Launch> {
    let (x, weight, out) = (r.activation(x)?, r.vector(weight)?, r.activation(out)?);
    let params = Params { width: u32_of("width", x.width)?, stride: u32_of("stride", x.vectors())?, eps };
    let grid = Grid { columns: 1, rows_per_group: 1 };
    Ok(Launch::new(
        kernel(r.workgroup, r.variants.sums),
        grid,
        &[(2, &x.buffer), (3, weight), (4, &out.buffer)],
        params,
    ))
}
