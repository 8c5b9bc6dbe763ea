//! What the fused products share: teams of invocations, the norm on the way, and its vectors with the biases in one
//! buffer, so that the storage buffers stay within the eight that every adapter allows.

use super::embed::with_weights;
use super::fuse::{Feed, Norm, Project, Qkv, Unit, Weighted};
use super::kernel::{
    Access, BATCH, DOTS, Kernel, Layout, NORM_LAYER, NORM_MERGE, NORM_NONE, NORM_RMS, Part, SPLITS, Stored, Sums,
    weight_parts,
};
use super::linear;
use super::record::{Grid, Resources, one_chunk, u32_of};
use crate::model::VectorId;
use crate::{Error, Result};

/// What is done to x on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    None,
    Rms,
    Layer,
    /// The merging of a split attention: vectors of a head, parts of it, and vectors of x.
    Merge {
        head: u32,
        splits: u32,
        columns: u32,
    },
}

impl NormKind {
    pub(super) fn of(norm: Option<Norm>) -> NormKind {
        match norm {
            None => NormKind::None,
            Some(Norm { bias: None, .. }) => NormKind::Rms,
            Some(Norm { bias: Some(_), .. }) => NormKind::Layer,
        }
    }

    fn part(self) -> Part {
        match self {
            NormKind::None => NORM_NONE,
            NormKind::Rms => NORM_RMS,
            NormKind::Layer => NORM_LAYER,
            NormKind::Merge { .. } => NORM_MERGE,
        }
    }
}

/// Invocations that share a dot product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Team {
    pub size: u32,
    /// How they add it up.
    pub sums: Sums,
}

impl Team {
    /// For rows of `groups` groups.
    pub(super) fn of(groups: usize, r: &Resources) -> Team {
        let size = linear::team(u32::try_from(groups).unwrap_or(u32::MAX), r.software);
        // One alone has nothing to add.
        Team { size, sums: if size == 1 { Sums::Memory } else { r.variants.sums } }
    }

    /// Teams of a workgroup.
    pub(super) fn in_workgroup(self) -> u32 {
        linear::workgroup(self.size) / self.size
    }

    /// The grid for `count` teams.
    pub(super) fn grid(self, count: u32) -> Grid {
        Grid { columns: count.div_ceil(self.in_workgroup()), rows_per_group: 1 }
    }

    /// The constants of the part that sums over teams.
    pub(super) fn constants(self) -> Vec<(&'static str, u32)> {
        let mut constants = self.sums.constants(linear::workgroup(self.size));
        constants.push(("TEAM", self.size));
        constants
    }

    /// The workgroup memory that it takes.
    pub(super) fn workgroup_bytes(self) -> u32 {
        16 * self.sums.places(linear::workgroup(self.size))
    }
}

/// A kernel with `shaders/parts/dots.wgsl`, without its body; `others` are its own bindings.
pub(super) fn kernel(stored: Stored, norm: NormKind, team: Team, others: &[(u32, Access)]) -> Kernel {
    let bindings = [&[(4, Access::Read), (5, Access::Read)], others].concat();
    let mut constants = team.constants();
    let mut parts = [vec![BATCH], weight_parts(stored), vec![team.sums.team(), DOTS, norm.part()]].concat();
    let mut workgroup_bytes = team.workgroup_bytes();
    if let NormKind::Merge { head, splits, columns } = norm {
        parts.push(SPLITS);
        constants.extend([("HEAD", head), ("SPLITS", splits), ("COLUMNS", columns)]);
        workgroup_bytes += 16 * columns;
    }
    Kernel {
        stem: "",
        entry: "",
        parts,
        body: "",
        constants,
        storage: with_weights(stored.dtype, &bindings),
        workgroup_bytes,
        params: Layout { size: 0, fields: &[] },
    }
}

/// Every fused product, for tests.
pub(super) fn catalogue() -> Vec<Kernel> {
    use crate::model::Activation::{Gelu, GeluTanh, Silu};
    let mut kernels = Vec::new();
    for stored in Stored::all() {
        let all = [(1, Sums::Memory), (8, Sums::Memory), (8, Sums::Subgroups(32)), (32, Sums::Subgroups(4))];
        for team in all.map(|(size, sums)| Team { size, sums }) {
            for norm in [NormKind::Rms, NormKind::Layer] {
                kernels.extend([false, true].map(|half_kv| super::fused_qkv::kernel(stored, norm, team, half_kv)));
                for (activation, gated) in [(Silu, true), (GeluTanh, true), (GeluTanh, false), (Gelu, false)] {
                    kernels.push(super::fused_feed::kernel(stored, norm, activation, gated, team));
                }
            }
            let merge = NormKind::Merge { head: 12, splits: 11, columns: 72 };
            let norms = [NormKind::None, NormKind::Rms, NormKind::Layer, merge];
            kernels.extend(norms.map(|norm| super::fused_project::kernel(stored, norm, team)));
        }
    }
    kernels
}

/// Where the biases begin in the vectors of a unit, in vectors of 4; `stride`: of x.
pub(super) fn bias_start(norm: Option<Norm>, stride: usize) -> Result<u32> {
    let before = match NormKind::of(norm) {
        NormKind::None | NormKind::Merge { .. } => 0,
        NormKind::Rms => 1,
        NormKind::Layer => 2,
    };
    u32_of("bias", before * stride / 4)
}

/// The contents of a unit's `vectors`: the norm's weight and bias, then a bias for each row of its buffer. Empty where it
/// has none.
pub(super) fn vectors(r: &Resources, values: &[Vec<f32>], unit: &Unit) -> Result<Vec<f32>> {
    let (x, norm, weights): (_, _, Vec<Weighted>) = match unit {
        Unit::Qkv(Qkv { x, norm, weights, .. }) => (x, Some(norm), weights.to_vec()),
        Unit::Feed(Feed { x, norm, gate, up, .. }) => (x, Some(norm), gate.iter().chain([up]).copied().collect()),
        Unit::Project(Project { x, norm, weight, .. }) => (x, norm.as_ref(), vec![*weight]),
        Unit::Step(_) | Unit::Attend(_) | Unit::Embed { .. } => return Ok(Vec::new()),
    };
    let of = |id: VectorId| {
        let missing = || Error::Internal { what: format!("vector {} does not exist", id.0) };
        values.get(id.0).ok_or_else(missing)
    };
    let stride = r.activation(*x)?.stride;
    let mut all = Vec::new();
    for id in norm.iter().flat_map(|norm| [Some(norm.weight), norm.bias]).flatten() {
        let end = all.len() + stride;
        all.extend_from_slice(of(id)?);
        all.resize(end, 0.0);
    }
    let start = all.len();
    for (weight, bias) in weights {
        let matrix = r.matrix(weight)?;
        // A projection counts its own rows, the others those of their buffer.
        let from = if matches!(unit, Unit::Project(_)) { 0 } else { one_chunk(matrix)?.from_row };
        all.resize(start + from, 0.0);
        match bias {
            Some(id) => all.extend_from_slice(of(id)?),
            None => all.resize(start + from + matrix.rows, 0.0),
        }
    }
    Ok(all)
}
