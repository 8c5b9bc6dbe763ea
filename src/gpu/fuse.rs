//! Which steps of a plan become one dispatch when a single token runs through it: on a GPU a nano model costs dispatches,
//! not arithmetic.
//!
//! A layer is five dispatches (norm with q, k, v, rotation and cache; attention; projection with residual; norm with the
//! feed-forward's first half; projection with residual), the whole of embedding one, and the last norm with the logits
//! one. What has no such shape stays a dispatch per step, as it is for many rows at once.

use super::fused::unit::{Attend, Feed, Merge, Norm, Project, Qkv, Unit, Weighted};
use super::ops::attention::Shape;
use super::quant::GROUP;
use super::upload::can_join;
use crate::model::{BufferId, MatrixId, Op, Plan};
use crate::weights::{Matrix, Weights};

/// How one token runs.
pub(super) struct Fused {
    pub(super) units: Vec<Unit>,
    /// The unit at which the steps behind the selection begin.
    pub(super) selection: usize,
    /// Matrices that share buffers.
    pub(super) joined: Vec<Vec<MatrixId>>,
}

/// Every step alone.
pub(super) fn unfused(plan: &Plan) -> Fused {
    let selection = plan.steps.iter().position(|step| matches!(step.op, Op::SelectRows { .. }));
    Fused {
        units: (0..plan.steps.len()).map(Unit::Step).collect(),
        selection: selection.unwrap_or(plan.steps.len()),
        joined: Vec::new(),
    }
}

/// Puts steps together where the weights, in bindings of at most `limit` bytes, allow it.
pub(super) fn fuse(plan: &Plan, weights: &Weights, limit: u64) -> Fused {
    let mut fused = Fused { units: Vec::new(), selection: usize::MAX, joined: Vec::new() };
    let mut taken = vec![false; weights.matrices.len()];
    let mut at = 0;
    while let Some(step) = plan.steps.get(at) {
        if matches!(step.op, Op::SelectRows { .. }) {
            fused.selection = fused.units.len();
        }
        let found = recognise(plan, at).filter(|(unit, n)| {
            intermediate_only(plan, at, *n, unit)
                && match unit.joined().as_slice() {
                    [] => whole(weights, unit, limit),
                    ids => {
                        let free = ids.iter().all(|id| taken.get(id.0) == Some(&false));
                        let matrices: Vec<&Matrix> = ids.iter().filter_map(|id| weights.matrices.get(id.0)).collect();
                        free && matrices.len() == ids.len() && can_join(&matrices, limit)
                    }
                }
        });
        let (unit, n) = found.unwrap_or((Unit::Step(at), 1));
        let joined = unit.joined();
        for id in &joined {
            if let Some(taken) = taken.get_mut(id.0) {
                *taken = true;
            }
        }
        if joined.len() > 1 {
            fused.joined.push(joined);
        }
        fused.units.push(unit);
        at += n;
    }
    fused.selection = fused.selection.min(fused.units.len());
    fused
}

impl Fused {
    /// Has the attention of layers whose result only a projection behind it reads split over workgroups; the projection
    /// merges what they give.
    pub(super) fn split_attention(&mut self, plan: &Plan) {
        for at in 1..self.units.len() {
            let Some([Unit::Step(step), Unit::Project(project)]) = self.units.get_mut(at - 1..=at) else { continue };
            let Some((q, layer, shape, out)) = plan.steps.get(*step).and_then(|step| Shape::of(&step.op)) else {
                continue;
            };
            let (width, unit) = (shape.n_heads * shape.head_dim, Unit::Project(project.clone()));
            // The projection took the two steps behind the attention's.
            let fits = project.x == out
                && project.norm.is_none()
                && project.residual != Some(out)
                && shape.head_dim.is_multiple_of(4)
                && width.next_multiple_of(GROUP) <= MOST_MERGED
                && intermediate_only(plan, *step, 3, &unit);
            if fits {
                project.merge = Some(Merge { head_dim: shape.head_dim, window: shape.window });
                let attend = Unit::Attend(Attend { q, layer, shape });
                if let Some(unit) = self.units.get_mut(at - 1) {
                    *unit = attend;
                }
            }
        }
    }
}

