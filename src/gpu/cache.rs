//! The KV cache on the GPU, and what else depends on how many positions a session may have: the rotary angles.

use super::device::{Gpu, gpu_error};
use super::launch::Dispatch;
use crate::model::rope::sin_cos;
use crate::model::{Op, Plan, Rope, RopeLayout, VectorId};
use crate::{Error, Result};

/// Keys and values of every layer for up to `capacity` positions, made by
/// [`GpuModel::new_cache`](super::GpuModel::new_cache) and usable with that model only.
pub struct GpuCache {
    pub(super) capacity: usize,
    /// Which model made it.
    pub(super) model: u64,
    /// Per step of the plan: the dispatches that work on this cache.
    pub(super) dispatches: Vec<Vec<Dispatch>>,
    /// Per unit of [`Fused`](super::fuse::Fused): the same for one token.
    pub(super) fused: Vec<Vec<Dispatch>>,
    pub(super) buffers: CacheBuffers,
}

impl GpuCache {
    /// How many positions fit.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes of its keys and values.
    pub fn bytes(&self) -> usize {
        self.buffers.layers().map(|layer| 2 * layer.position_bytes() as usize * self.capacity).sum()
    }
}

/// One layer's keys and values: f32 or f16 `[capacity, n_kv_heads, head_dim padded to a multiple of 4]` each.
pub(super) struct LayerCache {
    pub(super) k: wgpu::Buffer,
    pub(super) v: wgpu::Buffer,
    pub(super) n_kv_heads: usize,
    pub(super) head_dim: usize,
    /// f16.
    pub(super) half: bool,
}

impl LayerCache {
    /// Bytes from position to position of keys, and of values.
    pub(super) fn position_bytes(&self) -> u64 {
        position_bytes(self.n_kv_heads, self.head_dim, self.half) as u64
    }
}

fn position_bytes(n_kv_heads: usize, head_dim: usize, half: bool) -> usize {
    n_kv_heads * head_dim.next_multiple_of(4) * if half { 2 } else { 4 }
}

/// The buffers that cache operations bind.
pub(super) struct CacheBuffers {
    layers: Vec<Option<LayerCache>>,
    angles: Vec<(Rope, Option<VectorId>, wgpu::Buffer)>,
    /// What a kernel binds that would rotate and has nothing to rotate by.
    pub(super) no_angles: wgpu::Buffer,
}

/// Vectors of 4 that a head takes in the cache, as the shaders' constant. (Saturates far above what any adapter
/// compiles.)
pub(super) fn head_vectors(head_dim: usize) -> u32 {
    u32::try_from(head_dim.div_ceil(4)).unwrap_or(u32::MAX)
}

/// The shape of a layer's heads: the attention of the layer says, or the convolution in its place.
fn kv_shape(plan: &Plan, layer: usize) -> Option<(usize, usize)> {
    plan.steps.iter().find_map(|step| match step.op {
        Op::Attention { layer: l, n_kv_heads, head_dim, .. } if l == layer => Some((n_kv_heads, head_dim)),
        Op::ShortConv { layer: l, out, .. } if l == layer => conv_shape(plan.buffers.get(out.0)?.width),
        _ => None,
    })
}

/// The cache of a convolution whose rows have this width, as if it were of one head; `None` where there is no kernel for that.
pub(super) fn conv_shape(width: usize) -> Option<(usize, usize)> {
    width.is_multiple_of(8).then_some((1, width / 2))
}

/// Elements of a head in a layer.
pub(super) fn head_dim(plan: &Plan, layer: usize) -> Option<usize> {
    kv_shape(plan, layer).map(|(_, head_dim)| head_dim)
}

impl CacheBuffers {
    /// Makes the buffers for `capacity` positions.
    pub(super) async fn allocate(
        gpu: &Gpu,
        plan: &Plan,
        vectors: &[Vec<f32>],
        capacity: usize,
        half: bool,
    ) -> Result<Self> {
        let mut buffers = CacheBuffers {
            layers: Vec::new(),
            angles: Vec::new(),
            no_angles: gpu.buffer("no rotary angles", 16).await?,
        };
        let bytes = |per_position: usize| {
            let bytes = capacity.checked_mul(per_position).map(|bytes| bytes as u64);
            bytes.ok_or_else(|| gpu_error("cache", format!("{capacity} positions overflow the address space")))
        };
        for step in &plan.steps {
            match step.op {
                Op::StoreKv { layer, .. } | Op::ShortConv { layer, .. } => {
                    let no_reader = || Error::Internal { what: format!("{} is read by no attention", step.name) };
                    let (n_kv_heads, head_dim) = kv_shape(plan, layer).ok_or_else(no_reader)?;
                    let bytes = bytes(position_bytes(n_kv_heads, head_dim, half))?;
                    let k = gpu.buffer(&format!("keys of layer {layer}"), bytes).await?;
                    let v = gpu.buffer(&format!("values of layer {layer}"), bytes).await?;
                    if buffers.layers.len() <= layer {
                        buffers.layers.resize_with(layer + 1, || None);
                    }
                    if let Some(slot) = buffers.layers.get_mut(layer) {
                        *slot = Some(LayerCache { k, v, n_kv_heads, head_dim, half });
                    }
                }
                Op::Rope { ref rope, factors, .. } if buffers.angles(rope, factors).is_err() => {
                    let divisors = factors.and_then(|id| vectors.get(id.0)).map(Vec::as_slice);
                    let buffer = gpu.buffer("rotary angles", bytes(rope.n_dims / 2 * 8)?).await?;
                    gpu.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(&angles(rope, divisors, capacity)));
                    buffers.angles.push((*rope, factors, buffer));
                }
                _ => {}
            }
        }
        Ok(buffers)
    }

    pub(super) fn layers(&self) -> impl Iterator<Item = &LayerCache> {
        self.layers.iter().flatten()
    }

    /// The cache of a layer.
    pub(super) fn layer(&self, layer: usize) -> Result<&LayerCache> {
        let missing = || Error::Internal { what: format!("layer {layer} stores no keys and values") };
        self.layers.get(layer).and_then(Option::as_ref).ok_or_else(missing)
    }

    /// The angles of a rotary embedding.
    pub(super) fn angles(&self, rope: &Rope, factors: Option<VectorId>) -> Result<&wgpu::Buffer> {
        let found = self.angles.iter().find(|(r, f, _)| r == rope && *f == factors);
        let missing = || Error::Internal { what: "rotary angles were not computed".to_string() };
        found.map(|(_, _, buffer)| buffer).ok_or_else(missing)
    }
}

/// `[capacity, n_dims / 2]` pairs of cosine and sine, computed in f64: shader libraries are free to be wrong by 2^-11.
fn angles(rope: &Rope, factors: Option<&[f32]>, capacity: usize) -> Vec<[f32; 2]> {
    let frequencies = rope.frequencies(factors);
    let mut angles = Vec::with_capacity(capacity * frequencies.len());
    for position in 0..capacity {
        angles.extend(frequencies.iter().map(|frequency| {
            let (sin, cos) = sin_cos(position as f64 * frequency);
            [cos as f32, sin as f32]
        }));
    }
    angles
}

/// Whether pairs lie half a head apart, as the shader's number.
pub(super) fn half_split(layout: RopeLayout) -> u32 {
    match layout {
        RopeLayout::Interleaved => 0,
        RopeLayout::HalfSplit => 1,
    }
}
