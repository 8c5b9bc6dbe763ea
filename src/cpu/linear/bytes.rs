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

use super::block::{self, Block, Q8};
use super::integer::round;
use super::{PANEL, Part, STREAMS, TILE};
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

/// Eight weight rows as many rows of activations need them, by block.
#[derive(Debug)]
pub struct Panel {
    scales: Vec<[f32; PANEL]>,
    /// What each row's sum starts with.
    starts: Vec<[i32; PANEL]>,
    /// `[8 fours of columns, 8 rows, 4]`, for types that are stored otherwise.
    codes: Vec<[[u8; 16]; 16]>,
}

/// The sums of the codes of blocks of 32 columns, by panel and block.
pub type Sums = Vec<[i16; PANEL]>;

/// The sums of all blocks of a `Q8_0` matrix: what activations that were moved up take back.
pub fn sums<V: Vector>(weight: &Matrix) -> Sums {
    let (ones, mut memory, mut all) = (V::splat_four(&[1; 4]), Vec::new(), Vec::new());
    for p in 0..weight.rows.div_ceil(PANEL) {
        for panel in block::panel::<Q8>(weight, p, &mut memory) {
            let mut sums = [V::splat_i32(0); 2];
            for i in 0..4 {
                for (_, w) in Q8::fours::<V>(panel, i) {
                    sums = [V::dot_bytes(w[0], ones, sums[0]), V::dot_bytes(w[1], ones, sums[1])];
                }
            }
            let mut lanes = [0; PANEL];
            for (sums, lanes) in sums.into_iter().zip(lanes.as_chunks_mut::<4>().0) {
                V::store_i32(sums, lanes);
            }
            all.push(lanes.map(|sum| sum as i16));
        }
    }
    all
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
    /// For up to `blocks` blocks.
    pub fn new(blocks: usize) -> Self {
        let (scales, starts) = (vec![[0.0; PANEL]; blocks], vec![[0; PANEL]; blocks]);
        Panel { scales, starts, codes: vec![[[0; 16]; 16]; blocks] }
    }

    fn fill<V: Vector, B: Block>(&mut self, panel: &[B::Panel], sums: &[[i16; PANEL]]) {
        for (sums, out) in sums.iter().zip(&mut self.starts) {
            *out = sums.map(|sum| -MOVE * i32::from(sum));
        }
        for ((panel, scales), codes) in panel.iter().zip(&mut self.scales).zip(&mut self.codes) {
            let [low, high] = block::scales::<V, B>(panel);
            let scales = scales.as_chunks_mut::<4>().0;
            low.store(&mut scales[0]);
            high.store(&mut scales[1]);
            if B::PACKED {
                for i in 0..4 {
                    for (four, [low, high]) in B::fours::<V>(panel, i) {
                        V::store_i8(low, &mut codes[2 * four]);
                        V::store_i8(high, &mut codes[2 * four + 1]);
                    }
                }
            }
        }
    }
}

/// A matrix and, if it is `Q8_0`, its [`sums`].
#[derive(Clone, Copy)]
pub struct Summed<'a> {
    pub part: &'a Part<'a>,
    pub sums: &'a [[i16; PANEL]],
}

impl<'a> Summed<'a> {
    /// Those of panel `p`; none where products need none.
    #[inline(always)]
    fn of<B: Block>(&self, p: usize) -> &'a [[i16; PANEL]] {
        let blocks = self.part.weight.cols / QUANT_BLOCK;
        if B::SIGNED_ACTIVATIONS { &[] } else { &self.sums[p * blocks..(p + 1) * blocks] }
    }
}

pub fn run<V: Vector, B: Block>(
    activations: &Activations,
    n: usize,
    weight: Summed<'_>,
    memory: (&mut Panel, &mut Vec<u8>),
    dots: Dots,
) {
    match (n, dots) {
        (1, Dots::Fours) => one_row::<V, B, false>(activations, weight, memory.1),
        (1, Dots::Pairs) => one_row::<V, B, true>(activations, weight, memory.1),
        (_, Dots::Fours) => panels::<V, B, false>(activations, n, weight, memory),
        (_, Dots::Pairs) => panels::<V, B, true>(activations, n, weight, memory),
    }
}

#[inline(never)] // Engines optimise very long functions badly.
fn panels<V: Vector, B: Block, const PAIRS: bool>(
    activations: &Activations,
    n: usize,
    weight: Summed<'_>,
    (known, memory): (&mut Panel, &mut Vec<u8>),
) {
    let part = weight.part;
    let blocks = part.weight.cols / QUANT_BLOCK;
    for p in part.panels() {
        let panel = block::panel::<B>(part.weight, p, memory);
        known.fill::<V, B>(panel, weight.of::<B>(p));
        for (tile, x) in activations.tiles.chunks_exact(blocks).take(n.div_ceil(TILE)).enumerate() {
            let mut out = [[V::splat(0.0); 2]; TILE];
            for (b, (x, (panel, scales))) in x.iter().zip(panel.iter().zip(&known.scales)).enumerate() {
                let start = known.starts[b].as_chunks::<4>().0;
                let start = [V::load_i32(&start[0]), V::load_i32(&start[1])];
                let products = match B::PACKED {
                    true => multiply::<V, B, PAIRS, TILE>(x, start, |i| unpacked::<V>(&known.codes[b], i)),
                    false => multiply::<V, B, PAIRS, TILE>(x, start, |i| B::fours::<V>(panel, i)),
                };
                add(products, x, halves(scales), &mut out);
            }
            for (m, out) in out.iter().enumerate().take(n - tile * TILE) {
                part.finish(out, tile * TILE + m, p);
            }
        }
    }
}

