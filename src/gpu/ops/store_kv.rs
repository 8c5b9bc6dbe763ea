//! `k_cache[p] = k[i], v_cache[p] = v[i]`, p the row's position
//!
//! k, v: `[n, stride]` f32, heads side by side; caches: `[capacity, n_kv_heads, HEAD]` vectors of 4 f32 or f16
//! (`shaders/parts/kv_f32.wgsl` or `kv_f16.wgsl`), each head padded with zeros. Exact but for the rounding to f16.

use crate::gpu::cache::{LayerCache, head_vectors};
use crate::gpu::kernel::{Access, Kernel, WORKGROUP, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::{BATCH, kv_part};
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::model::BufferId;
use crate::{Error, Result};

uniform! {
    /// Parameters of `shaders/store_kv.wgsl`.
    Params {
        /// Heads of keys and values.
        n_kv_heads: u32,
        /// Elements of a head.
        head_dim: u32,
        /// Elements in a row's storage of k and v.
        stride: u32,
    }
}

/// The kernel.
pub fn kernel(head_dim: usize, half_kv: bool) -> Kernel {
    Kernel {
        stem: "store_kv",
        entry: "store_kv",
        parts: vec![BATCH, kv_part(half_kv)],
        body: wgsl!("store_kv"),
        constants: vec![("WORKGROUP", WORKGROUP), ("HEAD", head_vectors(head_dim))],
        storage: vec![(2, Access::Read), (3, Access::Read), (4, Access::Write), (5, Access::Write)],
        workgroup_bytes: 0,
        params: Params::LAYOUT,
        variants: Vec::new(),
    }
}

pub fn launch(r: &Resources, k: BufferId, v: BufferId, cache: &LayerCache) -> Result<Launch> {
    let (k, v) = (r.activation(k)?, r.activation(v)?);
    let width = cache.n_kv_heads * cache.head_dim;
    if k.width != width || v.width != width {
        let what = format!("keys and values of {} and {} elements go to a cache of {width}", k.width, v.width);
        return Err(Error::Internal { what });
    }
    let params = Params {
        n_kv_heads: u32_of("n_kv_heads", cache.n_kv_heads)?,
        head_dim: u32_of("head_dim", cache.head_dim)?,
        stride: u32_of("stride", k.stride)?,
    };
    let grid = Grid::elementwise(cache.n_kv_heads * cache.head_dim.div_ceil(4))?;
    let buffers = [(2, &k.buffer), (3, &v.buffer), (4, &cache.k), (5, &cache.v)];
    Ok(Launch::new(kernel(cache.head_dim, cache.half), grid, &buffers, params))
}
