//! The multiply-add loop that products, attention scores and attention values share.

use super::Vector;

/// Eight columns of a row of a tile.
pub trait Columns {
    /// As f32.
    fn halves<V: Vector>(&self) -> [V; 2];
}

impl Columns for [f32; 8] {
    #[inline(always)]
    fn halves<V: Vector>(&self) -> [V; 2] {
        halves(self)
    }
}

impl Columns for [i16; 8] {
    #[inline(always)]
    fn halves<V: Vector>(&self) -> [V; 2] {
        let [low, high] = V::widen_i16(self);
        [V::from_i32(low), V::from_i32(high)]
    }
}

/// `sum_k a[m][k] * b[t][k][j]` for each of M rows `a`, T tiles `b` of eight columns, and their columns `j`.
///
/// All slices have the length of `b[0]` or more. Accumulates in f32, k ascending. M x T is chosen so that all sums
/// stay in registers: at most 4.
// `from_fn` and not `map`, which is not inlined where the build inlines little else (see pkg-scripts/toolchain.sh).
#[inline(always)]
pub fn multiply<V: Vector, C: Columns, const M: usize, const T: usize>(
    a: [&[f32]; M],
    b: [&[C]; T],
) -> [[[V; 2]; T]; M] {
    let len = b[0].len();
    let a: [&[f32]; M] = std::array::from_fn(|m| &a[m][..len]);
    let b: [&[C]; T] = std::array::from_fn(|t| &b[t][..len]);
    let mut sums = [[[V::splat(0.0); 2]; T]; M];
    for k in 0..len {
        let columns: [[V; 2]; T] = std::array::from_fn(|t| b[t][k].halves::<V>());
        for (a, sums) in a.iter().zip(&mut sums) {
            let x = V::splat(a[k]);
            for (sum, column) in sums.iter_mut().zip(&columns) {
                sum[0] = x.madd(column[0], sum[0]);
                sum[1] = x.madd(column[1], sum[1]);
            }
        }
    }
    sums
}

/// Eight elements as two vectors.
#[inline(always)]
pub fn halves<V: Vector>(x: &[f32; 8]) -> [V; 2] {
    let parts = x.as_chunks::<4>().0;
    [V::load(&parts[0]), V::load(&parts[1])]
}
