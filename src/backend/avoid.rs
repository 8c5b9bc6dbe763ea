//! What to run instead of kernels that failed the start-up check: first without the variant that is at fault, then without
//! fused ones, then with those for the other kind of adapter.

use super::fault::{Fault, Path};
use crate::gpu::kernel::Variant;
use crate::gpu::{GpuModel, GpuOptions, Tuning};

/// What to try where kernels are at fault that are variants of others.
pub fn without_variant(options: GpuOptions, fault: &Fault, fused: bool) -> Option<GpuOptions> {
    if fault.has(Variant::Subgroups) && options.subgroups != Some(0) {
        return Some(GpuOptions { subgroups: Some(0), ..options });
    }
    if fault.has(Variant::HalfTiles) && options.half_tiles == Some(true) {
        return Some(GpuOptions { half_tiles: None, ..options });
    }
    if fault.has(Variant::Packed) && options.packed == Some(true) {
        return Some(GpuOptions { packed: None, ..options });
    }
    if fault.has(Variant::Split) && options.split != Some(false) {
        return Some(GpuOptions { split: Some(false), ..options });
    }
    if fault.has(Variant::HalfKv) && options.half_kv != Some(false) {
        return Some(GpuOptions { half_kv: Some(false), ..options });
    }
    (fault.path == Path::One && fused).then_some(GpuOptions { unfused: Some(true), ..options })
}

/// What to try without the kernels at fault; nothing where all was tried.
pub fn plainer(options: GpuOptions, fault: &Fault, model: &GpuModel) -> Option<GpuOptions> {
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
