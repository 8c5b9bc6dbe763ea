//! CPU or GPU: the rule, and the check that the GPU computes what the CPU computes.

use std::sync::Arc;

use super::{DeviceChoice, DeviceKind, DeviceReport, Executor};
use crate::cpu::{Level, pool};
use crate::error::{Error, Result};
#[cfg(feature = "gpu")]
use crate::gpu::GpuModel;
#[cfg(feature = "gpu")]
use crate::model::{Batch, LogitRows};
use crate::model::{Op, Plan};
use crate::weights::Weights;

/// Below this many bytes of weights per token `Auto` stays on the CPU. A token on a GPU costs about 10 ms before any
/// arithmetic (some hundred dispatches of 30 to 70 us and a readback); in that time a CPU thread reads about this much.
const WORTH_A_GPU: usize = 24_000_000;

/// How many threads are worth starting for a model that reads so many bytes of weights a token. Measured in Chromium with
/// two threads against one, prefill of 128 tokens and decoding: 1.8 and 1.2 times as fast at 3 MB, 1.6 and 1.4 times at
/// 16 MB, 1.8 and 1.5 times at 140 MB. Shorter sections than of 3 MB are over before another thread has seen that they
/// began.
fn threads_worth(bytes: usize) -> usize {
    match bytes {
        ..1_000_000 => 1,
        1_000_000..8_000_000 => 2,
        _ => pool::MAX_THREADS,
    }
}

/// Normalised mean squared error of the GPU's logits against the CPU's above which the GPU is not trusted. Rounding in
/// another order gives about 1e-10; a driver that computes something else gives much more.
#[cfg(feature = "gpu")]
const LARGEST_ERROR: f64 = 1e-4;

