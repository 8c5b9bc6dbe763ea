//! Tests of the start-up check, and the models that its neighbours test with too.

use super::*;

use crate::format;
use crate::gpu::Tuning;
use crate::model::{ModelConfig, plan};
use crate::tensor::{Bytes, DType};
use crate::weights::{self, Layout, Matrix};

fn golden(file: &str, bytes: &[u8]) -> (Arc<Plan>, Weights) {
    let file = format::parse(vec![(file.to_string(), Bytes::new(bytes.to_vec()))]).unwrap();
    let plan = plan::build(&ModelConfig::from_file(&file).unwrap());
    let weights = weights::load(&plan, &file).unwrap();
    (Arc::new(plan), weights)
}

pub fn tiny() -> (Arc<Plan>, Weights) {
    golden("model-f32.gguf", include_bytes!("../../tests/golden/tiny-llama/model-f32.gguf"))
}

fn q8() -> (Arc<Plan>, Arc<Weights>) {
    let (plan, weights) = golden("model-q8_0.gguf", include_bytes!("../../tests/golden/tiny-llama/model-q8_0.gguf"));
    (plan, Arc::new(weights))
}

/// The same with a context that is long enough for attention to be split.
pub fn long_context() -> (Arc<Plan>, Arc<Weights>) {
    let (mut plan, weights) = q8();
    Arc::make_mut(&mut plan).config.context_len = 512;
    (plan, weights)
}

/// Loads with kernels that compute nothing; `None` where there is no adapter.
fn load_without(sabotage: Option<&'static str>, unfused: Option<bool>) -> Option<Result<(Executor, String)>> {
    let (plan, weights) = q8();
    let options = GpuOptions { sabotage, unfused, ..GpuOptions::default() };
    unless_skipped(pollster::block_on(load(&plan, &weights, options, &mut |_, _| {})))
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
        let data = (0..spec.rows).flat_map(|_| weights::quantize_row(DType::Q8_0, &row())).collect();
        let (name, data) = (spec.name.clone(), Bytes::new(data));
        Matrix { name, dtype: DType::Q8_0, rows: spec.rows, cols: spec.cols, data, layout: Layout::Rows }
    });
    let matrices = matrices.collect();
    let vectors = plan.vectors.iter().map(|spec| vec![1.0; spec.len]).collect();
    (Arc::new(plan), Arc::new(Weights { matrices, vectors }))
}

#[test]
fn coarsely_rounded_activations_are_not_held_against_the_gpu() {
    let (plan, weights) = wide();
    let forward = |mut cpu: CpuModel| {
        let mut logits = Vec::new();
        let mut cache = cpu.new_cache(8).unwrap();
        cpu.forward(&mut cache, Batch { tokens: &[1, 2, 3], position: 0, logits: LogitRows::Last }, &mut logits)
            .unwrap();
        logits
    };
    let cpu = || CpuModel::new(plan.clone(), weights.clone(), Level::best()).unwrap();
    let error = normalised_error(&forward(cpu()), &forward(cpu().with_fine_rounding()));
    assert!(error > LARGEST_ERROR, "{error:.1e}: this test would not notice");
    for tuning in [Tuning::Hardware, Tuning::Software] {
        let options = GpuOptions { tuning, ..GpuOptions::default() };
        let loaded = pollster::block_on(load(&plan, &weights, options, &mut |_, _| {}));
        let Some(loaded) = unless_skipped(loaded) else { return };
        let (_, words) = loaded.unwrap();
        let (_, error) = words.split_once("(normalised error ").unwrap();
        let error: f64 = error.trim_end_matches(')').parse().unwrap();
        assert!(error < 1e-6, "{words}");
    }
}

