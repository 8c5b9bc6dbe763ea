//! How fast a device runs a model: some tokens read and written, within a tenth of a second or so.

use std::sync::Arc;

use super::executor::Executor;
use super::report::Clock;
use crate::checksum::Checksum;
use crate::cpu::Level;
use crate::error::Result;
use crate::model::{Batch, LogitRows, Plan, Sampling};
use crate::weights::Weights;

/// The call that devices are compared by: so many tokens read, so many written.
const READ: f64 = 128.0;
const WRITTEN: f64 = 64.0;
/// What a GPU cannot do without, at best: milliseconds of a dispatch (24 to 36 us were measured on Vulkan, 32 to 71 on
/// Metal) and of a readback (5 to 15 ms), and tokens that one readback brings.
const DISPATCH_MS: f64 = 0.024;
const READBACK_MS: f64 = 5.0;
const TOKENS_A_READBACK: f64 = 16.0;
/// Milliseconds that a device is measured for, each in reading and writing; a single pass may take longer.
const BUDGET_MS: f64 = 50.0;
/// Passes over one token at most, after the first, which is not counted.
const PASSES: usize = 8;
/// Rows of the pass that reads.
const ROWS: usize = 64;

/// Tokens a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Of a prompt; absent where writing alone was too slow to be worth going on.
    pub read: Option<f64>,
    pub written: f64,
}

impl Speed {
    /// Milliseconds of the call that devices are compared by; at least, where reading was not measured.
    pub fn call_ms(&self) -> f64 {
        1e3 * (WRITTEN / self.written + self.read.map_or(0.0, |read| READ / read))
    }
}

/// Milliseconds a token that any GPU takes for this plan, at five dispatches a layer and three more: arithmetic comes on
/// top.
pub fn gpu_floor(plan: &Plan) -> f64 {
    (5 * plan.config.n_layers + 3) as f64 * DISPATCH_MS + READBACK_MS / TOKENS_A_READBACK
}

/// Measures a device. It is given up as soon as writing alone takes longer than `limit` milliseconds for the call that
/// devices are compared by.
///
/// # Errors
/// Those of the device.
pub async fn measure(on: &mut Executor, plan: &Arc<Plan>, clock: Clock, limit: f64) -> Result<Speed> {
    let context = plan.config.context_len;
    let capacity = context.min(1 + PASSES + ROWS);
    let mut cache = on.new_cache(capacity).await?;
    let mut logits = Vec::new();
    let token = |i: usize| (i * 7919 % plan.config.n_vocab) as u32;
    let mut chosen = Vec::new();
    let (mut best, mut sum, mut position) = (f64::INFINITY, 0.0, 0);
    // A hiccup makes a pass longer, nothing makes it shorter: the shortest counts. The first one warms up.
    while position < capacity.min(1 + PASSES) {
        // As many at once as the device chooses itself: that is how it will write.
        let n = on.resident_steps().min(if position == 0 { 1 } else { capacity.min(1 + PASSES) - position });
        let start = clock();
        if n > 0 {
            on.decode(&mut cache, token(position), position, n, Sampling::GREEDY, &mut chosen).await?;
        } else {
            let batch = Batch { tokens: &[token(position)], position, logits: LogitRows::Last };
            on.forward(&mut cache, batch, &mut logits).await?;
        }
        let ms = (clock() - start) / n.max(1) as f64;
        if position > 0 || capacity == 1 {
            best = best.min(ms);
        }
        sum += ms * n.max(1) as f64;
        position += n.max(1);
        if sum > BUDGET_MS && position > 1 {
            break;
        }
    }
    // Clocks of pages are coarse.
    let best = best.max(0.01);
    let mut speed = Speed { read: None, written: 1e3 / best };
    if speed.call_ms() > limit {
        return Ok(speed);
    }
    let affordable = (BUDGET_MS / best) as usize;
    let rows = affordable.clamp(2, ROWS).min(on.max_batch()).min(capacity.saturating_sub(position));
    if rows > 1 {
        let tokens: Vec<u32> = (0..rows).map(token).collect();
        let batch = Batch { tokens: &tokens, position, logits: LogitRows::None };
        let start = clock();
        on.forward(&mut cache, batch, &mut logits).await?;
        speed.read = Some(1e3 * rows as f64 / (clock() - start).max(0.01));
    }
    Ok(speed)
}

