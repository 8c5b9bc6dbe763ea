//! `out[i, r] = dot(x[i], weight[r]) + bias[r]`: where the time goes.
//!
//! Float weights multiply f32 activations (`float`); quantised ones multiply activations rounded to 16 bits, in integers
//! (`integer`). One row is multiplied straight from the stored weights; several rows share panels of eight weight rows,
//! decoded once into the order in which the inner loop reads them.

mod float;
mod integer;

use super::vector::{Vector, store_partial};
use crate::tensor::{DType, QUANT_BLOCK};
use crate::weights::Matrix;

/// Weight rows of a panel.
const PANEL: usize = 8;
/// Activation rows multiplied by a panel at once, so that all sums stay in registers.
const TILE: usize = 4;

/// Memory for one panel and for rounded activations.
#[derive(Debug)]
pub struct Scratch {
    float: float::Panel,
    integer: integer::Panel,
    activations: integer::Activations,
}

impl Scratch {
    /// For up to `max_batch` rows of up to `max_cols` elements.
    pub fn new(max_batch: usize, max_cols: usize) -> Self {
        let blocks = max_cols.div_ceil(QUANT_BLOCK);
        Scratch {
            float: float::Panel::new(max_cols),
            integer: integer::Panel::new(blocks),
            activations: integer::Activations::new(max_batch * blocks),
        }
    }
}

/// - `x: [n, cols]`, f32; n and cols within what `scratch` was made for
/// - `weight: [rows, cols]`, any type
/// - `bias: [rows]`, f32
/// - `out: [n, rows]`, f32
///
/// Accumulates in f32; with quantised weights each product of two blocks of 32 is summed exactly, of activations
/// rounded to 1/65534 of their block's largest.
pub fn run<V: Vector>(x: &[f32], weight: &Matrix, bias: Option<&[f32]>, scratch: &mut Scratch, out: &mut [f32]) {
    let Scratch { float, integer, activations } = scratch;
    match weight.dtype {
        DType::F32 => float::run::<V, float::F32>(x, weight, bias, float, out),
        DType::F16 => float::run::<V, float::F16>(x, weight, bias, float, out),
        DType::BF16 => float::run::<V, float::BF16>(x, weight, bias, float, out),
        DType::Q8_0 => integer::run::<V, integer::Q8>(x, weight, bias, activations, integer, out),
        DType::Q4_0 => integer::run::<V, integer::Q4>(x, weight, bias, activations, integer, out),
    }
}

/// One activation row times every weight row, four at a time: `out[r] = dot(rows)[lane of r] + bias[r]`.
///
/// The four lie a quarter of the matrix apart, so that memory is read as four long streams, which processors foresee;
/// four neighbouring rows, read block by block, look like jumps to them.
#[inline(always)]
fn each_row<V: Vector>(rows: usize, bias: Option<&[f32]>, out: &mut [f32], dot: impl Fn([usize; 4]) -> V) {
    let quarter = rows.div_ceil(4);
    for first in 0..quarter {
        let four: [usize; 4] = std::array::from_fn(|i| first + i * quarter);
        let sums = dot(four.map(|r| r.min(rows - 1))).lanes();
        for (r, sum) in four.into_iter().zip(sums).filter(|(r, _)| *r < rows) {
            out[r] = sum + bias.map_or(0.0, |bias| bias[r]);
        }
    }
}

/// Adds the bias of the weight rows from `first` on to their sums, and stores as many as there are.
#[inline(always)]
fn finish<V: Vector>(sums: &[V], bias: Option<&[f32]>, first: usize, out: &mut [f32]) {
    for (i, (sum, out)) in sums.iter().zip(out[first..].chunks_mut(4)).enumerate() {
        let sum = match bias {
            Some(bias) => sum.add(super::vector::load_partial(&bias[first + 4 * i..])),
            None => *sum,
        };
        store_partial(sum, out);
    }
}
