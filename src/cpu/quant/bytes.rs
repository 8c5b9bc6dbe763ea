//! Products of quantised weights with coarsely rounded activations, in bytes.
//!
//! One relaxed dot instruction multiplies four rows' four signed bytes by four bytes (WebAssembly relaxed SIMD,
//! `i32x4.relaxed_dot_i8x16_i7x16_add_s`). The second ones are meant to be in 0..=127: whether their highest bit is a sign or
//! counts 128 is the engine's choice, once and for all, and found out by trying ([`Dots`]). Activations are the first side,
//! rounded to -63..=63 for `Q8_0` and to -127..=127 for `Q4_0`; weights are the second. Those of `Q4_0` are stored as 0..=15,
//! the same for every engine; those of `Q8_0` as the engine takes them, signed or with 128 added ([`Codes`]). What was added
//! is taken back by the sums of the activations, which are known before any weight is read. Each block's product is exact: the
//! same numbers that `integer` gets from the same rounding.
//!
//! Where the processor multiplies no fours at once, the same is done by pairs (`i16x8.relaxed_dot_i8x16_i7x16_s`). Those of
//! `Q8_0` fit 16 bits (2 * 255 * 63), and so do two of them less what was added (4 * 128 * 63), whatever carries between
//! are lost; of `Q4_0` all eight of a lane in a block do (16 * 15 * 127).

use super::block::{Block, group_fours};
use super::integer::{correction, round};
use super::part::{STREAMS, TILE, panel};
use super::{PANEL, Part, ROUNDED};
use crate::cpu::simd::tile::halves;
use crate::cpu::simd::{Dots, Vector};
use crate::weights::Codes;

/// Rounded activations, by tile of rows and block: all that a step of the inner loop reads is in one place.
#[derive(Debug)]
pub struct Activations {
    tiles: Vec<Rounded<TILE>>,
    /// A batch of one row, for itself: every thread fetches it from the one that rounded it, for each section.
    row: Vec<Rounded<1>>,
}

/// A block of M rows.
#[derive(Clone, Debug)]
struct Rounded<const M: usize> {
    /// `[8 fours of columns, M rows, 4]`.
    codes: [[[u8; 4]; M]; 8],
    /// What a code of 1 stands for; NaN where a block holds what is not finite.
    scales: [f32; M],
    /// By group: what to add to a block's product, for what was added to the weights' codes, or to multiply by their minimum.
    corrections: [[i32; M]; 2],
    /// The same by pair of columns, of two fours together: `[4 two fours, M rows, 2 pairs]`, negated.
    excess: [[[i16; 2]; M]; 4],
    /// What was added to the weights' codes.
    offset: i32,
}

/// Eight weight rows as many rows of activations need them, by 32 columns.
#[derive(Debug)]
pub struct Unpacked {
    /// By groups.
    scales: Vec<[f32; PANEL]>,
    minima: Vec<[f32; PANEL]>,
    /// `[8 fours of columns, 8 rows, 4]`, for types that are stored otherwise.
    codes: Vec<[[u8; 16]; 16]>,
}

impl Dots {
    /// As what weights are to be stored.
    pub fn codes(self) -> Codes {
        match self {
            Dots::Signed => Codes::Signed,
            Dots::Unsigned | Dots::UnsignedPairs => Codes::Unsigned,
        }
    }
}

/// What the codes of `B` have been increased by, stored as products by `dots` need them.
fn offset<B: Block>(dots: Dots) -> i32 {
    match dots.codes() {
        Codes::Unsigned if !B::PACKED => 128,
        _ => B::OFFSET,
    }
}

impl Activations {
    /// For up to `n` rows of up to `blocks` blocks.
    pub fn new(n: usize, blocks: usize) -> Self {
        Activations { tiles: vec![Rounded::ZERO; n.div_ceil(TILE) * blocks], row: vec![Rounded::ZERO; blocks] }
    }

