use crate::support::inputs::{Pattern, rows};
use nanolm::cpu::ops::select_rows;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn keeps_the_named_rows() {
    let x = rows(Pattern::Normal, 4, 5, 16);
    for chosen in [&[3][..], &[0, 1, 2, 3], &[0, 2], &[2, 1]] {
        let mut out = vec![f32::NAN; chosen.len() * 5];
        select_rows::run(&x, chosen.iter().copied(), 5, &mut out);
        let want: Vec<f32> = chosen.iter().flat_map(|row| x[row * 5..row * 5 + 5].to_vec()).collect();
        assert_eq!(out, want);
    }
}
