//! From operations to dispatches. An operation's file describes its launches; binding them to pipelines, parameters
//! and buffers happens once, so that a forward pass only walks a list.

use super::cache::CacheBuffers;
use super::device::Gpu;
use super::fuse::Unit;
use super::kernel::{Batch, Kernel};
use super::pipelines::Pipelines;
use super::upload::GpuMatrix;
use super::variants::Variants;
use crate::model::{BufferId, MatrixId, Op, Plan, VectorId};
use crate::{Error, Result};

/// How many workgroups a launch takes: `columns` of them, spread over x and y, for each group of rows, in z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) columns: u32,
    /// Rows that one workgroup works on.
    pub(super) rows_per_group: u32,
}

impl Grid {
    /// One invocation per column and row.
    pub(super) fn elementwise(columns: usize) -> Result<Grid> {
        Ok(Grid { columns: u32_of("columns", columns)?.div_ceil(super::kernel::WORKGROUP), rows_per_group: 1 })
    }

    /// The counts per dimension for `n` rows; every adapter allows 65535 in each.
    pub(super) fn workgroups(self, n: u32) -> [u32; 3] {
        let x = self.columns.clamp(1, 65535);
        [x, self.columns.div_ceil(x), n.div_ceil(self.rows_per_group)]
    }
}

/// A kernel, its buffers and its parameters.
pub(super) struct Launch {
    /// The kernel for a batch of one row and its grid.
    pub(super) one: (Kernel, Grid),
    /// The same for more rows; the same bindings.
    pub(super) many: (Kernel, Grid),
    /// Storage buffers by binding.
    pub(super) buffers: Vec<(u32, wgpu::Buffer)>,
    /// The uniform parameters.
    pub(super) params: Vec<u8>,
}

impl Launch {
    /// A launch whose kernel does not depend on the number of rows.
    pub(super) fn new(
        kernel: Kernel,
        grid: Grid,
        buffers: &[(u32, &wgpu::Buffer)],
        params: impl bytemuck::Pod,
    ) -> Self {
        Launch {
            one: (kernel.clone(), grid),
            many: (kernel, grid),
            buffers: buffers.iter().map(|&(binding, buffer)| (binding, buffer.clone())).collect(),
            params: bytemuck::bytes_of(&params).to_vec(),
        }
    }
}

/// An activation buffer: f32 `[max_batch, stride]`, the stride a multiple of 16, zero beyond the width.
pub(super) struct Activations {
    pub(super) buffer: wgpu::Buffer,
    pub(super) width: usize,
    pub(super) stride: usize,
}

impl Activations {
    /// Vectors of 4 in a row.
    pub(super) fn vectors(&self) -> usize {
        self.stride / 4
    }
}

/// What launches refer to.
pub(super) struct Resources {
    pub(super) activations: Vec<Activations>,
    pub(super) matrices: Vec<GpuMatrix>,
    pub(super) vectors: Vec<wgpu::Buffer>,
    /// The batch's token ids, u32.
    pub(super) tokens: wgpu::Buffer,
    /// The batch's rows that the steps behind the selection run over, u32.
    pub(super) selected: wgpu::Buffer,
    /// f32 zeros, as many as the largest matrix has rows: the bias of a linear without one.
    pub(super) zeros: wgpu::Buffer,
    /// [`Batch`]es: the batch's, the selection's, and those of a resident run's steps.
    pub(super) batches: wgpu::Buffer,
    /// Distance of them, and of parameter structs, in bytes.
    pub(super) uniform_stride: u64,
    /// What attention that is split leaves to be merged.
    pub(super) attention_parts: wgpu::Buffer,
    pub(super) variants: Variants,
    /// Launch the kernels for adapters that compute on the CPU.
    pub(super) software: bool,
    /// Invocations of a workgroup of kernels with barriers.
    pub(super) workgroup: u32,
}

/// A size as the shaders' u32.
pub(super) fn u32_of(what: &str, value: usize) -> Result<u32> {
    u32::try_from(value).map_err(|_| super::device::gpu_error(what, format!("{value} does not fit 32 bits")))
}

fn missing(what: &str, index: usize) -> Error {
    Error::Internal { what: format!("the plan refers to {what} {index}, which does not exist") }
}

impl Resources {
    /// The offset of a batch among the [`batches`](Self::batches).
    pub(super) fn slot(&self, i: usize) -> u32 {
        // A few dozen times 256.
        (i as u64 * self.uniform_stride) as u32
    }

    pub(super) fn activation(&self, id: BufferId) -> Result<&Activations> {
        self.activations.get(id.0).ok_or_else(|| missing("buffer", id.0))
    }

    pub(super) fn matrix(&self, id: MatrixId) -> Result<&GpuMatrix> {
        self.matrices.get(id.0).ok_or_else(|| missing("matrix", id.0))
    }