pub async fn load(
    plan: &Arc<Plan>,
    weights: &Arc<Weights>,
    choice: DeviceChoice,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(Executor, DeviceReport)> {
    load_above(WORTH_A_GPU, plan, weights, choice, progress).await
}

/// [`load`], where models of `worth` bytes per token are worth a GPU.
async fn load_above(
    worth: usize,
    plan: &Arc<Plan>,
    weights: &Arc<Weights>,
    choice: DeviceChoice,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(Executor, DeviceReport)> {
    let bytes = bytes_per_token(plan, weights);
    let reason = match choice {
        DeviceChoice::Cpu => "asked for".to_string(),
        DeviceChoice::Auto if bytes < worth => format!(
            "the model is small: a token reads {:.1} MB of weights, which takes the CPU less time than a GPU needs to be \
             started (from {} MB on the GPU is tried)",
            bytes as f64 / 1e6,
            worth / 1_000_000
        ),
        DeviceChoice::Auto | DeviceChoice::Gpu => match gpu(plan, weights, choice, progress).await {
            Ok(loaded) => return Ok(loaded),
            Err(error) if choice == DeviceChoice::Gpu => return Err(error),
            Err(Error::Gpu { what, why }) => format!("no GPU: {what}: {why}"),
            Err(error) => format!("no GPU: {error}"),
        },
    };
    Ok((Executor::cpu(plan, weights)?, cpu_report(plan, weights, &reason)))
}

/// A model on the CPU, for this reason.
pub fn cpu_report(plan: &Plan, weights: &Weights, reason: &str) -> DeviceReport {
    DeviceReport {
        kind: DeviceKind::Cpu,
        reason: format!("{reason}; CPU instructions: {}", Level::best().name()),
        adapter: None,
        threads: threads_worth(bytes_per_token(plan, weights)),
    }
}

/// Bytes of matrices that one token reads: all but the embedding table, of which it reads a row, unless that is the
/// output head too.
fn bytes_per_token(plan: &Plan, weights: &Weights) -> usize {
    let mut multiplied = vec![false; weights.matrices.len()];
    for step in &plan.steps {
        if let Op::Linear { weight, .. } = step.op
            && let Some(flag) = multiplied.get_mut(weight.0)
        {
            *flag = true;
        }
    }
    weights.matrices.iter().zip(multiplied).filter(|(_, multiplied)| *multiplied).map(|(m, _)| m.data.len()).sum()
}

/// Puts the model on the GPU, and checks that it computes there what it should.
#[cfg(not(feature = "gpu"))]
pub async fn gpu(
    _: &Arc<Plan>,
    _: &Arc<Weights>,
    _: DeviceChoice,
    _: &mut dyn FnMut(usize, usize),
) -> Result<(Executor, DeviceReport)> {
    Err(Error::Gpu { what: "WebGPU".into(), why: "this build is without it (cargo feature `gpu`)".into() })
}

/// Puts the model on the GPU, and checks that it computes there what it should.
#[cfg(feature = "gpu")]
pub async fn gpu(
    plan: &Arc<Plan>,
    weights: &Arc<Weights>,
    choice: DeviceChoice,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(Executor, DeviceReport)> {
    let model = GpuModel::new(Arc::clone(plan), weights, progress).await?;
    let adapter = model.adapter().clone();
    let name = if adapter.name.is_empty() { "unnamed adapter" } else { &adapter.name };
    let name = format!("{name} ({})", adapter.backend);
    if choice == DeviceChoice::Auto && adapter.is_software {
        return Err(Error::Gpu { what: name, why: "it computes on the CPU itself".into() });
    }
    let mut gpu = Executor::Gpu(Box::new(model));
    let error = difference(&mut gpu, plan, weights).await?;
    if error.is_nan() || error > LARGEST_ERROR {
        return Err(Error::Gpu {
            what: name,
            why: format!(
                "it does not compute what the CPU computes (normalised error {error:.1e}, at most {LARGEST_ERROR:.0e}); \
                 its driver may be at fault"
            ),
        });
    }
    let why = match choice {
        DeviceChoice::Gpu => "asked for".to_string(),
        _ => format!("a token reads {:.0} MB of weights", bytes_per_token(plan, weights) as f64 / 1e6),
    };
    let reason = format!("{why}; agrees with the CPU (normalised error {error:.1e})");
    Ok((gpu, DeviceReport { kind: DeviceKind::Gpu, reason, adapter: Some(name), threads: 1 }))
}

/// The start-up check: a few tokens on both devices; `sum((gpu - cpu)^2) / sum(cpu^2)` over the last one's logits. Two
/// forwards, several tokens and then one, because their kernels differ.
#[cfg(feature = "gpu")]
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
#[cfg(feature = "gpu")]
fn normalised_error(found: &[f32], expected: &[f32]) -> f64 {
    if found.len() != expected.len() || expected.is_empty() {
        return f64::NAN;
    }
    let pairs = || found.iter().zip(expected).map(|(f, e)| (f64::from(*f), f64::from(*e)));
    let error: f64 = pairs().map(|(f, e)| (f - e).powi(2)).sum();
    let size: f64 = pairs().map(|(_, e)| e * e).sum();
    if error == 0.0 { 0.0 } else { error / size }
}

#[cfg(all(test, feature = "gpu"))]
mod tests {
    use super::*;

    use crate::format;
    use crate::model::{ModelConfig, plan};
    use crate::tensor::Bytes;
    use crate::weights;

    fn tiny() -> (Arc<Plan>, Weights) {
        let bytes = include_bytes!("../../tests/golden/tiny-llama/model-f32.gguf").to_vec();
        let file = format::parse(vec![("model-f32.gguf".to_string(), Bytes::new(bytes))]).unwrap();
        let plan = plan::build(&ModelConfig::from_file(&file).unwrap());
        let weights = weights::load(&plan, &file).unwrap();
        (Arc::new(plan), weights)
    }

    /// Whatever this machine has, `Auto` gives a model, and says why there.
    #[test]
    fn auto_falls_back_with_a_reason() {
        let (plan, weights) = tiny();
        let weights = Arc::new(weights);
        let auto = DeviceChoice::Auto;
        let loaded = pollster::block_on(load_above(0, &plan, &weights, auto, &mut |_, _| {}));
        let (_, report) = loaded.unwrap();
        match report.kind {
            DeviceKind::Cpu => assert!(report.reason.starts_with("no GPU: "), "{}", report.reason),
            DeviceKind::Gpu => assert!(report.reason.contains("agrees with the CPU"), "{}", report.reason),
        }
        let (_, report) = pollster::block_on(load(&plan, &weights, auto, &mut |_, _| {})).unwrap();
        assert_eq!(report.kind, DeviceKind::Cpu);
        assert!(report.reason.starts_with("the model is small"), "{}", report.reason);
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
