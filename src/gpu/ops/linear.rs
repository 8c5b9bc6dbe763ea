//! `out[i, r] = dot(x[i], weight[r]) + bias[r]`
//!
//! x: `[n, cols]` f32, zero beyond the columns; weight: `[rows, cols]`, any weight type, decoded in registers; bias:
//! `[rows]` f32; out: `[n, stride]` f32. Accumulates in f32. A matrix in several chunks takes one dispatch per chunk;
//! each writes its columns of out.
//!
//! Three entry points: `matvec`, a team of invocations per 4 rows of the weight, for one row of x (decode), which is added up
//! by `shaders/parts/team_memory.wgsl` or `team_subgroups.wgsl`; for many
//! rows (prefill) `gemm`, a tile of 32 x 32 results per workgroup, and `gemm_alone`, 32 x 12 results per invocation
//! without workgroup memory, for adapters that compute on a CPU and pay dearly for every barrier.

use crate::gpu::kernel::{Access, Kernel, SOFTWARE_WORKGROUP, part, uniform};
use crate::gpu::launch::{Grid, Launch};
use crate::gpu::parts::BATCH;
use crate::gpu::quant::Stored;
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::source::wgsl;
use crate::gpu::sums::Sums;
use crate::gpu::team::Team;
use crate::model::{BufferId, MatrixId, VectorId};
use crate::{Error, Result};

uniform! {
    /// Parameters of `shaders/linear.wgsl`.
    Params {
        /// Groups of 16 elements in a row of x and of the weight.
        groups: u32,
        /// The chunk's first row in the whole matrix.
        first_row: u32,
        /// Rows of the chunk.
        rows: u32,
        /// Elements in a row of out's storage.
        stride: u32,
        /// The buffer's row where the chunk begins.
        from_row: u32,
    }
}

/// Rows of the weight that a team of `matvec` computes.
const TEAM_ROWS: u32 = 4;
/// Rows and columns of a tile of `gemm`.
const TILE: u32 = 32;
/// Rows of x and columns of the result of an invocation of `gemm_alone`.
const ALONE: (u32, u32) = (32, 12);
/// Whether kernels can be asked for that the table chooses nowhere. Nobody can ask the package for them: its builds are without, so
/// that visitors do not download them.
const ASKABLE: bool = !cfg!(feature = "one-level");
fn kernel(
    entry: &'static str,
    stored: Stored,
    sums: Sums,
    constants: Vec<(&'static str, u32)>,
    workgroup_bytes: u32,
) -> Kernel {
    Kernel {
        stem: "linear",
        entry,
        parts: [vec![BATCH], stored.parts(), vec![sums.team()]].concat(),
        body: wgsl!("linear"),
        constants,
        storage: stored.bindings(&[(4, Access::Read), (5, Access::Read), (6, Access::Write)]),
        workgroup_bytes,
        params: Params::LAYOUT,
        variants: Vec::new(),
    }
}

/// The kernel for one row of x.
pub fn matvec(stored: Stored, team: Team) -> Kernel {
    kernel("matvec", stored, team.sums, team.constants(), team.workgroup_bytes())
}

/// The kernel for many rows of x.
pub fn gemm(stored: Stored) -> Kernel {
    kernel("gemm", stored, Sums::Memory, Vec::new(), 2 * 16 * 8 * TILE)
}

/// The kernel for many rows of x on a CPU.
pub fn gemm_alone(stored: Stored) -> Kernel {
    let mut kernel = kernel("gemm_alone", stored, Sums::Memory, vec![("WORKGROUP", SOFTWARE_WORKGROUP)], 0);
    kernel.parts.push(part!("gemm_alone"));
    kernel
}

/// The kernel for many rows of x, rounded to bytes, and weights that are stored as codes; `None` for others.
pub fn gemm_packed(stored: Stored) -> Option<Kernel> {
    let packed = stored.packed_part()?;
    // Codes of a block of each row and column of the tile, and their scales.
    let mut kernel = kernel("gemm_packed", stored, Sums::Memory, Vec::new(), 2 * TILE * (32 + 4));
    kernel.parts.extend([packed, part!("gemm_packed"; Packed)]);
    Some(kernel)
}

/// The kernel for many rows of x whose tiles are held in f16.
pub fn gemm_half(stored: Stored) -> Kernel {
    let mut kernel = kernel("gemm_half", stored, Sums::Memory, Vec::new(), 2 * 8 * 8 * TILE);
    kernel.parts.push(part!("gemm_half"; HalfTiles));
    kernel
}

pub fn launches(
    r: &Resources,
    x: BufferId,
    weight: MatrixId,
    bias: Option<VectorId>,
    out: BufferId,
) -> Result<Vec<Launch>> {
    let (x, weight, out) = (r.activation(x)?, r.matrix(weight)?, r.activation(out)?);
    weight.check_width(x.stride)?;
    if weight.rows > out.width {
        let what = format!("{} has {} rows, its result {} columns", weight.name, weight.rows, out.width);
        return Err(Error::Internal { what });
    }
    let bias = match bias {
        Some(id) => r.vector(id)?,
        None => &r.zeros,
    };
    let groups = u32_of("groups", weight.groups)?;
    let team = Team::of(weight.groups, r);
    let launch = |chunk: &crate::gpu::upload::Chunk| {
        let rows = u32_of("rows", chunk.rows.len())?;
        let params = Params {
            groups,
            first_row: u32_of("row", chunk.rows.start)?,
            rows,
            stride: u32_of("stride", out.stride)?,
            from_row: u32_of("row", chunk.from_row)?,
        };
        let buffers = chunk.buffers(&[(4, &x.buffer), (5, bias), (6, &out.buffer)]);
        let grid = Grid { columns: rows.div_ceil(team.in_workgroup() * TEAM_ROWS), rows_per_group: 1 };
        let mut launch = Launch::new(matvec(weight.stored(), team), grid, &buffers, params);
        launch.many = if r.software {
            let columns = rows.div_ceil(SOFTWARE_WORKGROUP * ALONE.1);
            (gemm_alone(weight.stored()), Grid { columns, rows_per_group: ALONE.0 })
        } else {
            let plain = if ASKABLE && r.variants.half_tiles { gemm_half } else { gemm };
            let packed = if ASKABLE && r.variants.packed { gemm_packed(weight.stored()) } else { None };
            let kernel = packed.unwrap_or_else(|| plain(weight.stored()));
            (kernel, Grid { columns: rows.div_ceil(TILE), rows_per_group: TILE })
        };
        Ok(launch)
    };
    weight.chunks.iter().map(launch).collect()
}