/// Elements that a projection merges at most: they lie in workgroup memory, of which there are 16 KiB.
const MOST_MERGED: usize = 3072;

/// Whether the matrix of a projection lies in one binding.
fn whole(weights: &Weights, unit: &Unit, limit: u64) -> bool {
    let Unit::Project(project) = unit else { return true };
    weights.matrices.get(project.weight.0.0).is_some_and(|matrix| can_join(&[matrix], limit))
}

/// The unit that begins at a step, and how many steps it takes.
fn recognise(plan: &Plan, at: usize) -> Option<(Unit, usize)> {
    let op = |i: usize| plan.steps.get(at + i).map(|step| &step.op);
    match op(0)? {
        Op::Embed { table, out } => match op(1)? {
            Op::PositionEmbed { x, table: positions, out: sum } if x == out => {
                Some((Unit::Embed { tokens: *table, positions: *positions, out: *sum }, 2))
            }
            _ => None,
        },
        Op::Linear { x, weight, bias, out } => match op(1)? {
            // The order of a sum of two does not matter.
            Op::Add { a, b, out: sum } if (a == out) != (b == out) => {
                let residual = Some(if a == out { *b } else { *a });
                Some((
                    Unit::Project(Project {
                        x: *x,
                        norm: None,
                        merge: None,
                        weight: (*weight, *bias),
                        residual,
                        out: *sum,
                    }),
                    2,
                ))
            }
            _ => None,
        },
        Op::SelectRows { x, out } => {
            let (norm, from, normed) = norm(op(1)?)?;
            let (weight, product) = linear(op(2)?, normed)?;
            let unit = Project { x: *x, norm: Some(norm), merge: None, weight, residual: None, out: product };
            (from == *out).then_some((Unit::Project(unit), 3))
        }
        first => {
            let (norm, x, normed) = norm(first)?;
            qkv(&op, x, norm, normed).or_else(|| feed(&op, x, norm, normed))
        }
    }
}

/// A norm with its input and output.
fn norm(op: &Op) -> Option<(Norm, BufferId, BufferId)> {
    match *op {
        Op::RmsNorm { x, weight, n_heads: 1, eps, out } => Some((Norm { weight, bias: None, eps }, x, out)),
        Op::LayerNorm { x, weight, bias, eps, out } => Some((Norm { weight, bias: Some(bias), eps }, x, out)),
        _ => None,
    }
}

/// A product of `input` with its output.
fn linear(op: &Op, input: BufferId) -> Option<(Weighted, BufferId)> {
    match *op {
        Op::Linear { x, weight, bias, out } if x == input => Some(((weight, bias), out)),
        _ => None,
    }
}

fn qkv<'a>(op: &dyn Fn(usize) -> Option<&'a Op>, x: BufferId, norm: Norm, normed: BufferId) -> Option<(Unit, usize)> {
    let (q_weight, mut q) = linear(op(1)?, normed)?;
    let (k_weight, mut k) = linear(op(2)?, normed)?;
    let (v_weight, v) = linear(op(3)?, normed)?;
    let mut n = 4;
    let mut rotation = None;
    if let (
        Some(Op::Rope { x: from_q, rope, factors, out: to_q, .. }),
        Some(Op::Rope { x: from_k, rope: other, factors: others, out: to_k, .. }),
    ) = (op(4), op(5))
    {
        if (*from_q, *from_k) != (q, k) || (rope, factors) != (other, others) {
            return None;
        }
        (q, k, n) = (*to_q, *to_k, 6);
        rotation = Some((*rope, *factors));
    }
    let Op::StoreKv { k: stored_k, v: stored_v, layer } = op(n)? else { return None };
    let weights = [q_weight, k_weight, v_weight];
    let unit = Qkv { x, norm, weights, rope: rotation, layer: *layer, q };
    ((*stored_k, *stored_v) == (k, v)).then_some((Unit::Qkv(unit), n + 1))
}

