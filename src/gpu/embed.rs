//! `out[i] = table[token[i]]`
//!
//! table: `[rows, cols]`, any weight type; tokens: `[n]` u32; out: `[n, stride]` f32. Exact but for the weight type's
//! own decoding. A table in several chunks takes one dispatch per chunk; each writes the rows whose token lies in its
//! chunk.

use super::kernel::{Access, BATCH, Kernel, Stored, WORKGROUP, uniform, weight_parts};
use super::record::{Grid, Launch, Resources, u32_of};
use super::source::wgsl;
use super::upload::GpuMatrix;
use crate::model::{BufferId, MatrixId};
use crate::tensor::DType;
use crate::{Error, Result};

uniform! {
    /// Parameters of `shaders/embed.wgsl`.
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
        stem: "embed",
        entry: "embed",
        parts: [vec![BATCH], weight_parts(stored)].concat(),
        body: wgsl!("embed"),
        constants: vec![("WORKGROUP", WORKGROUP)],
        storage: with_weights(stored.dtype, &[(4, Access::Read), (5, Access::Write)]),
        workgroup_bytes: 0,
        params: Params::LAYOUT,
    }
}

/// The storage bindings of a kernel with a weight part: elements in 2, scales in 3 where the type has them.
pub(super) fn with_weights(dtype: DType, others: &[(u32, Access)]) -> Vec<(u32, Access)> {
    let scales = (dtype.block_len() > 1).then_some((3, Access::Read));
    [(2, Access::Read)].into_iter().chain(scales).chain(others.iter().copied()).collect()
}

/// The buffers of a chunk, and others, by binding.
pub(super) fn chunk_buffers<'a>(
    chunk: &'a super::upload::Chunk,
    others: &[(u32, &'a wgpu::Buffer)],
) -> Vec<(u32, &'a wgpu::Buffer)> {
    let scales = chunk.scales.as_ref().map(|scales| (3, scales));
    [(2, &chunk.elements)].into_iter().chain(scales).chain(others.iter().copied()).collect()
}

/// A table's rows have the width of the buffer that they go to.
pub(super) fn check_width(table: &GpuMatrix, stride: usize) -> Result<()> {
    if table.groups * super::upload::GROUP == stride {
        return Ok(());
    }
    let what = format!("rows of {} take {} elements, their buffer has {stride}", table.name, table.groups * 16);
    Err(Error::Internal { what })
}

pub(super) fn launches(r: &Resources, table: MatrixId, out: BufferId) -> Result<Vec<Launch>> {
    let (table, out) = (r.matrix(table)?, r.activation(out)?);
    check_width(table, out.stride)?;
    let launch = |chunk: &super::upload::Chunk| {
        let params = Params {
            groups: u32_of("groups", table.groups)?,
            first_row: u32_of("row", chunk.rows.start)?,
            rows: u32_of("rows", chunk.rows.len())?,
            from_row: u32_of("row", chunk.from_row)?,
        };
        let buffers = chunk_buffers(chunk, &[(4, &r.tokens), (5, &out.buffer)]);
        Ok(Launch::new(kernel(table.stored()), Grid::elementwise(table.groups)?, &buffers, params))
    };
    table.chunks.iter().map(launch).collect()
}
