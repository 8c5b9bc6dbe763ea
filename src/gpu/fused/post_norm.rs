//! `out = residual + x / sqrt(mean(x^2) + eps) * weight` (arXiv 1910.07467): the norm of what a block gives, and the sum behind it
//!
//! One row. x, residual, out: `[stride]` f32, zero beyond the width; weight: likewise. Accumulates in f32, one partial sum per
//! invocation, then over the workgroup. One workgroup.

use super::unit::PostNorm;
use crate::Result;
use crate::gpu::kernel::{Access, Kernel, Variant, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::BATCH;
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::gpu::sums::Sums;

uniform! {
    /// Parameters of `shaders/fused/post_norm.wgsl`.
    Params {
        /// Elements in a row.
        width: u32,
        /// Vectors of 4 in a row's storage.
        stride: u32,
        /// Added to the mean of the squares.
        eps: f32,
    }
}

/// The kernel with `workgroup` invocations.
pub fn kernel(workgroup: u32, sums: Sums) -> Kernel {
    Kernel {
        stem: "fused_post_norm",
        entry: "fused_post_norm",
        parts: vec![BATCH, sums.reduce()],
        body: wgsl!("fused/post_norm"),
        constants: sums.constants(workgroup),
        storage: vec![(2, Access::Read), (3, Access::Read), (4, Access::Read), (5, Access::Write)],
        workgroup_bytes: 4 * sums.places(workgroup),
        params: Params::LAYOUT,
        variants: vec![Variant::Fused],
    }
}

pub fn launch(r: &Resources, unit: &PostNorm) -> Result<Launch> {
    let (x, weight) = (r.activation(unit.x)?, r.vector(unit.weight)?);
    let (residual, out) = (r.activation(unit.residual)?, r.activation(unit.out)?);
    let params = Params { width: u32_of("width", x.width)?, stride: u32_of("stride", x.vectors())?, eps: unit.eps };
    let grid = Grid { columns: 1, rows_per_group: 1 };
    let buffers = [(2, &x.buffer), (3, weight), (4, &residual.buffer), (5, &out.buffer)];
    Ok(Launch::new(kernel(r.workgroup, r.variants.sums), grid, &buffers, params))
}
