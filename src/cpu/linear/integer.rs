//! Products with quantised weights, in 16-bit integers.
//!
//! Activations are rounded with one scale per block of 32, finely to 16 bits: the finest rounding whose products with
//! 8-bit weights the 16-bit multiply-and-add of pairs takes, and 32 of them sum to less than 2^31 (32 * 128 * 32767). So
//! the product of two blocks is exact; only the rounding of the activations (1/65534 of the block's largest) and the f32
//! sum over blocks are not.

use super::{PANEL, Part, TILE};
use crate::cpu::tile::halves;
use crate::cpu::vector::Vector;
use crate::tensor::QUANT_BLOCK;
use crate::weights::Matrix;

/// The largest code of fine rounding.
const FINE: f32 = 32767.0;

/// Rounded activations, by row and block.
#[derive(Debug)]
pub struct Activations {
    codes: Vec<[i16; QUANT_BLOCK]>,
    /// What a code of 1 stands for. NaN where a block holds what is not finite, so that its products are NaN too.
    scales: Vec<f32>,
    /// What to add to a block's product with weights stored with an offset.
    corrections: Vec<i32>,
}

/// Eight weight rows: by block, `[16 pairs of columns, 8 rows, 2]`, in pieces of one vector.
#[derive(Debug)]
pub struct Panel {
    codes: Vec<[[i16; 8]; 32]>,
    scales: Vec<[f32; PANEL]>,
}

impl Activations {
    pub fn new(blocks: usize) -> Self {
        let (codes, scales, corrections) = (vec![[0; QUANT_BLOCK]; blocks], vec![0.0; blocks], vec![0; blocks]);
        Activations { codes, scales, corrections }
    }

    /// Rounds whole blocks, for products with weights of type `B`.
    pub fn fill<V: Vector, B: Block>(&mut self, x: &[f32], coarse: bool) {
        let largest_code = if coarse { B::COARSE } else { FINE };
        let outputs = self.codes.iter_mut().zip(&mut self.scales).zip(&mut self.corrections);
        for (x, ((codes, scale), correction)) in x.as_chunks::<QUANT_BLOCK>().0.iter().zip(outputs) {
            let rounded;
            (rounded, *scale) = round::<V>(x, largest_code);
            for (part, codes) in B::arrange::<V>(rounded).into_iter().zip(codes.as_chunks_mut::<8>().0) {
                V::store_i16(part, codes);
            }
            *correction = match B::OFFSET {
                0 => 0,
                offset => -offset * codes.iter().map(|&code| code as i32).sum::<i32>(),
            };
        }
    }
}

/// Rounds a block to integers of at most `largest_code`. Gives them and what a code of 1 stands for: NaN where the block
/// holds what is not finite, so that its products are NaN too.
#[inline(always)]
pub fn round<V: Vector>(x: &[f32; QUANT_BLOCK], largest_code: f32) -> ([V::I16; 4], f32) {
    let parts = x.as_chunks::<8>().0.iter().map(halves::<V>);
    let zero = V::splat(0.0);
    // 0 * x is 0 for every finite x, and NaN for the others.
    let (mut largest, mut poison) = (zero, zero);
    for [a, b] in parts.clone() {
        largest = largest.max(a.max(zero.sub(a))).max(b.max(zero.sub(b)));
        poison = poison.add(a.mul(zero)).add(b.mul(zero));
    }
    let largest = largest.lanes().into_iter().fold(0.0, f32::max);
    let scale = largest / largest_code + poison.sum();
    // Smaller blocks would need a factor beyond f32; at most 1e-30 is lost.
    let inverse = V::splat(if largest > 1e-30 { largest_code / largest } else { 0.0 });
    let mut rounded = [V::splat_pair(&[0, 0]); 4];
    for ([a, b], rounded) in parts.zip(&mut rounded) {
        *rounded = V::round_i16(a.mul(inverse), b.mul(inverse));
    }
    (rounded, scale)
}

/// One row of rounded activations.
#[derive(Clone, Copy)]
struct Row<'a> {
    codes: &'a [[i16; QUANT_BLOCK]],
    scales: &'a [f32],
    corrections: &'a [i32],
}

impl Activations {
    #[inline(always)]
    fn row(&self, i: usize, blocks: usize) -> Row<'_> {
        let range = i * blocks..(i + 1) * blocks;
        let Activations { codes, scales, corrections } = self;
        Row { codes: &codes[range.clone()], scales: &scales[range.clone()], corrections: &corrections[range] }
    }
}

