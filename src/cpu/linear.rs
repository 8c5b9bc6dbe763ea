//! `out[i, r] = dot(x[i], weight[r]) + bias[r]`: where the time goes.
//!
//! Float weights multiply f32 activations (`float`). Quantised ones multiply activations rounded to integers: as 16-bit
//! numbers (`integer`), or as bytes where the processor multiplies those at once (`bytes`), straight from the panels of eight
//! rows that they are stored in (`weights`).
//!
//! How finely activations are rounded depends on the model and its weights, never on the machine ([`Inputs`]).
//!
//! The work has two parts, so that it can be shared among threads and among matrices: [`Inputs::prepare`] rounds the
//! activations once, then [`rows`] multiplies any range of weight rows.

mod block;
mod bytes;
mod float;
mod integer;

use super::out::Out;
use super::vector::{Dots, Vector};
use crate::tensor::DType;
pub use crate::weights::PANEL;
use crate::weights::{Codes, Matrix};
use block::{Block, Q4, Q8};
use std::ops::Range;

/// Activations that are rounded together, with one scale.
const ROUNDED: usize = 32;
/// Activation rows multiplied by a panel at once, so that all sums stay in registers.
const TILE: usize = 4;
/// Panels multiplied by a single activation row at once, a quarter of the rows apart: processors read several streams of memory
/// faster than one. More of them are no faster (with eight, the same processor read less), and leave more panels over that
/// have to be read alone.
const STREAMS: usize = 4;

/// How coarsely rounded activations are best multiplied, if as bytes.
pub fn dots<V: Vector>() -> Option<Dots> {
    V::DOTS_BYTES.then(V::all_dots)?.first().copied()
}

/// Rounded activations, ready for products with quantised weights.
///
/// Fine rounding is to 16 bits a block of 32 (1/65534 of its largest element). Coarse rounding, for models that are not
/// tiny, is to what one relaxed dot instruction takes: to 7 bits (1/126) for products with `Q8_0` and to 8 bits (1/254) with
/// `Q4_0`. Builds without that instruction round as coarsely, so that tokens do not depend on the browser; and any number of
/// rows is rounded as one row is, so that they do not depend on how a text is cut into batches.
#[derive(Debug)]
pub struct Inputs {
    words: integer::Activations,
    bytes: bytes::Activations,
    coarse: bool,
    /// Instead of the quickest ones.
    forced: Option<Dots>,
}

/// One thread's memory for the weight rows at hand.
#[derive(Debug)]
pub struct Panel {
    float: float::Panel,
    bytes: bytes::Panel,
    /// Of rows that are not stored as panels.
    memory: Vec<u8>,
}

impl Panel {
    /// For rows of up to `max_cols` elements.
    pub fn new(max_cols: usize) -> Self {
        let blocks = max_cols.div_ceil(ROUNDED);
        let memory = Vec::with_capacity(blocks * DType::Q8_0.block_bytes() * PANEL);
        Panel { float: float::Panel::new(max_cols), bytes: bytes::Panel::new(blocks), memory }
    }

    fn bytes(&mut self) -> (&mut bytes::Panel, &mut Vec<u8>) {
        (&mut self.bytes, &mut self.memory)
    }
}

impl Inputs {
    /// For up to `max_batch` rows of up to `max_cols` elements. `coarse`: whether they may be rounded coarsely.
    pub fn new(max_batch: usize, max_cols: usize, coarse: bool) -> Self {
        let blocks = max_cols.div_ceil(ROUNDED);
        let (words, bytes) =
            (integer::Activations::new(max_batch * blocks), bytes::Activations::new(max_batch, blocks));
        Inputs { words, bytes, coarse, forced: None }
    }

    /// Multiplies bytes in the given way, one of [`Vector::all_dots`], the quickest or not. The results are the same.
    pub fn with_dots(self, dots: Dots) -> Self {
        Inputs { forced: Some(dots), ..self }
    }

    /// How bytes are multiplied, if they are.
    fn dots<V: Vector>(&self) -> Option<Dots> {
        self.coarse.then(|| self.forced.or_else(dots::<V>)).flatten()
    }

    /// Rounds `x: [n, cols]` for products with all weights of type `dtype`, as far as they need it.
    pub fn prepare<V: Vector>(&mut self, x: &[f32], cols: usize, dtype: DType) {
        let coarse = self.coarse;
        match (dtype, self.dots::<V>()) {
            (DType::Q8_0, Some(dots)) => self.bytes.fill::<V, Q8>(x, cols, dots),
            (DType::Q4_0, Some(dots)) => self.bytes.fill::<V, Q4>(x, cols, dots),
            (DType::Q8_0, None) => self.words.fill::<V, Q8>(x, coarse),
            (DType::Q4_0, None) => self.words.fill::<V, Q4>(x, coarse),
            (DType::F32 | DType::F16 | DType::BF16, _) => {}
        }
    }
}

