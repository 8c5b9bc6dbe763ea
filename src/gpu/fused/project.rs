//! `out[r] = cap(residual[r] + dot(norm(x), weight[r]) + bias[r])`
//!
//! One row. weight: `[rows, cols]`, any weight type; x: see `shaders/parts/dots.wgsl`; residual, out: `[rows]` f32.
//! Accumulates in f32. A team of invocations computes 4 rows. Behind a split attention x is merged instead of normed
//! (`shaders/parts/norm_merge.wgsl`).

use super::dots::{self, NormKind};
use super::unit::{Merge, Project};
use crate::gpu::cache::head_vectors;
use crate::gpu::kernel::{Access, Kernel, uniform};
use crate::gpu::launch::Launch;
use crate::gpu::parts::cap_parts;
use crate::gpu::quant::Stored;
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::gpu::team::Team;
use crate::{Error, Result};

uniform! {
    /// Parameters of `shaders/fused/project.wgsl`.
    Params {
        /// Groups of 16 elements in a row of the weight and of x.
        groups: u32,
        /// Elements of x.
        width: u32,
        /// The norm's epsilon.
        eps: f32,
        /// Where the biases begin in `vectors`.
        bias: u32,
        /// Rows of the weight.
        rows: u32,
        /// The buffer's row where the weight begins.
        from_row: u32,
        /// What results approach at most; 0 where the kernel has no cap.
        soft_cap: f32,
    }
}

/// The kernel; `capped`: the results have a soft cap.
pub fn kernel(stored: Stored, norm: NormKind, team: Team, capped: bool) -> Kernel {
    let mut kernel = dots::kernel(stored, norm, team, &[(6, Access::Read), (7, Access::Write)]);
    kernel.parts.extend(cap_parts(capped));
    Kernel {
        stem: "fused_project",
        entry: "fused_project",
        body: wgsl!("fused/project"),
        params: Params::LAYOUT,
        ..kernel
    }
}

pub fn launch(r: &Resources, project: &Project, vectors: &wgpu::Buffer) -> Result<Launch> {
    let (x, out) = (r.activation(project.x)?, r.activation(project.out)?);
    let weight = r.matrix(project.weight.0)?;
    weight.check_width(x.stride)?;
    let residual = match project.residual {
        Some(id) => r.activation(id)?,
        None => out,
    };
    if weight.rows != out.width || residual.width != out.width {
        let what = format!("{} has {} rows, its result {} columns", weight.name, weight.rows, out.width);
        return Err(Error::Internal { what });
    }
    let residual = if project.residual.is_some() { &residual.buffer } else { &r.zeros };
    let chunk = weight.whole()?;
    let params = Params {
        groups: u32_of("groups", weight.groups)?,
        width: u32_of("width", x.width)?,
        eps: project.norm.map_or(0.0, |norm| norm.eps),
        bias: dots::bias_start(project.norm, x.stride)?,
        rows: u32_of("rows", weight.rows)?,
        from_row: u32_of("row", chunk.from_row)?,
        soft_cap: project.soft_cap.unwrap_or(0.0),
    };
    let team = Team::of(weight.groups, r);
    let (norm, x) = match project.merge {
        None => (NormKind::of(project.norm), &x.buffer),
        Some(Merge { head_dim, window }) => {
            let (head, splits) = (head_vectors(head_dim), r.variants.splits);
            let columns = u32_of("columns", x.vectors())?;
            (NormKind::Merge { head, splits, columns, window }, &r.attention_parts)
        }
    };
    let buffers = chunk.buffers(&[(4, x), (5, vectors), (6, residual), (7, &out.buffer)]);
    let kernel = kernel(weight.stored(), norm, team, project.soft_cap.is_some());
    Ok(Launch::new(kernel, team.grid(params.rows.div_ceil(4)), &buffers, params))
}
