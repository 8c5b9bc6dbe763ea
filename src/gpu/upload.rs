//! Weights on the GPU: repacked from the file's bytes into aligned words, still quantised, in row chunks that fit a
//! storage binding.
//!
//! Rows are whole groups of 16 elements: rows of plain floats are padded with zeros, rows of the block types (32
//! elements) are whole groups already. Factors lie apart from the elements, because 34 and 18 byte blocks have no
//! alignment that a shader could read.

use super::device::{Gpu, gpu_error};
use super::lanes;
use super::quant::{GROUP, Packing, Stored, encoding};
use crate::tensor::DType;
use crate::weights::Matrix;
use crate::{Error, Result};
use std::ops::Range;

/// The most bytes repacked at once: bounds the memory that an upload needs beside the file.
const PIECE: usize = 4 << 20;

/// Some consecutive rows of a matrix, in buffers of their own or together with other matrices.
#[derive(Clone)]
pub(super) struct Chunk {
    pub(super) rows: Range<usize>,
    /// The buffers' row where they begin.
    pub(super) from_row: usize,
    pub(super) elements: wgpu::Buffer,
    /// Factors of the types that have any.
    pub(super) factors: Option<wgpu::Buffer>,
}

impl Chunk {
    /// Its buffers, and others, by binding.
    pub(super) fn buffers<'a>(&'a self, others: &[(u32, &'a wgpu::Buffer)]) -> Vec<(u32, &'a wgpu::Buffer)> {
        let factors = self.factors.as_ref().map(|factors| (3, factors));
        [(2, &self.elements)].into_iter().chain(factors).chain(others.iter().copied()).collect()
    }
}

/// A matrix on the GPU.
pub(super) struct GpuMatrix {
    pub(super) name: String,
    pub(super) dtype: DType,
    packing: Packing,
    pub(super) rows: usize,
    /// Groups in a row.
    pub(super) groups: usize,
    pub(super) chunks: Vec<Chunk>,
}

/// How many rows a chunk may have so that no binding exceeds `limit` bytes.
fn rows_per_chunk(dtype: DType, groups: usize, limit: u64) -> usize {
    let (elements, factors) = encoding(dtype).row_bytes(Packing::Rows, groups);
    (limit / elements.max(factors).max(1) as u64).min(u32::MAX as u64) as usize
}

/// Groups in a row of a matrix that has the bytes of its shape, and of which a row fits `limit` bytes.
fn check(matrix: &Matrix, limit: u64) -> Result<usize> {
    let groups = matrix.cols.div_ceil(GROUP);
    // What the plan and the loader promise; a kernel would read other rows were it not so.
    let whole = matrix.cols.is_multiple_of(matrix.dtype.block_len());
    if !whole || matrix.rows.checked_mul(matrix.row_bytes()) != Some(matrix.data.len()) {
        let what = format!("{} has {} bytes for its shape", matrix.name, matrix.data.len());
        return Err(Error::Internal { what });
    }
    if rows_per_chunk(matrix.dtype, groups, limit) == 0 {
        let why = format!("one row of {} does not fit the adapter's limit of {limit} bytes", matrix.name);
        return Err(gpu_error("weights", why));
    }
    Ok(groups)
}

/// Rows of the matrices before it in their common buffers, and of all of them: each begins at a whole word of factors.
fn starts(matrices: &[&Matrix]) -> (Vec<usize>, usize) {
    let mut end = 0;
    let starts = matrices.iter().map(|matrix| {
        let start = end;
        end = start + matrix.rows.next_multiple_of(GROUP);
        start
    });
    (starts.collect(), end)
}

/// Whether the matrices can be put into common buffers, none larger than `limit` bytes.
pub(super) fn can_join(matrices: &[&Matrix], limit: u64) -> bool {
    let Some(first) = matrices.first() else { return false };
    let alike = matrices.iter().all(|m| m.dtype == first.dtype && m.cols == first.cols);
    let (_, rows) = starts(matrices);
    alike && rows <= rows_per_chunk(first.dtype, first.cols.div_ceil(GROUP), limit)
}

impl GpuMatrix {
    /// Type and order.
    pub(super) fn stored(&self) -> Stored {
        Stored { dtype: self.dtype, packing: self.packing }
    }

