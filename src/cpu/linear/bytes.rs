//! Products of quantised weights with coarsely rounded activations, in bytes.
//!
//! One relaxed dot instruction multiplies four rows' four signed bytes by four bytes in 0..=127 (WebAssembly relaxed
//! SIMD, `i32x4.relaxed_dot_i8x16_i7x16_add_s`; for larger ones processors differ). With `Q8_0` the weights are the
//! signed side and activations are rounded to -63..=63 and moved up by 64, which is taken back by the sum of each
//! weight block; with `Q4_0` the weights' stored 0..=15 are the other side and activations are rounded to -127..=127.
//! Each block's product is exact: the same numbers that `integer` gets from the same rounding.
//!
//! Where the processor multiplies no fours at once, the same is done by pairs (`i16x8.relaxed_dot_i8x16_i7x16_s`): those of
//! `Q8_0` just fit 16 bits (2 * 128 * 127), of `Q4_0` all eight of a lane in a block do (16 * 15 * 127).

use super::integer::{Block, round};
use super::{PANEL, Part, TILE};
use crate::cpu::tile::halves;
use crate::cpu::vector::{Dots, Vector};
use crate::tensor::QUANT_BLOCK;
use crate::weights::Matrix;

/// What `Q8_0`'s activations are moved up by.
const MOVE: i32 = 64;

/// Rounded activations, by tile of four rows and block: all that a step of the inner loop reads is in one place.
#[derive(Debug)]
pub struct Activations {
    tiles: Vec<Block4>,
}

/// A block of four rows.
#[derive(Clone, Debug)]
struct Block4 {
    /// `[8 fours of columns, 4 rows, 4]`.
    codes: [[u8; 16]; 8],
    /// What a code of 1 stands for; NaN where a block holds what is not finite.
    scales: [f32; TILE],
    /// What to add to a block's product with weights stored with an offset.
    corrections: [i32; TILE],
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
    /// For up to `n` rows of up to `blocks` blocks.
    pub fn new(n: usize, blocks: usize) -> Self {
        let zero = Block4 { codes: [[0; 16]; 8], scales: [0.0; TILE], corrections: [0; TILE] };
        Activations { tiles: vec![zero; n.div_ceil(TILE) * blocks] }
    }

