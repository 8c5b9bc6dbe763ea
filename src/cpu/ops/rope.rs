//! Rotary position embedding (RoPE, arXiv 2104.09864): each pair `(a, b)` of a head turns by its position times the
//! pair's frequency, `(a cos - b sin, a sin + b cos)`.

use crate::model::rope::sin_cos;
use crate::model::{Rope, RopeLayout};

/// Frequencies of one kind of rotation, and the sines and cosines of the batch at hand.
#[derive(Clone, Debug)]
pub struct Rotation {
    layout: RopeLayout,
    /// Radians per position of each pair, `[n_dims / 2]`.
    frequencies: Vec<f64>,
    /// `(cos, sin)`, `[n, n_dims / 2]`.
    turns: Vec<(f32, f32)>,
}

impl Rotation {
    /// `factors: [n_dims / 2]` divide the frequencies.
    pub fn new(rope: &Rope, factors: Option<&[f32]>, max_batch: usize) -> Self {
        let frequencies = rope.frequencies(factors);
        let turns = Vec::with_capacity(max_batch * frequencies.len());
        Rotation { layout: rope.layout, frequencies, turns }
    }

    /// Makes ready for rows at these positions. Angles are f64: at high positions f32 would lose digits.
    pub fn prepare(&mut self, positions: impl Iterator<Item = usize>) {
        self.turns.clear();
        for position in positions {
            self.turns.extend(self.frequencies.iter().map(|frequency| {
                let (sin, cos) = sin_cos(position as f64 * frequency);
                (cos as f32, sin as f32)
            }));
        }
    }
}

/// - `x`, `out`: `[n, n_heads * head_dim]`, f32
/// - `rotation`: prepared for these n rows; elements of a head beyond its `n_dims` are copied
///
/// One f32 multiplication and one addition per term.
pub fn run(x: &[f32], n_heads: usize, head_dim: usize, rotation: &Rotation, out: &mut [f32]) {
    let pairs = rotation.frequencies.len();
    out.copy_from_slice(x);
    if pairs == 0 {
        return;
    }
    let rows = out.chunks_exact_mut(n_heads * head_dim).zip(rotation.turns.chunks_exact(pairs));
    for (row, turns) in rows {
        for head in row.chunks_exact_mut(head_dim) {
            let rotated = &mut head[..2 * pairs];
            match rotation.layout {
                RopeLayout::Interleaved => {
                    for ([a, b], turn) in rotated.as_chunks_mut::<2>().0.iter_mut().zip(turns) {
                        rotate(a, b, turn);
                    }
                }
                RopeLayout::HalfSplit => {
                    let (first, second) = rotated.split_at_mut(pairs);
                    for ((a, b), turn) in first.iter_mut().zip(second).zip(turns) {
                        rotate(a, b, turn);
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn rotate(a: &mut f32, b: &mut f32, &(cos, sin): &(f32, f32)) {
    (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
}
