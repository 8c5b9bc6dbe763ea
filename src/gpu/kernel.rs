//! What a kernel is: WGSL parts and a body, concatenated; `override` constants; bindings; the layout of its parameters.

/// Byte size and field offsets of a parameter struct, to be held against what the shader declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes of the struct.
    pub size: usize,
    /// Names and offsets of its fields, in order.
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
pub(in crate::gpu) use uniform;

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

/// Where the batches of several tokens in one submit begin in the buffer of batches: behind the batch's and the
/// selection's.
pub(super) const STEP_SLOTS: usize = 2;

/// What sets a kernel apart from a plainer one that gives the same results and could run instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// Adds up within subgroups.
    Subgroups,
    /// Holds the tiles of products of many rows in f16.
    HalfTiles,
    /// Multiplies many rows as bytes.
    Packed,
    /// Splits the attention of one row over workgroups, or merges what that gives.
    Split,
    /// Keeps keys and values in f16.
    HalfKv,
    /// Does several steps of the plan at once.
    Fused,
}

/// A piece of WGSL that several kernels share: `shaders/parts/<name>.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The stem of its file.
    pub name: &'static str,
    /// Its text as it is embedded.
    pub text: &'static str,
    /// Whether the names of kernels say that they have it.
    pub shown: bool,
    /// The variant that it makes of a kernel.
    pub variant: Option<Variant>,
}

/// The part `shaders/parts/<name>.wgsl`; `shown` in names of kernels; a `variant` of plainer kernels.
macro_rules! part {
    ($name:literal $(, $shown:ident)? $(; $variant:ident)?) => {
        $crate::gpu::kernel::Part {
            name: $name,
            text: $crate::gpu::source::wgsl!("parts/", $name),
            shown: $crate::gpu::kernel::part!(@shown $($shown)?),
            variant: $crate::gpu::kernel::part!(@variant $($variant)?),
        }
    };
    (@shown) => { false };
    (@shown shown) => { true };
    (@variant) => { None };
    (@variant $variant:ident) => { Some($crate::gpu::kernel::Variant::$variant) };
}
pub(in crate::gpu) use part;

/// What a kernel does with a storage buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Reads it.
    Read,
    /// Writes it, and may read it.
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
    /// The shader itself.
    pub body: &'static str,
    /// Values of `override` constants.
    pub constants: Vec<(&'static str, u32)>,
    /// Binding index and access of each storage buffer.
    pub storage: Vec<(u32, Access)>,
    /// Workgroup memory that the entry point uses.
    pub workgroup_bytes: u32,
    /// The layout of the parameters.
    pub params: Layout,
    /// Variants that it is by itself, beside those that its parts make of it.
    pub variants: Vec<Variant>,
}

/// A compiled kernel, as reports name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KernelId {
    /// See [`Kernel::stem`].
    pub stem: &'static str,
    /// See [`Kernel::name`].
    pub name: String,
    /// What sets it apart from plainer kernels, sorted.
    pub variants: Vec<Variant>,
}

/// Their names, separated by commas.
pub fn names(kernels: &[KernelId]) -> String {
    let names: Vec<&str> = kernels.iter().map(|kernel| kernel.name.as_str()).collect();
    names.join(", ")
}

impl Kernel {
    /// What sets it apart from plainer kernels: sorted, each once.
    pub fn variants(&self) -> Vec<Variant> {
        let parts = self.parts.iter().filter_map(|part| part.variant);
        let mut variants: Vec<Variant> = self.variants.iter().copied().chain(parts).collect();
        crate::order::sort(&mut variants);
        variants.dedup();
        variants
    }

    /// How reports name it.
    pub fn id(&self) -> KernelId {
        KernelId { stem: self.stem, name: self.name(), variants: self.variants() }
    }

    /// Whether it needs subgroups.
    pub fn uses_subgroups(&self) -> bool {
        self.variants().contains(&Variant::Subgroups)
    }

    /// Whether it needs `shader-f16`.
    pub fn uses_f16(&self) -> bool {
        self.variants().contains(&Variant::HalfTiles)
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
        for part in self.parts.iter().filter(|part| part.shown) {
            name.push('+');
            name.push_str(part.name);
        }
        for (constant, value) in &self.constants {
            name.push_str(&format!(" {constant}={value}"));
        }
        name
    }
}

/// What shaders with subgroups begin with in a browser.
pub(super) const ENABLE_SUBGROUPS: &str = "enable subgroups;\n";

/// Invocations of a workgroup, unless a kernel says otherwise: one to four hardware waves, and a power of two.
pub(super) const WORKGROUP: u32 = 64;
/// The same for kernels with barriers on adapters that compute on the CPU: one vector of it, or every barrier costs a
/// switch of context per vector (measured: 64 invocations take ten times as long as 8).
pub(super) const SOFTWARE_WORKGROUP: u32 = 8;
