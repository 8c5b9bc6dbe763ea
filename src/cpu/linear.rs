//! `out[i, r] = dot(x[i], weight[r]) + bias[r]`: where the time goes.
//!
//! Float weights multiply f32 activations (`float`). Quantised ones multiply activations rounded to integers: as 16-bit
//! numbers (`integer`), or as bytes where the processor multiplies those at once (`bytes`). A few rows are multiplied
//! straight from the stored weights; several rows share panels of eight weight rows, decoded once into the order in
//! which the inner loop reads them.
//!
//! How finely activations are rounded depends on the model and on the number of rows, never on the machine ([`Inputs`]).
//!
//! The work has two parts, so that it can be shared among threads and among matrices: [`Inputs::prepare`] rounds the
//! activations once, then [`rows`] multiplies any range of weight rows.

mod bytes;
mod float;
mod integer;

use super::out::Out;
use super::vector::{Dots, Vector, store_partial};
use crate::tensor::{DType, QUANT_BLOCK};
use crate::weights::Matrix;
use std::ops::Range;

/// Weight rows of a panel: ranges given to [`rows`] best start at its multiples.
pub const PANEL: usize = 8;
/// Activation rows multiplied by a panel at once, so that all sums stay in registers.
const TILE: usize = 4;
/// Batches of up to this many rows give each row the bits that it gets alone, for quantised weights: what a draft of so
/// many tokens is verified by.
pub const EXACT_ROWS: usize = 8;

/// Rounded activations, ready for products with quantised weights.
///
/// Fine rounding is to 16 bits a block of 32 (1/65534 of its largest element). Coarse rounding is for more than
/// [`EXACT_ROWS`] rows of models that are not tiny: to 7 bits for products with `Q8_0` and 8 bits with `Q4_0`, what one
/// relaxed dot instruction takes. Builds without that instruction round as coarsely, so that tokens do not depend on the
/// browser.
#[derive(Debug)]
pub struct Inputs {
    words: integer::Activations,
    bytes: bytes::Activations,
    coarse: bool,
    /// Instead of the quicker ones.
    dots: Option<Dots>,
}

/// One thread's memory for the weight rows at hand.
#[derive(Debug)]
pub struct Panel {
    float: float::Panel,
    integer: integer::Panel,
    bytes: bytes::Panel,
}

impl Panel {
    /// For rows of up to `max_cols` elements.
    pub fn new(max_cols: usize) -> Self {
        let blocks = max_cols.div_ceil(QUANT_BLOCK);
        Panel {
            float: float::Panel::new(max_cols),
            integer: integer::Panel::new(blocks),
            bytes: bytes::Panel::new(blocks),
        }
    }
}

impl Inputs {
    /// For up to `max_batch` rows of up to `max_cols` elements. `coarse`: whether batches may be rounded coarsely.
    pub fn new(max_batch: usize, max_cols: usize, coarse: bool) -> Self {
        let blocks = max_cols.div_ceil(QUANT_BLOCK);
        let (words, bytes) =
            (integer::Activations::new(max_batch * blocks), bytes::Activations::new(max_batch, blocks));
        Inputs { words, bytes, coarse, dots: None }
    }

    /// Sums products of bytes in the given way, the quicker one or not. The results are the same.
    pub fn with_dots(self, dots: Dots) -> Self {
        Inputs { dots: Some(dots), ..self }
    }

    /// Rounds `x: [n, cols]` for products with weights of type `dtype`, as far as they need it; the same for all types
    /// of one [`kind`](Inputs::kind).
    pub fn prepare<V: Vector>(&mut self, x: &[f32], cols: usize, dtype: DType) {
        let coarse = self.is_coarse(x.len() / cols);
        match dtype {
            DType::Q8_0 if coarse && V::DOTS_BYTES => self.bytes.fill::<V, integer::Q8>(x, cols),
            DType::Q4_0 if coarse && V::DOTS_BYTES => self.bytes.fill::<V, integer::Q4>(x, cols),
            DType::Q8_0 => self.words.fill::<V, integer::Q8>(x, coarse),
            DType::Q4_0 => self.words.fill::<V, integer::Q4>(x, coarse),
            DType::F32 | DType::F16 | DType::BF16 => {}
        }
    }

    fn is_coarse(&self, n: usize) -> bool {
        self.coarse && n > EXACT_ROWS
    }
}

/// Products with the weight rows of `range`, all of the batch.
///
/// - `x: [n, cols]`, f32, for which `inputs` were prepared with the weight's type
/// - `weight: [rows, cols]`, any type
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
    let part = Part { weight, bias, range, out };
    let n = x.len() / weight.cols;
    let coarse = inputs.is_coarse(n);
    let dots = || inputs.dots.unwrap_or_else(V::quicker_dots);
    match weight.dtype {
        DType::F32 => float::run::<V, float::F32>(x, &part, &mut panel.float),
        DType::F16 => float::run::<V, float::F16>(x, &part, &mut panel.float),
        DType::BF16 => float::run::<V, float::BF16>(x, &part, &mut panel.float),
        DType::Q8_0 if coarse && V::DOTS_BYTES => {
            bytes::run::<V, integer::Q8>(&inputs.bytes, n, &part, &mut panel.bytes, dots())
        }
        DType::Q4_0 if coarse && V::DOTS_BYTES => {
            bytes::run::<V, integer::Q4>(&inputs.bytes, n, &part, &mut panel.bytes, dots())
        }
        DType::Q8_0 => integer::run::<V, integer::Q8>(&inputs.words, n, &part, &mut panel.integer),
        DType::Q4_0 => integer::run::<V, integer::Q4>(&inputs.words, n, &part, &mut panel.integer),
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

    /// Adds the bias to the sums of activation row `m` with the weight rows from `first` on, and stores as many as there
    /// are.
    #[inline(always)]
    fn finish<V: Vector>(&self, sums: &[V; 2], m: usize, first: usize) {
        // SAFETY: the caller of `rows` keeps these columns to this thread.
        let out = unsafe { self.out.columns(m, first..(first + PANEL).min(self.range.end)) };
        if let ([low, high], []) = out.as_chunks_mut::<4>()
            && self.bias.is_none()
        {
            sums[0].store(low);
            sums[1].store(high);
            return;
        }
        for (i, (sum, out)) in sums.iter().zip(out.chunks_mut(4)).enumerate() {
            let sum = match self.bias {
                Some(bias) => sum.add(super::vector::load_partial(&bias[first + 4 * i..])),
                None => *sum,
            };
            store_partial(sum, out);
        }
    }
}
