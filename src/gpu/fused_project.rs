//! `out[r] = residual[r] + dot(norm(x), weight[r]) + bias[r]`
//!
//! One row. weight: `[rows, cols]`, any weight type; x: see `shaders/parts/dots.wgsl`; residual, out: `[rows]` f32.
//! Accumulates in f32. A team of invocations computes 4 rows. Behind a split attention x is merged instead of normed
//! (`shaders/parts/norm_merge.wgsl`).

use super::embed::{check_width, chunk_buffers};
use super::fuse::Project;
use super::kernel::{Access, Kernel, Stored, uniform};
use super::record::{Launch, Resources, one_chunk, u32_of};
use super::source::wgsl;
use super::store_kv::head_vectors;
use super::team::{self, NormKind, Team};
use crate::{Error, Result};

uniform! {
    /// Parameters of `shaders/fused_project.wgsl`.
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
    }
}

/// The kernel.
pub fn kernel(stored: Stored, norm: NormKind, team: Team) -> Kernel {
    Kernel {
        stem: "fused_project",
        entry: "fused_project",
        body: wgsl!("fused_project"),
        params: Params::LAYOUT,
        ..team::kernel(stored, norm, team, &[(6, Access::Read), (7, Access::Write)])
    }
}

pub(super) fn launch(r: &Resources, project: &Project, vectors: &wgpu::Buffer) -> Result<Launch> {
    let (x, out) = (r.activation(project.x)?, r.activation(project.out)?);
    let weight = r.matrix(project.weight.0)?;
    check_width(weight, x.stride)?;
    let residual = match project.residual {
        Some(id) => r.activation(id)?,
        None => out,
    };
    if weight.rows != out.width || residual.width != out.width {
        let what = format!("{} has {} rows, its result {} columns", weight.name, weight.rows, out.width);
        return Err(Error::Internal { what });
    }
    let residual = if project.residual.is_some() { &residual.buffer } else { &r.zeros };
    let chunk = one_chunk(weight)?;
    let params = Params {
        groups: u32_of("groups", weight.groups)?,
        width: u32_of("width", x.width)?,
        eps: project.norm.map_or(0.0, |norm| norm.eps),
        bias: team::bias_start(project.norm, x.stride)?,
        rows: u32_of("rows", weight.rows)?,
        from_row: u32_of("row", chunk.from_row)?,
    };
    let team = Team::of(weight.groups, r);
    let (norm, x) = match project.merge {
        None => (NormKind::of(project.norm), &x.buffer),
        Some(head_dim) => {
            let (head, splits) = (head_vectors(head_dim), r.variants.splits);
            (NormKind::Merge { head, splits, columns: u32_of("columns", x.vectors())? }, &r.attention_parts)
        }
    };
    let buffers = chunk_buffers(chunk, &[(4, x), (5, vectors), (6, residual), (7, &out.buffer)]);
    let kernel = kernel(weight.stored(), norm, team);
    Ok(Launch::new(kernel, team.grid(params.rows.div_ceil(4)), &buffers, params))
}
