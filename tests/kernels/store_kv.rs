use nanolm::Error;
use nanolm::cpu::store_kv::Layer;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

// What is stored is read back by the tests of attention.
#[test]
fn a_cache_that_cannot_be_had_is_an_error() {
    for capacity in [usize::MAX, usize::MAX / 64] {
        assert!(matches!(Layer::new(4, 64, capacity), Err(Error::OutOfMemory { .. })));
    }
}
