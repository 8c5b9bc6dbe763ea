//! Which steps of a plan become one dispatch when a single token runs through it: on a GPU a nano model costs dispatches,
//! not arithmetic.
//!
//! A layer is five dispatches (norm with q, k, v, norms of heads, rotation and cache; attention; projection with residual;
//! norm with the feed-forward's first half; projection with residual), and one more for each norm behind a block. Embedding
//! with positions is one, and the last norm with the logits and their cap one. What has no place there stays a dispatch per
//! step, as it is for many rows at once, and is reported.

use super::fused::unit::{Attend, Feed, HeadNorm, Merge, Norm, PostNorm, Project, Qkv, Unit, Weighted};
use super::left::{Alone, Left};
use super::ops::attention::Shape;
use super::quant::GROUP;
use super::upload::can_join;
use crate::model::{BufferId, MatrixId, Op, Plan, Rope, VectorId};
use crate::weights::{Matrix, Weights};

/// How one token runs.
pub(super) struct Fused {
    pub(super) units: Vec<Unit>,
    /// The first step of each.
    pub(super) starts: Vec<usize>,
    /// Steps that take a dispatch of their own although others like them do not have to.
    pub(super) left: Vec<Left>,
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
        starts: (0..plan.steps.len()).collect(),
        left: Vec::new(),
        selection: selection.unwrap_or(plan.steps.len()),
        joined: Vec::new(),
    }
}

/// Puts steps together where the weights, in bindings of at most `limit` bytes, allow it.
pub(super) fn fuse(plan: &Plan, weights: &Weights, limit: u64) -> Fused {
    let (units, starts, left) = (Vec::new(), Vec::new(), Vec::new());
    let mut fused = Fused { units, starts, left, selection: usize::MAX, joined: Vec::new() };
    let mut taken = vec![false; weights.matrices.len()];
    let mut at = 0;
    while let Some(step) = plan.steps.get(at) {
        if matches!(step.op, Op::SelectRows { .. }) {
            fused.selection = fused.units.len();
        }
        let found = recognise(plan, at).ok_or(Alone::NoPlace).and_then(|(unit, n)| match () {
            _ if !intermediate_only(plan, at, n, &unit) => Err(Alone::ReadElsewhere),
            _ if !lies_together(weights, &unit, &taken, limit) => Err(Alone::Weights),
            _ => Ok((unit, n)),
        });
        let (unit, n) = found.unwrap_or_else(|why| {
            // Embeddings without positions, attention and convolutions have a dispatch of their own everywhere.
            if !matches!(step.op, Op::Embed { .. } | Op::Attention { .. } | Op::ShortConv { .. }) {
                fused.left.push(Left { step: at, stem: step.op.stem(), why });
            }
            (Unit::Step(at), 1)
        });
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
        fused.starts.push(at);
        at += n;
    }
    fused.selection = fused.selection.min(fused.units.len());
    fused
}

/// Whether the matrices of a unit lie, or can be laid, in one binding.
fn lies_together(weights: &Weights, unit: &Unit, taken: &[bool], limit: u64) -> bool {
    match unit.joined().as_slice() {
        [] => whole(weights, unit, limit),
        ids => {
            let free = ids.iter().all(|id| taken.get(id.0) == Some(&false));
            let matrices: Vec<&Matrix> = ids.iter().filter_map(|id| weights.matrices.get(id.0)).collect();
            free && matrices.len() == ids.len() && can_join(&matrices, limit)
        }
    }
}

impl Fused {
    /// The steps of a unit.
    pub(super) fn steps_of(&self, unit: usize, plan: &Plan) -> std::ops::Range<usize> {
        let end = plan.steps.len();
        let start = |i: usize| self.starts.get(i).copied().unwrap_or(end);
        start(unit)..start(unit + 1)
    }