    /// Makes common buffers for matrices that [`can_join`].
    pub(super) async fn join(gpu: &Gpu, matrices: &[&Matrix], limit: u64, packing: Packing) -> Result<Vec<GpuMatrix>> {
        let (starts, rows) = starts(matrices);
        let Some(first) = matrices.first() else { return Ok(Vec::new()) };
        let (element_bytes, factor_bytes) = encoding(first.dtype).row_bytes(packing, first.cols.div_ceil(GROUP));
        let elements = gpu.buffer(&first.name, (rows * element_bytes) as u64).await?;
        let factors = match factor_bytes {
            0 => None,
            _ => Some(gpu.buffer(&first.name, (rows * factor_bytes) as u64).await?),
        };
        let mut joined = Vec::new();
        for (matrix, from_row) in matrices.iter().zip(starts) {
            let groups = check(matrix, limit)?;
            let (elements, factors) = (elements.clone(), factors.clone());
            let chunks = vec![Chunk { rows: 0..matrix.rows, from_row, elements, factors }];
            joined.push(GpuMatrix {
                name: matrix.name.clone(),
                dtype: matrix.dtype,
                packing,
                rows: matrix.rows,
                groups,
                chunks,
            });
        }
        Ok(joined)
    }

    /// The one chunk of a matrix that a fused kernel reads.
    pub(super) fn whole(&self) -> Result<&Chunk> {
        match self.chunks.as_slice() {
            [whole] => Ok(whole),
            _ => Err(Error::Internal { what: format!("{} lies in several bindings", self.name) }),
        }
    }

    /// A matrix's rows have the width of the buffer that they meet.
    pub(super) fn check_width(&self, stride: usize) -> Result<()> {
        if self.groups * GROUP == stride {
            return Ok(());
        }
        let what = format!("rows of {} take {} elements, their buffer has {stride}", self.name, self.groups * GROUP);
        Err(Error::Internal { what })
    }

    /// Makes the buffers of `matrix`, none larger than `limit` bytes.
    pub(super) async fn allocate(gpu: &Gpu, matrix: &Matrix, limit: u64, packing: Packing) -> Result<GpuMatrix> {
        let groups = check(matrix, limit)?;
        let step = rows_per_chunk(matrix.dtype, groups, limit);
        // Whole blocks of rows, or none.
        let (packing, step) = match packing {
            Packing::Lanes if step >= lanes::BLOCK => (packing, step - step % lanes::BLOCK),
            _ => (Packing::Rows, step),
        };
        let (element_bytes, factor_bytes) = encoding(matrix.dtype).row_bytes(packing, groups);
        let mut chunks = Vec::new();
        let mut first = 0;
        while first < matrix.rows {
            let rows = first..(first + step).min(matrix.rows);
            let stored_rows = match packing {
                Packing::Rows => rows.len(),
                Packing::Lanes => rows.len().next_multiple_of(lanes::BLOCK),
            };
            let elements = gpu.buffer(&matrix.name, (stored_rows * element_bytes) as u64).await?;
            let factors = match factor_bytes {
                0 => None,
                _ => Some(gpu.buffer(&matrix.name, (stored_rows * factor_bytes) as u64).await?),
            };
            first = rows.end;
            chunks.push(Chunk { rows, from_row: 0, elements, factors });
        }
        Ok(GpuMatrix { name: matrix.name.clone(), dtype: matrix.dtype, packing, rows: matrix.rows, groups, chunks })
    }

