//! What a kernel is: WGSL parts and a body, concatenated; `override` constants; bindings; the layout of its parameters.

use super::source::wgsl;
use crate::tensor::DType;

/// Byte size and field offsets of a parameter struct, to be held against what the shader declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub size: usize,
    pub fields: &'static [(&'static str, usize)],
}

/// Declares a uniform struct that has a twin of the same name and fields in a shader.
macro_rules! uniform {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $ty,)*
        }

        impl $name {
            /// The layout that the shader's struct must have.
            pub const LAYOUT: $crate::gpu::kernel::Layout = $crate::gpu::kernel::Layout {
                size: size_of::<$name>(),
                fields: &[$((stringify!($field), std::mem::offset_of!($name, $field))),*],
            };
        }
    };
}
pub(super) use uniform;

uniform! {
    /// The rows that a dispatch runs over; in `shaders/parts/batch.wgsl`, part of every kernel.
    Batch {
        /// Rows of the batch, or of the selection for the steps behind `SelectRows`.
        n: u32,
        /// Position of row 0 in the session.
        position: u32,
        /// Which of the tokens of one submit this is, counted from 0.
        step: u32,
    }
}

/// Where the batches of a resident run's steps begin in the buffer of batches: behind the batch's and the selection's.
pub(super) const STEP_SLOTS: usize = 2;

/// A piece of WGSL that several kernels share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub name: &'static str,
    pub text: &'static str,
}

macro_rules! part {
    ($name:literal) => {
        Part { name: $name, text: wgsl!("parts/", $name) }
    };
}

pub(super) const BATCH: Part = part!("batch");
const ROWS: Part = part!("rows");
pub(super) const GEMM_ALONE: Part = part!("gemm_alone");
pub(super) const DOTS: Part = part!("dots");
pub(super) const NORM_NONE: Part = part!("norm_none");
pub(super) const NORM_RMS: Part = part!("norm_rms");
pub(super) const NORM_LAYER: Part = part!("norm_layer");
pub(super) const NORM_MERGE: Part = part!("norm_merge");
pub(super) const SPLITS: Part = part!("splits");
const KV_F32: Part = part!("kv_f32");
const KV_F16: Part = part!("kv_f16");
pub(super) const REDUCE: Part = part!("reduce");
pub(super) const ACTIVATION: Part = part!("activation");
const LANES_F32: Part = part!("lanes_f32");
const LANES_F16: Part = part!("lanes_f16");
const LANES_BF16: Part = part!("lanes_bf16");
const LANES_Q8_0: Part = part!("lanes_q8_0");
const LANES_Q4_0: Part = part!("lanes_q4_0");
const WEIGHT_F32: Part = part!("weight_f32");
const WEIGHT_F16: Part = part!("weight_f16");
const WEIGHT_BF16: Part = part!("weight_bf16");
const WEIGHT_Q8_0: Part = part!("weight_q8_0");
const WEIGHT_Q4_0: Part = part!("weight_q4_0");

/// In which order a matrix lies in its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Row after row: a team of invocations reads a row together.
    Rows,
    /// Words of 16 rows in turns, so that each invocation reads rows of its own and neighbours read neighbouring words: for
    /// adapters that compute on a CPU, whose vectors are neighbouring invocations and load 4 words at once only where
    /// they are neighbours too.
    Lanes,
}

/// How a matrix is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub dtype: DType,
    pub packing: Packing,
}

impl Stored {
    /// Every type in every order.
    pub fn all() -> impl Iterator<Item = Stored> {
        let types = [DType::F32, DType::F16, DType::BF16, DType::Q8_0, DType::Q4_0];
        let both = |dtype| [Packing::Rows, Packing::Lanes].map(|packing| Stored { dtype, packing });
        types.into_iter().flat_map(both)
    }
}

/// The parts that find and decode weights: bindings 2 (elements) and, for the block types, 3 (scales).
pub(super) fn weight_parts(stored: Stored) -> Vec<Part> {
    let part = |rows, lanes| match stored.packing {
        Packing::Rows => vec![ROWS, rows],
        Packing::Lanes => vec![lanes],
    };
    match stored.dtype {
        DType::F32 => part(WEIGHT_F32, LANES_F32),
        DType::F16 => part(WEIGHT_F16, LANES_F16),
        DType::BF16 => part(WEIGHT_BF16, LANES_BF16),
        DType::Q8_0 => part(WEIGHT_Q8_0, LANES_Q8_0),
        DType::Q4_0 => part(WEIGHT_Q4_0, LANES_Q4_0),
    }
}

