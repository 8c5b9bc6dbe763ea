//! `out = softmax(cap(scale * q . K)) V` per head, over the positions that a row sees (arXiv 2305.13245)
//!
//! q, out: `[n, stride]` f32, heads side by side; caches: `[capacity, n_kv_heads, HEAD]` vectors of 4 f32 or f16
//! (`shaders/parts/kv_f32.wgsl` or `kv_f16.wgsl`), each head padded with zeros. One workgroup per head and row, or an
//! invocation. The softmax is online (arXiv 2205.14135), some positions at a time, rescaling what was summed before when the
//! maximum grows. Accumulates in f32.
//!
//! For one row there is a variant with several workgroups per head, each over a part of the positions: hardware has more cores
//! than a nano model has heads. What they give is merged by the projection behind it (`shaders/parts/norm_merge.wgsl`), so that
//! it takes no dispatch more.

use crate::gpu::cache::{LayerCache, head_vectors};
use crate::gpu::kernel::{Access, Kernel, SOFTWARE_WORKGROUP, Variant, WORKGROUP, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::{BATCH, SPLITS, cap_parts, kv_part};
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::gpu::sums::Sums;

use crate::model::{BufferId, Op};
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
        /// What scores approach at most; 0 where the kernel has none.
        soft_cap: f32,
    }
}

/// Positions of an invocation in a round. On CPUs a barrier costs more than on hardware, and a workgroup has fewer invocations:
/// with 16 a token's attention takes 0.6 to 0.8 of the time that it takes with 1 on llvmpipe, at 128 and at 2048 positions of
/// the 15M shape; 64 are slower again. (The time there grows with the number of positions: 0.19 ms a layer, 2.5 ms.)
const EACH: u32 = 4;
const SOFTWARE_EACH: u32 = 16;

/// What kernels of attention are for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kind {
    /// Elements of a head.
    pub head_dim: usize,
    /// Keys and values are f16.
    pub half_kv: bool,
    /// Rows see no later ones.
    pub causal: bool,
    /// Positions that a row sees at most on either side, its own included.
    pub window: Option<usize>,
    /// Scores have a soft cap.
    pub capped: bool,
}

impl Kind {
    /// Over all earlier positions, without a cap.
    pub fn plain(head_dim: usize, half_kv: bool) -> Kind {
        Kind { head_dim, half_kv, causal: true, window: None, capped: false }
    }
}

/// The constant for a window.
pub fn window_constant(window: Option<usize>) -> Option<(&'static str, u32)> {
    window.map(|window| ("WINDOW", u32::try_from(window).unwrap_or(u32::MAX)))
}

/// The kernel with a workgroup per head and row; with `splits` of them per head for one row, where that is more than 1.
pub fn kernel(kind: Kind, software: bool, splits: u32, sums: Sums) -> Kernel {
    let head = head_vectors(kind.head_dim);
    let (workgroup, each) = if software { (SOFTWARE_WORKGROUP, SOFTWARE_EACH) } else { (WORKGROUP, EACH) };
    let slices = (workgroup / head.max(1)).max(1);
    let mut constants = sums.constants(workgroup);
    constants.extend([("EACH", each), ("HEAD", head), ("SLICES", slices)]);
    if splits > 1 {
        constants.push(("SPLITS", splits));
    }
    constants.extend(window_constant(kind.window));
    if !kind.causal {
        constants.push(("CAUSAL", 0));
    }
    Kernel {
        stem: "attention",
        entry: "attention",
        parts: [vec![BATCH, sums.reduce(), SPLITS, kv_part(kind.half_kv)], cap_parts(kind.capped)].concat(),
        body: wgsl!("attention"),
        constants,
        storage: vec![(2, Access::Read), (3, Access::Read), (4, Access::Read), (5, Access::Write)],
        // The query and the partial results; the weights and the reductions' scratch.
        workgroup_bytes: head
            .saturating_mul(16 * (1 + slices))
            .saturating_add(4 * (workgroup * each + sums.places(workgroup))),
        params: Params::LAYOUT,
        variants: if splits > 1 { vec![Variant::Split] } else { Vec::new() },
    }
}

