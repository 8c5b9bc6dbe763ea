//! Products with quantised weights, in 16-bit integers.
//!
//! Activations are rounded with one scale per block of 32, finely to 16 bits: the finest rounding whose products with
//! 8-bit weights the 16-bit multiply-and-add of pairs takes, and 32 of them sum to less than 2^31 (32 * 128 * 32767). So
//! the product of 32 columns is exact; only the rounding of the activations (1/65534 of the block's largest) and the f32
//! sum over blocks are not.

use super::block::Block;
use super::part::{STREAMS, TILE, panel};
use super::{Part, ROUNDED};
use crate::cpu::simd::tile::halves;
use crate::cpu::simd::{Vector, largest_lane};

/// The largest code of fine rounding.
const FINE: f32 = 32767.0;

/// Rounded activations, by row and block.
#[derive(Debug)]
pub struct Activations {
    codes: Vec<[i16; ROUNDED]>,
    /// What a code of 1 stands for. NaN where a block holds what is not finite, so that its products are NaN too.
    scales: Vec<f32>,
    /// By group: what to add to a block's product with weights that have an offset, or to multiply by their minimum.
    corrections: Vec<[i32; 2]>,
}

/// What the sum of some activations' codes is needed for: the product with what the weights' codes have been increased by, to be taken
/// back, or with their minimum.
#[inline(always)]
pub fn correction<B: Block>(offset: i32, sum: i32) -> i32 {
    if B::MINIMA { sum } else { -offset * sum }
}

impl Activations {
    /// For up to `blocks` blocks of 32.
    pub fn new(blocks: usize) -> Self {
        let (codes, scales, corrections) = (vec![[0; ROUNDED]; blocks], vec![0.0; blocks], vec![[0; 2]; blocks]);
        Activations { codes, scales, corrections }
    }

    /// Rounds whole blocks, for products with weights of type `B`.
    pub fn fill<V: Vector, B: Block>(&mut self, x: &[f32], coarse: bool) {
        let largest_code = if coarse { B::COARSE } else { FINE };
        let outputs = self.codes.iter_mut().zip(&mut self.scales).zip(&mut self.corrections);
        for (x, ((codes, scale), correction)) in x.as_chunks::<ROUNDED>().0.iter().zip(outputs) {
            let rounded;
            (rounded, *scale) = round::<V>(x, largest_code);
            for (part, codes) in B::arrange::<V>(rounded).into_iter().zip(codes.as_chunks_mut::<8>().0) {
                V::store_i16(part, codes);
            }
            if B::OFFSET != 0 || B::MINIMA {
                for (codes, group) in codes.chunks_exact(ROUNDED / B::GROUPS).zip(correction) {
                    *group = self::correction::<B>(B::OFFSET, codes.iter().map(|&code| i32::from(code)).sum());
                }
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

/// Rounds a block to integers of at most `largest_code`. Gives them and what a code of 1 stands for: NaN where the block
/// holds what is not finite, so that its products are NaN too.
#[inline(always)]
pub fn round<V: Vector>(x: &[f32; ROUNDED], largest_code: f32) -> ([V::I16; 4], f32) {
    let parts = x.as_chunks::<8>().0.iter().map(halves::<V>);
    let zero = V::splat(0.0);
    // 0 * x is 0 for every finite x, and NaN for the others.
    let (mut largest, mut poison) = (zero, zero);
    for [a, b] in parts.clone() {
        largest = largest.max(a.max(zero.sub(a))).max(b.max(zero.sub(b)));
        poison = poison.add(a.mul(zero)).add(b.mul(zero));
    }
    let largest = largest_lane(largest);
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
    codes: &'a [[i16; ROUNDED]],
    scales: &'a [f32],
    corrections: &'a [[i32; 2]],
}

/// Products of `n` rows of activations with the rows of a part.
#[inline(never)] // Engines optimise very long functions badly.
pub fn run<V: Vector, B: Block>(activations: &Activations, n: usize, part: &Part<'_>, memory: &mut Vec<u8>) {
    let blocks = part.weight.cols / ROUNDED;
    if n == 1 {
        let x = activations.row(0, blocks);
        return part.streams::<V, B>(
            memory,
            |panels, unit| multiply::<V, B, 1, STREAMS>([x], panels, unit).map(|[sums]| sums),
            |panel, unit| multiply::<V, B, 1, 1>([x], [panel], unit)[0][0],
        );
    }
    for p in part.panels() {
        let (panel, unit) = panel::<B>(part, p, memory);
        for tile in (0..n).step_by(TILE) {
            // Beyond the last row, that row again.
            let x = std::array::from_fn(|m| activations.row((tile + m).min(n - 1), blocks));
            let [sums] = multiply::<V, B, TILE, 1>(x, [panel], unit);
            for (m, sums) in sums.iter().enumerate().take(n - tile) {
                part.finish(sums, tile + m, p);
            }
        }
    }
}

/// Products of M activation rows with S panels of the same `unit`.
#[inline(always)]
fn multiply<V: Vector, B: Block, const M: usize, const S: usize>(
    x: [Row<'_>; M],
    panels: [&[B::Panel]; S],
    unit: f32,
) -> [[[V; 2]; M]; S] {
    let blocks = panels[0].len() * B::PARTS;
    // Lengths that are seen to be equal are checked once.
    let panels = panels.map(|panel| &panel[..blocks / B::PARTS]);
    let x = x.map(|x| Row {
        codes: &x.codes[..blocks],
        scales: &x.scales[..blocks],
        corrections: &x.corrections[..blocks],
    });
    let mut sums = [[[V::splat(0.0); 2]; M]; S];
    for b in 0..blocks {
        let part = b % B::PARTS;
        for (sums, panel) in sums.iter_mut().zip(panels) {
            let panel = &panel[b / B::PARTS];
            for group in 0..B::GROUPS {
                let scales = B::scales::<V>(panel, part, group);
                for half in 0..2 {
                    let products = B::dot::<V, M>(x.map(|x| &x.codes[b]), panel, part, group, half);
                    for ((sums, product), x) in sums.iter_mut().zip(products).zip(x) {
                        let product = match B::OFFSET {
                            0 => product,
                            _ => V::add_i32(product, V::splat_i32(x.corrections[b][group])),
                        };
                        let scale = scales[half].mul(V::splat(x.scales[b] * unit));
                        sums[half] = V::from_i32(product).madd(scale, sums[half]);
                    }
                }
                if B::MINIMA {
                    let minima = B::minima::<V>(panel, part, group);
                    for (sums, x) in sums.iter_mut().zip(x) {
                        let sum = V::from_i32(V::splat_i32(x.corrections[b][group]));
                        for half in 0..2 {
                            sums[half] = sum.madd(minima[half].mul(V::splat(x.scales[b] * unit)), sums[half]);
                        }
                    }
                }
            }
        }
    }
    sums
}
