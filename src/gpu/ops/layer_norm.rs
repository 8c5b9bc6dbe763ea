//! `out = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias`, per row (arXiv 1607.06450); var divides by the width
//!
//! x, out: `[n, stride]` f32, zero beyond width; weight, bias: `[stride]` f32, zero beyond width. Accumulates in f32 in
//! two passes, one partial sum per invocation, then over the workgroup, as
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
    /// Parameters of `shaders/layer_norm.wgsl`.
    Params {
        /// Elements in a row.
        width: u32,
        /// Vectors of 4 in a row's storage.
        stride: u32,
        /// Added to the variance.
        eps: f32,
    }
}

/// The kernel with `workgroup` invocations per row.
pub fn kernel(workgroup: u32, sums: Sums) -> Kernel {
    Kernel {
        stem: "layer_norm",
        entry: "layer_norm",
        parts: vec![BATCH, sums.reduce()],
        body: wgsl!("layer_norm"),
        constants: sums.constants(workgroup),
        storage: vec![(2, Access::Read), (3, Access::Read), (4, Access::Read), (5, Access::Write)],
        workgroup_bytes: 4 * sums.places(workgroup),
        params: Params::LAYOUT,
        variants: Vec::new(),
    }
}

pub fn launch(r: &Resources, x: BufferId, weight: VectorId, bias: VectorId, eps: f32, out: BufferId) -> Result<Launch> {
    let (x, weight, bias, out) = (r.activation(x)?, r.vector(weight)?, r.vector(bias)?, r.activation(out)?);
    let params = Params { width: u32_of("width", x.width)?, stride: u32_of("stride", x.vectors())?, eps };
    let grid = Grid { columns: 1, rows_per_group: 1 };
    Ok(Launch::new(
        kernel(r.workgroup, r.variants.sums),
        grid,
        &[(2, &x.buffer), (3, weight), (4, bias), (5, &out.buffer)],
        params,
    ))
}