    /// Has the attention of layers whose result only a projection behind it reads split over workgroups; the projection
    /// merges what they give.
    pub(super) fn split_attention(&mut self, plan: &Plan) {
        for at in 1..self.units.len() {
            let n = 1 + self.steps_of(at, plan).len();
            let Some([Unit::Step(step), Unit::Project(project)]) = self.units.get_mut(at - 1..=at) else { continue };
            let Some((q, layer, shape, out)) = plan.steps.get(*step).and_then(|step| Shape::of(&step.op)) else {
                continue;
            };
            let (width, unit) = (shape.n_heads * shape.head_dim, Unit::Project(project.clone()));
            let fits = project.x == out
                && project.norm.is_none()
                && project.residual != Some(out)
                && shape.head_dim.is_multiple_of(4)
                && width.next_multiple_of(GROUP) <= MOST_MERGED
                && intermediate_only(plan, *step, n, &unit);
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
        Op::Embed { table, out, .. } => match op(1)? {
            Op::PositionEmbed { x, table: positions, out: sum } if x == out => {
                Some((Unit::Embed { tokens: *table, positions: *positions, out: *sum }, 2))
            }
            _ => None,
        },
        Op::Linear { x, weight, bias, out } => {
            let project = Project {
                x: *x,
                norm: None,
                merge: None,
                weight: (*weight, *bias),
                residual: None,
                soft_cap: None,
                out: *out,
            };
            if let Some((residual, sum)) = sum(op(1)?, *out) {
                return Some((Unit::Project(Project { residual: Some(residual), out: sum, ..project }), 2));
            }
            // The norm and the sum behind it are a unit, and what is split before it is merged by this one.
            let (_, from, normed) = norm(op(1)?)?;
            sum(op(2)?, normed)?;
            (from == *out).then_some((Unit::Project(project), 1))
        }
        Op::SelectRows { x, out } => {
            let (norm, from, normed) = norm(op(1)?)?;
            let (weight, product) = linear(op(2)?, normed)?;
            let (soft_cap, result, n) = match op(3) {
                Some(Op::SoftCap { x, cap, out }) if *x == product => (Some(*cap), *out, 4),
                _ => (None, product, 3),
            };
            let (norm, merge, residual) = (Some(norm), None, None);
            let unit = Project { x: *x, norm, merge, weight, residual, soft_cap, out: result };
            (from == *out).then_some((Unit::Project(unit), n))
        }
        first => {
            let (norm, x, normed) = norm(first)?;
            qkv(plan, &op, x, norm, normed)
                .or_else(|| feed(&op, x, norm, normed))
                .or_else(|| post_norm(&op, x, norm, normed))
        }
    }
}

/// What is added to `branch`, and the buffer of the sum. The order of a sum of two does not matter.
fn sum(op: &Op, branch: BufferId) -> Option<(BufferId, BufferId)> {
    match *op {
        Op::Add { a, b, out } if (a == branch) != (b == branch) => Some((if a == branch { b } else { a }, out)),
        _ => None,
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

/// Queries or keys on their way: what is done to them, where they are then, and at which step.
struct Turned {
    norm: Option<(VectorId, f32)>,
    rope: Option<(Rope, Option<VectorId>)>,
    out: BufferId,
    n: usize,
}

/// The norm of each head and the rotation of `x` from step `n` on, each where there is one.
fn turned<'a>(
    op: &dyn Fn(usize) -> Option<&'a Op>,
    x: BufferId,
    n: usize,
    heads_of: &dyn Fn(BufferId) -> usize,
) -> Turned {
    let mut turned = Turned { norm: None, rope: None, out: x, n };
    if let Some(Op::RmsNorm { x, weight, n_heads, eps, out }) = op(turned.n)
        && *x == turned.out
        && *n_heads == heads_of(*x)
    {
        turned = Turned { norm: Some((*weight, *eps)), out: *out, n: turned.n + 1, ..turned };
    }
    if let Some(Op::Rope { x, rope, factors, out, .. }) = op(turned.n)
        && *x == turned.out
    {
        turned = Turned { rope: Some((*rope, *factors)), out: *out, n: turned.n + 1, ..turned };
    }
    turned
}

fn qkv<'a>(
    plan: &Plan,
    op: &dyn Fn(usize) -> Option<&'a Op>,
    x: BufferId,
    norm: Norm,
    normed: BufferId,
) -> Option<(Unit, usize)> {
    let (q_weight, q) = linear(op(1)?, normed)?;
    let (k_weight, k) = linear(op(2)?, normed)?;
    let (v_weight, v) = linear(op(3)?, normed)?;
    // The heads of a buffer are the attention's, which the steps behind this unit name.
    let head_dim = plan.steps.iter().find_map(|step| Shape::of(&step.op)).map(|(_, _, shape, _)| shape.head_dim)?;
    let heads_of = |id: BufferId| plan.buffers.get(id.0).map_or(0, |spec| spec.width / head_dim.max(1));
    let q = turned(op, q, 4, &heads_of);
    let k = turned(op, k, q.n, &heads_of);
    let head_norm = match (q.norm, k.norm) {
        (None, None) => None,
        (Some((q, eps)), Some((k, other))) if eps == other => Some(HeadNorm { q, k, eps }),
        _ => return None,
    };
    let Op::StoreKv { k: stored_k, v: stored_v, layer } = op(k.n)? else { return None };
    let weights = [q_weight, k_weight, v_weight];
    let fits = q.rope == k.rope && (*stored_k, *stored_v) == (k.out, v);
    let unit = Qkv { x, norm, weights, head_norm, rope: q.rope, layer: *layer, q: q.out };
    fits.then_some((Unit::Qkv(unit), k.n + 1))
}

/// The norm of what a block gives, with the sum behind it: RMS only.
fn post_norm<'a>(
    op: &dyn Fn(usize) -> Option<&'a Op>,
    x: BufferId,
    norm: Norm,
    normed: BufferId,
) -> Option<(Unit, usize)> {
    let (residual, out) = sum(op(1)?, normed)?;
    let Norm { weight, bias: None, eps } = norm else { return None };
    Some((Unit::PostNorm(PostNorm { x, weight, eps, residual, out }), 2))
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
        buffer != plan.output && next.is_none_or(|op| !reads(op).contains(&Some(buffer)))
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
        | Op::ShortConv { x, .. }
        | Op::Ssm { x, .. }
        | Op::Route { x, .. }
        | Op::Activation { x, .. }
        | Op::Scale { x, .. }
        | Op::SoftCap { x, .. }
        | Op::SelectRows { x, .. } => [Some(x), None],
        Op::StoreKv { k, v, .. } => [Some(k), Some(v)],
        Op::Attention { q, .. } => [Some(q), None],
        Op::Experts { x, routes, .. } => [Some(x), Some(routes)],
        Op::GatedActivation { gate, up, .. } => [Some(gate), Some(up)],
        Op::Add { a, b, .. } => [Some(a), Some(b)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch;
    use crate::format;
    use crate::model::plan;
    use crate::tensor::Bytes;
    use crate::weights;

    fn tiny() -> (Plan, Weights) {
        let bytes = include_bytes!("../../tests/golden/tiny-llama/model-q8_0.gguf").to_vec();
        let file = format::parse(vec![("model.gguf".to_string(), Bytes::new(bytes))]).unwrap();
        let plan = plan::build(&arch::config(&file).unwrap());
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
