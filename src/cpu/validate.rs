//! Sizes checked once, when a model is made, so that kernels may rely on them.

use super::ops::short_conv::cache_shape;
use crate::error::{Error, Result};
use crate::model::{BufferId, MatrixId, Op, Plan, Relative, RowIds, Step, VectorId};
use crate::quant::finite_halves;
use crate::weights::{Matrix, PANEL, Weights, panel_scales};

/// What the executor needs to know about a plan.
#[derive(Clone, Debug)]
pub struct Facts {
    /// `(n_kv_heads, head_dim)` of each layer's cache.
    pub layers: Vec<(usize, usize)>,
    /// Of an encoder-decoder, the same of the source: the encoder's own, then those that the decoder's layers attend to.
    pub source_layers: Vec<(usize, usize)>,
    /// How many numbers each layer of a state space keeps.
    pub states: Vec<usize>,
    /// Rows of the smallest embedding table.
    pub n_vocab: usize,
    /// Rows of the smallest table of learned positions; `usize::MAX` where positions are not learned.
    pub positions: usize,
}

/// Checks every size that a kernel relies on.
///
/// Errors: [`Error::Weights`] where the weights differ from the plan's specs, [`Error::Internal`] where the plan
/// contradicts itself.
pub fn plan(plan: &Plan, weights: &Weights) -> Result<Facts> {
    check_weights(plan, weights)?;
    let (layers, source_layers, states) = (Vec::new(), Vec::new(), Vec::new());
    let mut facts = Facts { layers, source_layers, states, n_vocab: usize::MAX, positions: usize::MAX };
    let mut selects = 0;
    for (i, step) in plan.steps.iter().enumerate() {
        let sizes = Sizes { plan, name: &step.name, of_source: i < plan.source_steps };
        sizes.check(&step.op, &mut facts)?;
        selects += usize::from(matches!(step.op, Op::SelectRows { .. }));
        let writes_logits = step.op.out() == Some(plan.output);
        if writes_logits && selects == 0 {
            return Err(sizes.wrong("writes the logits before rows are selected"));
        }
    }
    for (i, step) in plan.steps.iter().enumerate() {
        let of_source = i < plan.source_steps;
        let layers = if of_source { &facts.source_layers } else { &facts.layers };
        if let Op::StoreKv { layer, .. } = step.op
            && layer >= layers.len()
        {
            return Err(Sizes { plan, name: &step.name, of_source }.wrong("stores to a layer without attention"));
        }
    }
    if selects != 1 {
        return Err(Error::Internal { what: format!("the plan selects rows {selects} times, expected once") });
    }
    Ok(facts)
}

fn check_weights(plan: &Plan, weights: &Weights) -> Result<()> {
    let mut problems = Vec::new();
    if plan.matrices.len() != weights.matrices.len() || plan.vectors.len() != weights.vectors.len() {
        problems.push(format!(
            "expected {} matrices and {} vectors, found {} and {}",
            plan.matrices.len(),
            plan.vectors.len(),
            weights.matrices.len(),
            weights.vectors.len()
        ));
    }
    for (spec, matrix) in plan.matrices.iter().zip(&weights.matrices) {
        let bytes = matrix.dtype.bytes_for(spec.cols).and_then(|row| row.checked_mul(spec.rows));
        if (matrix.rows, matrix.cols, Some(matrix.data.len())) != (spec.rows, spec.cols, bytes) || spec.cols == 0 {
            problems.push(format!(
                "{}: expected [{}, {}] in whole rows of {}, found [{}, {}] in {} bytes",
                spec.name,
                spec.rows,
                spec.cols,
                matrix.dtype,
                matrix.rows,
                matrix.cols,
                matrix.data.len()
            ));
        } else if let Some(row) = damaged_row(matrix) {
            problems.push(format!("{}: row {row} holds infinities or NaN; the file is damaged", spec.name));
        }
    }
    for (spec, vector) in plan.vectors.iter().zip(&weights.vectors) {
        if vector.len() != spec.len {
            problems.push(format!("{}: expected {} elements, found {}", spec.name, spec.len, vector.len()));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Weights { problems }) }
}