    pub(super) fn vector(&self, id: VectorId) -> Result<&wgpu::Buffer> {
        self.vectors.get(id.0).ok_or_else(|| missing("vector", id.0))
    }
}

/// The one chunk of a matrix that a fused kernel reads.
pub(super) fn one_chunk(matrix: &GpuMatrix) -> Result<&super::upload::Chunk> {
    matrix.whole().ok_or_else(|| Error::Internal { what: format!("{} lies in several bindings", matrix.name) })
}

/// The launches of an operation that needs no cache; `None` for one that does.
pub(super) fn launches(resources: &Resources, op: &Op) -> Result<Option<Vec<Launch>>> {
    let r = resources;
    let launches = match *op {
        Op::Embed { table, out } => super::embed::launches(r, table, out)?,
        Op::PositionEmbed { x, table, out } => super::position_embed::launches(r, x, table, out)?,
        Op::RmsNorm { x, weight, eps, out, .. } => vec![super::rms_norm::launch(r, x, weight, eps, out)?],
        Op::LayerNorm { x, weight, bias, eps, out } => {
            vec![super::layer_norm::launch(r, x, weight, bias, eps, out)?]
        }
        Op::Linear { x, weight, bias, out } => super::linear::launches(r, x, weight, bias, out)?,
        Op::GatedActivation { gate, up, activation, out } => {
            vec![super::gated_activation::launch(r, gate, up, activation, out)?]
        }
        Op::Activation { x, activation, out } => vec![super::activation::launch(r, x, activation, out)?],
        Op::Add { a, b, out } => vec![super::add::launch(r, a, b, out)?],
        Op::Scale { x, factor, out } => vec![super::scale::launch(r, x, factor, out)?],
        Op::SoftCap { x, cap, out } => vec![super::soft_cap::launch(r, x, cap, out)?],
        Op::SelectRows { x, out } => vec![super::select_rows::launch(r, x, out)?],
        Op::Rope { .. } | Op::StoreKv { .. } | Op::Attention { .. } => return Ok(None),
    };
    Ok(Some(launches))
}

/// The launches of an operation that works on a cache; `None` for one that needs none.
pub(super) fn cached_launches(resources: &Resources, cache: &CacheBuffers, op: &Op) -> Result<Option<Vec<Launch>>> {
    let r = resources;
    let launch = match *op {
        Op::Rope { x, head_dim, ref rope, factors, out, .. } => {
            let angles = cache.angles(rope, factors)?;
            super::rope::launch(r, x, head_dim, rope, angles, out)?
        }
        Op::StoreKv { k, v, layer } => super::store_kv::launch(r, k, v, cache.layer(layer)?)?,
        Op::Attention { q, layer, n_heads, n_kv_heads, head_dim, scale, out, .. } => {
            let shape = super::attention::Shape { n_heads, n_kv_heads, head_dim, scale };
            super::attention::launch(r, q, shape, cache.layer(layer)?, out)?
        }
        _ => return Ok(None),
    };
    Ok(Some(vec![launch]))
}

/// The launch of a unit that works on a cache; `None` for one that needs none, or is a step alone.
pub(super) fn cached_unit_launch(
    r: &Resources,
    cache: &CacheBuffers,
    unit: &Unit,
    vectors: Option<&wgpu::Buffer>,
) -> Result<Option<Launch>> {
    Ok(match (unit, vectors) {
        (Unit::Qkv(qkv), Some(vectors)) => {
            let angles = match qkv.rope {
                Some((ref rope, factors)) => cache.angles(rope, factors)?,
                None => &cache.no_angles,
            };
            Some(super::fused_qkv::launch(r, qkv, vectors, cache.layer(qkv.layer)?, angles)?)
        }
        (Unit::Attend(attend), _) => {
            Some(super::attention::split_launch(r, attend.q, attend.shape, cache.layer(attend.layer)?)?)
        }
        _ => None,
    })
}

/// The kernel of a unit that works on a cache: known before there is one.
pub(super) fn cached_unit_kernel(r: &Resources, unit: &Unit) -> Result<Option<Kernel>> {
    Ok(match unit {
        Unit::Qkv(qkv) => Some(super::fused_qkv::kernel_of(r, qkv)?),
        Unit::Attend(attend) => {
            let Variants { half_kv, splits, .. } = r.variants;
            Some(super::attention::kernel(attend.shape.head_dim, r.software, half_kv, splits, r.variants.sums))
        }
        _ => None,
    })
}

/// The launch of a unit of [`Fused`](super::fuse::Fused) that needs no cache; `vectors`: its norm and biases.
pub(super) fn unit_launch(r: &Resources, unit: &Unit, vectors: Option<&wgpu::Buffer>) -> Result<Option<Launch>> {
    Ok(match (unit, vectors) {
        (Unit::Embed { tokens, positions, out }, _) => Some(super::fused_embed::launch(r, *tokens, *positions, *out)?),
        (Unit::Project(project), Some(vectors)) => Some(super::fused_project::launch(r, project, vectors)?),
        (Unit::Feed(feed), Some(vectors)) => Some(super::fused_feed::launch(r, feed, vectors)?),
        _ => None,
    })
}

