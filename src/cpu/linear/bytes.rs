//! Products of quantised weights with coarsely rounded activations, in bytes.
//!
//! One relaxed dot instruction multiplies four rows' four signed bytes by four bytes in 0..=127 (WebAssembly relaxed
//! SIMD, `i32x4.relaxed_dot_i8x16_i7x16_add_s`; for larger ones processors differ). With `Q8_0` the weights are the
//! signed side and activations are rounded to -63..=63 and moved up by 64, which is taken back by the sum of each
//! weight block; with `Q4_0` the weights' stored 0..=15 are the other side and activations are rounded to -127..=127.
//! Each block's product is exact: the same numbers that `integer` gets from the same rounding.

use super::integer::{Block, round};
use super::{PANEL, Part, TILE};
use crate::cpu::tile::halves;
use crate::cpu::vector::Vector;
use crate::tensor::QUANT_BLOCK;
use crate::weights::Matrix;

/// What `Q8_0`'s activations are moved up by.
const MOVE: i32 = 64;

/// Rounded activations, by row and block.
#[derive(Debug)]
pub struct Activations {
    codes: Vec<[u8; QUANT_BLOCK]>,
    /// What a code of 1 stands for; NaN where a block holds what is not finite.
    scales: Vec<f32>,
    /// What to add to a block's product with weights stored with an offset.
    corrections: Vec<i32>,
}

/// Eight weight rows: by block, `[8 fours of columns, 8 rows, 4]`, in pieces of one vector.
#[derive(Debug)]
pub struct Panel {
    codes: Vec<[[u8; 16]; 16]>,
    scales: Vec<[f32; PANEL]>,
    /// What each row's sum starts with.
    starts: Vec<[i32; PANEL]>,
}

impl Activations {
    pub fn new(blocks: usize) -> Self {
        let (codes, scales, corrections) = (vec![[0; QUANT_BLOCK]; blocks], vec![0.0; blocks], vec![0; blocks]);
        Activations { codes, scales, corrections }
    }

    /// Rounds whole blocks, for products with weights of type `B`.
    pub fn fill<V: Vector, B: Block>(&mut self, x: &[f32]) {
        let outputs = self.codes.iter_mut().zip(&mut self.scales).zip(&mut self.corrections);
        for (x, ((codes, scale), correction)) in x.as_chunks::<QUANT_BLOCK>().0.iter().zip(outputs) {
            let rounded;
            (rounded, *scale) = round::<V>(x, B::COARSE);
            let [a, b, c, d] = rounded;
            let parts = [V::low_bytes(a, b), V::low_bytes(c, d)];
            for (part, codes) in parts.into_iter().zip(codes.as_chunks_mut::<16>().0) {
                V::store_i8(part, codes);
            }
            if B::SIGNED_ACTIVATIONS {
                let sums = rounded.map(|codes| V::dot(codes, V::splat_pair(&[1, 1])));
                let mut lanes = [0; 4];
                V::store_i32(V::transpose_sum(sums), &mut lanes);
                *correction = -B::OFFSET * lanes.iter().sum::<i32>();
            } else {
                codes.iter_mut().for_each(|code| *code = code.wrapping_add(MOVE as u8));
            }
        }
    }

    #[inline(always)]
    fn row(&self, i: usize, blocks: usize) -> Row<'_> {
        let range = i * blocks..(i + 1) * blocks;
        let Activations { codes, scales, corrections } = self;
        Row { codes: &codes[range.clone()], scales: &scales[range.clone()], corrections: &corrections[range] }
    }
}

/// One row of rounded activations.
#[derive(Clone, Copy)]
struct Row<'a> {
    codes: &'a [[u8; QUANT_BLOCK]],
    scales: &'a [f32],
    corrections: &'a [i32],
}

impl Panel {
    pub fn new(blocks: usize) -> Self {
        let (codes, scales, starts) =
            (vec![[[0; 16]; 16]; blocks], vec![[0.0; PANEL]; blocks], vec![[0; PANEL]; blocks]);
        Panel { codes, scales, starts }
    }

