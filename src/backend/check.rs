//! The start-up check: the GPU computes what the CPU computes.

use std::sync::Arc;

use super::Executor;
use crate::error::{Error, Result};
use crate::gpu::GpuModel;
use crate::model::{Batch, LogitRows, Plan};
use crate::weights::Weights;

/// Normalised mean squared error of the GPU's logits against the CPU's above which the GPU is not trusted. Rounding in
/// another order gives about 1e-10; a driver that computes something else gives much more.
const LARGEST_ERROR: f64 = 1e-4;

/// Opens the GPU, puts the model there, and checks it; with words about how it agreed.
///
/// # Errors
/// `Gpu` where it cannot be used, or does not compute what the CPU computes.
pub async fn load(
    plan: &Arc<Plan>,
    weights: &Arc<Weights>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(Executor, String)> {
    let model = GpuModel::new(Arc::clone(plan), weights, progress).await?;
    let name = model.adapter().name.clone();
    let mut gpu = Executor::Gpu(Box::new(model));
    let error = difference(&mut gpu, plan, weights).await?;
    if error.is_nan() || error > LARGEST_ERROR {
        return Err(Error::Gpu {
            what: if name.is_empty() { "the GPU".to_string() } else { name },
            why: format!(
                "it does not compute what the CPU computes (normalised error {error:.1e}, at most {LARGEST_ERROR:.0e}); \
                 its driver may be at fault"
            ),
        });
    }
    Ok((gpu, format!("agrees with the CPU (normalised error {error:.1e})")))
}

/// The start-up check: a few tokens on both devices; `sum((gpu - cpu)^2) / sum(cpu^2)` over the last one's logits. Two
/// forwards, several tokens and then one, because their kernels differ.
async fn difference(gpu: &mut Executor, plan: &Arc<Plan>, weights: &Arc<Weights>) -> Result<f64> {
    let mut cpu = Executor::cpu(plan, weights)?;
    let many = plan.config.context_len.min(gpu.max_batch()).min(cpu.max_batch()).clamp(1, 5);
    let n_vocab = plan.config.n_vocab;
    let tokens: Vec<u32> = (0..many).map(|i| ((i * 7919 + 1) % n_vocab) as u32).collect();
    let batches: &[(usize, &[u32])] = match plan.config.context_len {
        n if n > many => &[(0, &tokens), (many, tokens.get(..1).unwrap_or_default())],
        _ => &[(0, &tokens)],
    };
    let capacity = plan.config.context_len.min(many + 1);
    let (mut gpu_cache, mut cpu_cache) = (gpu.new_cache(capacity).await?, cpu.new_cache(capacity).await?);
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    let mut worst = 0.0f64;
    for &(position, tokens) in batches {
        let batch = Batch { tokens, position, logits: LogitRows::Last };
        gpu.forward(&mut gpu_cache, batch, &mut found).await?;
        cpu.forward(&mut cpu_cache, batch, &mut expected).await?;
        let error = normalised_error(&found, &expected);
        // NaN must win over any number.
        worst = if error.is_nan() { error } else { worst.max(error) };
        if worst.is_nan() {
            break;
        }
    }
    Ok(worst)
}

/// `sum((found - expected)^2) / sum(expected^2)`, in f64; NaN where the lengths differ.
fn normalised_error(found: &[f32], expected: &[f32]) -> f64 {
    if found.len() != expected.len() || expected.is_empty() {
        return f64::NAN;
    }
    let pairs = || found.iter().zip(expected).map(|(f, e)| (f64::from(*f), f64::from(*e)));
    let error: f64 = pairs().map(|(f, e)| (f - e).powi(2)).sum();
    let size: f64 = pairs().map(|(_, e)| e * e).sum();
    if error == 0.0 { 0.0 } else { error / size }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    use crate::format;
    use crate::model::{ModelConfig, plan};
    use crate::tensor::Bytes;
    use crate::weights;

    pub fn tiny() -> (Arc<Plan>, Weights) {
        let bytes = include_bytes!("../../tests/golden/tiny-llama/model-f32.gguf").to_vec();
        let file = format::parse(vec![("model-f32.gguf".to_string(), Bytes::new(bytes))]).unwrap();
        let plan = plan::build(&ModelConfig::from_file(&file).unwrap());
        let weights = weights::load(&plan, &file).unwrap();
        (Arc::new(plan), weights)
    }

    /// A device that computes with one damaged weight, and one that computes right.
    #[test]
    fn the_start_up_check_tells_devices_apart() {
        let (plan, mut damaged) = tiny();
        let weights = Arc::new(damaged.clone());
        let mut device = Executor::cpu(&plan, &weights).unwrap();
        assert_eq!(pollster::block_on(difference(&mut device, &plan, &weights)).unwrap(), 0.0);
        damaged.vectors[0][0] += 0.5;
        let mut device = Executor::cpu(&plan, &Arc::new(damaged)).unwrap();
        let error = pollster::block_on(difference(&mut device, &plan, &weights)).unwrap();
        assert!(error > LARGEST_ERROR, "{error}");
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
}
