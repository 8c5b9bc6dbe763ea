//! `out = x / sqrt(mean(x^2) + eps) * weight`, per row or per head (arXiv 1910.07467)
//!
//! x, out: `[n, stride]` f32, zero beyond the width; weight: as long as what is normed, f32. Accumulates in f32, one partial
//! sum per invocation, then over the workgroup, as `parts/reduce_memory` or `reduce_subgroups` has it. One workgroup per row
//! and head; heads are whole vectors of 4.

use crate::gpu::kernel::{Access, Kernel, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::BATCH;
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::gpu::sums::Sums;
use crate::model::{BufferId, VectorId};
use crate::{Error, Result};

uniform! {
    /// Parameters of `shaders/rms_norm.wgsl`.
    Params {
        /// Elements that are normed together.
        width: u32,
        /// Vectors of 4 of them.
        vectors: u32,
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

/// Whether there is a kernel for heads of so many elements.
pub fn takes_heads(head_dim: usize) -> bool {
    head_dim.is_multiple_of(4)
}

pub fn launch(r: &Resources, x: BufferId, weight: VectorId, n_heads: usize, eps: f32, out: BufferId) -> Result<Launch> {
    let (x, weight, out) = (r.activation(x)?, r.vector(weight)?, r.activation(out)?);
    let (width, vectors) = match n_heads {
        1 => (x.width, x.vectors()),
        _ if n_heads > 0 && x.width.is_multiple_of(n_heads) && takes_heads(x.width / n_heads) => {
            (x.width / n_heads, x.width / n_heads / 4)
        }
        _ => return Err(Error::Internal { what: format!("norms of {n_heads} heads in {} elements", x.width) }),
    };
    let stride = u32_of("stride", x.vectors())?;
    let params = Params { width: u32_of("width", width)?, vectors: u32_of("vectors", vectors)?, stride, eps };
    let grid = Grid { columns: u32_of("n_heads", n_heads)?, rows_per_group: 1 };
    let buffers = [(2, &x.buffer), (3, weight), (4, &out.buffer)];
    Ok(Launch::new(kernel(r.workgroup, r.variants.sums), grid, &buffers, params))
}
