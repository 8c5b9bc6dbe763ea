//! CPU or GPU: by what is measured on the model itself, as far as it takes measuring.
//!
//! Under `auto`: a model so small that no GPU could be faster stays on the CPU, and none is looked for. Else the adapter
//! is looked at; one that computes on the CPU is not tried. Then both devices read and write some tokens
//! ([`calibrate`](super::calibrate)), unless an earlier load measured the same.

use std::sync::Arc;

#[cfg(feature = "gpu")]
use super::calibrate::{Figures, gpu_floor, key, measure};
#[cfg(feature = "gpu")]
use super::check;
use super::{Clock, DeviceChoice, DeviceKind, DeviceReport, DeviceRequest, Executor};
use crate::cpu::{Level, pool};
use crate::error::{Error, Result};
#[cfg(feature = "gpu")]
use crate::gpu::{AdapterReport, GpuModel, GpuOptions};
use crate::model::{Op, Plan};
use crate::weights::Weights;

/// Bytes of weights a second that a slow CPU decodes with on one thread: a third of what one core of a 2020s server does in
/// Chromium (619 tokens of 16 MB, 122 of 140 MB a second).
#[cfg(feature = "gpu")]
const SLOW_CPU: f64 = 3e9;

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

/// Puts a model on the device that is asked for, or the faster one, and says why.
pub async fn load(
    plan: &Arc<Plan>,
    weights: &Arc<Weights>,
    request: DeviceRequest<'_>,
    clock: Clock,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(Executor, DeviceReport)> {
    let mut measured = None;
    let reason = match request.choice {
        DeviceChoice::Cpu => "asked for".to_string(),
        DeviceChoice::Gpu => return gpu(plan, weights, request.sabotage, progress).await,
        DeviceChoice::Auto => match faster(plan, weights, request, clock, progress).await {
            Ok(Faster::Gpu(gpu, report)) => return Ok((*gpu, report)),
            Ok(Faster::Cpu(why, line)) => {
                measured = line;
                why
            }
            Err(Error::Gpu { what, why }) => format!("no GPU: {what}: {why}"),
            Err(error) => format!("no GPU: {error}"),
        },
    };
    Ok((Executor::cpu(plan, weights)?, DeviceReport { measured, ..cpu_report(plan, weights, &reason) }))
}

/// The faster device, with what was measured.
enum Faster {
    #[cfg_attr(not(feature = "gpu"), allow(dead_code))]
    Gpu(Box<Executor>, DeviceReport),
    Cpu(String, Option<String>),
}

#[cfg(not(feature = "gpu"))]
async fn faster(
    _: &Arc<Plan>,
    _: &Arc<Weights>,
    _: DeviceRequest<'_>,
    _: Clock,
    _: &mut dyn FnMut(usize, usize),
) -> Result<Faster> {
    Ok(Faster::Cpu("no GPU: this build is without it (cargo feature `gpu`)".into(), None))
}

/// Errors where there is no GPU, or it fails.
#[cfg(feature = "gpu")]
async fn faster(
    plan: &Arc<Plan>,
    weights: &Arc<Weights>,
    request: DeviceRequest<'_>,
    clock: Clock,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Faster> {
    let bytes = bytes_per_token(plan, weights);
    let (slow, floor) = (bytes as f64 / SLOW_CPU * 1e3, gpu_floor(plan));
    if slow < floor {
        let why = format!(
            "the model is small: even a slow CPU needs only {slow:.1} ms for the {:.1} MB of weights that a token reads, \
             and any GPU {floor:.1} ms to be told what to do",
            bytes as f64 / 1e6
        );
        return Ok(Faster::Cpu(why, None));
    }
    let adapter = GpuModel::look().await?;
    let name = adapter_name(&adapter);
    if adapter.is_software && !request.software {
        return Err(Error::Gpu { what: name, why: "it computes on the CPU itself".into() });
    }
    let key = key(plan, weights, &name);
    let known = Figures::find(request.known, &key);
    if let Some(figures) = known.filter(|figures| !figures.gpu_is_faster(threads_gain(bytes))) {
        let why = format!("{} ({name}; measured by an earlier load)", figures.words());
        return Ok(Faster::Cpu(why, Some(figures.line(&key))));
    }
    let (mut gpu, mut report) = gpu(plan, weights, request.sabotage, progress).await?;
    let figures = match known {
        Some(figures) => figures,
        None => {
            // Given back afterwards: the device that is not chosen keeps nothing.
            let mut cpu = Executor::cpu(plan, weights)?;
            let cpu = measure(&mut cpu, plan, clock, f64::INFINITY).await?;
            let gpu = measure(&mut gpu, plan, clock, cpu.call_ms()).await?;
            Figures { cpu, gpu }
        }
    };
    let line = Some(figures.line(&key));
    if !figures.gpu_is_faster(threads_gain(bytes)) {
        return Ok(Faster::Cpu(format!("{} ({name})", figures.words()), line));
    }
    let earlier = if known.is_some() { " (measured by an earlier load)" } else { "" };
    report.reason = format!("{}{earlier}; {}", figures.words(), report.reason.trim_start_matches("asked for; "));
    report.measured = line;
    Ok(Faster::Gpu(Box::new(gpu), report))
}

/// How many times as fast the CPU will be once its threads run, which start after the choice: the least that
/// [`threads_worth`] found for two.
#[cfg(feature = "gpu")]
fn threads_gain(bytes: usize) -> f64 {
    if cfg!(target_feature = "atomics") && threads_worth(bytes) > 1 { 1.2 } else { 1.0 }
}

/// What people may know the adapter by.
#[cfg(feature = "gpu")]
fn adapter_name(adapter: &AdapterReport) -> String {
    let name = if adapter.name.is_empty() { "unnamed adapter" } else { &adapter.name };
    format!("{name} ({})", adapter.backend)
}

/// Puts the model on the GPU, and checks that it computes there what it should.
#[cfg(not(feature = "gpu"))]
pub async fn gpu(
    _: &Arc<Plan>,
    _: &Arc<Weights>,
    _: Option<&'static str>,
    _: &mut dyn FnMut(usize, usize),
) -> Result<(Executor, DeviceReport)> {
    Err(Error::Gpu { what: "WebGPU".into(), why: "this build is without it (cargo feature `gpu`)".into() })
}

/// Puts the model on the GPU, and checks that it computes there what it should.
#[cfg(feature = "gpu")]
pub async fn gpu(
    plan: &Arc<Plan>,
    weights: &Arc<Weights>,
    sabotage: Option<&'static str>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(Executor, DeviceReport)> {
    let options = GpuOptions { sabotage, ..GpuOptions::default() };
    let (gpu, verdict) = check::load(plan, weights, options, progress).await?;
    let Executor::Gpu(model) = &gpu else { return Err(Error::Internal { what: "a GPU that is none".into() }) };
    let adapter = Some(adapter_name(model.adapter()));
    let reason = format!("asked for; {verdict}");
    let kernels = Some(model.variants());
    let report = DeviceReport { kind: DeviceKind::Gpu, reason, adapter, kernels, threads: 1, measured: None };
    Ok((gpu, report))
}

/// A model on the CPU, for this reason.
pub fn cpu_report(plan: &Plan, weights: &Weights, reason: &str) -> DeviceReport {
    DeviceReport {
        kind: DeviceKind::Cpu,
        reason: format!("{reason}; CPU instructions: {}", Level::best().name()),
        adapter: None,
        kernels: None,
        threads: threads_worth(bytes_per_token(plan, weights)),
        measured: None,
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

#[cfg(all(test, feature = "gpu"))]
mod tests {
    use super::*;

    use crate::backend::check::tests::tiny;
    use crate::format;
    use crate::model::{ModelConfig, plan};
    use crate::weights;

    const AUTO: DeviceChoice = DeviceChoice::Auto;

    fn clock() -> f64 {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |t| t.as_secs_f64() * 1e3)
    }

    /// A model that is worth measuring: many bytes a token, and few layers.
    fn wide() -> (Arc<Plan>, Arc<Weights>) {
        let (plan, _) = tiny();
        let config = ModelConfig {
            n_layers: 1,
            d_model: 512,
            d_ff: 2048,
            n_heads: 8,
            n_kv_heads: 8,
            head_dim: 64,
            ..plan.config.clone()
        };
        let plan = plan::build(&config);
        let float = |n: usize| (0..n).flat_map(|i| ((i * 7919 % 1000) as f32 / 1e4 - 0.05).to_le_bytes()).collect();
        let tensors = plan.matrices.iter().map(|m| (m.name.clone(), vec![m.rows, m.cols]));
        let vectors = plan.vectors.iter().map(|v| (v.name.clone(), vec![v.len]));
        let tensors = tensors.chain(vectors).map(|(name, shape)| format::TensorInfo {
            name,
            dtype: crate::tensor::DType::F32,
            data: crate::tensor::Bytes::new(float(shape.iter().product())),
            shape,
        });
        let file = format::ModelFile {
            name: "wide".into(),
            dialect: format::Dialect::Gguf,
            metadata: Default::default(),
            tensors: tensors.collect(),
            unsupported_tensors: Vec::new(),
            tokenizer: format::TokenizerSource::None,
            generation: Default::default(),
        };
        let weights = weights::load(&plan, &file).unwrap();
        (Arc::new(plan), Arc::new(weights))
    }

    fn load_with(request: DeviceRequest<'_>, (plan, weights): &(Arc<Plan>, Arc<Weights>)) -> DeviceReport {
        pollster::block_on(load(plan, weights, request, clock, &mut |_, _| {})).unwrap().1
    }

    #[test]
    fn for_a_small_model_no_gpu_is_looked_for() {
        let (plan, weights) = tiny();
        let report = load_with(AUTO.into(), &(plan, Arc::new(weights)));
        assert_eq!(report.kind, DeviceKind::Cpu);
        assert!(report.reason.starts_with("the model is small"), "{}", report.reason);
        assert_eq!(report.measured, None);
    }

    /// Whatever this machine has, `auto` gives a model, and says why there.
    #[test]
    fn a_larger_model_is_measured_on_both() {
        let model = wide();
        let plain = load_with(AUTO.into(), &model);
        if plain.reason.starts_with("no GPU: adapter") {
            println!("SKIPPED measured choice: no adapter");
            assert_eq!(plain.kind, DeviceKind::Cpu);
            return;
        }
        let request = DeviceRequest { software: true, ..AUTO.into() };
        let first = load_with(request, &model);
        assert!(first.reason.contains("tokens/s") && first.reason.contains("CPU"), "{}", first.reason);
        let line = first.measured.expect("a line to keep");
        // Known, it is not measured again, whichever it was; and what is kept is kept.
        let later = load_with(DeviceRequest { known: &format!("nonsense\n1 2 3\n{line}\n"), ..request }, &model);
        assert!(later.reason.contains("measured by an earlier load"), "{}", later.reason);
        assert_eq!((later.kind, later.measured), (first.kind, Some(line.clone())));
        // The figures decide.
        let (key, _) = line.rsplit_once(" cpu ").unwrap();
        for (figures, kind) in [("1000 100 gpu 1 1", DeviceKind::Cpu), ("1 1 gpu 1000 100", DeviceKind::Gpu)] {
            let known = format!("{key} cpu {figures}");
            let report = load_with(DeviceRequest { known: &known, ..request }, &model);
            assert_eq!(report.kind, kind, "{}", report.reason);
        }
        // Those of another adapter do not.
        let known = line.replace("1 ", "0 ");
        assert!(!load_with(DeviceRequest { known: &known, ..request }, &model).reason.contains("earlier"));
    }
}
