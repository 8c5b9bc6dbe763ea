//! Rows of types without panels of their own, expanded to bytes and f32 scales when they are multiplied.
//!
//! One set of kernels then serves all of them, and an activation batch pays for the expanding once; a single row pays for it each time.

use super::block::{Block, codes_after};
use super::{PANEL, ROUNDED};
use crate::cpu::simd::Vector;
use crate::quant;
use crate::weights::{Codes, Matrix};

/// Scales and minima of 32 columns: `[2 groups, 8 rows]` each, f32.
const FACTORS: usize = 4 * PANEL * 4;

/// The panels that rows are expanded to: 32 columns of eight rows, their factors and then their codes, `[8 fours, 8 rows, 4]`.
pub struct Expanded;

impl Block for Expanded {
    type Panel = [u8; FACTORS + ROUNDED * PANEL];
    const OFFSET: i32 = 0;
    const COARSE: f32 = 63.0;
    const PACKED: bool = false;
    const GROUPS: usize = 2;
    const MINIMA: bool = true;
    const EXPANDED: bool = true;

    #[inline(always)]
    fn panels(bytes: &[u8]) -> &[Self::Panel] {
        bytes.as_chunks().0
    }
    #[inline(always)]
    fn scales<V: Vector>(panel: &Self::Panel, _part: usize, group: usize) -> [V; 2] {
        factors(panel, group)
    }
    #[inline(always)]
    fn minima<V: Vector>(panel: &Self::Panel, _part: usize, group: usize) -> [V; 2] {
        factors(panel, 2 + group)
    }
    #[inline(always)]
    fn fours<V: Vector>(panel: &Self::Panel, _part: usize, i: usize) -> [(usize, [V::I8; 2]); 2] {
        [2 * i, 2 * i + 1].map(|four| (four, [0, 1].map(|half| V::load_i8(codes_after(panel, FACTORS, four, half)))))
    }
}

/// The `i`-th factors of the eight rows.
#[inline(always)]
fn factors<V: Vector>(panel: &[u8], i: usize) -> [V; 2] {
    let fours = panel.as_chunks::<16>().0;
    [V::from_f32(&fours[2 * i]), V::from_f32(&fours[2 * i + 1])]
}

/// Rows `8 p..8 p + 8` of a matrix as panels of [`Expanded`], made in `memory`; rows that are missing as zeros.
#[inline(never)]
pub fn panel<'a>(weight: &Matrix, p: usize, codes: Codes, memory: &'a mut Vec<u8>) -> &'a [u8] {
    memory.resize(weight.cols / ROUNDED * size_of::<<Expanded as Block>::Panel>(), 0);
    // Nothing else is multiplied as expanded.
    let Some(expand) = weight.dtype.expand() else { return memory };
    let sign = if codes == Codes::Unsigned { 0x80 } else { 0 };
    let mut parts = [quant::Expanded::ZERO; quant::Expanded::MOST];
    let parts = &mut parts[..weight.dtype.block_len() / ROUNDED];
    let rows = p * PANEL..((p + 1) * PANEL).min(weight.rows);
    if rows.len() < PANEL {
        memory.fill(0);
    }
    for (i, r) in rows.enumerate() {
        let mut panels = memory.as_chunks_mut::<{ size_of::<<Expanded as Block>::Panel>() }>().0.iter_mut();
        for block in weight.stored_row(r).chunks_exact(weight.dtype.block_bytes()) {
            expand(block, parts);
            for (part, panel) in parts.iter().zip(&mut panels) {
                write(part, sign, i, panel);
            }
        }
    }
    memory
}

/// Writes 32 elements as row `i` of a panel.
#[inline(always)]
fn write(part: &quant::Expanded, sign: u8, i: usize, panel: &mut [u8; FACTORS + ROUNDED * PANEL]) {
    let fours = panel.as_chunks_mut::<4>().0;
    for group in 0..2 {
        fours[group * PANEL + i] = part.scales[group].to_le_bytes();
        // As what is added.
        fours[(2 + group) * PANEL + i] = (-part.minima[group]).to_le_bytes();
    }
    for (four, codes) in part.codes.as_chunks::<4>().0.iter().enumerate() {
        fours[FACTORS / 4 + four * PANEL + i] = codes.map(|code| code as u8 ^ sign);
    }
}
