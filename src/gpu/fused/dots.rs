//! What the fused products share: teams of invocations, the norm on the way, and its vectors with the biases in one
//! buffer, so that the storage buffers stay within the eight that every adapter allows.

use super::unit::{Feed, Norm, Project, Qkv, Unit, Weighted};
use crate::gpu::kernel::{Access, Kernel, Layout, Part, Variant};
use crate::gpu::ops::attention::window_constant;
use crate::gpu::parts::{BATCH, DOTS, NORM_LAYER, NORM_MERGE, NORM_NONE, NORM_RMS, SPLITS};
use crate::gpu::quant::Stored;
use crate::gpu::resources::{Resources, u32_of};
use crate::gpu::team::Team;
use crate::model::VectorId;
use crate::{Error, Result};

/// What is done to x on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    None,
    Rms,
    Layer,
    /// The merging of a split attention: vectors of a head, parts of it, vectors of x, and the attention's window.
    Merge {
        head: u32,
        splits: u32,
        columns: u32,
        window: Option<usize>,
    },
}

impl NormKind {
    pub fn of(norm: Option<Norm>) -> NormKind {
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

/// A kernel with `shaders/parts/dots.wgsl`, without its body; `others` are its own bindings.
pub fn kernel(stored: Stored, norm: NormKind, team: Team, others: &[(u32, Access)]) -> Kernel {
    let bindings = [&[(4, Access::Read), (5, Access::Read)], others].concat();
    let mut constants = team.constants();
    let mut parts = [vec![BATCH], stored.parts(), vec![team.sums.team(), DOTS, norm.part()]].concat();
    let mut workgroup_bytes = team.workgroup_bytes();
    if let NormKind::Merge { head, splits, columns, window } = norm {
        parts.push(SPLITS);
        constants.extend([("HEAD", head), ("SPLITS", splits), ("COLUMNS", columns)]);
        constants.extend(window_constant(window));
        workgroup_bytes += 16 * columns;
    }
    Kernel {
        stem: "",
        entry: "",
        parts,
        body: "",
        constants,
        storage: stored.bindings(&bindings),
        workgroup_bytes,
        params: Layout { size: 0, fields: &[] },
        variants: vec![Variant::Fused],
    }
}

/// Where the biases begin in the vectors of a unit, in vectors of 4; `stride`: of x.
pub fn bias_start(norm: Option<Norm>, stride: usize) -> Result<u32> {
    let before = match NormKind::of(norm) {
        NormKind::None | NormKind::Merge { .. } => 0,
        NormKind::Rms => 1,
        NormKind::Layer => 2,
    };
    u32_of("bias", before * stride / 4)
}

/// The contents of a unit's `vectors`: the norm's weight and bias, then a bias for each row of its buffer, then the
/// weights of norms of heads, each from a whole vector of 4 on. Empty where it has none.
pub fn vectors(r: &Resources, values: &[Vec<f32>], unit: &Unit) -> Result<Vec<f32>> {
    let (x, norm, weights): (_, _, Vec<Weighted>) = match unit {
        Unit::Qkv(Qkv { x, norm, weights, .. }) => (x, Some(norm), weights.to_vec()),
        Unit::Feed(Feed { x, norm, gate, up, .. }) => (x, Some(norm), gate.iter().chain([up]).copied().collect()),
        Unit::Project(Project { x, norm, weight, .. }) => (x, norm.as_ref(), vec![*weight]),
        Unit::Step(_) | Unit::Attend(_) | Unit::PostNorm(_) | Unit::Embed { .. } => return Ok(Vec::new()),
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
        let from = if matches!(unit, Unit::Project(_)) { 0 } else { matrix.whole()?.from_row };
        all.resize(start + from, 0.0);
        match bias {
            Some(id) => all.extend_from_slice(of(id)?),
            None => all.resize(start + from + matrix.rows, 0.0),
        }
    }
    if let Unit::Qkv(Qkv { head_norm: Some(norm), .. }) = unit {
        for id in [norm.q, norm.k] {
            all.resize(all.len().next_multiple_of(4), 0.0);
            all.extend_from_slice(of(id)?);
        }
    }
    Ok(all)
}
