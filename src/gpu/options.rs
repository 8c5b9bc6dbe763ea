//! What a caller may ask of the GPU backend.

/// Which of two kernels for the same thing runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tuning {
    /// What suits the adapter in use.
    #[default]
    Adapter,
    /// Kernels for graphics hardware.
    Hardware,
    /// Kernels for adapters that compute on the CPU.
    Software,
}

/// Options; the defaults are what suits the adapter and the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuOptions {
    /// No storage binding of weights larger than this many bytes; the adapter's limit where that is smaller.
    pub max_binding_bytes: Option<u64>,
    /// At most this many rows per forward; at least 1.
    pub max_batch: Option<usize>,
    /// Which kernels to run.
    pub tuning: Tuning,
    /// A dispatch for every step, also where a single token runs; `None`: on adapters that compute on the CPU, where a dispatch costs
    /// little, and a norm once more in every product costs time.
    pub unfused: Option<bool>,
    /// The model's caller chooses every token itself, from the logits.
    pub choose_elsewhere: bool,
    /// Split the attention of a token over workgroups, and keep keys and values in f16, where the shape of the model allows it;
    /// by the table in `src/gpu/variants.rs` where nothing is said.
    pub split: Option<bool>,
    /// Keep keys and values in f16; by the same table.
    pub half_kv: Option<bool>,
    /// Add up within subgroups of at most that many invocations, where the adapter has them; 0: through workgroup memory.
    pub subgroups: Option<u32>,
    /// Multiply many rows with quantised weights as bytes, where the CPU does, see `linear`; off where nothing is said.
    pub packed: Option<bool>,
    /// Hold the tiles of such products in f16, where the adapter can; off where nothing is said.
    pub half_tiles: Option<bool>,
    /// Make [`forward_timed`](super::GpuModel::forward_timed) possible, where the adapter can.
    pub timestamps: bool,
    /// For tests: kernels whose names contain this compute nothing.
    #[doc(hidden)]
    pub sabotage: Option<&'static str>,
}