/// The part that knows how keys and values lie in the cache.
pub(super) fn kv_part(half: bool) -> Part {
    if half { KV_F16 } else { KV_F32 }
}

/// What a kernel does with a storage buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    Read,
    Write,
}

/// One compute pipeline's description. Group 0 holds everything: binding 0 is [`Batch`], binding 1 the parameters,
/// both uniform; the others are storage buffers.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// The stem of the operation and of the shader's file.
    pub stem: &'static str,
    /// The entry point: the stem, where there is only one.
    pub entry: &'static str,
    /// Parts before the body, in order.
    pub parts: Vec<Part>,
    pub body: &'static str,
    /// Values of `override` constants.
    pub constants: Vec<(&'static str, u32)>,
    /// Binding index and access of each storage buffer.
    pub storage: Vec<(u32, Access)>,
    /// Workgroup memory that the entry point uses.
    pub workgroup_bytes: u32,
    /// The layout of the parameters.
    pub params: Layout,
}

impl Kernel {
    /// The whole shader.
    pub fn source(&self) -> String {
        let mut source = String::new();
        for part in &self.parts {
            source.push_str(part.text);
            source.push('\n');
        }
        source.push_str(self.body);
        source
    }

    /// A unique name for messages, for example `linear/matvec+weight_q8_0 TEAM=8 WORKGROUP=64`.
    pub fn name(&self) -> String {
        let mut name = format!("{}/{}", self.stem, self.entry);
        for part in self.parts.iter().filter(|part| {
            let prefixes = ["weight_", "lanes_", "norm_", "kv_f16"];
            prefixes.iter().any(|prefix| part.name.starts_with(prefix))
        }) {
            name.push('+');
            name.push_str(part.name);
        }
        for (constant, value) in &self.constants {
            name.push_str(&format!(" {constant}={value}"));
        }
        name
    }
}

/// Invocations of a workgroup, unless a kernel says otherwise: one to four hardware waves, and a power of two.
pub(super) const WORKGROUP: u32 = 64;
/// The same for kernels with barriers on adapters that compute on the CPU: one vector of it, or every barrier costs a
/// switch of context per vector (measured: 64 invocations take ten times as long as 8).
pub(super) const SOFTWARE_WORKGROUP: u32 = 8;

/// Every kernel with every part, with constants that stand for all: what tests validate without a GPU.
pub fn catalogue() -> Vec<Kernel> {
    use crate::model::Activation;
    let mut kernels = vec![super::rope::kernel(), super::add::kernel(), super::select_rows::kernel()];
    for stored in Stored::all() {
        kernels.push(super::embed::kernel(stored));
        kernels.push(super::fused_embed::kernel(stored));
        kernels.push(super::position_embed::kernel(stored));
        kernels.push(super::linear::gemm(stored));
        kernels.push(super::linear::gemm_alone(stored));
        kernels.extend([1, 8, 64].map(|team| super::linear::matvec(stored, team)));
    }
    kernels.extend(super::team::catalogue());
    kernels.extend([WORKGROUP * 2, SOFTWARE_WORKGROUP].map(super::sample::kernel));
    for activation in [Activation::Silu, Activation::GeluTanh, Activation::Gelu] {
        kernels.push(super::activation::kernel(activation));
        kernels.push(super::gated_activation::kernel(activation));
    }
    for head_dim in [1, 5, 48, 64, 128, 300] {
        for half_kv in [false, true] {
            kernels.push(super::store_kv::kernel(head_dim, half_kv));
            for software in [false, true] {
                kernels.extend([1, 8].map(|splits| super::attention::kernel(head_dim, software, half_kv, splits)));
            }
            kernels.extend(super::attention::alone(head_dim, half_kv));
        }
    }
    for workgroup in [WORKGROUP, SOFTWARE_WORKGROUP] {
        kernels.push(super::rms_norm::kernel(workgroup));
        kernels.push(super::layer_norm::kernel(workgroup));
    }
    kernels
}