/// One kernel after the other is made to compute nothing: it is named, and avoided where there is a plainer one.
#[test]
fn kernels_that_are_wrong_are_named_and_avoided() {
    let Some(loaded) = load_without(None, None) else { return };
    let (on, words) = loaded.unwrap();
    assert!(words.starts_with("agrees with the CPU") && !words.contains("without"), "{words}");
    let Executor::Gpu(model) = &on else { panic!("no GPU") };
    // What computes on the CPU does better with a dispatch for every step.
    assert_eq!(model.is_fused(), !model.adapter().is_software);
    let many = if model.adapter().is_software { "linear/gemm_alone" } else { "linear/gemm+" };
    let fused = ["fused_qkv", "fused_feed", "fused_project", many, "sample/"].map(|kernel| (kernel, Some(false)));
    // The one for the other kind of adapter reads other weights.
    let alone = model.adapter().is_software.then_some(("linear/matvec+lanes_", None));
    for (sabotage, unfused) in fused.into_iter().chain(alone) {
        let (on, words) = load_without(Some(sabotage), unfused).unwrap().unwrap();
        let (_, avoided) = words.split_once("without kernels that failed: ").expect(sabotage);
        assert!(avoided.contains(sabotage), "{sabotage}: {words}");
        let Executor::Gpu(model) = on else { panic!("{sabotage}: no GPU") };
        assert_eq!(model.resident_steps() == 0, sabotage == "sample/", "{words}");
    }
    // These have no plainer variant on any path.
    for sabotage in ["attention/", "embed/"] {
        let error = load_without(Some(sabotage), None).unwrap().err().expect(sabotage).to_string();
        assert!(error.contains(sabotage) && error.contains("was off by"), "{error}");
    }
}

/// The three paths of the check are all there are: a new one must be added to it.
#[test]
fn every_kernel_of_a_model_is_checked() {
    for tuning in [Tuning::Hardware, Tuning::Software] {
        for (unfused, variants) in [(false, false), (true, false), (false, true)] {
            let (plan, weights) = long_context();
            let (unfused, split, half_kv) = (Some(unfused), Some(variants), Some(variants));
            let options = GpuOptions { tuning, unfused, split, half_kv, ..GpuOptions::default() };
            let opened = pollster::block_on(GpuModel::with_options(plan, &weights, options, &mut |_, _| {}));
            let Some(model) = unless_skipped(opened) else { return };
            let model = model.unwrap();
            let cache = pollster::block_on(model.new_cache(8)).unwrap();
            assert_eq!(model.unchecked(&cache), Vec::<String>::new());
        }
    }
}

/// A device that computes with one damaged weight, on every path.
#[test]
fn a_damaged_weight_is_noticed() {
    let (plan, weights) = tiny();
    for i in [0, weights.vectors.len() - 1] {
        let mut damaged = weights.clone();
        damaged.vectors[i].iter_mut().for_each(|x| *x += 0.5);
        let opened = pollster::block_on(GpuModel::new(plan.clone(), &damaged, &mut |_, _| {}));
        let Some(model) = unless_skipped(opened) else { return };
        let mut model = model.unwrap();
        let weights = Arc::new(weights.clone());
        let fault = pollster::block_on(examine(&mut model, &plan, &weights)).unwrap().unwrap_err();
        assert_eq!(fault.path, Path::Many, "{fault:?}");
        assert!(fault.words.contains("norm"), "{fault:?}");
    }
}

#[test]
fn the_check_can_fail() {
    assert_eq!(normalised_error(&[1.0, 2.0], &[1.0, 2.0]), 0.0);
    assert!(normalised_error(&[1.0, 2.0], &[1.00001, 2.0]) < LARGEST_ERROR);
    assert!(normalised_error(&[1.0, 2.1], &[1.0, 2.0]) > LARGEST_ERROR);
    assert!(normalised_error(&[0.0, 0.0], &[1.0, 2.0]) > LARGEST_ERROR);
    assert!(normalised_error(&[f32::NAN, 2.0], &[1.0, 2.0]).is_nan());
    assert!(normalised_error(&[1.0], &[1.0, 2.0]).is_nan());
    assert!(normalised_error(&[1.0], &[0.0]) > LARGEST_ERROR);
}
