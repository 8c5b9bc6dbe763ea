//! From plan and weights to a [`GpuModel`]: buffers, pipelines, uploads, bindings.

use super::choose::{self, Drawing};
use super::device::{AdapterReport, Gpu, gpu_error};
use super::forward::GpuModel;
use super::fuse::{self, Fused};
use super::fused::unit::{Attend, Unit};
use super::fused::{self, dots};
use super::kernel::{self, Kernel, SOFTWARE_WORKGROUP, WORKGROUP};
use super::launch::{self, sorted};
use super::left::left_in_words;
use super::ops::{self, attention};
use super::options::{GpuOptions, Tuning};
use super::pipelines::{OpenError, Pipelines};
use super::quant::{GROUP, Packing};
use super::resources::{Activations, Resources};
use super::supported;
use super::upload::{self, GpuMatrix};
use super::variants::{self, Shape, Variants};
use crate::model::{Op, Plan};
use crate::order;
use crate::weights::Weights;
use crate::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Rows of a batch where memory allows: enough to keep a GPU busy, few enough that one submit stays short.
const MAX_BATCH: usize = 128;
/// What the activation buffers may take together before the batch is made smaller.
const ACTIVATION_BYTES: u64 = 64 << 20;

impl GpuModel {
    /// Opens the GPU, compiles the plan's kernels and uploads the weights.
    ///
    /// `progress(done, total)` is called after each kernel and each matrix.
    ///
    /// # Errors
    /// [`Error::Gpu`] where there is no adapter, a kernel does not compile (named) or a limit of the adapter is
    /// exceeded; [`Error::OutOfMemory`] where the GPU's memory does not suffice.
    pub async fn new(plan: Arc<Plan>, weights: &Weights, progress: &mut dyn FnMut(usize, usize)) -> Result<GpuModel> {
        Self::with_options(plan, weights, GpuOptions::default(), progress).await
    }

    /// [`new`](Self::new) with options.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub async fn with_options(
        plan: Arc<Plan>,
        weights: &Weights,
        options: GpuOptions,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<GpuModel> {
        Ok(Self::open(plan, weights, options, progress).await?)
    }

    /// [`with_options`](Self::with_options), telling apart a kernel that this device refuses: another may do instead.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub async fn open(
        plan: Arc<Plan>,
        weights: &Weights,
        options: GpuOptions,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<GpuModel, OpenError> {
        supported::check(&plan)?;
        check_weights(&plan, weights)?;
        let wanted = if options.timestamps { wgpu::Features::TIMESTAMP_QUERY } else { wgpu::Features::empty() };
        let gpu = Gpu::open(wanted).await?;
        let max_batch = max_batch(&gpu, &plan, options)?;
        let binding = largest_binding(&gpu, options);
        let variants = variants(&gpu, &plan, options);
        let mut fused = if variants.fused { fuse::fuse(&plan, weights, binding) } else { fuse::unfused(&plan) };
        if variants.splits > 1 {
            fused.split_attention(&plan);
        }
        let resources = allocate(&gpu, &plan, weights, (options, variants), max_batch, &fused).await?;
        let drawing = Drawing {
            settings: gpu.buffer("settings", choose::SETTINGS_BYTES).await?,
            masks: gpu.buffer("masks", (2 * choose::mask_words(plan.config.n_vocab) * 4) as u64).await?,
            results: gpu.buffer("results", choose::MAX_STEPS as u64 * choose::RESULT_BYTES).await?,
        };

        let mut launches = Vec::new();
        let mut steps = Vec::new();
        let mut kernels: Vec<Kernel> = Vec::new();
        for (i, step) in plan.steps.iter().enumerate() {
            kernels.extend(ops::cached_kernels(&plan, &resources, &step.op));
            for launch in ops::launches(&resources, &step.op)?.unwrap_or_default() {
                kernels.extend([launch.one.0.clone(), launch.many.0.clone()]);
                steps.push(i);
                launches.push(launch);
            }
        }
        let mut unit_vectors = Vec::new();
        let mut fused_launches = Vec::new();
        let mut units = Vec::new();
        for (i, unit) in fused.units.iter().enumerate() {
            let vectors = match unit {
                Unit::Qkv(_) | Unit::Project(_) | Unit::Feed(_) => {
                    let values = dots::vectors(&resources, &weights.vectors, unit)?;
                    Some(upload::vector(&gpu, "norm and biases", &values).await?)
                }
                Unit::Step(_) | Unit::Attend(_) | Unit::PostNorm(_) | Unit::Embed { .. } => None,
            };
            kernels.extend(fused::cached_unit_kernel(&plan, &resources, unit)?);
            if let Some(launch) = fused::unit_launch(&resources, unit, vectors.as_ref())? {
                kernels.push(launch.one.0.clone());
                units.push(i);
                fused_launches.push(launch);
            }
            unit_vectors.push(vectors);
        }
        fused_launches.push(choose::launch(&resources, plan.output, &drawing)?);
        kernels.push(choose::kernel(choose::workgroup(resources.software), variants.sums));
        order::sort_by_key(&mut kernels, Kernel::name);
        kernels.dedup();

        let total = kernels.len() + weights.matrices.len();
        let mut pipelines = Pipelines::new(options.sabotage);
        progress(0, total);
        pipelines.compile(&gpu, &kernels, &mut |done| progress(done, total)).await?;
        for (i, (to, from)) in resources.matrices.iter().zip(&weights.matrices).enumerate() {
            gpu.scoped(&from.name, from.data.len() as u64, || to.upload(&gpu, from)).await?;
            // The last step is done when everything is bound.
            if kernels.len() + i + 1 < total {
                progress(kernels.len() + i + 1, total);
            }
        }
        let bound = launch::bind(&gpu, &pipelines, &resources, &launches).await?;
        let dispatches = sorted(plan.steps.len(), steps, bound);
        let mut bound = launch::bind(&gpu, &pipelines, &resources, &fused_launches).await?;
        let choose =
            bound.pop().ok_or_else(|| Error::Internal { what: "no kernel that chooses tokens".to_string() })?;
        let fused_dispatches = sorted(fused.units.len(), units, bound);
        gpu.finished().await?;
        progress(total, total);
        static MODELS: AtomicU64 = AtomicU64::new(0);
        let mut model = GpuModel {
            id: MODELS.fetch_add(1, Ordering::Relaxed),
            selection: selection(&plan),
            fused,
            fused_dispatches,
            unit_vectors,
            choose,
            drawing,
            result_readbacks: Vec::new(),
            max_batch,
            resident_steps: if options.choose_elsewhere { 0 } else { choose::MAX_STEPS },
            row_ms: None,
            rope_factors: weights.vectors.clone(),
            gpu,
            pipelines,
            resources,
            dispatches,
            readback: None,
            plan,
        };
        // One, and one more for the run after an abandoned one.
        for _ in 0..2 {
            let readback = model.new_result_readback().await?;
            model.result_readbacks.push(readback);
        }
        Ok(model)
    }

