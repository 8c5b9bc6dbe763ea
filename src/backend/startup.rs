//! The start-up check: the GPU computes what the CPU computes, on every path that a model runs on. Kernels that do not are
//! avoided: by plainer ones, where there are some, or by the CPU.
//!
//! A few tokens of the model itself run on both devices: several at once, one alone, and two that the GPU chooses. What is
//! not as it should be is looked for step by step, so that the kernel can be named. Attention runs over a long past besides,
//! which is made up: to read one would take the CPU too long.

use std::sync::Arc;

use super::agreement::{LARGEST_ERROR, largest_error, normalised_error};
use super::avoid::{plainer, without_variant};
use super::executor::Executor;
use super::fault::{Agreement, Fault, Path, Wrong};
use super::long_past::{LONG, examine_attention};
use crate::cpu::{CpuModel, Level};
use crate::error::{Error, Result};
use crate::gpu::kernel::{KernelId, Variant};
use crate::gpu::{GpuCache, GpuModel, GpuOptions, OpenError};
use crate::model::{Batch, BufferId, LogitRows, Plan, Sampling};
use crate::weights::Weights;

/// Tokens of the pass over many rows.
const MANY: usize = 5;

/// Opens the GPU, puts the model there, and checks it; with how it agreed, and what was avoided.
///
/// # Errors
/// `Gpu` where it cannot be used, or does not compute what the CPU computes whichever kernels run: the message names those
/// that failed.
pub async fn load(
    plan: &Arc<Plan>,
    weights: &Arc<Weights>,
    mut options: GpuOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(Executor, Agreement)> {
    let mut avoided: Vec<Fault> = Vec::new();
    loop {
        let mut model = match GpuModel::open(Arc::clone(plan), weights, options, progress).await {
            // Where there is another kernel for the same.
            Err(OpenError::Kernel(kernel, Error::Gpu { what, why })) => {
                let fault = Fault::refused(kernel, why.clone());
                let fused = options.unfused != Some(true);
                let Some(simpler) = without_variant(options, &fault, fused) else {
                    return Err(Error::Gpu { what, why });
                };
                avoided.push(fault);
                options = simpler;
                continue;
            }
            other => other?,
        };
        let fault = match examine(&mut model, plan, weights).await? {
            Ok(error) => return Ok((Executor::Gpu(Box::new(model)), Agreement { error, avoided })),
            Err(fault) => fault,
        };
        let simpler = plainer(options, &fault, &model);
        avoided.push(fault);
        options = match simpler {
            Some(plainer) => plainer,
            None => {
                let name = model.adapter().name.clone();
                let faults: Vec<String> = avoided.iter().map(Fault::to_string).collect();
                return Err(Error::Gpu {
                    what: if name.is_empty() { "the adapter".to_string() } else { name },
                    why: format!(
                        "it does not compute what the CPU computes: {} (at most {LARGEST_ERROR:.0e} was expected); its \
                         driver may be at fault",
                        faults.join("; ")
                    ),
                });
            }
        };
    }
}

/// Runs every path; the largest normalised error of the logits, or what is at fault.
async fn examine(model: &mut GpuModel, plan: &Arc<Plan>, weights: &Arc<Weights>) -> Result<Result<f64, Fault>> {
    // Coarsely rounded activations, as wide models have them on the CPU, would look like a GPU's mistake.
    let mut cpu = CpuModel::new(Arc::clone(plan), Arc::clone(weights), Level::best())?.with_fine_rounding();
    let context = plan.config.context_len;
    let many = context.min(model.max_batch()).min(cpu.max_batch()).clamp(1, MANY);
    let n_vocab = plan.config.n_vocab;
    let tokens: Vec<u32> = (0..many).map(|i| ((i * 7919 + 1) % n_vocab) as u32).collect();
    // Room for one token more, and for two that are chosen.
    let capacity = context.min(many + 3);
    let long = context.min(LONG);
    let (mut cache, mut cpu_cache) = (model.new_cache(capacity.max(long)).await?, cpu.new_cache(capacity)?);
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    let mut worst = 0.0f64;
    let first = tokens.get(..1).unwrap_or_default();
    let one_more = (capacity > many).then_some(Batch { tokens: first, position: many, logits: LogitRows::Last });
    let batches = [Some(Batch { tokens: &tokens, position: 0, logits: LogitRows::Last }), one_more];
    for batch in batches.into_iter().flatten() {
        model.forward(&mut cache, batch, &mut found).await?;
        let mut trace = Trace::new();
        let mut observe = |step: &crate::model::Step, rows: &[f32]| trace.push((step.op.out(), rows.to_vec()));
        cpu.forward_traced(&mut cpu_cache, batch, &mut expected, &mut observe)?;
        let error = normalised_error(&found, &expected);
        if error.is_nan() || error > largest_error(model) {
            let alone = batch.tokens.len() == 1;
            let fault = match alone {
                true => blame_units(model, &mut cache, batch, &trace).await?,
                false => blame_steps(model, &mut cache, batch, plan, &trace).await?,
            };
            let path = if alone { Path::One } else { Path::Many };
            let unknown = || Fault { path, kernels: Vec::new(), or: Vec::new(), wrong: Wrong::Off { error } };
            return Ok(Err(fault.unwrap_or_else(unknown)));
        }
        worst = worst.max(error);
    }
    if capacity > many + 2 && model.resident_steps() > 1 {
        let position = many + 1;
        let devices = (&mut *model, &mut cache, &mut cpu, &mut cpu_cache);
        if let Some(wrong) = examine_choice(devices, position, first).await? {
            let kernels = vec![model.choosing_kernel().clone()];
            return Ok(Err(Fault { path: Path::Choice, kernels, or: Vec::new(), wrong }));
        }
    }
    let fault = model.attend(&mut cache, long).await?.and_then(|attended| examine_attention(&attended));
    Ok(fault.map_or(Ok(worst), Err))
}

/// The steps that wrote a buffer, in order, with the rows they wrote.
type Trace = Vec<(Option<BufferId>, Vec<f32>)>;

/// The first step of a pass over many rows that differs, by its kernels.
async fn blame_steps(
    model: &mut GpuModel,
    cache: &mut GpuCache,
    batch: Batch<'_>,
    plan: &Plan,
    trace: &Trace,
) -> Result<Option<Fault>> {
    let mut seen: Vec<(usize, Vec<f32>)> = Vec::new();
    let mut observe = |step: &crate::model::Step, rows: &[f32]| {
        let i = plan.steps.iter().position(|other| other.name == step.name);
        seen.push((i.unwrap_or_default(), rows.to_vec()));
    };
    model.forward_traced(cache, batch, &mut Vec::new(), &mut observe).await?;
    let limit = largest_error(model);
    let blamed = seen.iter().zip(trace).find_map(|((i, rows), (_, expected))| {
        let error = normalised_error(rows, expected);
        (error.is_nan() || error > limit).then_some((*i, error))
    });
    Ok(blamed.map(|(i, error)| Fault {
        path: Path::Many,
        kernels: model.kernels_of_step(cache, i),
        or: Vec::new(),
        wrong: Wrong::Off { error },
    }))
}

/// The first unit of a single token's pass that differs, by its kernels.
async fn blame_units(
    model: &mut GpuModel,
    cache: &mut GpuCache,
    batch: Batch<'_>,
    trace: &Trace,
) -> Result<Option<Fault>> {
    let mut blamed: Option<Fault> = None;
    let mut rest = trace.as_slice();
    let mut before: Vec<KernelId> = Vec::new();
    let limit = largest_error(model);
    let mut observe = |kernels: &[KernelId], out: BufferId, row: &[f32]| {
        if blamed.is_some() {
            return;
        }
        // Several steps may make a unit: the last one that wrote what it wrote.
        let Some(i) = rest.iter().position(|(buffer, _)| *buffer == Some(out)) else { return };
        let error = normalised_error(row, &rest[i].1);
        rest = rest.get(i + 1..).unwrap_or_default();
        if error.is_nan() || error > limit {
            // What attention reads, keys and values, is not looked at: the unit before may have stored it wrongly.
            let attends = kernels.iter().any(|kernel| kernel.stem == "attention");
            let stored = before.iter().any(|kernel| kernel.variants.contains(&Variant::Fused));
            blamed = Some(Fault {
                path: Path::One,
                kernels: kernels.to_vec(),
                or: if attends && stored { std::mem::take(&mut before) } else { Vec::new() },
                wrong: Wrong::Off { error },
            });
        }
        before = kernels.to_vec();
    };
    model.forward_units(cache, batch, &mut observe).await?;
    Ok(blamed)
}

/// Has the GPU choose two tokens, greedily and by lot among the likeliest; what is wrong with them, if anything is.
async fn examine_choice(
    (model, cache, cpu, cpu_cache): (&mut GpuModel, &mut GpuCache, &mut CpuModel, &mut crate::cpu::CpuCache),
    position: usize,
    first: &[u32],
) -> Result<Option<Wrong>> {
    const LIKELY: usize = 4;
    let token = first.first().copied().unwrap_or_default();
    let mut expected = Vec::new();
    let batch = Batch { tokens: first, position, logits: LogitRows::Last };
    cpu.forward(cpu_cache, batch, &mut expected)?;
    let lot = Sampling { temperature: 1.0, top_k: LIKELY, draws: &[1, 2], ..Sampling::GREEDY };
    for (sampling, most) in [(Sampling::GREEDY, 1), (lot, LIKELY)] {
        let mut chosen = Vec::new();
        let failed = match model.decode(cache, token, position, 2, sampling, &mut chosen).await {
            Err(Error::NotFinite { .. } | Error::InvalidOption { .. }) => true,
            other => other.map(|()| false)?,
        };
        let Some(found) = chosen.first().filter(|_| !failed && chosen.len() == 2) else {
            return Ok(Some(Wrong::NoToken));
        };
        let Some(logit) = expected.get(found.token as usize) else {
            return Ok(Some(Wrong::Token { found: found.token, of: expected.len() }));
        };
        // Rounding may change the order of what is nearly equal.
        let near = 1e-2 * expected.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        let better = expected.iter().filter(|other| **other > logit + near).count();
        if better >= most {
            return Ok(Some(Wrong::Unlikely { likelier: better }));
        }
        let top = f64::from(expected.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let sum: f64 = expected.iter().map(|x| (f64::from(*x) - top).exp()).sum();
        let logprob = f64::from(*logit) - top - sum.ln();
        // A NaN is not near.
        let is_near = (f64::from(found.logprob) - logprob).abs() < 0.05 + f64::from(near);
        if !is_near {
            return Ok(Some(Wrong::Logprob { found: found.logprob, expected: logprob }));
        }
    }
    Ok(None)
}

#[cfg(test)]
#[path = "startup_tests.rs"]
mod tests;
