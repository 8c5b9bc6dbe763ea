//! `q, k_cache[p], v_cache[p] = rope(norm(x) Wq + bq), rope(norm(x) Wk + bk), norm(x) Wv + bv`, p the token's position
//!
//! One row. weight: the rows of Wq, Wk and Wv in one buffer, `[rows, cols]`, any weight type; x: see
//! `shaders/parts/dots.wgsl`; angles: `[capacity, n_dims / 2]` (cos, sin) f32; q: heads side by side; caches:
//! `[capacity, n_kv_heads, head_stride]` f32 or f16. Accumulates in f32. A team of invocations computes two pairs of elements
//! that rotate together.
//!
//! Where each head of q and k is normed before it is rotated, a workgroup computes a head
//! (`shaders/parts/heads_normed.wgsl`).

use super::dots::{self, NormKind};
use super::unit::Qkv;
use crate::gpu::cache::{LayerCache, half_split, head_vectors};
use crate::gpu::kernel::{Access, Kernel, part, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::kv_part;
use crate::gpu::quant::Stored;
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::gpu::team::Team;
use crate::{Error, Result};

uniform! {
    /// Parameters of `shaders/fused/qkv.wgsl`.
    Params {
        /// Groups of 16 elements in a row of the weight and of x.
        groups: u32,
        /// Elements of x.
        width: u32,
        /// The norm's epsilon.
        eps: f32,
        /// Where the biases begin in `vectors`.
        bias: u32,
        /// Where the rows of Wk begin.
        k_row: u32,
        /// Where the rows of Wv begin.
        v_row: u32,
        /// Heads of queries.
        n_heads: u32,
        /// Heads of keys, and of values.
        n_kv_heads: u32,
        /// Elements of a head.
        head_dim: u32,
        /// Elements from head to head in the caches.
        head_stride: u32,
        /// Rotated elements of each head; 0 without rotary positions.
        n_dims: u32,
        /// 0: pairs (2i, 2i + 1); 1: pairs (i, i + n_dims / 2).
        half_split: u32,
        /// Where the weights of the norms of heads begin in `vectors`.
        head_norm: u32,
        /// The epsilon of those norms.
        head_eps: f32,
    }
}

/// The kernel; `normed`: the elements of a head, where each is normed.
pub fn kernel(stored: Stored, norm: NormKind, team: Team, half_kv: bool, normed: Option<usize>) -> Kernel {
    let others = [(6, Access::Read), (7, Access::Write), (8, Access::Write), (9, Access::Write)];
    let mut shared = dots::kernel(stored, norm, team, &others);
    shared.parts.push(kv_part(half_kv));
    match normed {
        None => shared.parts.push(part!("heads_plain")),
        Some(head_dim) => {
            let head = head_vectors(head_dim);
            shared.parts.push(part!("heads_normed", shown));
            shared.constants.push(("HEAD", head));
            shared.workgroup_bytes = shared.workgroup_bytes.saturating_add(head.saturating_mul(16));
        }
    }
    Kernel { stem: "fused_qkv", entry: "fused_qkv", body: wgsl!("fused/qkv"), params: Params::LAYOUT, ..shared }
}

/// The kernel of a unit whose heads have so many elements: known before there is a cache.
pub fn kernel_of(r: &Resources, qkv: &Qkv, head_dim: usize) -> Result<Kernel> {
    let weight = r.matrix(qkv.weights[0].0)?;
    let team = Team::of(weight.groups, r);
    let normed = qkv.head_norm.map(|_| head_dim);
    Ok(kernel(weight.stored(), NormKind::of(Some(qkv.norm)), team, r.variants.half_kv, normed))
}

pub fn launch(
    r: &Resources,
    qkv: &Qkv,
    vectors: &wgpu::Buffer,
    cache: &LayerCache,
    angles: &wgpu::Buffer,
) -> Result<Launch> {
    let (x, q) = (r.activation(qkv.x)?, r.activation(qkv.q)?);
    let [q_weight, k_weight, v_weight] = qkv.weights.map(|(id, _)| r.matrix(id));
    let (q_weight, k_weight, v_weight) = (q_weight?, k_weight?, v_weight?);
    q_weight.check_width(x.stride)?;
    let (n_kv_heads, head_dim) = (cache.n_kv_heads, cache.head_dim);
    let kv = n_kv_heads * head_dim;
    let rotated = qkv.rope.map_or(0, |(rope, _)| rope.n_dims);
    let fits = head_dim > 0
        && q_weight.rows.is_multiple_of(head_dim)
        && q_weight.rows == q.width
        && (k_weight.rows, v_weight.rows) == (kv, kv)
        && rotated <= head_dim;
    if !fits {
        let what = format!("q of {}, k of {}, v of {} rows", q_weight.rows, k_weight.rows, v_weight.rows);
        return Err(Error::Internal { what });
    }
    let n_heads = q_weight.rows / head_dim;
    let bias = dots::bias_start(Some(qkv.norm), x.stride)?;
    let v_chunk = v_weight.whole()?;
    let params = Params {
        groups: u32_of("groups", q_weight.groups)?,
        width: u32_of("width", x.width)?,
        eps: qkv.norm.eps,
        bias,
        k_row: u32_of("row", k_weight.whole()?.from_row)?,
        v_row: u32_of("row", v_weight.whole()?.from_row)?,
        n_heads: u32_of("n_heads", n_heads)?,
        n_kv_heads: u32_of("n_kv_heads", n_kv_heads)?,
        head_dim: u32_of("head_dim", head_dim)?,
        head_stride: u32_of("head_dim", head_dim.next_multiple_of(4))?,
        n_dims: u32_of("n_dims", rotated)?,
        half_split: qkv.rope.map_or(0, |(rope, _)| half_split(rope.layout)),
        // Behind the biases, see `dots::vectors`.
        head_norm: bias + u32_of("row", (v_chunk.from_row + v_weight.rows).div_ceil(4))?,
        head_eps: qkv.head_norm.map_or(0.0, |norm| norm.eps),
    };
    let pairs = u32_of("pairs", (n_heads + 2 * n_kv_heads) * head_dim.div_ceil(2))?;
    let others = [(4, &x.buffer), (5, vectors), (6, angles), (7, &q.buffer), (8, &cache.k), (9, &cache.v)];
    let buffers = q_weight.whole()?.buffers(&others);
    let grid = match qkv.head_norm {
        None => Team::of(q_weight.groups, r).grid(pairs.div_ceil(2)),
        // A workgroup for each head.
        Some(_) => Grid { columns: u32_of("heads", n_heads + 2 * n_kv_heads)?, rows_per_group: 1 },
    };
    Ok(Launch::new(kernel_of(r, qkv, head_dim)?, grid, &buffers, params))
}
