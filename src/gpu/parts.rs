//! The WGSL parts that kernels of several files share.

use super::kernel::{Part, part};

pub const BATCH: Part = part!("batch");
pub const ROWS: Part = part!("rows");
pub const DOTS: Part = part!("dots");
pub const NORM_NONE: Part = part!("norm_none", shown);
pub const NORM_RMS: Part = part!("norm_rms", shown);
pub const NORM_LAYER: Part = part!("norm_layer", shown);
pub const NORM_MERGE: Part = part!("norm_merge", shown; Split);
pub const SPLITS: Part = part!("splits");
pub const SOFT_TANH: Part = part!("soft_tanh");
pub const ACTIVATION: Part = part!("activation");

/// Positions of a part, where the attention of a row is split: see `shaders/parts/splits.wgsl`.
pub const POSITIONS_OF_A_PART: usize = 128;

/// The part that knows how keys and values lie in the cache.
pub fn kv_part(half: bool) -> Part {
    const KV_F32: Part = part!("kv_f32");
    const KV_F16: Part = part!("kv_f16", shown; HalfKv);
    if half { KV_F16 } else { KV_F32 }
}

/// The parts that put a soft cap on values, or none.
pub fn cap_parts(capped: bool) -> Vec<Part> {
    if capped { vec![SOFT_TANH, part!("cap_tanh", shown)] } else { vec![part!("cap_none")] }
}
