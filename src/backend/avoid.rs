//! What to run instead of kernels that failed the start-up check: first without the variant that is at fault, then without
//! fused ones, then with those for the other kind of adapter.

use super::check::{Fault, Path};
use crate::gpu::{GpuModel, GpuOptions, Tuning};

/// What to try where kernels are at fault that are variants of others, as their names tell.
pub(super) fn without_variant(options: GpuOptions, fault: &Fault, fused: bool) -> Option<GpuOptions> {
    let names = |part: &str| fault.words.contains(part);
    match fault.path {
        _ if names("_subgroups") && options.subgroups != Some(0) => Some(GpuOptions { subgroups: Some(0), ..options }),
        _ if names("gemm_half") && options.half_tiles == Some(true) => Some(GpuOptions { half_tiles: None, ..options }),
        _ if names("gemm_packed") && options.packed == Some(true) => Some(GpuOptions { packed: None, ..options }),
        _ if names("SPLITS=") && options.split != Some(false) => Some(GpuOptions { split: Some(false), ..options }),
        _ if names("kv_f16") && options.half_kv != Some(false) => Some(GpuOptions { half_kv: Some(false), ..options }),
        Path::One if fused => Some(GpuOptions { unfused: Some(true), ..options }),
        _ => None,
    }
}

/// What to try without the kernels at fault; nothing where all was tried.
pub(super) fn plainer(options: GpuOptions, fault: &Fault, model: &GpuModel) -> Option<GpuOptions> {
    without_variant(options, fault, model.is_fused()).or_else(|| match fault.path {
        Path::Choice if !options.choose_elsewhere => Some(GpuOptions { choose_elsewhere: true, ..options }),
        _ if options.tuning == Tuning::Adapter => {
            // Those meant for the other kind of adapter are right on any.
            let tuning = if model.adapter().is_software { Tuning::Hardware } else { Tuning::Software };
            Some(GpuOptions { tuning, ..options })
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Executor;
    use crate::backend::check::load;
    use crate::backend::check::tests::{long_context, unless_skipped, wide};

    /// Products of bytes pass the check, whose limit is another for them, and are avoided where they are wrong.
    #[test]
    fn products_of_bytes_agree_with_the_cpu_or_are_avoided() {
        let (plan, weights) = wide();
        let wanted = GpuOptions { tuning: Tuning::Hardware, packed: Some(true), ..GpuOptions::default() };
        for sabotage in [None, Some("gemm_packed")] {
            let options = GpuOptions { sabotage, ..wanted };
            let loaded = pollster::block_on(load(&plan, &weights, options, &mut |_, _| {}));
            let Some(loaded) = unless_skipped(loaded) else { return };
            let (on, words) = loaded.unwrap();
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
            let (on, words) = loaded.unwrap();
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
}