/// The kernels of an operation that works on a cache: known before there is one.
pub(super) fn cached_kernels(plan: &Plan, resources: &Resources, op: &Op) -> Vec<Kernel> {
    let half_kv = resources.variants.half_kv;
    match *op {
        Op::Rope { .. } => vec![super::rope::kernel()],
        Op::StoreKv { layer, .. } => {
            let head_dim = super::cache::head_dim(plan, layer);
            head_dim.map(|head_dim| super::store_kv::kernel(head_dim, half_kv)).into_iter().collect()
        }
        Op::Attention { head_dim, .. } => {
            let alone = super::attention::alone(head_dim, half_kv).filter(|_| resources.software);
            alone
                .into_iter()
                .chain([super::attention::kernel(head_dim, resources.software, half_kv, 1, resources.variants.sums)])
                .collect()
        }
        _ => Vec::new(),
    }
}

/// A launch bound to its pipelines, buffers and parameters.
pub(super) struct Dispatch {
    one: (wgpu::ComputePipeline, Grid),
    many: (wgpu::ComputePipeline, Grid),
    bindings: wgpu::BindGroup,
    /// Of the kernels for one row and for many.
    pub(super) names: [String; 2],
}

impl Dispatch {
    /// Records the dispatch over `n` rows (at least 1), which the batch at offset `slot` describes.
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass<'_>, n: u32, slot: u32) {
        let (pipeline, grid) = if n == 1 { &self.one } else { &self.many };
        let [x, y, z] = grid.workgroups(n);
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &self.bindings, &[slot]);
        pass.dispatch_workgroups(x, y, z);
    }
}

/// Binds launches, in order.
pub(super) async fn bind(
    gpu: &Gpu,
    pipelines: &Pipelines,
    resources: &Resources,
    launches: &[Launch],
) -> Result<Vec<Dispatch>> {
    let stride = resources.uniform_stride;
    let mut params = vec![0u8; launches.len() * stride as usize];
    for (slot, launch) in params.chunks_mut(stride as usize).zip(launches) {
        let found = slot.len();
        let too_large =
            || Error::Internal { what: format!("{} bytes of parameters, {found} fit", launch.params.len()) };
        slot.get_mut(..launch.params.len()).ok_or_else(too_large)?.copy_from_slice(&launch.params);
    }
    let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
    let buffer = gpu.buffer_for("parameters", params.len() as u64, usage).await?;
    gpu.queue.write_buffer(&buffer, 0, &params);

    let mut prepared = Vec::with_capacity(launches.len());
    for launch in launches {
        let of = |(kernel, grid): &(Kernel, Grid)| Ok((pipelines.pipeline(kernel)?.clone(), *grid));
        prepared.push((of(&launch.one)?, of(&launch.many)?, pipelines.layout(&launch.one.0)?));
    }
    let create = || {
        let prepared = prepared.into_iter().zip(launches).zip(0u64..);
        let bound = prepared.map(|(((one, many, layout), launch), i)| {
            let uniform = |buffer, slot: u64, size: usize| {
                wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer,
                    offset: slot * stride,
                    size: std::num::NonZeroU64::new(size as u64),
                })
            };
            let batch = uniform(&resources.batches, 0, size_of::<Batch>());
            let mut entries = vec![
                wgpu::BindGroupEntry { binding: 0, resource: batch },
                wgpu::BindGroupEntry { binding: 1, resource: uniform(&buffer, i, launch.params.len()) },
            ];
            entries.extend(launch.buffers.iter().map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding: *binding,
                resource: buffer.as_entire_binding(),
            }));
            let descriptor = wgpu::BindGroupDescriptor { label: Some(launch.one.0.stem), layout, entries: &entries };
            Dispatch {
                one,
                many,
                bindings: gpu.device.create_bind_group(&descriptor),
                names: [launch.one.0.name(), launch.many.0.name()],
            }
        });
        bound.collect::<Vec<_>>()
    };
    gpu.counting.add(|c| c.bind_groups += launches.len() as u64);
    gpu.scoped("bind groups", 0, create).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_stay_within_the_limit_per_dimension_and_cover_everything() {
        for columns in [1, 2, 65535, 65536, 65537, 200_000, 5_000_000] {
            let [x, y, z] = Grid { columns, rows_per_group: 32 }.workgroups(33);
            assert!(x <= 65535 && y <= 65535, "{columns}: {x} x {y}");
            assert!(u64::from(x) * u64::from(y) >= u64::from(columns), "{columns}: {x} x {y}");
            assert_eq!(z, 2);
        }
    }
}
