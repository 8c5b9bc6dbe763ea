//! Why a model runs where it does, as data; the one place that puts it into words.

use std::fmt;

#[cfg(feature = "gpu")]
use super::calibrate::Figures;
#[cfg(feature = "gpu")]
use super::fault::Agreement;
use crate::error::Error;

/// Why.
#[derive(Clone, Debug)]
pub enum Reason {
    /// The caller named the device.
    Asked,
    /// It is an encoder, or has one before its decoder: the GPU has no kernels for those.
    Encoder { decodes: bool },
    /// No GPU can be used.
    NoGpu(Error),
    /// This build has no GPU backend.
    #[cfg(not(feature = "gpu"))]
    NotBuilt,
    /// Even a slow CPU reads the weights of a token, so many bytes, in less time than any GPU is told what to do.
    #[cfg(feature = "gpu")]
    Small { bytes: usize, cpu_ms: f64, gpu_ms: f64 },
    /// Measured on both devices: the CPU is faster than this adapter.
    #[cfg(feature = "gpu")]
    CpuIsFaster { figures: Figures, adapter: String, earlier: bool },
    /// Measured on both devices, maybe by an earlier load: the GPU is faster.
    #[cfg(feature = "gpu")]
    GpuIsFaster { figures: Figures, earlier: bool },
    /// The reason for a GPU, and how it passed the check.
    #[cfg(feature = "gpu")]
    Checked { why: Box<Reason>, agreement: Agreement },
    /// The device failed, and another was opened.
    Reopened { failure: Error, then: Box<Reason> },
    /// The device failed, and the CPU took over.
    Moved { failure: Error, stay: Stay },
}

/// Why no other GPU takes over.
#[derive(Clone, Debug)]
pub enum Stay {
    Memory,
    LostTwice { seconds: f64 },
    NoNew(Error),
}

/// What failed and why; without the general words that the message of an error has for a page's developer.
struct Plain<'a>(&'a Error);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Error::Gpu { what, why } => write!(f, "{what}: {why}"),
            other => write!(f, "{other}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Asked => f.write_str("asked for"),
            Reason::Encoder { decodes: false } => f.write_str("encoders run on the CPU"),
            Reason::Encoder { decodes: true } => f.write_str("encoder-decoders run on the CPU"),
            Reason::NoGpu(error) => write!(f, "no GPU: {}", Plain(error)),
            #[cfg(not(feature = "gpu"))]
            Reason::NotBuilt => f.write_str("no GPU: this build is without it (cargo feature `gpu`)"),
            #[cfg(feature = "gpu")]
            Reason::Small { bytes, cpu_ms, gpu_ms } => {
                let megabytes = *bytes as f64 / 1e6;
                write!(
                    f,
                    "the model is small: even a slow CPU needs only {cpu_ms:.1} ms for the {megabytes:.1} MB of weights that \
                     a token reads, and any GPU {gpu_ms:.1} ms to be told what to do"
                )
            }
            #[cfg(feature = "gpu")]
            Reason::CpuIsFaster { figures, adapter, earlier } => {
                let earlier = if *earlier { "; measured by an earlier load" } else { "" };
                write!(f, "{} ({adapter}{earlier})", figures.words())
            }
            #[cfg(feature = "gpu")]
            Reason::GpuIsFaster { figures, earlier } => {
                let earlier = if *earlier { " (measured by an earlier load)" } else { "" };
                write!(f, "{}{earlier}", figures.words())
            }
            #[cfg(feature = "gpu")]
            Reason::Checked { why, agreement } => write!(f, "{why}; {agreement}"),
            Reason::Reopened { failure, then } => {
                write!(f, "opened anew after the GPU was lost ({}); {then}", Plain(failure))
            }
            Reason::Moved { failure, stay } => {
                write!(f, "moved from the GPU, which was lost ({}): {stay}", Plain(failure))
            }
        }
    }
}

impl fmt::Display for Stay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stay::Memory => f.write_str("its memory does not suffice"),
            Stay::LostTwice { seconds } => write!(f, "it was lost twice within {seconds} s"),
            Stay::NoNew(error) => write!(f, "no new one: {}", Plain(error)),
        }
    }
}