impl Panel {
    pub fn new(blocks: usize) -> Self {
        Panel { codes: vec![[[0; 8]; 32]; blocks], scales: vec![[0.0; PANEL]; blocks] }
    }

    /// Reorders the eight weight rows from `first` on; beyond the last row, that row again.
    fn fill<V: Vector, B: Block>(&mut self, weight: &Matrix, first: usize) {
        for half in 0..2 {
            let rows: [&[B::Bytes]; 4] =
                std::array::from_fn(|r| B::blocks(weight.row((first + 4 * half + r).min(weight.rows - 1))));
            let blocks = rows[0].len();
            let rows = rows.map(|row| &row[..blocks]);
            for (b, (panel, scales)) in self.codes.iter_mut().zip(&mut self.scales).take(blocks).enumerate() {
                let codes = rows.map(|row| B::codes::<V>(&row[b]));
                for eight in 0..4 {
                    let pairs = V::transpose_pairs(codes.map(|codes| codes[eight]));
                    for (i, pair) in pairs.into_iter().enumerate() {
                        V::store_i16(pair, &mut panel[(eight * 4 + i) * 2 + half]);
                    }
                }
                V::gather_f16(rows.map(|row| B::scale(&row[b]))).store(&mut scales.as_chunks_mut::<4>().0[half]);
            }
        }
    }
}

/// How a block of 32 weights is stored.
pub trait Block {
    type Bytes;
    /// What its integers have been increased by.
    const OFFSET: i32;
    /// The largest code of activations rounded coarsely (see `bytes`).
    const COARSE: f32;
    /// Whether coarse activations are the signed bytes of a product, and weights those in 0..=127; else it is the other
    /// way round, and activations have 64 added.
    const SIGNED_ACTIVATIONS: bool;
    fn blocks(row: &[u8]) -> &[Self::Bytes];
    /// The block's binary16 scale.
    fn scale(block: &Self::Bytes) -> &[u8; 2];
    /// Its 32 integers, in the order that is quickest to decode.
    fn codes<V: Vector>(block: &Self::Bytes) -> [V::I16; 4];
    /// Its 32 integers as bytes, the first sixteen and the others.
    fn bytes<V: Vector>(block: &Self::Bytes) -> [V::I8; 2];
    /// Brings 32 activations into the order of `codes`.
    fn arrange<V: Vector>(x: [V::I16; 4]) -> [V::I16; 4];
}

pub struct Q8;
pub struct Q4;

impl Block for Q8 {
    type Bytes = [u8; 34];
    const OFFSET: i32 = 0;
    const COARSE: f32 = 63.0;
    const SIGNED_ACTIVATIONS: bool = false;
    #[inline(always)]
    fn blocks(row: &[u8]) -> &[[u8; 34]] {
        row.as_chunks().0
    }
    #[inline(always)]
    fn scale(block: &[u8; 34]) -> &[u8; 2] {
        &block.as_chunks::<2>().0[0]
    }
    #[inline(always)]
    fn codes<V: Vector>(block: &[u8; 34]) -> [V::I16; 4] {
        let codes = block[2..].as_chunks::<8>().0;
        [V::widen_i8(&codes[0]), V::widen_i8(&codes[1]), V::widen_i8(&codes[2]), V::widen_i8(&codes[3])]
    }
    #[inline(always)]
    fn bytes<V: Vector>(block: &[u8; 34]) -> [V::I8; 2] {
        let codes = block[2..].as_chunks::<16>().0;
        [V::load_i8(&codes[0]), V::load_i8(&codes[1])]
    }
    #[inline(always)]
    fn arrange<V: Vector>(x: [V::I16; 4]) -> [V::I16; 4] {
        x
    }
}