    /// Writes the elements of `matrix`, the one that this was allocated for.
    pub(super) fn upload(&self, gpu: &Gpu, matrix: &Matrix) {
        let (element_bytes, factor_bytes) = encoding(self.dtype).row_bytes(self.packing, self.groups);
        // Pieces start at whole words of factors (two of 2 bytes) and at whole blocks of rows.
        let step = (PIECE / element_bytes.max(1)).max(2).next_multiple_of(lanes::BLOCK);
        let words = element_bytes / 4 / self.groups.max(1);
        let (mut elements, mut factors) = (Vec::new(), Vec::new());
        let (mut own_elements, mut own_factors, mut stored) = (Vec::new(), Vec::new(), Vec::new());
        for chunk in &self.chunks {
            let start = |bytes: usize| (chunk.from_row * bytes) as u64;
            let (mut element_at, mut factor_at) = (start(element_bytes), start(factor_bytes));
            let mut first = chunk.rows.start;
            while first < chunk.rows.end {
                let end = (first + step).min(chunk.rows.end);
                elements.clear();
                factors.clear();
                match self.packing {
                    Packing::Rows => (first..end).for_each(|row| {
                        repack(self.dtype, self.groups, matrix.row(row, &mut stored), &mut elements, &mut factors);
                    }),
                    Packing::Lanes => (first..end).step_by(lanes::BLOCK).for_each(|start| {
                        own_elements.clear();
                        own_factors.clear();
                        for row in start..(start + lanes::BLOCK).min(end) {
                            let row = matrix.row(row, &mut stored);
                            repack(self.dtype, self.groups, row, &mut own_elements, &mut own_factors);
                        }
                        let rows = (own_elements.as_slice(), own_factors.as_slice());
                        lanes::block(words, self.groups, encoding(self.dtype), rows, &mut elements, &mut factors);
                    }),
                }
                gpu.queue.write_buffer(&chunk.elements, element_at, &elements);
                element_at += elements.len() as u64;
                if let Some(buffer) = &chunk.factors {
                    // Only the chunk's last piece can end in half a word.
                    factors.resize(factors.len().next_multiple_of(4), 0);
                    gpu.queue.write_buffer(buffer, factor_at, &factors);
                    factor_at += factors.len() as u64;
                }
                first = end;
            }
        }
        // Natively, what is written waits in staging memory for the next submit.
        gpu.queue.submit([]);
    }
}

/// Appends one row's elements, padded to whole groups, and factors as the kernels read them.
fn repack(dtype: DType, groups: usize, row: &[u8], elements: &mut Vec<u8>, factors: &mut Vec<u8>) {
    let encoding = encoding(dtype);
    let end = elements.len() + groups * encoding.group_bytes;
    (encoding.repack)(row, elements, factors);
    elements.resize(end, 0);
}

/// A vector as f32s, padded with zeros to whole groups.
pub(super) async fn vector(gpu: &Gpu, name: &str, values: &[f32]) -> Result<wgpu::Buffer> {
    let mut padded = values.to_vec();
    padded.resize(values.len().next_multiple_of(GROUP), 0.0);
    let buffer = gpu.buffer(name, (padded.len() * 4) as u64).await?;
    gpu.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(&padded));
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_floats_are_padded_to_whole_groups() {
        let (mut elements, mut factors) = (Vec::new(), Vec::new());
        repack(DType::F16, 2, &[7; 2 * 17], &mut elements, &mut factors);
        assert_eq!(elements.len(), 64);
        assert!(elements[..34].iter().all(|&b| b == 7) && elements[34..].iter().all(|&b| b == 0));
        assert!(factors.is_empty());
    }

    #[test]
    fn a_chunk_never_exceeds_the_limit() {
        assert_eq!(rows_per_chunk(DType::Q8_0, 2, 64), 2);
        assert_eq!(rows_per_chunk(DType::Q4_0, 2, 64), 4);
        assert_eq!(rows_per_chunk(DType::F32, 1, 63), 0);
        assert_eq!(rows_per_chunk(DType::F32, 1, 64), 1);
    }
}
