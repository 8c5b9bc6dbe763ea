//! CPU or GPU: by what is measured on the model itself, as far as it takes measuring.
//!
//! Under `auto`: a model so small that no GPU could be faster stays on the CPU, and none is looked for. Else the adapter
//! is looked at; one that computes on the CPU is not tried. Then both devices read and write some tokens
//! ([`calibrate`](super::calibrate)), unless an earlier load measured the same.

use std::sync::Arc;

#[cfg(feature = "gpu")]
use super::calibrate::{Figures, gpu_floor, key, measure};
#[cfg(feature = "gpu")]
use super::executor::Executor;
#[cfg(feature = "gpu")]
use super::fault::Agreement;
use super::placed::Placed;
#[cfg(feature = "gpu")]
use super::placed::{bytes_per_token, threads_worth};
use super::reason::Reason;
use super::report::{Clock, DeviceChoice, DeviceRequest};
#[cfg(feature = "gpu")]
use super::startup;
use crate::error::{Error, Result};
#[cfg(feature = "gpu")]
use crate::gpu::{AdapterReport, GpuModel, GpuOptions};
use crate::model::Plan;
use crate::weights::Weights;

/// Bytes of weights a second that a slow CPU decodes with on one thread: a third of what one core of a 2020s server does in
/// Chromium (619 tokens of 16 MB, 122 of 140 MB a second).
#[cfg(feature = "gpu")]
const SLOW_CPU: f64 = 3e9;

/// Puts a model on the device that is asked for, or the faster one, and says why.
pub async fn load(
    plan: &Arc<Plan>,
    weights: &Arc<Weights>,
    request: DeviceRequest<'_>,
    clock: Clock,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Placed> {
    let decodes = plan.config.source.is_some();
    let encoder = decodes || plan.config.encoder().is_some();
    let (reason, measured) = match request.choice {
        DeviceChoice::Gpu if encoder => {
            let why = format!("it has an encoder, and {}", Reason::Encoder { decodes });
            return Err(Error::Gpu { what: "this model".into(), why });
        }
        DeviceChoice::Auto if encoder => (Reason::Encoder { decodes }, None),
        DeviceChoice::Cpu => (Reason::Asked, None),
        DeviceChoice::Gpu => return gpu(plan, weights, request.sabotage, progress).await,
        DeviceChoice::Auto => match faster(plan, weights, request, clock, progress).await {
            Ok(Faster::Gpu(placed)) => return Ok(*placed),
            Ok(Faster::Cpu(why, line)) => (why, line),
            Err(error) => (Reason::NoGpu(error), None),
        },
    };
    Ok(Placed { measured, ..Placed::on_cpu(plan, weights, reason)? })
}

/// The faster device, with what was measured.
enum Faster {
    #[cfg_attr(not(feature = "gpu"), allow(dead_code))]
    Gpu(Box<Placed>),
    Cpu(Reason, Option<String>),
}

#[cfg(not(feature = "gpu"))]
async fn faster(
    _: &Arc<Plan>,
    _: &Arc<Weights>,
    _: DeviceRequest<'_>,
    _: Clock,
    _: &mut dyn FnMut(usize, usize),
) -> Result<Faster> {
    Ok(Faster::Cpu(Reason::NotBuilt, None))
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
        return Ok(Faster::Cpu(Reason::Small { bytes, cpu_ms: slow, gpu_ms: floor }, None));
    }
    let adapter = GpuModel::look().await?;
    let name = adapter_name(&adapter);
    if adapter.is_software && !request.software {
        return Err(Error::Gpu { what: name, why: "it computes on the CPU itself".into() });
    }
    let key = key(plan, weights, &name);
    let known = Figures::find(request.known, &key);
    if let Some(figures) = known.filter(|figures| !figures.gpu_is_faster(threads_gain(bytes))) {
        let line = figures.line(&key);
        return Ok(Faster::Cpu(Reason::CpuIsFaster { figures, adapter: name, earlier: true }, Some(line)));
    }
    let (mut placed, agreement) = checked(plan, weights, request.sabotage, progress).await?;
    let figures = match known {
        Some(figures) => figures,
        None => {
            // Given back afterwards: the device that is not chosen keeps nothing.
            let mut cpu = Executor::cpu(plan, weights)?;
            let cpu = measure(&mut cpu, plan, clock, f64::INFINITY).await?;
            let gpu = measure(&mut placed.on, plan, clock, cpu.call_ms()).await?;
            Figures { cpu, gpu }
        }
    };
    let line = Some(figures.line(&key));
    if !figures.gpu_is_faster(threads_gain(bytes)) {
        return Ok(Faster::Cpu(Reason::CpuIsFaster { figures, adapter: name, earlier: false }, line));
    }
    let why = Box::new(Reason::GpuIsFaster { figures, earlier: known.is_some() });
    let reason = Reason::Checked { why, agreement };
    Ok(Faster::Gpu(Box::new(Placed { reason, measured: line, ..placed })))
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
) -> Result<Placed> {
    Err(Error::Gpu { what: "WebGPU".into(), why: "this build is without it (cargo feature `gpu`)".into() })
}

/// Puts the model on the GPU, and checks that it computes there what it should.
#[cfg(feature = "gpu")]
pub async fn gpu(
    plan: &Arc<Plan>,
    weights: &Arc<Weights>,
    sabotage: Option<&'static str>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Placed> {
    let (placed, agreement) = checked(plan, weights, sabotage, progress).await?;
    Ok(Placed { reason: Reason::Checked { why: Box::new(Reason::Asked), agreement }, ..placed })
}

/// The same, with how it passed the check apart from the reason.
#[cfg(feature = "gpu")]
async fn checked(
    plan: &Arc<Plan>,
    weights: &Arc<Weights>,
    sabotage: Option<&'static str>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(Placed, Agreement)> {
    let options = GpuOptions { sabotage, ..GpuOptions::default() };
    let (on, agreement) = startup::load(plan, weights, options, progress).await?;
    let Executor::Gpu(model) = &on else { return Err(Error::Internal { what: "a GPU that is none".into() }) };
    let (adapter, kernels) = (Some(adapter_name(model.adapter())), Some(model.variants()));
    Ok((Placed { on, reason: Reason::Asked, adapter, kernels, threads: 1, measured: None }, agreement))
}

#[cfg(all(test, feature = "gpu"))]
mod tests {
    use super::*;

    use crate::backend::fixtures::tiny;
    use crate::backend::report::{DeviceKind, DeviceReport};
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
            // The loader asks for a family's tensor names.
            metadata: [("general.architecture".into(), format::Value::String("llama".into()))].into(),
            tensors: tensors.collect(),
            unsupported_tensors: Vec::new(),
            tokenizer: format::TokenizerSource::None,
            generation: Default::default(),
        };
        let weights = weights::load(&plan, &file).unwrap();
        (Arc::new(plan), Arc::new(weights))
    }

    fn load_with(request: DeviceRequest<'_>, (plan, weights): &(Arc<Plan>, Arc<Weights>)) -> DeviceReport {
        pollster::block_on(load(plan, weights, request, clock, &mut |_, _| {})).unwrap().reported().1
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
