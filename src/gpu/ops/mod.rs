//! The operations of a plan on the GPU: one file each, of the operation's stem, with its parameters, workgroups and
//! bindings; and the tables that say which operation is whose.

pub mod activation;
pub mod add;
pub mod attention;
pub mod embed;
pub mod gated_activation;
pub mod layer_norm;
pub mod linear;
pub mod position_embed;
pub mod rms_norm;
pub mod rope;
pub mod scale;
pub mod select_rows;
pub mod short_conv;
pub mod soft_cap;
pub mod store_kv;

use crate::Result;
use crate::gpu::cache::{CacheBuffers, head_dim};
use crate::gpu::kernel::Kernel;
use crate::gpu::launch::Launch;
use crate::gpu::resources::Resources;
use crate::model::{Op, Plan};
use attention::Shape;

/// The launches of an operation that needs no cache; `None` for one that does.
pub fn launches(resources: &Resources, op: &Op) -> Result<Option<Vec<Launch>>> {
    let r = resources;
    let launches = match *op {
        Op::Embed { table, out, .. } => embed::launches(r, table, out)?,
        Op::PositionEmbed { x, table, out } => position_embed::launches(r, x, table, out)?,
        Op::RmsNorm { x, weight, n_heads, eps, out } => vec![rms_norm::launch(r, x, weight, n_heads, eps, out)?],
        Op::LayerNorm { x, weight, bias, eps, out } => {
            vec![layer_norm::launch(r, x, weight, bias, eps, out)?]
        }
        Op::Linear { x, weight, bias, out } => linear::launches(r, x, weight, bias, out)?,
        Op::GatedActivation { gate, up, activation, out } => {
            vec![gated_activation::launch(r, gate, up, activation, out)?]
        }
        Op::Activation { x, activation, out } => vec![activation::launch(r, x, activation, out)?],
        Op::Add { a, b, out } => vec![add::launch(r, a, b, out)?],
        Op::Scale { x, factor, out } => vec![scale::launch(r, x, factor, out)?],
        Op::SoftCap { x, cap, out } => vec![soft_cap::launch(r, x, cap, out)?],
        Op::SelectRows { x, out } => vec![select_rows::launch(r, x, out)?],
        Op::Rope { .. } | Op::StoreKv { .. } | Op::Attention { .. } | Op::ShortConv { .. } => return Ok(None),
        // Refused: see `supported`.
        Op::Route { .. } | Op::Experts { .. } | Op::Ssm { .. } => return Ok(None),
    };
    Ok(Some(launches))
}

/// The launches of an operation that works on a cache; `None` for one that needs none.
pub fn cached_launches(resources: &Resources, cache: &CacheBuffers, op: &Op) -> Result<Option<Vec<Launch>>> {
    let r = resources;
    let launch = match *op {
        Op::Rope { x, head_dim, ref rope, factors, out, .. } => {
            let angles = cache.angles(rope, factors)?;
            rope::launch(r, x, head_dim, rope, angles, out)?
        }
        Op::StoreKv { k, v, layer } => store_kv::launch(r, k, v, cache.layer(layer)?)?,
        Op::ShortConv { x, weight, kernel, layer, out } => {
            short_conv::launch(r, x, weight, kernel, cache.layer(layer)?, out)?
        }
        Op::Attention { .. } => match Shape::of(op) {
            Some((q, layer, shape, out)) => attention::launch(r, q, shape, cache.layer(layer)?, out)?,
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(vec![launch]))
}

/// The kernels of an operation that works on a cache: known before there is one.
pub fn cached_kernels(plan: &Plan, resources: &Resources, op: &Op) -> Vec<Kernel> {
    let half_kv = resources.variants.half_kv;
    match *op {
        Op::Rope { .. } => vec![rope::kernel()],
        Op::StoreKv { layer, .. } => {
            let head_dim = head_dim(plan, layer);
            head_dim.map(|head_dim| store_kv::kernel(head_dim, half_kv)).into_iter().collect()
        }
        Op::ShortConv { .. } => vec![short_conv::kernel(half_kv)],
        Op::Attention { .. } => {
            let kind = Shape::of(op).map(|(_, _, shape, _)| shape.kind(half_kv));
            let kernels = |kind| {
                let alone = attention::alone(kind).filter(|_| resources.software);
                let one = attention::kernel(kind, resources.software, 1, resources.variants.sums);
                alone.into_iter().chain([one])
            };
            kind.into_iter().flat_map(kernels).collect()
        }
        _ => Vec::new(),
    }
}
