//! What is on the GPU beside the kernels: activations, weights, and the buffers that change with every batch.

use super::device::gpu_error;
use super::upload::GpuMatrix;
use super::variants::Variants;
use crate::model::{BufferId, MatrixId, VectorId};
use crate::{Error, Result};

/// A size as the shaders' u32.
pub(super) fn u32_of(what: &str, value: usize) -> Result<u32> {
    u32::try_from(value).map_err(|_| gpu_error(what, format!("{value} does not fit 32 bits")))
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
    /// [`Batch`](super::kernel::Batch)es: the batch's, the selection's, and those of the tokens of one submit.
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
