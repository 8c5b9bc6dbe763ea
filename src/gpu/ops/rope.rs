//! `(a, b) -> (a cos - b sin, a sin + b cos)` for each pair of the leading n_dims of each head (arXiv 2104.09864)
//!
//! x, out: `[n, stride]` f32, heads side by side; angles: `[capacity, n_dims / 2]` (cos, sin) f32, computed in f64. Two
//! roundings per element. One invocation per element.

use crate::Result;
use crate::gpu::kernel::{Access, Kernel, WORKGROUP, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::BATCH;
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::model::{BufferId, Rope};

uniform! {
    /// Parameters of `shaders/rope.wgsl`.
    Params {
        /// Elements in a row.
        width: u32,
        /// Elements in a row's storage.
        stride: u32,
        /// Elements of a head.
        head_dim: u32,
        /// Rotated elements of each head.
        n_dims: u32,
        /// 0: pairs (2i, 2i + 1); 1: pairs (i, i + n_dims / 2).
        half_split: u32,
    }
}

/// The kernel.
pub fn kernel() -> Kernel {
    Kernel {
        stem: "rope",
        entry: "rope",
        parts: vec![BATCH],
        body: wgsl!("rope"),
        constants: vec![("WORKGROUP", WORKGROUP)],
        storage: vec![(2, Access::Read), (3, Access::Read), (4, Access::Write)],
        workgroup_bytes: 0,
        params: Params::LAYOUT,
        variants: Vec::new(),
    }
}

pub fn launch(
    r: &Resources,
    x: BufferId,
    head_dim: usize,
    rope: &Rope,
    angles: &wgpu::Buffer,
    out: BufferId,
) -> Result<Launch> {
    let (x, out) = (r.activation(x)?, r.activation(out)?);
    let params = Params {
        width: u32_of("width", x.width)?,
        stride: u32_of("stride", x.stride)?,
        head_dim: u32_of("head_dim", head_dim)?,
        n_dims: u32_of("n_dims", rope.n_dims)?,
        half_split: crate::gpu::cache::half_split(rope.layout),
    };
    let buffers = [(2, &x.buffer), (3, angles), (4, &out.buffer)];
    Ok(Launch::new(kernel(), Grid::elementwise(x.width)?, &buffers, params))
}
