//! The GPU backend on a real adapter (Debian's `mesa-vulkan-drivers` is one): every kernel against the naive f64
//! reference, and whole models against the reference and the CPU. Without an adapter it says so and passes.
//!
//! Natively `cargo test --test gpu`; in Chromium, whose shader compiler and adapter are different, `pkg-scripts/wasm-test
//! --gpu`.

/// Makes tests out of async functions: natively by blocking on them, in a browser through wasm-bindgen-test.
macro_rules! tests_of {
    ($($name:ident),+ $(,)?) => {
        mod tests {
            $(
                #[cfg(not(target_arch = "wasm32"))]
                #[test]
                fn $name() {
                    pollster::block_on(super::$name());
                }

                #[cfg(target_arch = "wasm32")]
                #[wasm_bindgen_test::wasm_bindgen_test]
                async fn $name() {
                    super::$name().await;
                }
            )+
        }
    };
}

mod builder;
mod kernels;
mod lane;
mod model;
mod multi_step;
mod prompts;
mod slots;
mod variants;