    /// What the platform says about the adapter that [`new`](Self::new) would use; no device is opened.
    ///
    /// # Errors
    /// [`Error::Gpu`] where there is no adapter.
    pub async fn look() -> Result<AdapterReport> {
        Ok(Gpu::adapter().await?.1)
    }

    /// What the platform says about the adapter in use.
    pub fn adapter(&self) -> &AdapterReport {
        &self.gpu.report
    }

    /// Whether activations of many rows are rounded as coarsely as the CPU does it.
    pub fn rounds_coarsely(&self) -> bool {
        self.resources.variants.packed
    }

    /// Which variants of the kernels run, and what none has a place for, in words.
    pub fn variants(&self) -> String {
        self.resources.variants.words() + &left_in_words(&self.fused.left)
    }

    /// For tests: the device is gone, as if the platform had taken it away.
    #[doc(hidden)]
    pub fn destroy_device(&self) {
        self.gpu.device.destroy();
    }

    /// Rows per forward, also for [`LogitRows::All`](crate::model::LogitRows::All).
    pub fn max_batch(&self) -> usize {
        self.max_batch
    }
}

/// Every weight has the shape that the plan asks for; all that have not are listed.
fn check_weights(plan: &Plan, weights: &Weights) -> Result<()> {
    let mut problems = Vec::new();
    let mut compare = |what: String, expected: String, found: String| {
        if expected != found {
            problems.push(format!("{what}: expected {expected}, found {found}"));
        }
    };
    let count = |matrices: usize, vectors: usize| format!("{matrices} matrices and {vectors} vectors");
    let expected = count(plan.matrices.len(), plan.vectors.len());
    compare("weights".to_string(), expected, count(weights.matrices.len(), weights.vectors.len()));
    for (spec, matrix) in plan.matrices.iter().zip(&weights.matrices) {
        let shape = |rows: usize, cols: usize| format!("[{rows}, {cols}]");
        compare(spec.name.clone(), shape(spec.rows, spec.cols), shape(matrix.rows, matrix.cols));
    }
    for (spec, values) in plan.vectors.iter().zip(&weights.vectors) {
        compare(spec.name.clone(), format!("[{}]", spec.len), format!("[{}]", values.len()));
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Weights { problems }) }
}

/// The first step that runs over the selection instead of the batch.
fn selection(plan: &Plan) -> usize {
    let select = plan.steps.iter().position(|step| matches!(step.op, Op::SelectRows { .. }));
    select.unwrap_or(plan.steps.len())
}

