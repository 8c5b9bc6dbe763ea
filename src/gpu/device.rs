//! The adapter and device, and how their failures become [`Error`]s: never a panic, never a hang.

use super::oneshot;
use crate::{Error, Result};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a native wait for the device lasts before it counts as hung. (In a browser its own watchdog decides.)
#[cfg(not(target_arch = "wasm32"))]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);

/// What the platform says about the adapter in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterReport {
    /// The adapter's name; browsers may leave it empty.
    pub name: String,
    /// The interface: `vulkan`, `metal`, `webgpu` ...
    pub backend: String,
    /// The adapter computes on the CPU.
    pub is_software: bool,
}

/// What an adapter can do beyond what every one can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Abilities {
    /// Invocations of a subgroup at least, where kernels may use them.
    pub(super) subgroups: Option<u32>,
    /// Shaders may multiply bytes, four at once.
    pub(super) packed: bool,
    /// Shaders may hold numbers as f16.
    pub(super) half: bool,
}

/// The first failure that no error scope caught, and whether the device is gone.
#[derive(Default)]
struct Health {
    lost: Option<String>,
    error: Option<String>,
}

/// An open device.
pub(super) struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) report: AdapterReport,
    pub(super) abilities: Abilities,
    pub(super) counting: super::counters::Counting,
    health: Arc<Mutex<Health>>,
}

/// What the device has to say about something that was asked for.
pub(super) type Verdict = Pin<Box<dyn Future<Output = Result<()>>>>;

/// A failure of `what`, because of `why`.
pub(super) fn gpu_error(what: &str, why: impl std::fmt::Display) -> Error {
    Error::Gpu { what: what.to_string(), why: brief(&why.to_string()) }
}

/// What a platform says at length, on one line: without stack traces, without what it was doing at the time.
fn brief(why: &str) -> String {
    let why = why.strip_prefix("JsValue(").and_then(|inner| inner.strip_suffix(')')).unwrap_or(why);
    let mut kept: Vec<&str> = Vec::new();
    for line in why.lines().map(str::trim) {
        if !line.is_empty() && !line.starts_with("at ") && !line.starts_with("- While") && kept.last() != Some(&line) {
            kept.push(line);
        }
    }
    let line = kept.join(" ");
    line.trim_end_matches('.').to_string()
}

impl Gpu {
    /// The default adapter, what the platform says about it, and what shaders may use. No device is opened.
    pub(super) async fn adapter() -> Result<(wgpu::Adapter, AdapterReport, wgpu::WgslLanguageFeatures)> {
        // Creating an instance outside of a page or worker (say, in Node) would abort the whole module.
        #[cfg(target_arch = "wasm32")]
        if !wgpu::util::is_browser_webgpu_supported().await {
            return Err(gpu_error("WebGPU", "this browser or machine offers no adapter"));
        }
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = instance.request_adapter(&options).await.map_err(|e| gpu_error("adapter", e))?;
        let info = adapter.get_info();
        let report = AdapterReport {
            is_software: info.device_type == wgpu::DeviceType::Cpu || info.name.contains("SwiftShader"),
            name: info.name,
            backend: match info.backend {
                wgpu::Backend::BrowserWebGpu => "webgpu".to_string(),
                other => other.to_str().to_string(),
            },
        };
        Ok((adapter, report, instance.wgsl_language_features()))
    }

    /// Opens the default adapter with those of `wanted` features, and of those that kernels can use, that it has, and the
    /// default limits, but for the sizes of buffers, which are as large as the adapter allows.
    pub(super) async fn open(wanted: wgpu::Features) -> Result<Gpu> {
        let (adapter, report, language) = Gpu::adapter().await?;
        let offered = adapter.limits();
        let mut limits = wgpu::Limits::defaults().or_worse_values_from(&offered);
        limits.max_buffer_size = offered.max_buffer_size;
        limits.max_storage_buffer_binding_size = offered.max_storage_buffer_binding_size;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("nanolm"),
            required_features: (wanted | wgpu::Features::SUBGROUP | wgpu::Features::SHADER_F16) & adapter.features(),
            required_limits: limits,
            ..Default::default()
        };
        let (device, queue) = adapter.request_device(&descriptor).await.map_err(|e| gpu_error("device", e))?;

