//! Tests of the start-up check and of what is run instead of kernels that fail it.

use super::*;

use crate::backend::fixtures::{long_context, q8, tiny, unless_skipped, wide};
use crate::gpu::Tuning;

/// Loads with kernels that compute nothing; `None` where there is no adapter.
fn load_without(sabotage: Option<&'static str>, unfused: Option<bool>) -> Option<Result<(Executor, Agreement)>> {
    let (plan, weights) = q8();
    let options = GpuOptions { sabotage, unfused, ..GpuOptions::default() };
    unless_skipped(pollster::block_on(load(&plan, &weights, options, &mut |_, _| {})))
}

fn in_words(loaded: Result<(Executor, Agreement)>) -> (Executor, String) {
    let (on, agreement) = loaded.unwrap();
    (on, agreement.to_string())
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
        let (_, words) = in_words(loaded);
        let (_, error) = words.split_once("(normalised error ").unwrap();
        let error: f64 = error.trim_end_matches(')').parse().unwrap();
        assert!(error < 1e-6, "{words}");
    }
}

/// One kernel after the other is made to compute nothing: it is named, and avoided where there is a plainer one.
#[test]
fn kernels_that_are_wrong_are_named_and_avoided() {
    let Some(loaded) = load_without(None, None) else { return };
    let (on, words) = in_words(loaded);
    assert!(words.starts_with("agrees with the CPU") && !words.contains("without"), "{words}");
    let Executor::Gpu(model) = &on else { panic!("no GPU") };
    // What computes on the CPU does better with a dispatch for every step.
    assert_eq!(model.is_fused(), !model.adapter().is_software);
    let many = if model.adapter().is_software { "linear/gemm_alone" } else { "linear/gemm+" };
    let fused = ["fused_qkv", "fused_feed", "fused_project", many, "choose/"].map(|kernel| (kernel, Some(false)));
    // The one for the other kind of adapter reads other weights.
    let alone = model.adapter().is_software.then_some(("linear/matvec+lanes_", None));
    for (sabotage, unfused) in fused.into_iter().chain(alone) {
        let (on, words) = in_words(load_without(Some(sabotage), unfused).unwrap());
        let (_, avoided) = words.split_once("without kernels that failed: ").expect(sabotage);
        assert!(avoided.contains(sabotage), "{sabotage}: {words}");
        let Executor::Gpu(model) = on else { panic!("{sabotage}: no GPU") };
        assert_eq!(model.resident_steps() == 0, sabotage == "choose/", "{words}");
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
        assert!(fault.to_string().contains("norm"), "{fault:?}");
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

/// Products of bytes pass the check, whose limit is another for them, and are avoided where they are wrong.
#[test]
fn products_of_bytes_agree_with_the_cpu_or_are_avoided() {
    let (plan, weights) = wide();
    let wanted = GpuOptions { tuning: Tuning::Hardware, packed: Some(true), ..GpuOptions::default() };
    for sabotage in [None, Some("gemm_packed")] {
        let options = GpuOptions { sabotage, ..wanted };
        let loaded = pollster::block_on(load(&plan, &weights, options, &mut |_, _| {}));
        let Some(loaded) = unless_skipped(loaded) else { return };
        let (on, words) = in_words(loaded);
        println!("{words}");
        assert_eq!(words.contains("failed: linear/gemm_packed+weight_q8_0"), sabotage.is_some(), "{words}");
        let Executor::Gpu(model) = on else { panic!("no GPU") };
        assert_eq!(model.rounds_coarsely(), sabotage.is_none(), "{}", model.variants());
        assert_eq!(model.variants().contains("bytes"), sabotage.is_none(), "{}", model.variants());
    }
}

/// Variants that compute nothing: the plainer one runs instead, and nothing else is given up.
#[test]
fn variants_that_are_wrong_are_avoided_alone() {
    for (sabotage, given_up) in [
        ("SPLITS=", "parts a head"),
        ("norm_merge", "parts a head"),
        ("kv_f16", "f16"),
        ("reduce_subgroups", "subgroups"),
        ("team_subgroups", "subgroups"),
        ("choice_subgroups", "subgroups"),
        ("gemm_half", "tiles"),
    ] {
        let (plan, weights) = long_context();
        let (tuning, subgroups) = (Tuning::Hardware, Some(if given_up == "subgroups" { 64 } else { 0 }));
        let (split, half_kv, half_tiles) = (Some(true), Some(true), Some(given_up == "tiles"));
        let wanted = GpuOptions { tuning, split, half_kv, subgroups, half_tiles, ..GpuOptions::default() };
        let options = GpuOptions { sabotage: Some(sabotage), ..wanted };
        let loaded = pollster::block_on(load(&plan, &weights, options, &mut |_, _| {}));
        let Some(loaded) = unless_skipped(loaded) else { return };
        let (on, words) = in_words(loaded);
        let Executor::Gpu(model) = on else { panic!("{sabotage}: no GPU") };
        assert!(!model.variants().contains(given_up), "{sabotage}: {}", model.variants());
        let optional = ["subgroups", "tiles"].contains(&given_up);
        let Some((_, avoided)) = words.split_once("without kernels that failed: ") else {
            assert!(optional, "{sabotage}: {words}");
            println!("SKIPPED {sabotage}: the adapter cannot run such kernels");
            continue;
        };
        assert!(avoided.contains(sabotage), "{sabotage}: {words}");
        let kept = if given_up == "f16" { "parts a head" } else { "f16" };
        // What is made wrong by its name is wrong in every kernel of that name: attention that is split has both.
        assert!(model.variants().contains(kept) || sabotage == "kv_f16", "{sabotage}: {}", model.variants());
        assert!(model.variants().contains("parts a head") || !optional, "{sabotage}: {}", model.variants());
        assert!(model.variants().starts_with("kernels for graphics hardware"), "{}", model.variants());
    }
}
