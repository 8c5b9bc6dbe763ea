//! `out = softmax(scale * q . K) V` per head, over positions `0 ..= p`, p the row's position (arXiv 2305.13245)
//!
//! q, out: `[n, stride]` f32, heads side by side; caches: `[capacity, n_kv_heads, HEAD]` vectors of 4 f32, each head
//! padded with zeros. One workgroup per head and row, or an invocation. The softmax is online (arXiv 2205.14135), some
//! positions at a time, rescaling what was summed before when the maximum grows. Accumulates in f32.

use super::cache::LayerCache;
use super::kernel::{Access, BATCH, Kernel, REDUCE, SOFTWARE_WORKGROUP, uniform};
use super::record::{Grid, Launch, Resources, u32_of};
use super::store_kv::head_vectors;
use crate::model::BufferId;
use crate::{Error, Result};

uniform! {
    /// Parameters of `shaders/attention.wgsl`.
    Params {
        /// Heads of keys and values.
        n_kv_heads: u32,
        /// Query heads that share a key and value head.
        heads_per_kv: u32,
        /// Elements of a head.
        head_dim: u32,
        /// Elements in a row's storage of q and out.
        stride: u32,
        /// Factor on the scores.
        scale: f32,
    }
}

/// The kernel with `workgroup` invocations per head and row.
pub fn kernel(head_dim: usize, workgroup: u32) -> Kernel {
    let head = head_vectors(head_dim);
    let slices = (workgroup / head.max(1)).max(1);
    Kernel {
        stem: "attention",
        entry: "attention",
        parts: vec![BATCH, REDUCE],
        body: include_str!("../../shaders/attention.wgsl"),
        constants: vec![("WORKGROUP", workgroup), ("HEAD", head), ("SLICES", slices)],
        storage: vec![(2, Access::Read), (3, Access::Read), (4, Access::Read), (5, Access::Write)],
        // The query and the partial results; the weights and the reductions' scratch.
        workgroup_bytes: head.saturating_mul(16 * (1 + slices)).saturating_add(2 * 4 * workgroup),
        params: Params::LAYOUT,
    }
}

/// The longest head, in vectors, of [`alone`].
const LONGEST: u32 = 32;

/// The kernel with an invocation per head and row, for many rows on a CPU; `None` for heads that are too long.
pub fn alone(head_dim: usize) -> Option<Kernel> {
    let kernel = kernel(head_dim, SOFTWARE_WORKGROUP);
    let fits = head_vectors(head_dim) <= LONGEST;
    fits.then_some(Kernel { entry: "attention_alone", workgroup_bytes: 0, ..kernel })
}

/// The sizes of an attention.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) n_heads: usize,
    pub(super) n_kv_heads: usize,
    pub(super) head_dim: usize,
    pub(super) scale: f32,
}

pub(super) fn launch(r: &Resources, q: BufferId, shape: Shape, cache: &LayerCache, out: BufferId) -> Result<Launch> {
    let (q, out) = (r.activation(q)?, r.activation(out)?);
    let Shape { n_heads, n_kv_heads, head_dim, scale } = shape;
    let fits = n_kv_heads > 0
        && n_heads.is_multiple_of(n_kv_heads)
        && (cache.n_kv_heads, cache.head_dim) == (n_kv_heads, head_dim)
        && (q.width, out.width) == (n_heads * head_dim, n_heads * head_dim);
    if !fits {
        let what = format!("{shape:?} over rows of {} elements", q.width);
        return Err(Error::Internal { what });
    }
    let params = Params {
        n_kv_heads: u32_of("n_kv_heads", n_kv_heads)?,
        heads_per_kv: u32_of("n_heads", n_heads / n_kv_heads)?,
        head_dim: u32_of("head_dim", head_dim)?,
        stride: u32_of("stride", q.stride)?,
        scale,
    };
    let grid = Grid { columns: u32_of("n_heads", n_heads)?, rows_per_group: 1 };
    let buffers = [(2, &q.buffer), (3, &cache.k), (4, &cache.v), (5, &out.buffer)];
    let mut launch = Launch::new(kernel(head_dim, r.workgroup), grid, &buffers, params);
    if let Some(alone) = alone(head_dim).filter(|_| r.software) {
        launch.many = (alone, Grid { rows_per_group: SOFTWARE_WORKGROUP, ..grid });
    }
    Ok(launch)
}
