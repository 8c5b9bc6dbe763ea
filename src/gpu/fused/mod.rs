//! Several steps of a plan in one dispatch, where a single token runs: one file a kernel, and the tables that say which
//! unit is whose. Which steps go together is said in `fuse.rs`.

pub mod dots;
pub mod embed;
pub mod feed;
pub mod post_norm;
pub mod project;
pub mod qkv;
pub mod unit;

use crate::gpu::cache::{CacheBuffers, head_dim};
use crate::gpu::kernel::Kernel;
use crate::gpu::launch::Launch;
use crate::gpu::ops::attention;
use crate::gpu::resources::Resources;
use crate::gpu::variants::Variants;
use crate::model::Plan;
use crate::{Error, Result};
use unit::Unit;

/// The launch of a unit that works on a cache; `None` for one that needs none, or is a step alone.
pub fn cached_unit_launch(
    r: &Resources,
    cache: &CacheBuffers,
    unit: &Unit,
    vectors: Option<&wgpu::Buffer>,
) -> Result<Option<Launch>> {
    Ok(match (unit, vectors) {
        (Unit::Qkv(qkv), Some(vectors)) => {
            let angles = match qkv.rope {
                Some((ref rope, factors)) => cache.angles(rope, factors)?,
                None => &cache.no_angles,
            };
            Some(qkv::launch(r, qkv, vectors, cache.layer(qkv.layer)?, angles)?)
        }
        (Unit::Attend(attend), _) => {
            Some(attention::split_launch(r, attend.q, attend.shape, cache.layer(attend.layer)?)?)
        }
        _ => None,
    })
}

/// The kernel of a unit that works on a cache: known before there is one.
pub fn cached_unit_kernel(plan: &Plan, r: &Resources, unit: &Unit) -> Result<Option<Kernel>> {
    Ok(match unit {
        Unit::Qkv(qkv) => {
            let missing = || Error::Internal { what: format!("layer {} has no attention", qkv.layer) };
            Some(qkv::kernel_of(r, qkv, head_dim(plan, qkv.layer).ok_or_else(missing)?)?)
        }
        Unit::Attend(attend) => {
            let Variants { half_kv, splits, sums, .. } = r.variants;
            Some(attention::kernel(attend.shape.kind(half_kv), r.software, splits, sums))
        }
        _ => None,
    })
}

/// The launch of a unit of [`Fused`](crate::gpu::fuse::Fused) that needs no cache; `vectors`: its norm and biases.
pub fn unit_launch(r: &Resources, unit: &Unit, vectors: Option<&wgpu::Buffer>) -> Result<Option<Launch>> {
    Ok(match (unit, vectors) {
        (Unit::Embed { tokens, positions, out }, _) => Some(embed::launch(r, *tokens, *positions, *out)?),
        (Unit::Project(project), Some(vectors)) => Some(project::launch(r, project, vectors)?),
        (Unit::PostNorm(post), _) => Some(post_norm::launch(r, post)?),
        (Unit::Feed(feed), Some(vectors)) => Some(feed::launch(r, feed, vectors)?),
        _ => None,
    })
}
