//! Compiled kernels, each once.

use super::device::{Gpu, Verdict, gpu_error};
use super::kernel::{Access, Kernel, KernelId};
use crate::{Error, Result};
use std::collections::HashMap;

/// Why a model was not put on the GPU.
#[derive(Clone, Debug)]
pub enum OpenError {
    /// This kernel does not compile there or does not fit the adapter.
    Kernel(KernelId, Error),
    /// Something else.
    Other(Error),
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        OpenError::Other(error)
    }
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Kernel(_, error) | OpenError::Other(error) => error,
        }
    }
}

impl OpenError {
    /// What went wrong with a kernel: the GPU itself may have failed meanwhile.
    fn of(kernel: &Kernel, error: Error) -> OpenError {
        match error {
            Error::Gpu { .. } => OpenError::Kernel(kernel.id(), error),
            other => OpenError::Other(other),
        }
    }
}

/// Pipelines by kernel name. Kernels with the same bindings share a layout, and so their bind groups.
#[derive(Default)]
pub(super) struct Pipelines {
    compiled: HashMap<String, wgpu::ComputePipeline>,
    layouts: HashMap<Vec<(u32, Access)>, wgpu::BindGroupLayout>,
    /// See [`GpuOptions::sabotage`](super::GpuOptions::sabotage).
    sabotage: Option<&'static str>,
}

impl Pipelines {
    pub(super) fn new(sabotage: Option<&'static str>) -> Self {
        Pipelines { sabotage, ..Pipelines::default() }
    }

    /// Compiles all of `kernels`, each once; `progress` is told how many are done after each.
    ///
    /// All are asked for before the first is waited for: a browser compiles them in its graphics process while this
    /// thread, and the page, go on. Natively each is compiled as it is asked for.
    ///
    /// # Errors
    /// [`OpenError::Kernel`] for the first kernel that does not compile or does not fit the adapter.
    pub(super) async fn compile(
        &mut self,
        gpu: &Gpu,
        kernels: &[Kernel],
        progress: &mut dyn FnMut(usize),
    ) -> Result<(), OpenError> {
        let mut requested = Vec::with_capacity(kernels.len());
        for (i, kernel) in kernels.iter().enumerate() {
            if !self.compiled.contains_key(&kernel.name()) {
                let asked = self.request(gpu, kernel).map_err(|error| OpenError::of(kernel, error))?;
                requested.push((kernel, asked));
            }
            if cfg!(not(target_arch = "wasm32")) {
                progress(i + 1);
            }
        }
        let known = kernels.len() - requested.len();
        for (i, (kernel, (pipeline, verdict))) in requested.into_iter().enumerate() {
            verdict.await.map_err(|error| OpenError::of(kernel, error))?;
            self.compiled.insert(kernel.name(), pipeline);
            if cfg!(target_arch = "wasm32") {
                progress(known + i + 1);
            }
        }
        Ok(())
    }

    /// Asks for a kernel's pipeline: it, and what the device will say about it.
    fn request(&mut self, gpu: &Gpu, kernel: &Kernel) -> Result<(wgpu::ComputePipeline, Verdict)> {
        let name = kernel.name();
        let what = format!("kernel {name}");
        let limits = gpu.device.limits();
        let fits = |needed: u32, allowed: u32, of: &str| match needed <= allowed {
            true => Ok(()),
            false => Err(gpu_error(&what, format!("it needs {needed} {of}; the adapter allows {allowed}"))),
        };
        fits(kernel.storage.len() as u32, limits.max_storage_buffers_per_shader_stage, "storage buffers")?;
        // Not every implementation checks this one where the size depends on constants.
        fits(kernel.workgroup_bytes, limits.max_compute_workgroup_storage_size, "bytes of workgroup memory")?;
        let layouts = &mut self.layouts;
        let create = || {
            let layout = layouts.entry(kernel.storage.clone()).or_insert_with(|| bind_group_layout(gpu, kernel));
            let pipeline_layout = gpu.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(&name),
                bind_group_layouts: &[Some(layout)],
                immediate_size: 0,
            });
            let module = gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(&name),
                source: wgpu::ShaderSource::Wgsl(
                    self.sabotage.map_or_else(|| kernel.source(), |part| sabotaged(kernel, part)).into(),
                ),
            });
            let constants: Vec<(&str, f64)> = kernel.constants.iter().map(|&(k, v)| (k, f64::from(v))).collect();
            gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(&name),
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some(kernel.entry),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &constants,
                    // Every kernel writes its workgroup memory before it reads it.
                    zero_initialize_workgroup_memory: false,
                },
                cache: None,
            })
        };
        Ok(gpu.watched(&what, 0, create))
    }

    /// Of all that were compiled.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.compiled.keys().map(String::as_str)
    }

    /// The compiled kernel.
    pub(super) fn pipeline(&self, kernel: &Kernel) -> Result<&wgpu::ComputePipeline> {
        let missing = || Error::Internal { what: format!("kernel {} was not compiled", kernel.name()) };
        self.compiled.get(&kernel.name()).ok_or_else(missing)
    }

    /// The layout of the kernel's bindings.
    pub(super) fn layout(&self, kernel: &Kernel) -> Result<&wgpu::BindGroupLayout> {
        let missing = || Error::Internal { what: format!("kernel {} was not compiled", kernel.name()) };
        self.layouts.get(&kernel.storage).ok_or_else(missing)
    }
}

/// The source of a kernel; of one whose name contains `part`, with an entry point that returns at once.
fn sabotaged(kernel: &Kernel, part: &str) -> String {
    let source = kernel.source();
    let body = source.find(&format!("fn {}(", kernel.entry)).and_then(|at| Some(at + source.get(at..)?.find('{')? + 1));
    match body.filter(|_| kernel.name().contains(part)).and_then(|at| source.split_at_checked(at)) {
        Some((before, after)) => format!("{before} if (batch.n > 0u) {{ return; }} {after}"),
        None => source,
    }
}

fn bind_group_layout(gpu: &Gpu, kernel: &Kernel) -> wgpu::BindGroupLayout {
    let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        // Binding 0 is one of several batches: which one is said when the dispatch is recorded.
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: binding == 0, min_binding_size: None },
        count: None,
    };
    let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform), entry(1, wgpu::BufferBindingType::Uniform)];
    entries.extend(kernel.storage.iter().map(|&(binding, access)| {
        entry(binding, wgpu::BufferBindingType::Storage { read_only: access == Access::Read })
    }));
    let descriptor = wgpu::BindGroupLayoutDescriptor { label: Some(kernel.stem), entries: &entries };
    gpu.device.create_bind_group_layout(&descriptor)
}