    /// Rounds rows of `cols` elements, whole blocks, for products with weights of type `B`. The rows that are missing in
    /// the last tile keep what they were.
    pub fn fill<V: Vector, B: Block>(&mut self, x: &[f32], cols: usize, dots: Dots) {
        let (blocks, offset) = (cols / ROUNDED, offset::<B>(dots));
        if x.len() == cols {
            return fill::<V, B, 1>(x, offset, 0, &mut self.row);
        }
        for (i, x) in x.chunks_exact(cols).enumerate() {
            fill::<V, B, TILE>(x, offset, i % TILE, &mut self.tiles[i / TILE * blocks..]);
        }
    }
}

impl<const M: usize> Rounded<M> {
    const ZERO: Self = Rounded {
        codes: [[[0; 4]; M]; 8],
        scales: [0.0; M],
        corrections: [[0; M]; 2],
        excess: [[[0; 2]; M]; 4],
        offset: 0,
    };
}

/// Rounds one row, row `row` of `tile`, for weights whose codes have been increased by `offset`.
#[inline(never)] // Engines optimise very long functions badly.
fn fill<V: Vector, B: Block, const M: usize>(x: &[f32], offset: i32, row: usize, tile: &mut [Rounded<M>]) {
    for (x, block) in x.as_chunks::<ROUNDED>().0.iter().zip(tile) {
        let (rounded, scale) = round::<V>(x, B::COARSE);
        block.scales[row] = scale;
        block.offset = offset;
        block.corrections.iter_mut().for_each(|group| group[row] = 0);
        for (i, (codes, excess)) in rounded.into_iter().zip(&mut block.excess).enumerate() {
            let mut pairs = [0; 4];
            V::store_i32(V::dot(codes, V::splat_pair(&[1, 1])), &mut pairs);
            let sums = [pairs[0] + pairs[2], pairs[1] + pairs[3]];
            block.corrections[i * B::GROUPS / 4][row] += correction::<B>(offset, sums[0] + sums[1]);
            excess[row] = sums.map(|sum| (offset * sum) as i16);
        }
        let [a, b, c, d] = rounded;
        let mut codes = [0; ROUNDED];
        let halves = codes.as_chunks_mut::<16>().0;
        V::store_i8(V::low_bytes(a, b), &mut halves[0]);
        V::store_i8(V::low_bytes(c, d), &mut halves[1]);
        for (four, out) in codes.as_chunks::<4>().0.iter().zip(&mut block.codes) {
            out[row] = *four;
        }
    }
}

impl Unpacked {
    /// For up to `blocks` blocks of 32 columns.
    pub fn new(blocks: usize) -> Self {
        let rows = |n| vec![[0.0; PANEL]; n];
        Unpacked { scales: rows(2 * blocks), minima: rows(2 * blocks), codes: vec![[[0; 16]; 16]; blocks] }
    }

    fn fill<V: Vector, B: Block>(&mut self, (panel, unit): (&[B::Panel], f32)) {
        let unit = V::splat(unit);
        let store = |[low, high]: [V; 2], out: &mut [f32; PANEL]| {
            let out = out.as_chunks_mut::<4>().0;
            low.mul(unit).store(&mut out[0]);
            high.mul(unit).store(&mut out[1]);
        };
        let parts = panel.iter().flat_map(|panel| (0..B::PARTS).map(move |part| (panel, part)));
        let factors = self.scales.chunks_exact_mut(B::GROUPS).zip(self.minima.chunks_exact_mut(B::GROUPS));
        for (((panel, part), (scales, minima)), codes) in parts.zip(factors).zip(&mut self.codes) {
            for (group, (scales, minima)) in scales.iter_mut().zip(minima).enumerate() {
                store(B::scales::<V>(panel, part, group), scales);
                if B::MINIMA {
                    store(B::minima::<V>(panel, part, group), minima);
                }
            }
            if B::PACKED {
                for i in 0..4 {
                    for (four, [low, high]) in B::fours::<V>(panel, part, i) {
                        V::store_i8(low, &mut codes[2 * four]);
                        V::store_i8(high, &mut codes[2 * four + 1]);
                    }
                }
            }
        }
    }
}

