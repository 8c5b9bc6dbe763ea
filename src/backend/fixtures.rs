//! Models that the backend's tests run on.

use std::sync::Arc;

use crate::arch;
use crate::error::{Error, Result};
use crate::format;
use crate::model::{ModelConfig, Plan, plan};
use crate::tensor::{Bytes, DType};
use crate::weights::{self, Layout, Matrix, Weights};

fn golden(file: &str, bytes: &[u8]) -> (Arc<Plan>, Weights) {
    let file = format::parse(vec![(file.to_string(), Bytes::new(bytes.to_vec()))]).unwrap();
    let plan = plan::build(&arch::config(&file).unwrap());
    let weights = weights::load(&plan, &file).unwrap();
    (Arc::new(plan), weights)
}

pub fn tiny() -> (Arc<Plan>, Weights) {
    golden("model-f32.gguf", include_bytes!("../../tests/golden/tiny-llama/model-f32.gguf"))
}

pub fn mixture() -> (Arc<Plan>, Weights) {
    golden("model-f16.gguf", include_bytes!("../../tests/golden/tiny-granitemoe/model-f16.gguf"))
}

pub fn q8() -> (Arc<Plan>, Arc<Weights>) {
    let (plan, weights) = golden("model-q8_0.gguf", include_bytes!("../../tests/golden/tiny-llama/model-q8_0.gguf"));
    (plan, Arc::new(weights))
}

/// The same with a context that is long enough for attention to be split.
pub fn long_context() -> (Arc<Plan>, Arc<Weights>) {
    let (mut plan, weights) = q8();
    Arc::make_mut(&mut plan).config.context_len = 512;
    (plan, weights)
}

/// `None`, and says so, where there is no adapter; any other failure is the test's.
pub fn unless_skipped<T>(opened: Result<T>) -> Option<Result<T>> {
    match opened {
        Err(Error::Gpu { what, why }) if what == "adapter" => {
            println!("SKIPPED the start-up check: {why}");
            None
        }
        other => Some(other),
    }
}

/// A random model so wide that the CPU rounds its activations coarsely.
pub fn wide() -> (Arc<Plan>, Arc<Weights>) {
    let (plan, _) = q8();
    let heads = 256 / plan.config.head_dim;
    let config =
        ModelConfig { d_model: 256, d_ff: 512, n_layers: 6, n_heads: heads, n_kv_heads: heads, ..plan.config.clone() };
    let plan = plan::build(&config);
    let mut state = 1u32;
    let mut draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    let matrices = plan.matrices.iter().map(|spec| {
        let deviation = if spec.name.contains("embd") { 1.0 } else { (spec.cols as f32).sqrt().recip() };
        let mut row = || (0..spec.cols).map(|_| draw() * 1.7 * deviation).collect::<Vec<f32>>();
        let data = (0..spec.rows).flat_map(|_| DType::Q8_0.encode(&row())).collect();
        let (name, data) = (spec.name.clone(), Bytes::new(data));
        Matrix { name, dtype: DType::Q8_0, rows: spec.rows, cols: spec.cols, data, layout: Layout::Rows }
    });
    let matrices = matrices.collect();
    let vectors = plan.vectors.iter().map(|spec| vec![1.0; spec.len]).collect();
    (Arc::new(plan), Arc::new(Weights { matrices, vectors }))
}