/// The longest head, in vectors, of [`alone`].
const LONGEST: u32 = 32;

/// The kernel with an invocation per head and row, for many rows on a CPU; `None` for heads that are too long.
pub fn alone(kind: Kind) -> Option<Kernel> {
    let kernel = kernel(kind, true, 1, Sums::Memory);
    let fits = head_vectors(kind.head_dim) <= LONGEST;
    fits.then_some(Kernel { entry: "attention_alone", workgroup_bytes: 0, ..kernel })
}

/// Bytes of what the parts of a row's attention give: `[n_heads, splits, HEAD + 1]` vectors of 4 f32.
pub fn parts_bytes(n_heads: usize, head_dim: usize, splits: u32) -> u64 {
    (n_heads as u64) * u64::from(splits) * (u64::from(head_vectors(head_dim)) + 1) * 16
}

/// The sizes of an attention, and what a row sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    pub n_heads: usize,
    pub n_kv_heads: usize,
    pub head_dim: usize,
    pub scale: f32,
    pub causal: bool,
    pub window: Option<usize>,
    pub soft_cap: Option<f32>,
}

impl Shape {
    /// Of an attention: its queries, layer and result beside it.
    pub fn of(op: &Op) -> Option<(BufferId, usize, Shape, BufferId)> {
        match *op {
            Op::Attention { q, layer, n_heads, n_kv_heads, head_dim, scale, causal, window, soft_cap, out, .. } => {
                Some((q, layer, Shape { n_heads, n_kv_heads, head_dim, scale, causal, window, soft_cap }, out))
            }
            _ => None,
        }
    }

    /// The kernels for it.
    pub fn kind(self, half_kv: bool) -> Kind {
        let Shape { head_dim, causal, window, soft_cap, .. } = self;
        Kind { head_dim, half_kv, causal, window, capped: soft_cap.is_some() }
    }
}

pub fn launch(r: &Resources, q: BufferId, shape: Shape, cache: &LayerCache, out: BufferId) -> Result<Launch> {
    let out = r.activation(out)?;
    if out.width != shape.n_heads * shape.head_dim {
        let what = format!("{shape:?} into rows of {} elements", out.width);
        return Err(Error::Internal { what });
    }
    let mut launch = launch_into(r, q, shape, cache, 1, &out.buffer)?;
    if let Some(alone) = alone(shape.kind(cache.half)).filter(|_| r.software) {
        launch.many = (alone, Grid { rows_per_group: SOFTWARE_WORKGROUP, ..launch.many.1 });
    }
    Ok(launch)
}

/// The launch for one row, split; the result is for [`Merge`](crate::gpu::fused::dots::NormKind::Merge).
pub fn split_launch(r: &Resources, q: BufferId, shape: Shape, cache: &LayerCache) -> Result<Launch> {
    launch_into(r, q, shape, cache, r.variants.splits, &r.attention_parts)
}

fn launch_into(
    r: &Resources,
    q: BufferId,
    shape: Shape,
    cache: &LayerCache,
    splits: u32,
    out: &wgpu::Buffer,
) -> Result<Launch> {
    let q = r.activation(q)?;
    let Shape { n_heads, n_kv_heads, head_dim, scale, soft_cap, .. } = shape;
    let fits = n_kv_heads > 0
        && n_heads.is_multiple_of(n_kv_heads)
        && (cache.n_kv_heads, cache.head_dim) == (n_kv_heads, head_dim)
        && q.width == n_heads * head_dim;
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
        soft_cap: soft_cap.unwrap_or(0.0),
    };
    let grid = Grid { columns: u32_of("n_heads", n_heads)? * splits, rows_per_group: 1 };
    let buffers = [(2, &q.buffer), (3, &cache.k), (4, &cache.v), (5, out)];
    Ok(Launch::new(kernel(shape.kind(cache.half), r.software, splits, r.variants.sums), grid, &buffers, params))
}
