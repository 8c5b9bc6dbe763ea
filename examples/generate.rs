//! Continues a prompt: `generate "PROMPT" N TEMPERATURE DEVICE MODEL...`, where MODEL is one .gguf file or the files of a
//! Hugging Face folder.

use std::io::Write;
use std::path::Path;

use nanolm::backend::DeviceChoice;
use nanolm::run::{Event, GenerateOptions, Model, Prompt};
use nanolm::tensor::Bytes;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [prompt, n, temperature, device, paths @ ..] = args.as_slice() else {
        return Err("usage: generate PROMPT TOKENS TEMPERATURE auto|gpu|cpu MODEL...".into());
    };
    let mut files = Vec::new();
    for path in paths {
        let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push((name, Bytes::new(std::fs::read(path)?)));
    }
    let options = GenerateOptions {
        max_new_tokens: Some(n.parse()?),
        temperature: Some(temperature.parse()?),
        ..GenerateOptions::default()
    };
    let device: DeviceChoice = device.parse()?;
    pollster::block_on(async {
        let model = Model::load(files, device, clock, &mut |_, _, _| {}).await?;
        eprintln!("{:?}", model.info());
        let mut job = model.generate(Prompt::Text(prompt), &options)?;
        loop {
            match job.next().await? {
                Event::Piece(piece) => print!("{}", piece.text),
                Event::Done { finish_reason, usage, timings, .. } => {
                    println!("\n[{}] {usage:?} {timings:?}", finish_reason.name());
                    return Ok(());
                }
                _ => {}
            }
            std::io::stdout().flush()?;
        }
    })
}

/// Milliseconds since 1970.
fn clock() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |t| t.as_secs_f64() * 1e3)
}
