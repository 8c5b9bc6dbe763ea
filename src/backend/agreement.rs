//! How far the GPU's numbers may be from the CPU's.

use crate::gpu::GpuModel;

/// Normalised mean squared error of the GPU's numbers against the CPU's above which a kernel is not trusted. Rounding in
/// another order gives about 1e-10; a driver that computes something else gives much more.
pub const LARGEST_ERROR: f64 = 1e-4;

/// The same where the GPU rounds prompts to bytes, as coarsely as the CPU does in wide models, which costs some 1e-3. Held against a
/// CPU that rounds so too it would be no less after a few layers: whatever lies between two codes is rounded this way or that,
/// and what comes of it is rounded again.
const LARGEST_COARSE_ERROR: f64 = 1e-2;

/// The limit for a model on the GPU.
pub fn largest_error(model: &GpuModel) -> f64 {
    if model.rounds_coarsely() { LARGEST_COARSE_ERROR } else { LARGEST_ERROR }
}

/// `sum((found - expected)^2) / sum(expected^2)`, in f64; NaN where the lengths differ.
pub fn normalised_error(found: &[f32], expected: &[f32]) -> f64 {
    if found.len() != expected.len() || expected.is_empty() {
        return f64::NAN;
    }
    let pairs = || found.iter().zip(expected).map(|(f, e)| (f64::from(*f), f64::from(*e)));
    let error: f64 = pairs().map(|(f, e)| (f - e).powi(2)).sum();
    let size: f64 = pairs().map(|(_, e)| e * e).sum();
    if error == 0.0 { 0.0 } else { error / size }
}
