//! Products with float weights.

use super::columns::Columns;
use super::part::TILE;
use super::{CpuType, PANEL, Part};
use crate::cpu::simd::tile::multiply;
use crate::cpu::simd::{Vector, load_partial, store_partial};
use crate::weights::Matrix;

/// How four weights are stored.
pub trait Float: CpuType {
    /// Their bytes.
    type Four;
    /// A row's bytes by fours, without a ragged end.
    fn fours(row: &[u8]) -> &[Self::Four];
    /// Four weights, exactly.
    fn load<V: Vector>(four: &Self::Four) -> V;
}

/// Products of `x: [n, cols]` with the rows of a part.
#[inline(never)] // Engines optimise very long functions badly.
pub fn run<V: Vector, F: Float>(x: &[f32], part: &Part<'_>, panel: &mut Columns) {
    let (weight, cols) = (part.weight, part.weight.cols);
    if x.len() == cols {
        return part.each_row::<V>(|rows| dot_rows::<V, F>(x, weight, rows));
    }
    for p in part.panels() {
        let columns = panel.fill::<V, F>(weight, p * PANEL);
        for (tile, x) in x.chunks(TILE * cols).enumerate() {
            match x.len() / cols {
                1 => panel_rows::<V, 1>(x, columns, part, p, tile),
                2 => panel_rows::<V, 2>(x, columns, part, p, tile),
                3 => panel_rows::<V, 3>(x, columns, part, p, tile),
                _ => panel_rows::<V, TILE>(x, columns, part, p, tile),
            }
        }
    }
}

/// Products of one activation row with four weight rows.
#[inline(always)]
fn dot_rows<V: Vector, F: Float>(x: &[f32], weight: &Matrix, rows: [usize; 4]) -> V {
    let (fours, tail) = x.as_chunks::<4>();
    let stored = rows.map(|r| weight.stored_row(r));
    let rows = stored.map(|row| &F::fours(row)[..fours.len()]);
    let mut sums = [V::splat(0.0); 4];
    for (k, x) in fours.iter().enumerate() {
        let x = V::load(x);
        for (sum, row) in sums.iter_mut().zip(&rows) {
            *sum = x.madd(F::load(&row[k]), *sum);
        }
    }
    if !tail.is_empty() {
        let x = load_partial::<V>(tail);
        let element = F::BYTES;
        for (sum, row) in sums.iter_mut().zip(stored) {
            let mut padded = [0.0; 4];
            F::dequantize::<V>(&row[fours.len() * 4 * element..], &mut padded[..tail.len()]);
            *sum = x.madd(V::load(&padded), *sum);
        }
    }
    V::transpose(sums).into_iter().reduce(V::add).unwrap_or(sums[0])
}

/// Products of M activation rows, the first of which is row `tile * TILE`, with a panel.
#[inline(always)]
fn panel_rows<V: Vector, const M: usize>(x: &[f32], columns: &[[f32; PANEL]], part: &Part<'_>, p: usize, tile: usize) {
    let cols = columns.len();
    let x: [&[f32]; M] = std::array::from_fn(|m| &x[m * cols..(m + 1) * cols]);
    for (m, sums) in multiply::<V, _, M, 1>(x, [columns]).iter().enumerate() {
        part.finish(&sums[0], tile * TILE + m, p);
    }
}

impl Columns {
    /// Decodes the eight weight rows from `first` on; beyond the last row, that row again.
    fn fill<V: Vector, F: Float>(&mut self, weight: &Matrix, first: usize) -> &[[f32; PANEL]] {
        let cols = weight.cols;
        for r in 0..PANEL {
            let row = weight.stored_row((first + r).min(weight.rows - 1));
            F::dequantize::<V>(row, &mut self.rows[r * cols..(r + 1) * cols]);
        }
        let rows: [&[f32]; PANEL] = std::array::from_fn(|r| &self.rows[r * cols..(r + 1) * cols]);
        let (fours, tail) = self.columns[..cols].as_chunks_mut::<4>();
        let rows_fours = rows.map(|row| row.as_chunks::<4>().0);
        for (k, columns) in fours.iter_mut().enumerate() {
            for half in 0..2 {
                let square = std::array::from_fn(|r| V::load(&rows_fours[half * 4 + r][k]));
                for (column, out) in V::transpose(square).into_iter().zip(columns.iter_mut()) {
                    column.store(&mut out.as_chunks_mut::<4>().0[half]);
                }
            }
        }
        let done = cols - tail.len();
        for (k, column) in tail.iter_mut().enumerate() {
            *column = rows.map(|row| row[done + k]);
        }
        &self.columns[..cols]
    }
}

/// Decodes two-byte floats, four at a time; a ragged end is padded with zeros.
#[inline(always)]
pub fn decode_halves<V: Vector>(row: &[u8], out: &mut [f32], decode: impl Fn(&[u8; 8]) -> V) {
    let (row, row_tail) = row.as_chunks::<8>();
    let (out, out_tail) = out.as_chunks_mut::<4>();
    for (bytes, out) in row.iter().zip(out) {
        decode(bytes).store(out);
    }
    let mut padded = [0; 8];
    for (to, from) in padded.iter_mut().zip(row_tail) {
        *to = *from;
    }
    store_partial(decode(&padded), out_tail);
}
