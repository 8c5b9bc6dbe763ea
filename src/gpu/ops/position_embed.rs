//! `out[i] = x[i] + table[p]`, p the row's position
//!
//! x, out: `[n, stride]` f32; table: `[rows, cols]`, any weight type. One rounding. A table in several chunks takes one
//! dispatch per chunk; each writes the rows whose position lies in it.

use crate::Result;
use crate::gpu::kernel::{Access, Kernel, WORKGROUP, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::BATCH;
use crate::gpu::quant::Stored;
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
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
        parts: [vec![BATCH], stored.parts()].concat(),
        body: wgsl!("position_embed"),
        constants: vec![("WORKGROUP", WORKGROUP)],
        storage: stored.bindings(&[(4, Access::Read), (5, Access::Write)]),
        workgroup_bytes: 0,
        params: Params::LAYOUT,
        variants: Vec::new(),
    }
}

pub fn launches(r: &Resources, x: BufferId, table: MatrixId, out: BufferId) -> Result<Vec<Launch>> {
    let (x, table, out) = (r.activation(x)?, r.matrix(table)?, r.activation(out)?);
    table.check_width(x.stride)?;
    table.check_width(out.stride)?;
    let launch = |chunk: &crate::gpu::upload::Chunk| {
        let params = Params {
            groups: u32_of("groups", table.groups)?,
            first_row: u32_of("row", chunk.rows.start)?,
            rows: u32_of("rows", chunk.rows.len())?,
            from_row: u32_of("row", chunk.from_row)?,
        };
        let buffers = chunk.buffers(&[(4, &x.buffer), (5, &out.buffer)]);
        Ok(Launch::new(kernel(table.stored()), Grid::elementwise(table.groups)?, &buffers, params))
    };
    table.chunks.iter().map(launch).collect()
}