        let health = Arc::new(Mutex::new(Health::default()));
        let seen = Arc::clone(&health);
        device.set_device_lost_callback(move |reason, message| {
            let mut health = seen.lock().unwrap_or_else(PoisonError::into_inner);
            health.lost.get_or_insert(format!("{reason:?}: {message}"));
        });
        // Natively the default is to panic. In a browser an error outside of every scope is only printed, and wgpu
        // itself would panic on the one kind of error that it does not know.
        #[cfg(not(target_arch = "wasm32"))]
        {
            let seen = Arc::clone(&health);
            device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
                let mut health = seen.lock().unwrap_or_else(PoisonError::into_inner);
                health.error.get_or_insert(error.to_string());
            }));
        }
        let mut gpu =
            Gpu { device, queue, report, abilities: Abilities::default(), counting: Default::default(), health };
        gpu.abilities.packed = language.contains(wgpu::WgslLanguageFeatures::Packed4x8IntegerDotProduct);
        gpu.abilities.half = gpu.device.features().contains(wgpu::Features::SHADER_F16);
        let least = adapter.get_info().subgroup_min_size;
        if least.is_power_of_two() && least > 1 && gpu.has_subgroups().await {
            gpu.abilities.subgroups = Some(least);
        }
        Ok(gpu)
    }

    /// Whether shaders may use subgroups. wgpu does not know of them in a browser, where the package's worker asks for them
    /// (`pkg-scripts/npm/src/engine/subgroups.ts`): there it is tried out.
    async fn has_subgroups(&self) -> bool {
        #[cfg(not(target_arch = "wasm32"))]
        return self.device.features().contains(wgpu::Features::SUBGROUP);
        #[cfg(target_arch = "wasm32")]
        {
            let source = wgpu::ShaderSource::Wgsl(super::kernel::ENABLE_SUBGROUPS.into());
            let descriptor = wgpu::ShaderModuleDescriptor { label: Some("subgroups"), source };
            self.scoped("subgroups", 0, || self.device.create_shader_module(descriptor)).await.is_ok()
        }
    }

    /// An error where the device was lost or something failed unseen.
    pub(super) fn check(&self) -> Result<()> {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = &health.lost {
            return Err(gpu_error("device lost", why));
        }
        match &health.error {
            Some(why) => Err(gpu_error("device", why)),
            None => Ok(()),
        }
    }

    /// Runs `create` and waits for what the device has to say about it. `bytes` is how much memory it asks for.
    pub(super) async fn scoped<T>(&self, what: &str, bytes: u64, create: impl FnOnce() -> T) -> Result<T> {
        let (value, verdict) = self.watched(what, bytes, create);
        verdict.await?;
        self.check()?;
        Ok(value)
    }

    /// Runs `create`; what the device has to say about it comes later, so that more can be asked for meanwhile.
    pub(super) fn watched<T>(&self, what: &str, bytes: u64, create: impl FnOnce() -> T) -> (T, Verdict) {
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let value = create();
        let (validation, memory) = (validation.pop(), memory.pop());
        let what = what.to_string();
        let verdict = async move {
            if memory.await.is_some() {
                return Err(Error::OutOfMemory { what: format!("{what} on the GPU"), bytes });
            }
            match validation.await {
                Some(error) => Err(gpu_error(&what, error)),
                None => Ok(()),
            }
        };
        (value, Box::pin(verdict))
    }

    /// A buffer of at least `bytes` bytes, zeroed, for kernels and copies.
    pub(super) async fn buffer(&self, what: &str, bytes: u64) -> Result<wgpu::Buffer> {
        use wgpu::BufferUsages as Use;
        self.buffer_for(what, bytes, Use::STORAGE | Use::COPY_DST | Use::COPY_SRC).await
    }

    /// A buffer of at least `bytes` bytes for the given uses.
    pub(super) async fn buffer_for(&self, what: &str, bytes: u64, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        // Bindings of vectors need at least one whole vector.
        let size = bytes.max(16).next_multiple_of(16);
        let limits = self.device.limits();
        let limit = match usage.contains(wgpu::BufferUsages::STORAGE) {
            true => limits.max_storage_buffer_binding_size.min(limits.max_buffer_size),
            false => limits.max_buffer_size,
        };
        if size > limit {
            let why = format!("{size} bytes; the adapter allows {limit} in one buffer");
            return Err(gpu_error(what, why));
        }
        let descriptor = wgpu::BufferDescriptor { label: Some(what), size, usage, mapped_at_creation: false };
        self.counting.add(|c| c.buffers += 1);
        self.scoped(what, size, || self.device.create_buffer(&descriptor)).await
    }

    /// Waits until everything submitted so far is done.
    pub(super) async fn finished(&self) -> Result<()> {
        let (sender, receiver) = oneshot::channel();
        self.queue.on_submitted_work_done(move || sender.send(()));
        self.poll()?;
        receiver.await;
        self.check()
    }

    /// Maps the first `bytes` bytes of `buffer`, shows them to `use_bytes`, and unmaps them.
    pub(super) async fn read(&self, buffer: &wgpu::Buffer, bytes: u64, use_bytes: impl FnOnce(&[u8])) -> Result<()> {
        let (sender, receiver) = oneshot::channel();
        let range = ..bytes;
        buffer.map_async(wgpu::MapMode::Read, range, move |result| sender.send(result));
        self.poll()?;
        match receiver.await {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                // Where the device was lost, the news may arrive after the refusal.
                self.finished().await?;
                return Err(gpu_error("readback", error));
            }
            None => {
                self.finished().await?;
                return Err(gpu_error("readback", "the device dropped the request"));
            }
        }
        let view = buffer.get_mapped_range(range).map_err(|e| gpu_error("readback", e))?;
        use_bytes(&view);
        drop(view);
        buffer.unmap();
        Ok(())
    }

    /// Natively, blocks until the device is done; in a browser the event loop does this.
    fn poll(&self) -> Result<()> {
        #[cfg(not(target_arch = "wasm32"))]
        {
            let wait = wgpu::PollType::Wait { submission_index: None, timeout: Some(PATIENCE) };
            self.device.poll(wait).map_err(|e| gpu_error("device", e))?;
        }
        Ok(())
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn platform_messages_become_one_line() {
        let chromium = "JsValue(Error: refused\nError: refused\n    at f (<anonymous>:2:64)\n    at g)";
        assert_eq!(brief(chromium), "Error: refused");
        let validation = "Buffer size (9) exceeds the limit (8).\n - While calling [Device].CreateBuffer().\n";
        assert_eq!(brief(validation), "Buffer size (9) exceeds the limit (8)");
        let native = "Validation Error\n\nCaused by:\n  In Device::create_buffer\n    too large\n";
        assert_eq!(brief(native), "Validation Error Caused by: In Device::create_buffer too large");
    }

    #[test]
    fn a_destroyed_device_gives_an_error_and_no_hang() {
        let Ok(gpu) = pollster::block_on(Gpu::open(wgpu::Features::empty())) else {
            println!("SKIPPED lost device: no adapter");
            return;
        };
        gpu.check().unwrap();
        gpu.device.destroy();
        let error = pollster::block_on(async {
            match gpu.buffer("test", 64).await {
                Ok(_) => gpu.finished().await.err(),
                Err(error) => Some(error),
            }
        });
        assert_eq!(error.map(|e| e.code()), Some("gpu/failed"));
    }
}
