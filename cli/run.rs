//! Continues a prompt.

use std::io::{Read, Write};

use nanolm::run::{Event, GenerateOptions, Job, Prompt, Timings, Usage};

use crate::args::{Args, Result};
use crate::files::Load;

/// The options of sampling.
pub fn sampling(args: &mut Args) -> Result<GenerateOptions> {
    Ok(GenerateOptions {
        max_new_tokens: args.option("--tokens", "a number of tokens")?,
        temperature: args.option("--temperature", "a number, 0 or more")?,
        top_k: args.option("--top-k", "a number of tokens")?,
        top_p: args.option("--top-p", "a number up to 1")?,
        min_p: args.option("--min-p", "a number up to 1")?,
        repetition_penalty: args.option("--repetition-penalty", "a number, 1 for none")?,
        seed: args.option("--seed", "a whole number")?,
        stop: args.options("--stop", "a text")?,
        ..GenerateOptions::default()
    })
}

pub fn command(mut args: Args) -> Result<()> {
    let (load, options, quiet) = (Load::of(&mut args)?, sampling(&mut args)?, args.flag("--quiet"));
    let [path, mut prompt] = args.rest(["MODEL", "PROMPT"])?;
    if prompt == "-" {
        prompt.clear();
        std::io::stdin().read_to_string(&mut prompt)?;
    }
    pollster::block_on(async {
        let model = load.model(&path).await?;
        model.info().notes.iter().for_each(|note| eprintln!("note: {note}"));
        let written = stream(model.generate(Prompt::Text(&prompt), &options)?).await?;
        println!();
        if !quiet {
            eprintln!("{}", written.about());
        }
        Ok(())
    })
}

/// What a call wrote, and how long it took.
pub struct Written {
    pub text: String,
    pub usage: Usage,
    pub timings: Timings,
}

impl Written {
    pub fn about(&self) -> String {
        let rate = |tokens: usize, ms: f64| if ms > 0.0 { tokens as f64 * 1e3 / ms } else { 0.0 };
        let (usage, timings) = (&self.usage, &self.timings);
        let read = usage.prompt_tokens - usage.cached_tokens;
        format!(
            "read {read} tokens ({} known) in {:.0} ms, {:.1}/s; wrote {} in {:.0} ms, {:.1}/s; first after {:.0} ms",
            usage.cached_tokens,
            timings.prefill_ms,
            rate(read, timings.prefill_ms),
            usage.completion_tokens,
            timings.decode_ms,
            rate(usage.completion_tokens, timings.decode_ms),
            timings.first_token_ms,
        )
    }
}

/// Writes to standard output as it comes.
pub async fn stream(mut job: Job) -> Result<Written> {
    let mut out = std::io::stdout();
    loop {
        match job.next().await? {
            Event::Piece(piece) => {
                out.write_all(piece.text.as_bytes())?;
                out.flush()?;
            }
            Event::Done { text, usage, timings, .. } => return Ok(Written { text, usage, timings }),
            _ => {}
        }
    }
}
