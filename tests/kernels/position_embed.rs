use super::embed::DTYPES;
use crate::reference::matrix;
use crate::support::compare::{assert_close, wide};
use crate::support::inputs::{self, PATTERNS, rows};
use nanolm::cpu::{ops::position_embed, simd::Vector};

at_every_level!(adds_the_row_of_the_position);

fn adds_the_row_of_the_position<V: Vector>() {
    for (dtype, pattern) in DTYPES.into_iter().flat_map(|d| PATTERNS.map(|p| (d, p))) {
        for (n, width, position) in [(1, 32_usize, 0), (3, 96, 5), (2, 64, 7)] {
            // Rows are whole blocks.
            let width = width.next_multiple_of(dtype.block_len());
            let table = inputs::matrix("table", dtype, 9, width, 1.0, 9);
            let x = rows(pattern, n, width, 10);
            let (mut row, mut out) = (vec![0.0; width], vec![f32::NAN; x.len()]);
            position_embed::run::<V>(&x, &table, position..position + n, (&mut row, &mut Vec::new()), &mut out);
            let want = matrix::position_embed(&wide(&x), &table, position);
            assert_close("cpu", "position_embed", &format!("{dtype} {pattern:?} {n} {width}"), &out, &want);
        }
    }
}