fn feed<'a>(op: &dyn Fn(usize) -> Option<&'a Op>, x: BufferId, norm: Norm, normed: BufferId) -> Option<(Unit, usize)> {
    let (first, first_out) = linear(op(1)?, normed)?;
    match op(2)? {
        Op::Activation { x: up, activation, out } if *up == first_out => {
            let unit = Feed { x, norm, gate: None, up: first, activation: *activation, out: *out };
            Some((Unit::Feed(unit), 3))
        }
        second => {
            let (second, second_out) = linear(second, normed)?;
            let Op::GatedActivation { gate, up, activation, out } = op(3)? else { return None };
            let unit = Feed { x, norm, gate: Some(first), up: second, activation: *activation, out: *out };
            ((*gate, *up) == (first_out, second_out)).then_some((Unit::Feed(unit), 4))
        }
    }
}

/// Whether nobody reads what the steps of a unit write and the unit does not.
fn intermediate_only(plan: &Plan, at: usize, n: usize, unit: &Unit) -> bool {
    let Some(kept) = unit.out() else { return true };
    let steps = |range: std::ops::Range<usize>| plan.steps.get(range).unwrap_or_default().iter();
    let written = steps(at..at + n).filter_map(|step| step.op.out()).filter(|out| *out != kept);
    written.into_iter().all(|buffer| {
        // Dead: written again before it is read, or never read.
        let later = steps(at + n..plan.steps.len()).map(|step| &step.op);
        let next = later.into_iter().find(|op| reads(op).contains(&Some(buffer)) || op.out() == Some(buffer));
        buffer != plan.logits && next.is_none_or(|op| !reads(op).contains(&Some(buffer)))
    })
}

/// The buffers that an operation reads.
fn reads(op: &Op) -> [Option<BufferId>; 2] {
    match *op {
        Op::Embed { .. } => [None, None],
        Op::PositionEmbed { x, .. }
        | Op::RmsNorm { x, .. }
        | Op::LayerNorm { x, .. }
        | Op::Linear { x, .. }
        | Op::Rope { x, .. }
        | Op::Activation { x, .. }
        | Op::Scale { x, .. }
        | Op::SoftCap { x, .. }
        | Op::SelectRows { x, .. } => [Some(x), None],
        Op::StoreKv { k, v, .. } => [Some(k), Some(v)],
        Op::Attention { q, .. } => [Some(q), None],
        Op::GatedActivation { gate, up, .. } => [Some(gate), Some(up)],
        Op::Add { a, b, .. } => [Some(a), Some(b)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format;
    use crate::model::{ModelConfig, plan};
    use crate::tensor::Bytes;
    use crate::weights;

    fn tiny() -> (Plan, Weights) {
        let bytes = include_bytes!("../../tests/golden/tiny-llama/model-q8_0.gguf").to_vec();
        let file = format::parse(vec![("model.gguf".to_string(), Bytes::new(bytes))]).unwrap();
        let plan = plan::build(&ModelConfig::from_file(&file).unwrap());
        let weights = weights::load(&plan, &file).unwrap();
        (plan, weights)
    }

    #[test]
    fn a_layer_is_five_units() {
        let (plan, weights) = tiny();
        let fused = fuse(&plan, &weights, u64::MAX);
        assert_eq!(fused.units.len(), 5 * plan.config.n_layers + 2, "{:?}", fused.units);
        assert_eq!(fused.selection, fused.units.len() - 1);
        assert_eq!(fused.joined.len(), 2 * plan.config.n_layers);
    }

    #[test]
    fn what_is_read_again_or_does_not_fit_stays_alone() {
        let (mut plan, weights) = tiny();
        let all = fuse(&plan, &weights, u64::MAX).units.len();
        // Bindings that hold no matrix: only what needs none stays together.
        let split = fuse(&plan, &weights, 64);
        assert!(split.joined.is_empty());
        assert_eq!(split.units.len(), plan.steps.len());
        // The branch of the first residual is read once more at the end of the layer.
        let branch = plan.steps.iter().find_map(|step| match step.op {
            Op::Add { b, .. } => Some(b),
            _ => None,
        });
        let norm = plan.steps.iter().position(|step| step.name == "blk.0.ffn_norm").unwrap();
        let (a, out) = (branch.unwrap(), BufferId(plan.buffers.len()));
        plan.steps.insert(norm, crate::model::Step { name: "again".into(), op: Op::Add { a, b: a, out } });
        assert_eq!(fuse(&plan, &weights, u64::MAX).units.len(), all + 2);
    }
}
