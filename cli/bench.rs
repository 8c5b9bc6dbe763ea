//! How fast a model reads and writes here.

use nanolm::run::{Event, GenerateOptions, Model, Prompt, Timings, Usage};
use serde_json::json;

use crate::args::{Args, Failure, Result};
use crate::files::Load;
use crate::show::table;

/// Tokens written after the shorter prompt.
const WRITTEN: usize = 32;
/// Prompts tried in a run until one is answered: after tokens that mean nothing, many a model ends its text at once.
const TRIES: usize = 8;

pub fn command(mut args: Args) -> Result<()> {
    let (load, as_json) = (Load::of(&mut args)?, args.flag("--json"));
    let runs: usize = args.option("--runs", "a number of runs")?.unwrap_or(3);
    let [path] = args.rest(["MODEL"])?;
    if runs == 0 {
        return Err(Failure::Usage("--runs: expected 1 or more, found 0".into()));
    }
    pollster::block_on(async {
        let start = crate::clock();
        let model = load.model(&path).await?;
        let load_ms = crate::clock() - start;
        let mut rows = vec![["", "tokens", "ms", "tokens/s"].map(str::to_string).to_vec()];
        let mut told = Vec::new();
        let mut tell = |what: &str, tokens: usize, ms: f64| {
            let rate = (tokens > 0).then(|| tokens as f64 * 1e3 / ms);
            let shown = rate.map_or("-".into(), |rate| format!("{rate:.1}"));
            rows.push(vec![what.into(), tokens.to_string(), format!("{ms:.1}"), shown]);
            told.push(json!({"what": what, "tokens": tokens, "ms": ms, "tokensPerSecond": rate}));
        };
        let room = model.context_len().saturating_sub(WRITTEN + 1);
        for n in [128.min(room), 512.min(room)] {
            let mut ms = Vec::new();
            for run in 0..runs {
                ms.push(once(&model, n, 1, run).await?.1.prefill_ms);
            }
            tell(&format!("prefill {n}"), n, median(ms));
        }
        let (mut ms, mut tokens) = (Vec::new(), 0);
        for run in 0..runs {
            for attempt in 0..TRIES {
                let (usage, timings) = once(&model, 16.min(room), WRITTEN, run * TRIES + attempt).await?;
                if usage.completion_tokens > 0 {
                    tokens = usage.completion_tokens;
                    ms.push(timings.decode_ms / tokens as f64);
                    break;
                }
            }
        }
        tell("decode", tokens, median(ms) * tokens as f64);
        let device = model.info().device.kind.name();
        if as_json {
            println!("{:#}", json!({"loadMs": load_ms, "device": device, "runs": runs, "measured": told}));
        } else {
            println!("on the {device}, loaded in {load_ms:.0} ms; median of {runs}\n\n{}", table(&rows).trim_end());
        }
        Ok(())
    })
}

/// Reads `n` tokens that no run before had and writes `written`, without guesses ahead.
async fn once(model: &std::rc::Rc<Model>, n: usize, written: usize, run: usize) -> Result<(Usage, Timings)> {
    let vocabulary = model.vocab_size();
    // A generator of Lehmer's kind: the tokens mean nothing.
    let mut state = 48_271 + run as u64;
    let mut tokens = Vec::with_capacity(n);
    while tokens.len() < n {
        state = state * 48_271 % 0x7fff_ffff;
        tokens.push((state % vocabulary as u64) as u32);
    }
    let options = GenerateOptions {
        max_new_tokens: Some(written),
        temperature: Some(0.0),
        speculate: Some(false),
        fresh: true,
        ..GenerateOptions::default()
    };
    let mut job = model.generate(Prompt::Tokens(&tokens), &options)?;
    loop {
        if let Event::Done { usage, timings, .. } = job.next().await? {
            return Ok((usage, timings));
        }
    }
}

/// 0 of none.
fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(0.0)
}
