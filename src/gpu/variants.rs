//! Which of several kernels for the same thing run: one table, by kind of adapter and shape of the model. Every variant is
//! checked at load (`src/backend/startup.rs`) and has a plainer one beside it.
//!
//! | adapter | kernels | a single token | its attention | keys and values |
//! |---|---|---|---|---|
//! | computes on the CPU | an invocation for itself | a dispatch a step | a workgroup per head | f32 |
//! | graphics hardware | teams of invocations | five dispatches a layer | where the context is long and heads are few, split over workgroups | f32; f16 where f32 would take more than [`LARGE_CACHE`] |
//!
//! | adapter | sums over workgroups and teams | products of many rows |
//! |---|---|---|
//! | computes on the CPU | through workgroup memory | an invocation for itself, f32 |
//! | graphics hardware | within subgroups where the adapter has them, else through memory | tiles of f32; of bytes or f16 only where they are asked for |
//!
//! On CPUs a dispatch costs little, and a norm once more in every product costs time. The kind of adapter is all that was measured
//! to make a difference; nothing here depends on a vendor, for no figures of any are at hand.
//!
//! Products of bytes (`dot4I8Packed`, `shaders/parts/gemm_packed.wgsl`) are chosen nowhere by themselves, for two reasons. A
//! browser tells that its shaders know the function, not that the hardware has the instruction, without which it takes longer
//! than f32 (40 ns against 4 to 6 on SwiftShader). And single tokens are not rounded: keys and values of a prompt would differ from
//! those of the same tokens written one by one, or read again, by what coarse rounding costs (1e-3), where they now differ by
//! 1e-10. Tiles of f16 (`gemm_half.wgsl`) round to 11 bits, and have not been measured on hardware that has them.

use super::device::Abilities;
use super::options::GpuOptions;
use super::parts::POSITIONS_OF_A_PART;
use super::quant::Packing;
use super::sums::Sums;
use crate::model::{Op, Plan, Rope, RopeLayout};

/// Workgroups that the attention of a token should at least be spread over: hardware has 10 to 130 cores, and one that has
/// nothing to do does not help.
const WORKGROUPS: usize = 64;
/// Parts of a head at most: what reads the result reads all of them.
const MOST_SPLITS: usize = 16;
/// Bytes of keys and values of a whole context in f32 above which they are kept in f16.
///
/// The default is f32, because f16 keeps 11 bits of them: where two tokens are nearly as likely, another one may come than on
/// the CPU, and than in `transformers`. Above this size the cache is a larger share of what a token reads than the weights of a
/// nano model are, and of the memory that a page may hope for.
const LARGE_CACHE: usize = 256 << 20;

/// What a choice depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Query heads.
    n_heads: usize,
    head_dim: usize,
    /// Positions of the longest session.
    context: usize,
    /// Bytes of keys and values of a whole context in f32.
    cache: usize,
    /// Whether two neighbouring pairs of elements of a head lie in words of their own: see `shaders/fused/qkv.wgsl`.
    even: bool,
    /// The CPU rounds activations of such models to bytes.
    wide: bool,
}

impl Shape {
    pub(super) fn of(plan: &Plan) -> Shape {
        let context = plan.config.context_len;
        let wide = plan.config.rounds_coarsely();
        let mut shape = Shape { n_heads: 0, head_dim: 0, context, cache: 0, even: true, wide };
        for step in &plan.steps {
            match step.op {
                Op::Attention { n_heads, n_kv_heads, head_dim, .. } => {
                    shape.even &= head_dim.is_multiple_of(4);
                    (shape.n_heads, shape.head_dim) = (n_heads, head_dim);
                    let bytes = context.saturating_mul(2 * 4 * n_kv_heads * head_dim.next_multiple_of(4));
                    shape.cache = shape.cache.saturating_add(bytes);
                }
                Op::Rope { rope: Rope { layout: RopeLayout::HalfSplit, n_dims, .. }, .. } => {
                    shape.even &= n_dims.is_multiple_of(4);
                }
                _ => {}
            }
        }
        shape
    }
}

/// What was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variants {
    /// Kernels for adapters that compute on the CPU.
    pub(super) software: bool,
    /// Several steps in a dispatch, where a single token runs.
    pub(super) fused: bool,
    /// Workgroups per head at most of a token's attention.
    pub(super) splits: u32,
    /// Keys and values in f16.
    pub(super) half_kv: bool,
    /// How workgroups and teams add up.
    pub(super) sums: Sums,
    /// Products of many rows with quantised weights as bytes.
    pub(super) packed: bool,
    /// Tiles of products of many rows in f16.
    pub(super) half_tiles: bool,
}

/// The table, or what was asked for, as far as the shape allows it.
pub(super) fn choose(software: bool, able: Abilities, shape: Shape, asked: &GpuOptions) -> Variants {
    let fused = !asked.unfused.unwrap_or(software);
    // What merges the parts is a fused kernel.
    let splits = match WORKGROUPS.div_ceil(shape.n_heads.max(1)).min(MOST_SPLITS) {
        splits if splits < 2 || !fused || !shape.head_dim.is_multiple_of(4) || shape.context <= POSITIONS_OF_A_PART => {
            1
        }
        splits => splits as u32,
    };
    Variants {
        software,
        fused,
        splits: if asked.split.unwrap_or(!software) { splits } else { 1 },
        half_kv: shape.even && asked.half_kv.unwrap_or(!software && shape.cache > LARGE_CACHE),
        sums: match able.subgroups.map(|least| least.min(asked.subgroups.unwrap_or(if software { 0 } else { least }))) {
            Some(least) if least > 1 => Sums::Subgroups(1 << least.ilog2()),
            _ => Sums::Memory,
        },
        packed: able.packed && !software && shape.wide && asked.packed.unwrap_or(false),
        half_tiles: able.half && !software && asked.half_tiles.unwrap_or(false),
    }
}