/// Products with the weight rows of `range`, all of the batch.
///
/// - `x: [n, cols]`, f32, for which `inputs` were prepared with the weight's type
/// - `bias: [rows]`, f32
/// - `out: [n, rows]`, f32; written at the columns of `range`
///
/// Accumulates in f32; with quantised weights each product of two blocks of 32 is summed exactly, of rounded
/// activations. The bits do not depend on how rows are cut into ranges.
///
/// # Safety
/// No other thread uses the same columns of `out` meanwhile.
pub unsafe fn rows<V: Vector>(
    x: &[f32],
    inputs: &Inputs,
    weight: &Matrix,
    bias: Option<&[f32]>,
    range: Range<usize>,
    panel: &mut Panel,
    out: Out<'_>,
) {
    let dots = inputs.dots::<V>();
    let codes = dots.map_or(Codes::Signed, Dots::codes);
    let part = Part { weight, codes, bias, range, out };
    let n = x.len() / weight.cols;
    match (weight.dtype, dots) {
        (DType::F32, _) => float::run::<V, float::F32>(x, &part, &mut panel.float),
        (DType::F16, _) => float::run::<V, float::F16>(x, &part, &mut panel.float),
        (DType::BF16, _) => float::run::<V, float::BF16>(x, &part, &mut panel.float),
        (DType::Q8_0, Some(dots)) => bytes::run::<V, Q8>(&inputs.bytes, n, &part, panel.bytes(), dots),
        (DType::Q4_0, Some(dots)) => bytes::run::<V, Q4>(&inputs.bytes, n, &part, panel.bytes(), dots),
        (DType::Q8_0, None) => integer::run::<V, Q8>(&inputs.words, n, &part, &mut panel.memory),
        (DType::Q4_0, None) => integer::run::<V, Q4>(&inputs.words, n, &part, &mut panel.memory),
    }
}

/// [`Inputs::prepare`] and all [`rows`].
pub fn run<V: Vector>(
    x: &[f32],
    weight: &Matrix,
    bias: Option<&[f32]>,
    inputs: &mut Inputs,
    panel: &mut Panel,
    out: &mut [f32],
) {
    inputs.prepare::<V>(x, weight.cols, weight.dtype);
    // SAFETY: `out` is borrowed for this call alone.
    unsafe { rows::<V>(x, inputs, weight, bias, 0..weight.rows, panel, Out::new(out, weight.rows)) }
}

/// Some rows of a matrix, and where their products go.
struct Part<'a> {
    weight: &'a Matrix,
    /// As what panels are needed.
    codes: Codes,
    bias: Option<&'a [f32]>,
    range: Range<usize>,
    out: Out<'a>,
}

impl Part<'_> {
    /// One activation row times every weight row, four at a time: `out[r] = dot(rows)[lane of r] + bias[r]`.
    ///
    /// The four lie a quarter of the rows apart, so that memory is read as four long streams, which processors foresee;
    /// four neighbouring rows, read block by block, look like jumps to them.
    #[inline(always)]
    fn each_row<V: Vector>(&self, dot: impl Fn([usize; 4]) -> V) {
        let Range { start, end } = self.range.clone();
        // SAFETY: the caller of `rows` keeps these columns to this thread.
        let out = unsafe { self.out.columns(0, start..end) };
        let quarter = out.len().div_ceil(4);
        for first in 0..quarter {
            let four: [usize; 4] = std::array::from_fn(|i| first + i * quarter);
            let sums = dot(four.map(|r| (start + r).min(end - 1))).lanes();
            for (r, sum) in four.into_iter().zip(sums) {
                let Some(out) = out.get_mut(r) else { continue };
                *out = sum + self.bias.map_or(0.0, |bias| bias[start + r]);
            }
        }
    }

    /// The panels that the range reaches into.
    fn panels(&self) -> Range<usize> {
        self.range.start / PANEL..self.range.end.div_ceil(PANEL)
    }

    /// One activation row times every panel: `many` of them at a time that lie far apart, as long as there are so many, and
    /// then each `one`; with their unit (see [`block::unit`]).
    #[inline(always)]
    fn streams<V: Vector, B: Block>(
        &self,
        memory: &mut Vec<u8>,
        many: impl Fn([&[B::Panel]; STREAMS], f32) -> [[V; 2]; STREAMS],
        one: impl Fn(&[B::Panel], f32) -> [V; 2],
    ) {
        let Range { start, end } = self.panels();
        let unit = block::unit(self.weight.shift());
        let stream = end.min(self.weight.panels_with(self.codes)).saturating_sub(start) / STREAMS;
        for p in start..start + stream {
            let panels: [usize; STREAMS] = std::array::from_fn(|i| p + i * stream);
            let sums = many(panels.map(|p| B::panels(self.weight.eight_rows(p))), unit);
            for (sums, p) in sums.iter().zip(panels) {
                self.finish(sums, 0, p);
            }
        }
        for p in start + STREAMS * stream..end {
            let (panel, unit) = block::panel::<B>(self, p, memory);
            self.finish(&one(panel, unit), 0, p);
        }
    }

    /// Adds the bias to the sums of activation row `m` with panel `p`, and stores those in the range.
    #[inline(always)]
    fn finish<V: Vector>(&self, sums: &[V; 2], m: usize, p: usize) {
        let columns = (p * PANEL).max(self.range.start)..((p + 1) * PANEL).min(self.range.end);
        // SAFETY: the caller of `rows` keeps these columns to this thread.
        let out = unsafe { self.out.columns(m, columns.clone()) };
        if let ([low, high], []) = out.as_chunks_mut::<4>()
            && self.bias.is_none()
        {
            sums[0].store(low);
            sums[1].store(high);
            return;
        }
        let sums = sums.map(V::lanes);
        let sums = sums.as_flattened().iter().skip(columns.start % PANEL);
        for ((sum, out), r) in sums.zip(out).zip(columns) {
            *out = sum + self.bias.map_or(0.0, |bias| bias[r]);
        }
    }
}
