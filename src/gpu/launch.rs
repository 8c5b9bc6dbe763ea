//! From launches, which the files of operations describe, to dispatches: binding them to pipelines, parameters and
//! buffers happens once, so that a forward pass only walks a list.

use super::device::Gpu;
use super::kernel::{Batch, Kernel, KernelId};
use super::pipelines::Pipelines;
use super::resources::{Resources, u32_of};
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

/// A launch bound to its pipelines, buffers and parameters.
pub(super) struct Dispatch {
    one: (wgpu::ComputePipeline, Grid),
    many: (wgpu::ComputePipeline, Grid),
    bindings: wgpu::BindGroup,
    /// Of the kernels for one row and for many.
    pub(super) kernels: [KernelId; 2],
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
        let of = |(kernel, grid): &(Kernel, Grid)| Ok::<_, Error>((pipelines.pipeline(kernel)?.clone(), *grid));
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
                kernels: [launch.one.0.id(), launch.many.0.id()],
            }
        });
        bound.collect::<Vec<_>>()
    };
    gpu.counting.add(|c| c.bind_groups += launches.len() as u64);
    gpu.scoped("bind groups", 0, create).await
}

/// Sorts dispatches into the `n` steps or units that they belong to.
pub(super) fn sorted(n: usize, places: Vec<usize>, dispatches: Vec<Dispatch>) -> Vec<Vec<Dispatch>> {
    let mut sorted: Vec<Vec<Dispatch>> = (0..n).map(|_| Vec::new()).collect();
    for (place, dispatch) in places.into_iter().zip(dispatches) {
        if let Some(slot) = sorted.get_mut(place) {
            slot.push(dispatch);
        }
    }
    sorted
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