impl Variants {
    /// How matrices lie in their buffers.
    pub(super) fn packing(self) -> Packing {
        if self.software { Packing::Lanes } else { Packing::Rows }
    }

    /// For people.
    pub(super) fn words(self) -> String {
        let kernels = if self.software { "kernels for CPUs" } else { "kernels for graphics hardware" };
        let token = if self.fused { "fused" } else { "unfused" };
        let attention = match self.splits {
            ..2 => String::new(),
            splits => format!(", attention of a token in up to {splits} parts a head"),
        };
        let sums = if self.sums == Sums::Memory { "" } else { ", sums within subgroups" };
        let packed = if self.packed { ", prompts multiplied as bytes" } else { "" };
        let tiles = if self.half_tiles { ", tiles of prompts in half precision" } else { "" };
        let kv = if self.half_kv { "f16" } else { "f32" };
        format!("{kernels}, {token}{attention}, keys and values in {kv}{sums}{packed}{tiles}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Abilities = Abilities { subgroups: None, packed: false, half: false };

    /// Shapes of known models: 15M, SmolLM2 135M, TinyLlama 1.1B; and odd ones.
    #[test]
    fn the_table() {
        let shape =
            |n_heads, head_dim, context, cache| Shape { n_heads, head_dim, context, cache, even: true, wide: true };
        let kv = |layers: usize, heads: usize, context: usize| 2 * 4 * layers * heads * 64 * context;
        let (tiny, small, large) = (
            shape(6, 48, 256, kv(6, 6, 256)),
            shape(9, 64, 8192, kv(30, 3, 8192)),
            shape(32, 64, 2048, kv(22, 4, 2048)),
        );
        let asked = |split, half_kv| GpuOptions { split, half_kv, ..GpuOptions::default() };
        let of = |shape, split, half| {
            let chosen = choose(false, NONE, shape, &asked(split, half));
            (chosen.splits, chosen.half_kv)
        };
        assert_eq!(of(tiny, None, None), (11, false));
        assert_eq!(of(small, None, None), (8, true));
        assert_eq!(of(large, None, None), (2, false));
        // Enough heads, too short a context, heads that are no whole vectors.
        assert_eq!(of(shape(64, 64, 2048, 0), None, None).0, 1);
        assert_eq!(of(shape(6, 48, 128, 0), None, None).0, 1);
        assert_eq!(of(shape(6, 50, 2048, 0), Some(true), None).0, 1);
        assert_eq!(of(shape(1, 64, 2048, 0), None, None).0, MOST_SPLITS as u32);
        // What is asked for counts, as far as the shape allows it.
        assert_eq!(of(small, Some(false), Some(false)), (1, false));
        assert_eq!(of(tiny, Some(true), Some(true)), (11, true));
        assert!(!of(Shape { even: false, ..small }, None, Some(true)).1);
        // On a CPU nothing of this is chosen unasked.
        let chosen = choose(true, NONE, small, &asked(None, None));
        assert_eq!((chosen.splits, chosen.half_kv, chosen.packing()), (1, false, Packing::Lanes));
        assert_eq!(chosen.words(), "kernels for CPUs, unfused, keys and values in f32");
        let fused = GpuOptions { unfused: Some(false), ..asked(Some(true), Some(true)) };
        let chosen = choose(true, NONE, small, &fused);
        assert_eq!((chosen.splits, chosen.half_kv), (8, true));
        let words = "kernels for graphics hardware, fused, attention of a token in up to 8 parts a head, keys and values in f16";
        assert_eq!(choose(false, NONE, small, &asked(None, None)).words(), words);
        // Subgroups where there are some, but for adapters that compute on the CPU.
        let able = Abilities { subgroups: Some(32), ..NONE };
        let of = |software, subgroups| {
            choose(software, able, small, &GpuOptions { subgroups, ..GpuOptions::default() }).sums
        };
        assert_eq!([of(false, None), of(true, Some(64))], [Sums::Subgroups(32); 2]);
        assert_eq!(of(true, Some(7)), Sums::Subgroups(4));
        assert_eq!([of(false, Some(0)), of(false, Some(1)), of(true, None)], [Sums::Memory; 3]);
        assert_eq!(
            choose(false, NONE, small, &GpuOptions { subgroups: Some(8), ..asked(None, None) }).sums,
            Sums::Memory
        );
        assert!(choose(false, able, small, &asked(None, None)).words().ends_with("in f16, sums within subgroups"));
        // Bytes only where they are asked for, on hardware, in models in which the CPU has them too.
        let able = Abilities { packed: true, ..NONE };
        let of = |software, shape, packed| {
            choose(software, able, shape, &GpuOptions { packed, ..GpuOptions::default() }).packed
        };
        assert!(of(false, small, Some(true)));
        assert!(!of(false, small, None) && !of(true, small, Some(true)));
        assert!(!of(false, Shape { wide: false, ..small }, Some(true)));
        // Tiles in f16 likewise, in any model.
        let able = Abilities { half: true, ..NONE };
        let of = |software, half_tiles| {
            choose(software, able, tiny, &GpuOptions { half_tiles, ..GpuOptions::default() }).half_tiles
        };
        assert!(of(false, Some(true)) && !of(false, None) && !of(true, Some(true)));
        // What is not fused cannot be merged.
        let unfused = GpuOptions { unfused: Some(true), ..asked(Some(true), None) };
        assert_eq!(choose(false, NONE, small, &unfused).splits, 1);
    }
}