/// Products of `n` rows of activations with the rows of a part.
pub fn run<V: Vector, B: Block>(
    activations: &Activations,
    n: usize,
    part: &Part<'_>,
    memory: (&mut Unpacked, &mut Vec<u8>),
    dots: Dots,
) {
    match (n, dots) {
        (1, Dots::UnsignedPairs) => one_row::<V, B, true>(activations, part, memory.1),
        (1, _) => one_row::<V, B, false>(activations, part, memory.1),
        (_, Dots::UnsignedPairs) => panels::<V, B, true>(activations, n, part, memory),
        (_, _) => panels::<V, B, false>(activations, n, part, memory),
    }
}

#[inline(never)] // Engines optimise very long functions badly.
fn panels<V: Vector, B: Block, const PAIRS: bool>(
    activations: &Activations,
    n: usize,
    part: &Part<'_>,
    (known, memory): (&mut Unpacked, &mut Vec<u8>),
) {
    let blocks = part.weight.cols / ROUNDED;
    for p in part.panels() {
        let (panel, unit) = panel::<B>(part, p, memory);
        known.fill::<V, B>((panel, unit));
        for (tile, x) in activations.tiles.chunks_exact(blocks).take(n.div_ceil(TILE)).enumerate() {
            let mut out = [[V::splat(0.0); 2]; TILE];
            let (scales, codes) = (&known.scales[..blocks * B::GROUPS], &known.codes[..blocks]);
            for (b, x) in x.iter().enumerate() {
                for group in 0..B::GROUPS {
                    let scales = &scales[b * B::GROUPS + group];
                    let products = match B::PACKED {
                        true => multiply::<V, B, PAIRS, _>(x, group, |i| unpacked::<V>(&codes[b], i)),
                        false => multiply::<V, B, PAIRS, _>(x, group, |i| {
                            B::fours::<V>(&panel[b / B::PARTS], b % B::PARTS, i)
                        }),
                    };
                    add(products, &x.scales, halves(scales), &mut out);
                    if B::MINIMA {
                        let minima = &known.minima[b * B::GROUPS + group];
                        add(sums::<V, TILE>(x, group), &x.scales, halves(minima), &mut out);
                    }
                }
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
fn one_row<V: Vector, B: Block, const PAIRS: bool>(activations: &Activations, part: &Part<'_>, memory: &mut Vec<u8>) {
    let x = &activations.row[..part.weight.cols / ROUNDED];
    part.streams::<V, B>(
        memory,
        |panels, unit| dot::<V, B, PAIRS, STREAMS>(x, panels, unit),
        |panel, unit| dot::<V, B, PAIRS, 1>(x, [panel], unit)[0],
    );
}

/// Products of an activation row with S panels, at most 4, of the same `unit`.
#[inline(always)]
fn dot<V: Vector, B: Block, const PAIRS: bool, const S: usize>(
    x: &[Rounded<1>],
    panels: [&[B::Panel]; S],
    unit: f32,
) -> [[V; 2]; S] {
    // Lengths that are seen to be equal are checked once.
    let panels = panels.map(|panel| &panel[..x.len() / B::PARTS]);
    let mut out = [[[V::splat(0.0); 2]]; S];
    for (b, x) in x.chunks_exact(B::PARTS).enumerate() {
        for (part, x) in x.iter().enumerate() {
            let x_scale = [x.scales[0] * unit];
            // Not a loop: processors tell streams apart by the instructions that read them (1.2 times as fast).
            dot_part::<V, B, PAIRS, S>(0, &panels, (b, part), x, &x_scale, &mut out);
            dot_part::<V, B, PAIRS, S>(1, &panels, (b, part), x, &x_scale, &mut out);
            dot_part::<V, B, PAIRS, S>(2, &panels, (b, part), x, &x_scale, &mut out);
            dot_part::<V, B, PAIRS, S>(3, &panels, (b, part), x, &x_scale, &mut out);
        }
    }
    std::array::from_fn(|s| out[s][0])
}

/// Adds the products of part `at.1` of block `at.0` of panel `s`, where there is one. A function, since closures are not always inlined.
#[inline(always)]
fn dot_part<V: Vector, B: Block, const PAIRS: bool, const S: usize>(
    s: usize,
    panels: &[&[B::Panel]; S],
    at: (usize, usize),
    x: &Rounded<1>,
    x_scale: &[f32; 1],
    out: &mut [[[V; 2]; 1]; S],
) {
    if s < S {
        let panel = &panels[s][at.0];
        for group in 0..B::GROUPS {
            let products = multiply::<V, B, PAIRS, _>(x, group, |i| B::fours::<V>(panel, at.1, i));
            add(products, x_scale, B::scales(panel, at.1, group), &mut out[s]);
            if B::MINIMA {
                add(sums::<V, 1>(x, group), x_scale, B::minima(panel, at.1, group), &mut out[s]);
            }
        }
    }
}

/// The sums of a group's activations' codes, which minima are multiplied by.
#[inline(always)]
fn sums<V: Vector, const M: usize>(x: &Rounded<M>, group: usize) -> [[V::I32; 2]; M] {
    x.corrections[group].map(|sum| [V::splat_i32(sum); 2])
}

#[inline(always)]
fn add<V: Vector, const M: usize>(
    products: [[V::I32; 2]; M],
    x_scales: &[f32; M],
    scales: [V; 2],
    out: &mut [[V; 2]; M],
) {
    for ((out, products), x_scale) in out.iter_mut().zip(products).zip(x_scales) {
        let x_scale = V::splat(*x_scale);
        out[0] = V::from_i32(products[0]).madd(scales[0].mul(x_scale), out[0]);
        out[1] = V::from_i32(products[1]).madd(scales[1].mul(x_scale), out[1]);
    }
}

/// Products of a group of a block of M activation rows with a panel's, whose fours of columns `w` gives.
#[inline(always)]
fn multiply<V: Vector, B: Block, const PAIRS: bool, const M: usize>(
    x: &Rounded<M>,
    group: usize,
    w: impl Fn(usize) -> [(usize, [V::I8; 2]); 2],
) -> [[V::I32; 2]; M] {
    let ones = V::splat_pair(&[1, 1]);
    let corrections = || match (B::MINIMA, B::PACKED) {
        (true, true) => [[V::splat_i32(0); 2]; M],
        // The sums are for the minima.
        (true, false) => x.corrections[group].map(|sum| [V::splat_i32(-x.offset * sum); 2]),
        (false, _) => x.corrections[group].map(|correction| [V::splat_i32(correction); 2]),
    };
    if !PAIRS {
        let mut products: [[V::I32; 2]; M] = corrections();
        for i in group_fours::<B>(group) {
            for (four, w) in w(i) {
                for (x, product) in x.codes[four].iter().zip(&mut products) {
                    let x = V::splat_four(x);
                    *product = [V::dot_bytes(x, w[0], product[0]), V::dot_bytes(x, w[1], product[1])];
                }
            }
        }
        return products;
    }
    if B::PACKED {
        let mut pairs = [[V::splat_pair(&[0, 0]); 2]; M];
        for i in group_fours::<B>(group) {
            for (four, w) in w(i) {
                for (x, pairs) in x.codes[four].iter().zip(&mut pairs) {
                    let x = V::splat_four(x);
                    pairs[0] = V::add_i16(pairs[0], V::dot_byte_pairs(x, w[0]));
                    pairs[1] = V::add_i16(pairs[1], V::dot_byte_pairs(x, w[1]));
                }
            }
        }
        let mut products: [[V::I32; 2]; M] = corrections();
        for (product, pairs) in products.iter_mut().zip(pairs) {
            *product = [0, 1].map(|half| V::add_i32(product[half], V::dot(pairs[half], ones)));
        }
        return products;
    }
    let mut products = [[V::splat_i32(0); 2]; M];
    for i in group_fours::<B>(group) {
        let [(a, a_codes), (b, b_codes)] = w(i);
        for (m, product) in products.iter_mut().enumerate() {
            let (x_a, x_b) = (V::splat_four(&x.codes[a][m]), V::splat_four(&x.codes[b][m]));
            let excess = V::splat_pair(&x.excess[i][m]);
            *product = [0, 1].map(|half| {
                let pairs = V::add_i16(V::dot_byte_pairs(x_a, a_codes[half]), V::dot_byte_pairs(x_b, b_codes[half]));
                V::add_i32(product[half], V::dot(V::sub_i16(pairs, excess), ones))
            });
        }
    }
    products
}