/// What was measured of a model on both devices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    pub cpu: Speed,
    pub gpu: Speed,
}

/// What figures hold for: the form of the line, the model's shape and types, this build, and the adapter. No line breaks.
pub fn key(plan: &Plan, weights: &Weights, adapter: &str) -> String {
    let mut shape = Checksum::new();
    shape.update(format!("{:?}", plan.config).as_bytes());
    for matrix in &weights.matrices {
        shape.update(matrix.dtype.name().as_bytes());
    }
    let threads = if cfg!(target_feature = "atomics") { "+threads" } else { "" };
    let (version, level) = (env!("CARGO_PKG_VERSION"), Level::best().name());
    let adapter: String = adapter.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("1 {:08x} {version} {level}{threads} {adapter}", shape.sum())
}

impl Figures {
    /// As a line for later loads.
    pub fn line(&self, key: &str) -> String {
        let words = |speed: &Speed| format!("{:.0} {:.1}", speed.read.unwrap_or(0.0), speed.written);
        format!("{key} cpu {} gpu {}", words(&self.cpu), words(&self.gpu))
    }

    /// Those of the first line with this key, if there is one that makes sense.
    pub fn find(lines: &str, key: &str) -> Option<Figures> {
        lines.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix(" cpu ")).find_map(|rest| {
            let (cpu, gpu) = rest.split_once(" gpu ")?;
            let speed = |words: &str| {
                let (read, written) = words.split_once(' ')?;
                let (read, written) = (number(read)?, number(written).filter(|n| *n > 0.0)?);
                Some(Speed { read: Some(read).filter(|n| *n > 0.0), written })
            };
            Some(Figures { cpu: speed(cpu)?, gpu: speed(gpu)? })
        })
    }

    /// Whether the GPU takes less time, where the CPU will be `gain` times as fast as measured.
    pub fn gpu_is_faster(&self, gain: f64) -> bool {
        self.gpu.call_ms() < self.cpu.call_ms() / gain
    }

    /// For people.
    pub fn words(&self) -> String {
        let words = |speed: &Speed| match speed.read {
            Some(read) => format!("{:.0} tokens/s written and {read:.0} read", speed.written),
            None => format!("{:.0} tokens/s written", speed.written),
        };
        format!("CPU: {}, GPU: {}", words(&self.cpu), words(&self.gpu))
    }
}

/// A number as [`Figures::line`] writes it: `7` or `7.5`. The standard library's reader of all floats brings a table of 10 KB.
fn number(word: &str) -> Option<f64> {
    let (whole, tenths) = word.split_once('.').unwrap_or((word, "0"));
    let digit = tenths.parse::<u64>().ok().filter(|digit| *digit < 10)?;
    // Of more digits than these the line is not one of ours.
    let whole = whole.parse::<u64>().ok().filter(|whole| *whole < 1 << 50)?;
    Some(whole as f64 + digit as f64 / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speed(read: f64, written: f64) -> Speed {
        Speed { read: Some(read), written }
    }

    #[test]
    fn the_faster_call_wins() {
        let figures = Figures { cpu: speed(3000.0, 300.0), gpu: speed(3000.0, 301.0) };
        assert!(figures.gpu_is_faster(1.0) && !figures.gpu_is_faster(1.2));
        // Reading counts as well, and what was given up is no better than what it was given up for.
        assert!(!Figures { cpu: speed(3000.0, 300.0), gpu: speed(1000.0, 310.0) }.gpu_is_faster(1.0));
        let given_up = Speed { read: None, written: 100.0 };
        assert!(!Figures { cpu: speed(3000.0, 300.0), gpu: given_up }.gpu_is_faster(1.0));
    }

    #[test]
    fn lines_are_found_again_and_nonsense_is_not() {
        let figures = Figures { cpu: speed(3000.0, 300.5), gpu: Speed { read: None, written: 2.5 } };
        let line = figures.line("a key (1)");
        assert_eq!(Figures::find(&format!("x\n{line}\n"), "a key (1)"), Some(figures));
        assert_eq!(Figures::find(&line, "a key"), None);
        for damaged in [line.replace("300.5", "0"), line.replace("2.5", "NaN"), line.replace(" gpu", ""), String::new()]
        {
            assert_eq!(Figures::find(&damaged, "a key (1)"), None, "{damaged}");
        }
    }
}
