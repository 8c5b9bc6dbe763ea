use crate::support::inputs::{Pattern, rows};
use nanolm::cpu::select_rows;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn keeps_the_last_rows() {
    let x = rows(Pattern::Normal, 4, 5, 16);
    for k in [1, 4] {
        let mut out = vec![f32::NAN; k * 5];
        select_rows::run(&x, &mut out);
        assert_eq!(out, x[(4 - k) * 5..]);
    }
}