#[inline(always)]
fn unpacked<V: Vector>(codes: &[[u8; 16]; 16], i: usize) -> [(usize, [V::I8; 2]); 2] {
    [2 * i, 2 * i + 1].map(|four| (four, [V::load_i8(&codes[2 * four]), V::load_i8(&codes[2 * four + 1])]))
}

#[inline(never)]
fn one_row<V: Vector, B: Block, const PAIRS: bool>(
    activations: &Activations,
    weight: Summed<'_>,
    memory: &mut Vec<u8>,
) {
    let x = &activations.tiles[..weight.part.weight.cols / QUANT_BLOCK];
    weight.part.streams::<V, B>(
        memory,
        |panels, p| dot::<V, B, PAIRS, STREAMS>(x, panels, p.map(|p| weight.of::<B>(p))),
        |panel, p| dot::<V, B, PAIRS, 1>(x, [panel], [weight.of::<B>(p)])[0],
    );
}

/// Products of the first activation row with S panels, at most 8.
#[inline(always)]
fn dot<V: Vector, B: Block, const PAIRS: bool, const S: usize>(
    x: &[Block4],
    panels: [&[B::Panel]; S],
    sums: [&[[i16; PANEL]]; S],
) -> [[V; 2]; S] {
    // Lengths that are seen to be equal are checked once.
    let panels = panels.map(|panel| &panel[..x.len()]);
    let mut out = [[[V::splat(0.0); 2]]; S];
    for (b, x) in x.iter().enumerate() {
        let mut step = |s: usize| {
            if s < S {
                let panel = &panels[s][b];
                let products = multiply::<V, B, PAIRS, 1>(x, starts::<V, B>(sums[s], b), |i| B::fours::<V>(panel, i));
                add(products, x, block::scales::<V, B>(panel), &mut out[s]);
            }
        };
        // Not a loop: processors tell streams apart by the instructions that read them (1.2 times as fast).
        step(0);
        step(1);
        step(2);
        step(3);
        step(4);
        step(5);
        step(6);
        step(7);
    }
    out.map(|[out]| out)
}

/// What the products of block `b` start with, so that moved activations come out as if they were not.
#[inline(always)]
fn starts<V: Vector, B: Block>(sums: &[[i16; PANEL]], b: usize) -> [V::I32; 2] {
    if B::SIGNED_ACTIVATIONS {
        return [V::splat_i32(0); 2];
    }
    let [low, high] = V::widen_i16(&sums[b]);
    [V::mul_i32(low, -MOVE), V::mul_i32(high, -MOVE)]
}

#[inline(always)]
fn add<V: Vector, const M: usize>(products: [[V::I32; 2]; M], x: &Block4, scales: [V; 2], out: &mut [[V; 2]; M]) {
    for ((out, products), x_scale) in out.iter_mut().zip(products).zip(x.scales) {
        let x_scale = V::splat(x_scale);
        out[0] = V::from_i32(products[0]).madd(scales[0].mul(x_scale), out[0]);
        out[1] = V::from_i32(products[1]).madd(scales[1].mul(x_scale), out[1]);
    }
}

/// Products of a block of the first M activation rows with a panel's, whose fours of columns `w` gives.
#[inline(always)]
fn multiply<V: Vector, B: Block, const PAIRS: bool, const M: usize>(
    x: &Block4,
    starts: [V::I32; 2],
    w: impl Fn(usize) -> [(usize, [V::I8; 2]); 2],
) -> [[V::I32; 2]; M] {
    let ones = V::splat_pair(&[1, 1]);
    let mut products: [[V::I32; 2]; M] = std::array::from_fn(|m| match B::SIGNED_ACTIVATIONS {
        true => [V::splat_i32(x.corrections[m]); 2],
        false => starts,
    });
    let fours = |four: usize| x.codes[four].as_chunks::<4>().0;
    if B::SIGNED_ACTIVATIONS && PAIRS {
        let mut pairs = [[V::splat_pair(&[0, 0]); 2]; M];
        for i in 0..4 {
            for (four, w) in w(i) {
                for (x, pairs) in fours(four).iter().zip(&mut pairs) {
                    let x = V::splat_four(x);
                    pairs[0] = V::add_i16(pairs[0], V::dot_byte_pairs(x, w[0]));
                    pairs[1] = V::add_i16(pairs[1], V::dot_byte_pairs(x, w[1]));
                }
            }
        }
        for (products, pairs) in products.iter_mut().zip(pairs) {
            products[0] = V::add_i32(products[0], V::dot(pairs[0], ones));
            products[1] = V::add_i32(products[1], V::dot(pairs[1], ones));
        }
    } else {
        for i in 0..4 {
            for (four, w) in w(i) {
                for (x, products) in fours(four).iter().zip(&mut products) {
                    let x = V::splat_four(x);
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
    }
    products
}
