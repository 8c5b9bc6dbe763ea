//! `out = table[token] + table[first_position + p]`, p the token's position
//!
//! One row. table: token embeddings and, from row first_position on, learned positions, `[rows, cols]`, any weight type;
//! out: `[stride]` f32. One rounding but for the weight type's own decoding. One invocation per group.

use crate::Result;
use crate::gpu::kernel::{Access, Kernel, Variant, WORKGROUP, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::BATCH;
use crate::gpu::quant::Stored;
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::model::{BufferId, MatrixId};

uniform! {
    /// Parameters of `shaders/fused/embed.wgsl`.
    Params {
        /// Groups of 16 elements in a row.
        groups: u32,
        /// Rows of token embeddings.
        n_vocab: u32,
        /// The row of position 0.
        first_position: u32,
        /// Positions there are.
        positions: u32,
    }
}

/// The kernel for tables of this type.
pub fn kernel(stored: Stored) -> Kernel {
    Kernel {
        stem: "fused_embed",
        entry: "fused_embed",
        parts: [vec![BATCH], stored.parts()].concat(),
        body: wgsl!("fused/embed"),
        constants: vec![("WORKGROUP", WORKGROUP)],
        storage: stored.bindings(&[(4, Access::Read), (5, Access::Write)]),
        workgroup_bytes: 0,
        params: Params::LAYOUT,
        variants: vec![Variant::Fused],
    }
}

pub fn launch(r: &Resources, tokens: MatrixId, positions: MatrixId, out: BufferId) -> Result<Launch> {
    let (tokens, positions, out) = (r.matrix(tokens)?, r.matrix(positions)?, r.activation(out)?);
    tokens.check_width(out.stride)?;
    let (chunk, position_chunk) = (tokens.whole()?, positions.whole()?);
    let params = Params {
        groups: u32_of("groups", tokens.groups)?,
        n_vocab: u32_of("rows", tokens.rows)?,
        first_position: u32_of("row", position_chunk.from_row)?,
        positions: u32_of("rows", positions.rows)?,
    };
    let buffers = chunk.buffers(&[(4, &r.tokens), (5, &out.buffer)]);
    Ok(Launch::new(kernel(tokens.stored()), Grid::elementwise(tokens.groups)?, &buffers, params))
}