/// The first row with a number, or with a block's scale, that is not finite. Kernels rely on there being none: their
/// conversions are exact for finite numbers only.
fn damaged_row(matrix: &Matrix) -> Option<usize> {
    let (dtype, block) = (matrix.dtype, matrix.dtype.block_bytes() * PANEL);
    let damaged_panel = |p: usize| {
        // Scales stand two bytes in turns, those of the eight rows.
        let damaged = |panel: &[u8]| {
            let scales = panel[..panel_scales(dtype)].chunks_exact(2);
            scales.enumerate().filter(|(_, scale)| !finite_halves(scale)).map(|(i, _)| i % PANEL).min()
        };
        matrix.eight_rows(p).chunks_exact(block).filter_map(damaged).min().map(|i| p * PANEL + i)
    };
    let rows = matrix.panels() * PANEL..matrix.rows;
    (0..matrix.panels())
        .find_map(damaged_panel)
        .or_else(|| rows.into_iter().find(|&r| !dtype.is_finite(matrix.stored_row(r))))
}

/// One step's sizes.
struct Sizes<'a> {
    plan: &'a Plan,
    name: &'a str,
    /// It is one of those that read the source.
    of_source: bool,
}

impl Sizes<'_> {
    fn wrong(&self, what: &str) -> Error {
        Error::Internal { what: format!("the plan's step {} {what}", self.name) }
    }

    fn expect(&self, holds: bool) -> Result<()> {
        if holds { Ok(()) } else { Err(self.wrong("joins sizes that differ")) }
    }

    fn width(&self, id: BufferId) -> Result<usize> {
        let spec = self.plan.buffers.get(id.0).ok_or_else(|| self.wrong("names a buffer that is not there"))?;
        if spec.width == 0 { Err(self.wrong("uses a buffer of width 0")) } else { Ok(spec.width) }
    }

    /// `(rows, cols)`.
    fn matrix(&self, id: MatrixId) -> Result<(usize, usize)> {
        let spec = self.plan.matrices.get(id.0).ok_or_else(|| self.wrong("names a matrix that is not there"))?;
        Ok((spec.rows, spec.cols))
    }

    fn vector(&self, id: VectorId) -> Result<usize> {
        Ok(self.plan.vectors.get(id.0).ok_or_else(|| self.wrong("names a vector that is not there"))?.len)
    }

    fn check(&self, op: &Op, facts: &mut Facts) -> Result<()> {
        match *op {
            Op::Embed { table, ids, out } => {
                let (rows, cols) = self.matrix(table)?;
                match ids {
                    RowIds::Tokens => facts.n_vocab = facts.n_vocab.min(rows),
                    // Only an encoder's passes have segments.
                    RowIds::Segments => {
                        self.expect(self.plan.config.encoder().is_some() && rows == self.plan.config.segments)?;
                    }
                }
                self.expect(cols == self.width(out)?)
            }
            Op::PositionEmbed { x, table, out } => {
                let (rows, cols) = self.matrix(table)?;
                facts.positions = facts.positions.min(rows);
                self.distinct(out, &[x])?;
                self.expect(cols == self.width(x)? && cols == self.width(out)?)
            }
            Op::RmsNorm { x, weight, n_heads, out, .. } => {
                self.same(out, &[x], self.vector(weight)?.checked_mul(n_heads))
            }
            Op::LayerNorm { x, weight, bias, out, .. } => {
                self.expect(self.vector(weight)? == self.vector(bias)?)?;
                self.same(out, &[x], Some(self.vector(weight)?))
            }
            Op::Linear { x, weight, bias, out } => {
                let (rows, cols) = self.matrix(weight)?;
                self.distinct(out, &[x])?;
                self.expect(bias.map_or(Ok(rows), |id| self.vector(id))? == rows)?;
                self.expect(cols == self.width(x)? && rows == self.width(out)?)
            }
            Op::Rope { x, n_heads, head_dim, rope, factors, out } => {
                let n_dims = rope.n_dims;
                self.expect(factors.map_or(Ok(n_dims / 2), |id| self.vector(id))? == n_dims / 2)?;
                self.expect(n_dims <= head_dim && n_dims.is_multiple_of(2))?;
                self.same(out, &[x], n_heads.checked_mul(head_dim))
            }
            Op::StoreKv { k, v, .. } => self.expect(self.width(k)? == self.width(v)?),
            Op::Attention { q, layer, n_heads, n_kv_heads, head_dim, window, relative, cross, out, .. } => {
                self.expect(window != Some(0))?;
                self.expect(n_kv_heads > 0 && n_heads.is_multiple_of(n_kv_heads))?;
                if let Some((table, Relative { buckets, max_distance })) = relative {
                    self.expect(Some(self.vector(table)?) == n_heads.checked_mul(buckets) && !cross)?;
                    self.expect(buckets >= 4 && max_distance > buckets / 2)?;
                }
                let of_source = self.of_source || cross;
                let layers = if of_source { &mut facts.source_layers } else { &mut facts.layers };
                // Of an encoder all may use one, whose shape then is the same.
                let shared = self.of_source || self.plan.config.encoder().is_some();
                if layer == layers.len() {
                    layers.push((n_kv_heads, head_dim));
                } else if !shared || layers.get(layer) != Some(&(n_kv_heads, head_dim)) {
                    return Err(self.wrong("attends to a layer out of order"));
                }
                let (first, others) = self.plan.steps.split_at(self.plan.source_steps.min(self.plan.steps.len()));
                for step in if of_source { first } else { others } {
                    if let Op::StoreKv { k, layer: stored, .. } = step.op {
                        self.expect(stored != layer || Some(self.width(k)?) == n_kv_heads.checked_mul(head_dim))?;
                    }
                }
                self.same(out, &[q], n_heads.checked_mul(head_dim))
            }
            Op::ShortConv { x, weight, kernel, layer, out } => {
                let width = self.width(out)?;
                self.distinct(out, &[x])?;
                self.expect(Some(self.width(x)?) == width.checked_mul(3))?;
                self.expect(kernel > 0 && Some(self.vector(weight)?) == width.checked_mul(kernel))?;
                // The executor's scratch is as long as the widest matrix.
                self.expect(width.is_multiple_of(2) && self.plan.matrices.iter().any(|m| m.cols >= width))?;
                let stored = |step: &Step| matches!(step.op, Op::StoreKv { layer: stored, .. } if stored == layer);
                let alone = !self.plan.steps.iter().any(stored) && self.plan.config.encoder().is_none();
                if layer != facts.layers.len() || !alone {
                    return Err(self.wrong("convolves a layer out of order"));
                }
                facts.layers.push(cache_shape(width));
                Ok(())
            }
            Op::Ssm { x, ref ssm, conv, conv_bias, step_bias, a, d, norm, layer, out } => {
                ssm.check("the plan")?;
                self.distinct(out, &[x])?;
                let (inner, width) = (ssm.inner(), ssm.conv_width());
                self.expect(self.width(out)? == inner && self.width(x)? == ssm.row_width())?;
                self.expect(self.vector(conv)? == width * ssm.kernel && self.vector(conv_bias)? == width)?;
                for id in [step_bias, a, d] {
                    self.expect(self.vector(id)? == ssm.n_heads)?;
                }
                self.expect(self.vector(norm)? == inner && self.plan.config.encoder().is_none())?;
                // The executor's scratch is as wide as the configuration says.
                self.expect(self.plan.config.layers.iter().any(|layer| layer.ssm == Some(*ssm)))?;
                if layer != facts.states.len() || self.of_source {
                    return Err(self.wrong("keeps its states out of order"));
                }
                facts.states.push(ssm.kept_len());
                Ok(())
            }
            Op::Route { x, n_used, out, .. } => {
                self.expect((1..=self.width(x)?).contains(&n_used))?;
                self.same(out, &[x], None)
            }
            Op::Experts { x, routes, gate, up, down, out, .. } => {
                self.distinct(out, &[x, routes])?;
                let (width, (d_ff, _)) = (self.width(out)?, self.matrix(gate)?);
                self.expect(self.width(x)? == width && self.plan.config.encoder().is_none())?;
                for e in 0..self.width(routes)? {
                    let [gate, up, down] = [gate, up, down].map(|first| self.matrix(MatrixId(first.0 + e)));
                    self.expect([gate?, up?, down?] == [(d_ff, width), (d_ff, width), (width, d_ff)])?;
                }
                Ok(())
            }
            Op::GatedActivation { gate, up, out, .. } => self.same(out, &[gate, up], None),
            Op::Activation { x, out, .. }
            | Op::Scale { x, out, .. }
            | Op::SoftCap { x, out, .. }
            | Op::SelectRows { x, out } => self.same(out, &[x], None),
            Op::Add { a, b, out } => self.same(out, &[a, b], None),
        }
    }

    /// All buffers have one width (the given one), and the output is none of the inputs.
    fn same(&self, out: BufferId, inputs: &[BufferId], width: Option<usize>) -> Result<()> {
        self.distinct(out, inputs)?;
        let expected = width.map_or_else(|| self.width(out), Ok)?;
        for &id in inputs.iter().chain([&out]) {
            self.expect(self.width(id)? == expected)?;
        }
        Ok(())
    }

    fn distinct(&self, out: BufferId, inputs: &[BufferId]) -> Result<()> {
        if inputs.contains(&out) { Err(self.wrong("writes what it reads")) } else { Ok(()) }
    }
}
