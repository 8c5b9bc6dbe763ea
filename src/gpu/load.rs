//! From plan and weights to a [`GpuModel`]: buffers, pipelines, uploads, bindings.

use super::cache::{CacheBuffers, GpuCache};
use super::device::{AdapterReport, Gpu, gpu_error};
use super::forward::GpuModel;
use super::fuse::{self, Attend, Fused, Unit};
use super::kernel::{self, Kernel, Packing, SOFTWARE_WORKGROUP, WORKGROUP};
use super::pipelines::Pipelines;
use super::record::{self, Activations, Dispatch, Resources};
use super::sample::{self, Drawing};
use super::upload::{self, GROUP, GpuMatrix};
use super::variants::{self, Shape, Tuning, Variants};
use super::{attention, supported, team};
use crate::model::{Op, Plan};
use crate::weights::Weights;
use crate::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Rows of a batch where memory allows: enough to keep a GPU busy, few enough that one submit stays short.
const MAX_BATCH: usize = 128;
/// What the activation buffers may take together before the batch is made smaller.
const ACTIVATION_BYTES: u64 = 64 << 20;

/// What a caller may ask of the GPU backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuOptions {
    /// No storage binding of weights larger than this many bytes; the adapter's limit where that is smaller.
    pub max_binding_bytes: Option<u64>,
    /// At most this many rows per forward; at least 1.
    pub max_batch: Option<usize>,
    /// Which kernels to run.
    pub tuning: Tuning,
    /// A dispatch for every step, also where a single token runs; `None`: on adapters that compute on the CPU, where a dispatch costs
    /// little, and a norm once more in every product costs time.
    pub unfused: Option<bool>,
    /// The model's caller chooses every token itself, from the logits.
    pub choose_elsewhere: bool,
    /// Split the attention of a token over workgroups, and keep keys and values in f16, where the shape of the model allows it;
    /// by the table in `src/gpu/variants.rs` where nothing is said.
    pub split: Option<bool>,
    pub half_kv: Option<bool>,
    /// Add up within subgroups of at most that many invocations, where the adapter has them; 0: through workgroup memory.
    pub subgroups: Option<u32>,
    /// Multiply many rows with quantised weights as bytes, where the CPU does, see `linear`; off where nothing is said.
    pub packed: Option<bool>,
    /// Hold the tiles of such products in f16, where the adapter can; off where nothing is said.
    pub half_tiles: Option<bool>,
    /// Make [`forward_timed`](GpuModel::forward_timed) possible, where the adapter can.
    pub timestamps: bool,
    /// For tests: kernels whose names contain this compute nothing.
    #[doc(hidden)]
    pub sabotage: Option<&'static str>,
}

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
    pub async fn with_options(
        plan: Arc<Plan>,
        weights: &Weights,
        options: GpuOptions,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<GpuModel> {
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
            settings: gpu.buffer("settings", sample::SETTINGS_BYTES).await?,
            masks: gpu.buffer("masks", (2 * sample::mask_words(plan.config.n_vocab) * 4) as u64).await?,
            results: gpu.buffer("results", sample::MAX_STEPS as u64 * sample::RESULT_BYTES).await?,
        };

        let mut launches = Vec::new();
        let mut steps = Vec::new();
        let mut kernels: Vec<Kernel> = Vec::new();
        for (i, step) in plan.steps.iter().enumerate() {
            kernels.extend(record::cached_kernels(&plan, &resources, &step.op));
            for launch in record::launches(&resources, &step.op)?.unwrap_or_default() {
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
                    let values = team::vectors(&resources, &weights.vectors, unit)?;
                    Some(upload::vector(&gpu, "norm and biases", &values).await?)
                }
                Unit::Step(_) | Unit::Attend(_) | Unit::Embed { .. } => None,
            };
            kernels.extend(record::cached_unit_kernel(&resources, unit)?);
            if let Some(launch) = record::unit_launch(&resources, unit, vectors.as_ref())? {
                kernels.push(launch.one.0.clone());
                units.push(i);
                fused_launches.push(launch);
            }
            unit_vectors.push(vectors);
        }
        fused_launches.push(sample::launch(&resources, plan.logits, &drawing)?);
        kernels.push(sample::kernel(sample::workgroup(resources.software), variants.sums));
        kernels.sort_by_cached_key(Kernel::name);
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
        let bound = record::bind(&gpu, &pipelines, &resources, &launches).await?;
        let dispatches = sorted(plan.steps.len(), steps, bound);
        let mut bound = record::bind(&gpu, &pipelines, &resources, &fused_launches).await?;
        let sample = bound.pop().ok_or_else(|| Error::Internal { what: "no sampling kernel".to_string() })?;
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
            sample,
            drawing,
            result_readbacks: Vec::new(),
            max_batch,
            resident_steps: if options.choose_elsewhere { 0 } else { sample::MAX_STEPS },
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

    /// Which variants of the kernels run, in words.
    pub fn variants(&self) -> String {
        self.resources.variants.words()
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

    /// A cache for `capacity` positions.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] where the capacity is 0 or the model's position table is shorter;
    /// [`Error::Gpu`] or [`Error::OutOfMemory`] where the GPU cannot hold it.
    pub async fn new_cache(&self, capacity: usize) -> Result<GpuCache> {
        let mut most = u32::MAX as usize;
        for step in &self.plan.steps {
            if let Op::PositionEmbed { table, .. } = step.op {
                most = most.min(self.resources.matrix(table)?.rows);
            }
        }
        if capacity == 0 || capacity > most {
            return Err(Error::InvalidOption {
                name: "context length".to_string(),
                expected: format!("1 to {most} positions, as many as the model has embeddings for"),
                found: capacity.to_string(),
            });
        }
        let half = self.resources.variants.half_kv;
        let buffers = CacheBuffers::allocate(&self.gpu, &self.plan, &self.rope_factors, capacity, half).await?;
        let mut launches = Vec::new();
        let mut steps = Vec::new();
        for (i, step) in self.plan.steps.iter().enumerate() {
            for launch in record::cached_launches(&self.resources, &buffers, &step.op)?.unwrap_or_default() {
                steps.push(i);
                launches.push(launch);
            }
        }
        let of_steps = launches.len();
        let mut units = Vec::new();
        for (i, (unit, vectors)) in self.fused.units.iter().zip(&self.unit_vectors).enumerate() {
            if let Some(launch) = record::cached_unit_launch(&self.resources, &buffers, unit, vectors.as_ref())? {
                units.push(i);
                launches.push(launch);
            }
        }
        let mut bound = record::bind(&self.gpu, &self.pipelines, &self.resources, &launches).await?;
        let fused = sorted(self.fused.units.len(), units, bound.split_off(of_steps));
        let dispatches = sorted(self.plan.steps.len(), steps, bound);
        Ok(GpuCache { capacity, model: self.id, dispatches, fused, buffers })
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

/// Sorts dispatches into the `n` steps or units that they belong to.
fn sorted(n: usize, places: Vec<usize>, dispatches: Vec<Dispatch>) -> Vec<Vec<Dispatch>> {
    let mut sorted: Vec<Vec<Dispatch>> = (0..n).map(|_| Vec::new()).collect();
    for (place, dispatch) in places.into_iter().zip(dispatches) {
        if let Some(slot) = sorted.get_mut(place) {
            slot.push(dispatch);
        }
    }
    sorted
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
    let batches = (kernel::STEP_SLOTS + sample::MAX_STEPS) as u64;
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
