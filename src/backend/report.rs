//! What was asked for, and what was chosen and why.

pub use crate::cpu::threads::Clock;
use crate::error::{Error, Result};

/// Which device to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The faster of the two for this model; the CPU where the GPU fails.
    #[default]
    Auto,
    /// The GPU, or an error.
    Gpu,
    /// The CPU.
    Cpu,
}

impl std::str::FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(DeviceChoice::Auto),
            "gpu" => Ok(DeviceChoice::Gpu),
            "cpu" => Ok(DeviceChoice::Cpu),
            other => Err(Error::InvalidOption {
                name: "device".into(),
                expected: "\"auto\", \"gpu\" or \"cpu\"".into(),
                found: format!("{other:?}"),
            }),
        }
    }
}

/// How a model is to be put on a device.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeviceRequest<'a> {
    /// Which device to take.
    pub choice: DeviceChoice,
    /// What loads before this one measured: lines of [`DeviceReport::measured`], the latest first. Lines of other models,
    /// adapters and builds, and whatever else is there, are passed over.
    pub known: &'a str,
    /// For tests: take adapters that compute on the CPU for graphics hardware.
    #[doc(hidden)]
    pub software: bool,
    /// For tests: see [`GpuOptions::sabotage`](crate::gpu::GpuOptions::sabotage).
    #[doc(hidden)]
    pub sabotage: Option<&'static str>,
}

impl From<DeviceChoice> for DeviceRequest<'_> {
    fn from(choice: DeviceChoice) -> Self {
        DeviceRequest { choice, ..DeviceRequest::default() }
    }
}

/// What a GPU was told to do. At nano size that is what it costs, not the arithmetic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuWork {
    /// Kernels started.
    pub dispatches: u64,
    /// Command buffers submitted.
    pub submits: u64,
    /// Results waited for and read.
    pub readbacks: u64,
    /// Tokens that it chose itself.
    pub chosen: u64,
}

impl GpuWork {
    /// All that was done since `earlier`, which is a part of it.
    pub fn since(self, earlier: GpuWork) -> GpuWork {
        self.by(earlier, u64::saturating_sub)
    }

    /// Both together.
    pub fn and(self, other: GpuWork) -> GpuWork {
        self.by(other, u64::saturating_add)
    }

    fn by(self, other: GpuWork, with: fn(u64, u64) -> u64) -> GpuWork {
        GpuWork {
            dispatches: with(self.dispatches, other.dispatches),
            submits: with(self.submits, other.submits),
            readbacks: with(self.readbacks, other.readbacks),
            chosen: with(self.chosen, other.chosen),
        }
    }
}

/// Where a model runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// The SIMD kernels.
    Cpu,
    /// WebGPU, or Vulkan and Metal natively.
    Gpu,
}

impl DeviceKind {
    /// `cpu` or `gpu`.
    pub const fn name(self) -> &'static str {
        match self {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Gpu => "gpu",
        }
    }
}

/// The choice and its reason, in words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceReport {
    /// The device.
    pub kind: DeviceKind,
    /// Why this one.
    pub reason: String,
    /// The GPU's name, where one was looked at and says it.
    pub adapter: Option<String>,
    /// Which variants of the kernels run on the GPU, in words.
    pub kernels: Option<String>,
    /// How many threads are worth starting for the model: 1 where more would not make it faster.
    pub threads: usize,
    /// What was measured to choose between the devices: a line to be kept and given to later loads
    /// ([`DeviceRequest::known`]), so that they need not measure again.
    pub measured: Option<String>,
}
