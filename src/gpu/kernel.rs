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
pub(super) const GEMM_HALF: Part = part!("gemm_half");
pub(super) const GEMM_PACKED: Part = part!("gemm_packed");
const PACKED_Q8_0: Part = part!("packed_q8_0");
const PACKED_Q4_0: Part = part!("packed_q4_0");
pub(super) const DOTS: Part = part!("dots");
pub(super) const NORM_NONE: Part = part!("norm_none");
pub(super) const NORM_RMS: Part = part!("norm_rms");
pub(super) const NORM_LAYER: Part = part!("norm_layer");
pub(super) const NORM_MERGE: Part = part!("norm_merge");
pub(super) const SPLITS: Part = part!("splits");
const KV_F32: Part = part!("kv_f32");
const KV_F16: Part = part!("kv_f16");
const TEAM_MEMORY: Part = part!("team_memory");
const TEAM_SUBGROUPS: Part = part!("team_subgroups");
const REDUCE_MEMORY: Part = part!("reduce_memory");
const REDUCE_SUBGROUPS: Part = part!("reduce_subgroups");
const CHOICE_MEMORY: Part = part!("choice_memory");
const CHOICE_SUBGROUPS: Part = part!("choice_subgroups");
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

/// The part that gives weights as bytes, where they are stored as codes row by row.
pub(super) fn packed_part(stored: Stored) -> Option<Part> {
    match stored {
        Stored { dtype: DType::Q8_0, packing: Packing::Rows } => Some(PACKED_Q8_0),
        Stored { dtype: DType::Q4_0, packing: Packing::Rows } => Some(PACKED_Q4_0),
        _ => None,
    }
}

/// The part that knows how keys and values lie in the cache.
pub(super) fn kv_part(half: bool) -> Part {
    if half { KV_F16 } else { KV_F32 }
}

/// How the invocations of a workgroup put together what each of them has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sums {
    /// Through its memory, by halving.
    #[default]
    Memory,
    /// Within subgroups first, which have at least that many invocations: a power of two.
    Subgroups(u32),
}

impl Sums {
    /// The part that sums over teams.
    pub(super) fn team(self) -> Part {
        self.one_of(TEAM_MEMORY, TEAM_SUBGROUPS)
    }

    /// The part that reduces over a workgroup.
    pub(super) fn reduce(self) -> Part {
        self.one_of(REDUCE_MEMORY, REDUCE_SUBGROUPS)
    }

    /// The part that choosing a token needs.
    pub(super) fn choice(self) -> Part {
        self.one_of(CHOICE_MEMORY, CHOICE_SUBGROUPS)
    }

    fn one_of(self, memory: Part, subgroups: Part) -> Part {
        match self {
            Sums::Memory => memory,
            Sums::Subgroups(_) => subgroups,
        }
    }

    /// The constants of the part, in a workgroup of that many invocations.
    pub(super) fn constants(self, workgroup: u32) -> Vec<(&'static str, u32)> {
        match self {
            Sums::Memory => vec![("WORKGROUP", workgroup)],
            Sums::Subgroups(least) => {
                let places = self.places(workgroup);
                vec![("WORKGROUP", workgroup), ("SUBGROUP", least.min(workgroup)), ("SUBGROUPS", places)]
            }
        }
    }

    /// Places for what is put together, in the workgroup's memory.
    pub(super) fn places(self, workgroup: u32) -> u32 {
        match self {
            Sums::Memory => workgroup,
            Sums::Subgroups(least) => workgroup / least.clamp(1, workgroup),
        }
    }
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
    /// Whether it needs subgroups.
    pub fn uses_subgroups(&self) -> bool {
        self.parts.iter().any(|part| part.name.ends_with(SUBGROUPS))
    }

    /// Whether it needs `shader-f16`.
    pub fn uses_f16(&self) -> bool {
        self.parts.contains(&GEMM_HALF)
    }

    /// The whole shader.
    pub fn source(&self) -> String {
        let mut source = String::new();
        // Browsers require it, and naga knows no such extension.
        if cfg!(target_arch = "wasm32") && self.uses_subgroups() {
            source.push_str(ENABLE_SUBGROUPS);
        }
        if self.uses_f16() {
            source.push_str("enable f16;\n");
        }
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
            prefixes.iter().any(|prefix| part.name.starts_with(prefix)) || part.name.ends_with(SUBGROUPS)
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

/// The end of the names of parts that need subgroups, and so in those of kernels.
const SUBGROUPS: &str = "_subgroups";
/// What shaders with subgroups begin with in a browser.
pub(super) const ENABLE_SUBGROUPS: &str = "enable subgroups;\n";

/// Invocations of a workgroup, unless a kernel says otherwise: one to four hardware waves, and a power of two.
pub(super) const WORKGROUP: u32 = 64;
/// The same for kernels with barriers on adapters that compute on the CPU: one vector of it, or every barrier costs a
/// switch of context per vector (measured: 64 invocations take ten times as long as 8).
pub(super) const SOFTWARE_WORKGROUP: u32 = 8;

/// Every kernel with every part, with constants that stand for all: what tests validate without a GPU.
pub fn catalogue() -> Vec<Kernel> {
    use super::team::Team;
    use crate::model::Activation;
    const ALL_SUMS: [Sums; 3] = [Sums::Memory, Sums::Subgroups(4), Sums::Subgroups(32)];
    let mut kernels = vec![super::rope::kernel(), super::add::kernel(), super::select_rows::kernel()];
    kernels.extend([super::scale::kernel(), super::soft_cap::kernel()]);
    for stored in Stored::all() {
        kernels.push(super::embed::kernel(stored));
        kernels.push(super::fused_embed::kernel(stored));
        kernels.push(super::position_embed::kernel(stored));
        kernels.push(super::linear::gemm(stored));
        kernels.push(super::linear::gemm_alone(stored));
        kernels.extend(super::linear::gemm_packed(stored));
        kernels.push(super::linear::gemm_half(stored));
        for sums in ALL_SUMS {
            kernels.extend([8, 32].map(|size| super::linear::matvec(stored, Team { size, sums })));
        }
        kernels.push(super::linear::matvec(stored, Team { size: 1, sums: Sums::Memory }));
    }
    kernels.extend(super::team::catalogue());
    for activation in [Activation::Silu, Activation::GeluTanh, Activation::Gelu] {
        kernels.push(super::activation::kernel(activation));
        kernels.push(super::gated_activation::kernel(activation));
    }
    for head_dim in [1, 5, 48, 64, 128, 300] {
        for half_kv in [false, true] {
            kernels.push(super::store_kv::kernel(head_dim, half_kv));
            for (software, sums) in [false, true].into_iter().flat_map(|s| ALL_SUMS.map(|sums| (s, sums))) {
                let of = |splits| super::attention::kernel(head_dim, software, half_kv, splits, sums);
                kernels.extend([1, 8].map(of));
            }
            kernels.extend(super::attention::alone(head_dim, half_kv));
        }
    }
    for (workgroup, sums) in [WORKGROUP, SOFTWARE_WORKGROUP].into_iter().flat_map(|w| ALL_SUMS.map(|sums| (w, sums))) {
        kernels.push(super::rms_norm::kernel(workgroup, sums));
        kernels.push(super::layer_norm::kernel(workgroup, sums));
        kernels.push(super::sample::kernel(if workgroup == WORKGROUP { 2 * workgroup } else { workgroup }, sums));
    }
    kernels
}
