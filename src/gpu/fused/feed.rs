//! `out = activation(norm(x) Wg + bg) * (norm(x) Wu + bu)`, or `activation(norm(x) Wu + bu)` without a gate (arXiv
//! 2002.05202)
//!
//! One row. weight: the rows of Wg, where there is one, and Wu in one buffer, `[rows, cols]`, any weight type; x: see
//! `shaders/parts/dots.wgsl`; out: `[d_ff]` f32. Accumulates in f32. A team of invocations computes 4 elements.

use super::dots::{self, NormKind};
use super::unit::Feed;
use crate::gpu::kernel::{Access, Kernel, uniform};
use crate::gpu::launch::Launch;
use crate::gpu::ops::activation;
use crate::gpu::parts::ACTIVATION;
use crate::gpu::quant::Stored;
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::gpu::team::Team;
use crate::model::Activation;
use crate::{Error, Result};

uniform! {
    /// Parameters of `shaders/fused/feed.wgsl`.
    Params {
        /// Groups of 16 elements in a row of the weight and of x.
        groups: u32,
        /// Elements of x.
        width: u32,
        /// The norm's epsilon.
        eps: f32,
        /// Where the biases begin in `vectors`: of each row of the buffer.
        bias: u32,
        /// Elements of out.
        rows: u32,
        /// Where the rows of Wu begin.
        up_row: u32,
    }
}

/// The kernel.
pub fn kernel(stored: Stored, norm: NormKind, activation: Activation, gated: bool, team: Team) -> Kernel {
    let mut kernel = dots::kernel(stored, norm, team, &[(6, Access::Write)]);
    kernel.parts.push(ACTIVATION);
    kernel.constants.push(("ACTIVATION", activation::number(activation)));
    kernel.constants.push(("GATED", u32::from(gated)));
    Kernel { stem: "fused_feed", entry: "fused_feed", body: wgsl!("fused/feed"), params: Params::LAYOUT, ..kernel }
}

pub fn launch(r: &Resources, feed: &Feed, vectors: &wgpu::Buffer) -> Result<Launch> {
    let (x, out) = (r.activation(feed.x)?, r.activation(feed.out)?);
    let up = r.matrix(feed.up.0)?;
    let gate = match feed.gate {
        Some((id, _)) => r.matrix(id)?,
        None => up,
    };
    up.check_width(x.stride)?;
    let chunk = gate.whole()?;
    if (gate.rows, up.rows) != (out.width, out.width) || chunk.from_row != 0 {
        let what = format!("{} and {} have {} and {} rows", gate.name, up.name, gate.rows, up.rows);
        return Err(Error::Internal { what });
    }
    let params = Params {
        groups: u32_of("groups", up.groups)?,
        width: u32_of("width", x.width)?,
        eps: feed.norm.eps,
        bias: dots::bias_start(Some(feed.norm), x.stride)?,
        rows: u32_of("rows", up.rows)?,
        up_row: u32_of("row", up.whole()?.from_row)?,
    };
    let team = Team::of(up.groups, r);
    let buffers = chunk.buffers(&[(4, &x.buffer), (5, vectors), (6, &out.buffer)]);
    let kernel = kernel(up.stored(), NormKind::of(Some(feed.norm)), feed.activation, feed.gate.is_some(), team);
    Ok(Launch::new(kernel, team.grid(params.rows.div_ceil(4)), &buffers, params))
}