impl Block for Q4 {
    type Bytes = [u8; 18];
    const OFFSET: i32 = 8;
    const COARSE: f32 = 127.0;
    const SIGNED_ACTIVATIONS: bool = true;
    #[inline(always)]
    fn blocks(row: &[u8]) -> &[[u8; 18]] {
        row.as_chunks().0
    }
    #[inline(always)]
    fn scale(block: &[u8; 18]) -> &[u8; 2] {
        &block.as_chunks::<2>().0[0]
    }
    #[inline(always)]
    fn codes<V: Vector>(block: &[u8; 18]) -> [V::I16; 4] {
        V::widen_nibbles(&block[2..].as_chunks::<16>().0[0])
    }
    #[inline(always)]
    fn bytes<V: Vector>(block: &[u8; 18]) -> [V::I8; 2] {
        V::nibbles(&block[2..].as_chunks::<16>().0[0])
    }
    #[inline(always)]
    fn arrange<V: Vector>([a, b, c, d]: [V::I16; 4]) -> [V::I16; 4] {
        let ([a, b], [c, d]) = (V::unzip(a, b), V::unzip(c, d));
        [a, b, c, d]
    }
}

#[inline(never)] // Engines optimise very long functions badly.
pub fn run<V: Vector, B: Block>(activations: &Activations, n: usize, part: &Part<'_>, panel: &mut Panel) {
    let (weight, blocks) = (part.weight, part.weight.cols / QUANT_BLOCK);
    if n == 1 {
        let x = activations.row(0, blocks);
        return part.each_row::<V>(|rows| dot_rows::<V, B>(x, weight, rows));
    }
    for first in part.range.clone().step_by(PANEL) {
        panel.fill::<V, B>(weight, first);
        for tile in (0..n).step_by(TILE) {
            let row = |m| activations.row(tile + m, blocks);
            match n - tile {
                1 => panel_rows::<V, 1>([row(0)], panel, part, first, tile),
                2 => panel_rows::<V, 2>([row(0), row(1)], panel, part, first, tile),
                3 => panel_rows::<V, 3>([row(0), row(1), row(2)], panel, part, first, tile),
                _ => panel_rows::<V, TILE>([row(0), row(1), row(2), row(3)], panel, part, first, tile),
            }
        }
    }
}

/// Products of one activation row with four weight rows.
#[inline(always)]
fn dot_rows<V: Vector, B: Block>(x: Row<'_>, weight: &Matrix, rows: [usize; 4]) -> V {
    let rows = rows.map(|r| &B::blocks(weight.row(r))[..x.codes.len()]);
    let mut sum = V::splat(0.0);
    for (b, ((x, &scale), &correction)) in x.codes.iter().zip(x.scales).zip(x.corrections).enumerate() {
        let x: [V::I16; 4] = std::array::from_fn(|i| V::load_i16(&x.as_chunks::<8>().0[i]));
        let products = rows.map(|row| {
            let w = B::codes::<V>(&row[b]);
            let low = V::add_i32(V::dot(x[0], w[0]), V::dot(x[1], w[1]));
            V::add_i32(low, V::add_i32(V::dot(x[2], w[2]), V::dot(x[3], w[3])))
        });
        let scales = V::gather_f16(rows.map(|row| B::scale(&row[b]))).mul(V::splat(scale));
        let mut products = V::transpose_sum(products);
        if B::OFFSET != 0 {
            products = V::add_i32(products, V::splat_i32(correction));
        }
        sum = V::from_i32(products).madd(scales, sum);
    }
    sum
}

/// Products of M activation rows, the first of which is row `tile`, with a panel.
#[inline(always)]
fn panel_rows<V: Vector, const M: usize>(x: [Row<'_>; M], panel: &Panel, part: &Part<'_>, first: usize, tile: usize) {
    let blocks = x[0].codes.len();
    // Lengths that are seen to be equal are checked once.
    let x = x.map(|x| Row {
        codes: &x.codes[..blocks],
        scales: &x.scales[..blocks],
        corrections: &x.corrections[..blocks],
    });
    let mut sums = [[V::splat(0.0); 2]; M];
    let (codes, scales) = (&panel.codes[..blocks], &panel.scales[..blocks]);
    for b in 0..blocks {
        let (codes, scales) = (&codes[b], &scales[b]);
        let pairs = x.map(|x| x.codes[b].as_chunks::<2>().0);
        let mut products = x.map(|x| [V::splat_i32(x.corrections[b]); 2]);
        for (p, w) in codes.as_chunks::<2>().0.iter().enumerate() {
            let w = [V::load_i16(&w[0]), V::load_i16(&w[1])];
            for (pairs, products) in pairs.iter().zip(&mut products) {
                let x = V::splat_pair(&pairs[p]);
                products[0] = V::add_i32(V::dot(x, w[0]), products[0]);
                products[1] = V::add_i32(V::dot(x, w[1]), products[1]);
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