/// Elements between the rows of an activation buffer.
fn stride(width: usize) -> usize {
    width.next_multiple_of(GROUP)
}

fn max_batch(gpu: &Gpu, plan: &Plan, options: GpuOptions) -> Result<usize> {
    let limit = gpu.device.limits().max_storage_buffer_binding_size;
    let row = |width: usize| (stride(width) * 4) as u64;
    let widest = plan.buffers.iter().map(|b| row(b.width)).max().unwrap_or(1).max(1);
    let together = plan.buffers.iter().map(|b| row(b.width)).sum::<u64>().max(1);
    if widest > limit {
        return Err(gpu_error("activations", format!("a row of {widest} bytes; the adapter allows {limit}")));
    }
    let wanted = options.max_batch.unwrap_or(MAX_BATCH).clamp(1, 65535);
    Ok(wanted.min((limit / widest) as usize).min((ACTIVATION_BYTES / together) as usize).max(1))
}

/// What the table says, or what was asked for.
fn variants(gpu: &Gpu, plan: &Plan, options: GpuOptions) -> Variants {
    let software = match options.tuning {
        Tuning::Adapter => gpu.report.is_software,
        Tuning::Hardware => false,
        Tuning::Software => true,
    };
    variants::choose(software, gpu.abilities, Shape::of(plan), &options)
}

/// The most bytes of weights in one binding.
fn largest_binding(gpu: &Gpu, options: GpuOptions) -> u64 {
    let limits = gpu.device.limits();
    let binding = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
    options.max_binding_bytes.map_or(binding, |bytes| bytes.min(binding))
}

/// Buffers for all matrices: those that fused kernels read at once in common ones.
async fn matrices(
    gpu: &Gpu,
    weights: &Weights,
    binding: u64,
    fused: &Fused,
    packing: Packing,
) -> Result<Vec<GpuMatrix>> {
    let mut joined: Vec<Option<GpuMatrix>> = weights.matrices.iter().map(|_| None).collect();
    for ids in &fused.joined {
        let members: Vec<_> = ids.iter().filter_map(|id| weights.matrices.get(id.0)).collect();
        for (id, matrix) in ids.iter().zip(GpuMatrix::join(gpu, &members, binding, packing).await?) {
            if let Some(slot) = joined.get_mut(id.0) {
                *slot = Some(matrix);
            }
        }
    }
    let mut matrices = Vec::new();
    for (joined, matrix) in joined.into_iter().zip(&weights.matrices) {
        matrices.push(match joined {
            Some(joined) => joined,
            None => GpuMatrix::allocate(gpu, matrix, binding, packing).await?,
        });
    }
    Ok(matrices)
}

async fn allocate(
    gpu: &Gpu,
    plan: &Plan,
    weights: &Weights,
    (options, variants): (GpuOptions, Variants),
    max_batch: usize,
    fused: &Fused,
) -> Result<Resources> {
    let limits = gpu.device.limits();
    let software = variants.software;
    let mut activations = Vec::new();
    for spec in &plan.buffers {
        let stride = stride(spec.width);
        let buffer = gpu.buffer(spec.name, (max_batch * stride * 4) as u64).await?;
        activations.push(Activations { buffer, width: spec.width, stride });
    }
    let matrices = matrices(gpu, weights, largest_binding(gpu, options), fused, variants.packing()).await?;
    let parts = fused.units.iter().map(|unit| match unit {
        Unit::Attend(Attend { shape, .. }) => attention::parts_bytes(shape.n_heads, shape.head_dim, variants.splits),
        _ => 0,
    });
    let parts = parts.max().unwrap_or(0);
    let mut vectors = Vec::new();
    for (spec, values) in plan.vectors.iter().zip(&weights.vectors) {
        vectors.push(upload::vector(gpu, &spec.name, values).await?);
    }
    let most_rows = weights.matrices.iter().map(|m| m.rows).max().unwrap_or(0);
    let uniform_stride = u64::from(limits.min_uniform_buffer_offset_alignment.max(64));
    let batches = (kernel::STEP_SLOTS + choose::MAX_STEPS) as u64;
    let uniform = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
    Ok(Resources {
        activations,
        matrices,
        vectors,
        tokens: gpu.buffer("tokens", (max_batch * 4) as u64).await?,
        selected: gpu.buffer("selected rows", (max_batch * 4) as u64).await?,
        zeros: gpu.buffer("no bias", (most_rows * 4) as u64).await?,
        batches: gpu.buffer_for("batch", batches * uniform_stride, uniform).await?,
        uniform_stride,
        attention_parts: gpu.buffer("parts of attention", parts).await?,
        variants,
        software,
        workgroup: if software { SOFTWARE_WORKGROUP } else { WORKGROUP },
    })
}
