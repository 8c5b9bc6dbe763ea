//! `nanolm`: the engine on the command line.

mod args;
mod bench;
mod chat;
mod files;
mod inspect;
mod quantize;
mod run;
mod show;

use std::process::ExitCode;

use args::{Args, Failure};

const HELP: &str = "\
nanolm: small language models, from GGUF files and Hugging Face folders

  nanolm inspect MODEL [--json] [--plan] [--tensors]
  nanolm run MODEL PROMPT [SAMPLING] [--quantize TYPE] [--device auto|gpu|cpu] [--quiet]
  nanolm chat MODEL [--system TEXT] [SAMPLING] [--quantize TYPE] [--device auto|gpu|cpu]
  nanolm quantize IN.gguf OUT.gguf --type q8_0|q4_0|q4_k [--keep TENSOR=TYPE]... [--json]
  nanolm bench MODEL [--runs N] [--quantize TYPE] [--device auto|gpu|cpu] [--json]

MODEL     a .gguf file (of a split one, any part) or a folder with config.json, safetensors and tokenizer.json or a SentencePiece model
PROMPT    the text to continue; - reads standard input
SAMPLING  --tokens N  --temperature X  --top-k N  --top-p X  --min-p X  --repetition-penalty X  --seed N  --stop TEXT
TYPE      q8_0, q4_0 or q4_k: what matrices of plain floats become when they are loaded

Status 0: done. 1: it could not be done. 2: the command line is not understood.
";

fn main() -> ExitCode {
    let mut args = Args::new(std::env::args().skip(1));
    if args.flag("--help") || args.flag("-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if args.flag("--version") {
        println!("nanolm {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let done = match args.first().as_deref() {
        Some("inspect") => inspect::command(args),
        Some("run") => run::command(args),
        Some("chat") => chat::command(args),
        Some("quantize") => quantize::command(args),
        Some("bench") => bench::command(args),
        Some(other) => Err(Failure::Usage(format!("unknown command {other}"))),
        None => Err(Failure::Usage("no command".into())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(what)) => {
            eprintln!("nanolm: {what}\nTry nanolm --help");
            ExitCode::from(2)
        }
        Err(Failure::Failed(what)) => {
            eprintln!("nanolm: {what}");
            ExitCode::from(1)
        }
    }
}

/// Milliseconds since 1970.
fn clock() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |t| t.as_secs_f64() * 1e3)
}
