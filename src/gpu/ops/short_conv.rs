//! `out = c * sum_j(weight[:, j] * s[p - taps + 1 + j])` with `s[p] = b * u`, rows `[b; c; u]` of x (LFM2)
//!
//! x: `[n, x_stride]`, out: `[n, stride]` f32; weight: `[width, taps]` f32; caches: `[capacity, width / 2]` f32 or f16
//! (`shaders/parts/kv_f32.wgsl` or `kv_f16.wgsl`), half of s each. Accumulates in f32, over rows as the cache holds them. An invocation
//! for each 4 columns of a row; widths are multiples of 8.

use crate::gpu::cache::{LayerCache, conv_shape};
use crate::gpu::kernel::{Access, Kernel, WORKGROUP, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::{BATCH, kv_part};
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::model::{BufferId, VectorId};
use crate::{Error, Result};

uniform! {
    /// Parameters of `shaders/short_conv.wgsl`.
    Params {
        /// Vectors of 4 in half of a row of s.
        vectors: u32,
        /// Vectors of 4 in a row's storage of x.
        x_stride: u32,
        /// The same of out.
        stride: u32,
        /// Positions that are seen.
        taps: u32,
    }
}

/// The kernel.
pub fn kernel(half_kv: bool) -> Kernel {
    let storage = [2, 3].map(|binding| (binding, Access::Read)).into_iter();
    Kernel {
        stem: "short_conv",
        entry: "short_conv",
        parts: vec![BATCH, kv_part(half_kv)],
        body: wgsl!("short_conv"),
        constants: vec![("WORKGROUP", WORKGROUP)],
        storage: storage.chain([4, 5, 6].map(|binding| (binding, Access::Write))).collect(),
        workgroup_bytes: 0,
        params: Params::LAYOUT,
        variants: Vec::new(),
    }
}

pub fn launch(
    r: &Resources,
    x: BufferId,
    weight: VectorId,
    taps: usize,
    cache: &LayerCache,
    out: BufferId,
) -> Result<Launch> {
    let (x, weight, out) = (r.activation(x)?, r.vector(weight)?, r.activation(out)?);
    if conv_shape(out.width) != Some((cache.n_kv_heads, cache.head_dim)) || x.width != 3 * out.width {
        let what = format!("a convolution of {} elements from {}", out.width, x.width);
        return Err(Error::Internal { what });
    }
    let params = Params {
        vectors: u32_of("vectors", out.width / 8)?,
        x_stride: u32_of("x_stride", x.vectors())?,
        stride: u32_of("stride", out.vectors())?,
        taps: u32_of("taps", taps)?,
    };
    let buffers = [(2, &x.buffer), (3, weight), (4, &cache.k), (5, &cache.v), (6, &out.buffer)];
    Ok(Launch::new(kernel(cache.half), Grid::elementwise(out.width / 4)?, &buffers, params))
}
