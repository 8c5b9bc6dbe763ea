//! `results[step] = the token chosen from the logits`, `tokens[0] = the token`
//!
//! The rules, and their order, are those of `src/sample`; how they are followed is said in `shaders/choose.wgsl`. logits:
//! `[n_vocab]` f32; masks: `[words]` u32 of tokens seen, then of tokens banned; settings and 32 random bits per step. One
//! workgroup. Sums in f32, one partial sum per invocation, then over the workgroup: `shaders/parts/choice_memory.wgsl` or
//! `choice_subgroups.wgsl`.

use super::kernel::{Access, Kernel, uniform};
use super::launch::{Grid, Launch};
use super::parts::BATCH;
use super::resources::{Resources, u32_of};
use super::source::wgsl;
use super::sums::Sums;
use crate::Result;
use crate::model::{BufferId, Sampling};

uniform! {
    /// Parameters of `shaders/choose.wgsl`.
    Params {
        /// Logits in a row.
        n_vocab: u32,
        /// Words of a mask.
        words: u32,
    }
}

/// Most tokens of one submit.
pub const MAX_STEPS: usize = 32;
/// Words of the settings before the random numbers.
const SETTINGS: usize = 8;
/// Bytes of the settings.
pub(super) const SETTINGS_BYTES: u64 = 4 * (SETTINGS + MAX_STEPS) as u64;
/// Bytes of one result.
pub(super) const RESULT_BYTES: u64 = 16;
/// Invocations on graphics hardware: more would not fit their sums into workgroup memory.
const HARDWARE: u32 = 128;

/// The kernel.
pub fn kernel(workgroup: u32, sums: Sums) -> Kernel {
    Kernel {
        stem: "choose",
        entry: "choose",
        parts: vec![BATCH, sums.choice()],
        body: wgsl!("choose"),
        constants: sums.constants(workgroup),
        storage: vec![(2, Access::Read), (3, Access::Read), (4, Access::Write), (5, Access::Write), (6, Access::Write)],
        // Four vectors and an id in each place, a count per invocation, and one number.
        workgroup_bytes: sums.places(workgroup) * (4 * 16 + 4) + 4 * workgroup + 4,
        params: Params::LAYOUT,
        variants: Vec::new(),
    }
}

/// Invocations for an adapter.
pub(super) fn workgroup(software: bool) -> u32 {
    if software { super::kernel::SOFTWARE_WORKGROUP } else { HARDWARE }
}

/// Words of a mask over the vocabulary: whole u64s, as the sampler keeps them.
pub(super) fn mask_words(n_vocab: usize) -> usize {
    n_vocab.div_ceil(64) * 2
}

/// The buffers that a draw needs beside the logits.
pub(super) struct Drawing {
    pub(super) settings: wgpu::Buffer,
    pub(super) masks: wgpu::Buffer,
    pub(super) results: wgpu::Buffer,
}

pub(super) fn launch(r: &Resources, logits: BufferId, drawing: &Drawing) -> Result<Launch> {
    let logits = r.activation(logits)?;
    let words = mask_words(logits.width);
    let params = Params { n_vocab: u32_of("n_vocab", logits.width)?, words: u32_of("words", words)? };
    let Drawing { settings, masks, results } = drawing;
    let buffers = [(2, &logits.buffer), (3, settings), (4, masks), (5, &r.tokens), (6, results)];
    let grid = Grid { columns: 1, rows_per_group: 1 };
    Ok(Launch::new(kernel(workgroup(r.software), r.variants.sums), grid, &buffers, params))
}

/// The settings as the shader reads them.
pub(super) fn settings(sampling: &Sampling<'_>) -> [u32; SETTINGS + MAX_STEPS] {
    let mut words = [0; SETTINGS + MAX_STEPS];
    let bans = sampling.banned.iter().any(|word| *word != 0);
    let top_k = u32::try_from(sampling.top_k).unwrap_or(u32::MAX);
    let head = [
        sampling.temperature.to_bits(),
        sampling.repetition_penalty.to_bits(),
        sampling.top_p.to_bits(),
        sampling.min_p.to_bits(),
        top_k,
        u32::from(bans),
    ];
    words.iter_mut().zip(head).for_each(|(to, from)| *to = from);
    words.iter_mut().skip(SETTINGS).zip(sampling.draws).for_each(|(to, from)| *to = *from);
    words
}
