//! `out[i] = x[i] + table[p]`, p the row's position
//!
//! x, out: `[n, stride]` f32; table: `[rows, cols]`, any weight type. One rounding. A table in several chunks takes one
//! dispatch per chunk; each writes the rows whose position lies in it.

use super::embed::{check_width, chunk_buffers, with_weights};
use super::kernel::{Access, BATCH, Kernel, Stored, WORKGROUP, uniform, weight_parts};
use super::record::{Grid, Launch, Resources, u32_of};
use super::source::wgsl;
use crate::Result;
use crate::model::{BufferId, MatrixId};

uniform! {
    /// Parameters of `shaders/position_embed.wgsl`.
    Params {
        /// Groups of 16 elements in a row.
        groups: u32,
        /// The chunk's first row in the table.
        first_row: u32,
        /// Rows of the chunk.
        rows: u32,
        /// The buffer's row where the chunk begins.
        from_row: u32,
    }
}

/// The kernel for a table of this type.
pub fn kernel(stored: Stored) -> Kernel {
    Kernel {
        stem: "position_embed",
        entry: "position_embed",
        parts: [vec![BATCH], weight_parts(stored)].concat(),
        body: wgsl!("position_embed"),
        constants: vec![("WORKGROUP", WORKGROUP)],
        storage: with_weights(stored.dtype, &[(4, Access::Read), (5, Access::Write)]),
        workgroup_bytes: 0,
        params: Params::LAYOUT,
    }
}

pub(super) fn launches(r: &Resources, x: BufferId, table: MatrixId, out: BufferId) -> Result<Vec<Launch>> {
    let (x, table, out) = (r.activation(x)?, r.matrix(table)?, r.activation(out)?);
    check_width(table, x.stride)?;
    check_width(table, out.stride)?;
    let launch = |chunk: &super::upload::Chunk| {
        let params = Params {
            groups: u32_of("groups", table.groups)?,
            first_row: u32_of("row", chunk.rows.start)?,
            rows: u32_of("rows", chunk.rows.len())?,
            from_row: u32_of("row", chunk.from_row)?,
        };
        let buffers = chunk_buffers(chunk, &[(4, &x.buffer), (5, &out.buffer)]);
        Ok(Launch::new(kernel(table.stored()), Grid::elementwise(table.groups)?, &buffers, params))
    };
    table.chunks.iter().map(launch).collect()
}