    /// Rounds rows of `cols` elements, whole blocks, for products with weights of type `B`. The rows that are missing in
    /// the last tile keep what they were.
    pub fn fill<V: Vector, B: Block>(&mut self, x: &[f32], cols: usize) {
        let blocks = cols / QUANT_BLOCK;
        for (i, x) in x.chunks_exact(cols).enumerate() {
            let (tile, row) = (i / TILE, i % TILE);
            let tiles = &mut self.tiles[tile * blocks..(tile + 1) * blocks];
            for (x, tile) in x.as_chunks::<QUANT_BLOCK>().0.iter().zip(tiles) {
                let ([a, b, c, d], scale) = round::<V>(x, B::COARSE);
                tile.scales[row] = scale;
                let mut codes = [0; QUANT_BLOCK];
                let halves = codes.as_chunks_mut::<16>().0;
                V::store_i8(V::low_bytes(a, b), &mut halves[0]);
                V::store_i8(V::low_bytes(c, d), &mut halves[1]);
                if B::SIGNED_ACTIVATIONS {
                    let sums = [a, b, c, d].map(|codes| V::dot(codes, V::splat_pair(&[1, 1])));
                    let mut lanes = [0; 4];
                    V::store_i32(V::transpose_sum(sums), &mut lanes);
                    tile.corrections[row] = -B::OFFSET * lanes.iter().sum::<i32>();
                } else {
                    codes = codes.map(|code| code.wrapping_add(MOVE as u8));
                }
                for (four, out) in codes.as_chunks::<4>().0.iter().zip(&mut tile.codes) {
                    out.as_chunks_mut::<4>().0[row] = *four;
                }
            }
        }
    }
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

pub fn run<V: Vector, B: Block>(activations: &Activations, n: usize, part: &Part<'_>, panel: &mut Panel, dots: Dots) {
    match dots {
        Dots::Fours => panels::<V, B, false>(activations, n, part, panel),
        Dots::Pairs => panels::<V, B, true>(activations, n, part, panel),
    }
}

#[inline(never)] // Engines optimise very long functions badly.
fn panels<V: Vector, B: Block, const PAIRS: bool>(
    activations: &Activations,
    n: usize,
    part: &Part<'_>,
    panel: &mut Panel,
) {
    let blocks = part.weight.cols / QUANT_BLOCK;
    for first in part.range.clone().step_by(PANEL) {
        panel.fill::<V, B>(part.weight, first);
        for (tile, x) in activations.tiles.chunks_exact(blocks).take(n.div_ceil(TILE)).enumerate() {
            let sums = multiply::<V, B, PAIRS>(x, panel);
            for (m, sums) in sums.iter().enumerate().take(n - tile * TILE) {
                part.finish(sums, tile * TILE + m, first);
            }
        }
    }
}

/// Products of four activation rows with a panel.
#[inline(always)]
fn multiply<V: Vector, B: Block, const PAIRS: bool>(x: &[Block4], panel: &Panel) -> [[V; 2]; TILE] {
    let ones = V::splat_pair(&[1, 1]);
    let mut sums = [[V::splat(0.0); 2]; TILE];
    let panels = panel.codes.iter().zip(&panel.scales).zip(&panel.starts);
    for (x, ((codes, scales), starts)) in x.iter().zip(panels) {
        let starts = starts.as_chunks::<4>().0;
        let starts = [V::load_i32(&starts[0]), V::load_i32(&starts[1])];
        let mut products = x.corrections.map(|c| if B::SIGNED_ACTIVATIONS { [V::splat_i32(c); 2] } else { starts });
        if B::SIGNED_ACTIVATIONS && PAIRS {
            let mut pairs = [[V::splat_pair(&[0, 0]); 2]; TILE];
            for (fours, w) in x.codes.iter().zip(codes.as_chunks::<2>().0) {
                let w = [V::load_i8(&w[0]), V::load_i8(&w[1])];
                for (four, pairs) in fours.as_chunks::<4>().0.iter().zip(&mut pairs) {
                    let x = V::splat_four(four);
                    pairs[0] = V::add_i16(pairs[0], V::dot_byte_pairs(x, w[0]));
                    pairs[1] = V::add_i16(pairs[1], V::dot_byte_pairs(x, w[1]));
                }
            }
            for (products, pairs) in products.iter_mut().zip(pairs) {
                products[0] = V::add_i32(products[0], V::dot(pairs[0], ones));
                products[1] = V::add_i32(products[1], V::dot(pairs[1], ones));
            }
        } else {
            for (fours, w) in x.codes.iter().zip(codes.as_chunks::<2>().0) {
                let w = [V::load_i8(&w[0]), V::load_i8(&w[1])];
                for (four, products) in fours.as_chunks::<4>().0.iter().zip(&mut products) {
                    let x = V::splat_four(four);
                    for (w, product) in w.into_iter().zip(products) {
                        *product = match (B::SIGNED_ACTIVATIONS, PAIRS) {
                            (true, _) => V::dot_bytes(x, w, *product),
                            (false, false) => V::dot_bytes(w, x, *product),
                            (false, true) => V::add_i32(*product, V::dot(V::dot_byte_pairs(w, x), ones)),
                        };
                    }
                }
            }
        }
        let scales: [V; 2] = halves(scales);
        for ((sums, products), x_scale) in sums.iter_mut().zip(products).zip(x.scales) {
            let x_scale = V::splat(x_scale);
            sums[0] = V::from_i32(products[0]).madd(scales[0].mul(x_scale), sums[0]);
            sums[1] = V::from_i32(products[1]).madd(scales[1].mul(x_scale), sums[1]);
        }
    }
    sums
}