    /// Reorders the eight weight rows from `first` on; beyond the last row, that row again.
    fn fill<V: Vector, B: Block>(&mut self, weight: &Matrix, first: usize) {
        let ones = V::splat_four(&[1; 4]);
        for half in 0..2 {
            let rows: [&[B::Bytes]; 4] =
                std::array::from_fn(|r| B::blocks(weight.row((first + 4 * half + r).min(weight.rows - 1))));
            let blocks = rows[0].len();
            let rows = rows.map(|row| &row[..blocks]);
            let outputs = self.codes.iter_mut().zip(&mut self.scales).zip(&mut self.starts).take(blocks).enumerate();
            for (b, ((codes, scales), starts)) in outputs {
                let bytes = rows.map(|row| B::bytes::<V>(&row[b]));
                let mut sums = V::splat_i32(0);
                for sixteen in 0..2 {
                    let fours = V::transpose_fours(bytes.map(|bytes| bytes[sixteen]));
                    for (i, four) in fours.into_iter().enumerate() {
                        V::store_i8(four, &mut codes[(sixteen * 4 + i) * 2 + half]);
                        if !B::SIGNED_ACTIVATIONS {
                            sums = V::dot_bytes(four, ones, sums);
                        }
                    }
                }
                let starts = &mut starts.as_chunks_mut::<4>().0[half];
                V::store_i32(sums, starts);
                *starts = starts.map(|sum| -MOVE * sum);
                V::gather_f16(rows.map(|row| B::scale(&row[b]))).store(&mut scales.as_chunks_mut::<4>().0[half]);
            }
        }
    }
}

#[inline(never)] // Engines optimise very long functions badly.
pub fn run<V: Vector, B: Block>(activations: &Activations, n: usize, part: &Part<'_>, panel: &mut Panel) {
    let blocks = part.weight.cols / QUANT_BLOCK;
    for first in part.range.clone().step_by(PANEL) {
        panel.fill::<V, B>(part.weight, first);
        for tile in (0..n).step_by(TILE) {
            let row = |m| activations.row(tile + m, blocks);
            match n - tile {
                1 => panel_rows::<V, B, 1>([row(0)], panel, part, first, tile),
                2 => panel_rows::<V, B, 2>([row(0), row(1)], panel, part, first, tile),
                3 => panel_rows::<V, B, 3>([row(0), row(1), row(2)], panel, part, first, tile),
                _ => panel_rows::<V, B, TILE>([row(0), row(1), row(2), row(3)], panel, part, first, tile),
            }
        }
    }
}

/// Products of M activation rows, the first of which is row `tile`, with a panel.
#[inline(always)]
fn panel_rows<V: Vector, B: Block, const M: usize>(
    x: [Row<'_>; M],
    panel: &Panel,
    part: &Part<'_>,
    first: usize,
    tile: usize,
) {
    let blocks = x[0].codes.len();
    // Lengths that are seen to be equal are checked once.
    let x = x.map(|x| Row {
        codes: &x.codes[..blocks],
        scales: &x.scales[..blocks],
        corrections: &x.corrections[..blocks],
    });
    let mut sums = [[V::splat(0.0); 2]; M];
    let (codes, scales, starts) = (&panel.codes[..blocks], &panel.scales[..blocks], &panel.starts[..blocks]);
    for b in 0..blocks {
        let (codes, scales, starts) = (&codes[b], &scales[b], &starts[b]);
        let fours = x.map(|x| x.codes[b].as_chunks::<4>().0);
        let starts = starts.as_chunks::<4>().0;
        let starts = [V::load_i32(&starts[0]), V::load_i32(&starts[1])];
        let mut products = x.map(|x| if B::SIGNED_ACTIVATIONS { [V::splat_i32(x.corrections[b]); 2] } else { starts });
        for (j, w) in codes.as_chunks::<2>().0.iter().enumerate() {
            let w = [V::load_i8(&w[0]), V::load_i8(&w[1])];
            for (fours, products) in fours.iter().zip(&mut products) {
                let x = V::splat_four(&fours[j]);
                for (w, product) in w.into_iter().zip(products) {
                    *product = match B::SIGNED_ACTIVATIONS {
                        true => V::dot_bytes(x, w, *product),
                        false => V::dot_bytes(w, x, *product),
                    };
                }
            }
        }
        let scales: [V; 2] = halves(scales);
        for ((sums, products), x) in sums.iter_mut().zip(products).zip(x) {
            let x_scale = V::splat(x.scales[b]);
            sums[0] = V::from_i32(products[0]).madd(scales[0].mul(x_scale), sums[0]);
            sums[1] = V::from_i32(products[1]).madd(scales[1].mul(x_scale), sums[1]);
        }
    }
    for (m, sums) in sums.iter().enumerate() {
        part.finish(sums, tile + m, first);
    }
}
