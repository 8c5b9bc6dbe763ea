//! Every kernel of the CPU backend against the naive f64 reference, at every level this build has: natively `scalar`,
//! in wasm `scalar`, `simd128` and, where it was built with it, `relaxed`; and whole models of random weights.

/// Makes one test per level out of a generic check.
macro_rules! at_every_level {
    ($($check:ident),+ $(,)?) => {
        mod scalar {
            #[cfg(target_arch = "wasm32")]
            use wasm_bindgen_test::wasm_bindgen_test as test;
            $(#[test]
            fn $check() {
                super::$check::<nanolm::cpu::simd::Scalar>();
            })+
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        mod simd128 {
            use wasm_bindgen_test::wasm_bindgen_test as test;
            $(#[test]
            fn $check() {
                super::$check::<nanolm::cpu::simd::Simd128>();
            })+
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        mod relaxed {
            use wasm_bindgen_test::wasm_bindgen_test as test;
            $(#[test]
            fn $check() {
                super::$check::<nanolm::cpu::simd::Relaxed>();
            })+
        }
    };
}

mod activation;
mod add;
mod attention;
mod embed;
mod experts;
mod gated_activation;
mod layer_norm;
mod linear;
mod math;
mod model;
mod position_embed;
mod rms_norm;
mod rope;
mod route;
mod scale;
mod select_rows;
mod short_conv;
mod soft_cap;
mod ssm;
mod store_kv;

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[test]
fn simd128_lane() {
    println!(
        "SKIPPED simd128 and relaxed: this build is not wasm with simd128; the same tests run there under wasm-bindgen-test"
    );
}
