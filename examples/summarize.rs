//! Summarises a text file: `summarize MODEL TEXT [tldr|key-points|headline] [short|medium|long] [auto|gpu|cpu]`.

use std::io::Write;
use std::path::Path;

use nanolm::backend::DeviceChoice;
use nanolm::run::{Event, Model};
use nanolm::task::SummarizeOptions;
use nanolm::tensor::Bytes;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [model, text, rest @ ..] = args.as_slice() else {
        return Err(
            "usage: summarize MODEL.gguf TEXT.txt [tldr|key-points|headline] [short|medium|long] [auto|gpu|cpu]".into(),
        );
    };
    let name = Path::new(model).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let files = vec![(name, Bytes::new(std::fs::read(model)?))];
    let text = std::fs::read_to_string(text)?;
    let mut options = SummarizeOptions::default();
    if let Some(kind) = rest.first() {
        options.kind = kind.parse()?;
    }
    if let Some(length) = rest.get(1) {
        options.length = length.parse()?;
    }
    let device: DeviceChoice = rest.get(2).map_or("auto", String::as_str).parse()?;
    pollster::block_on(async {
        let model = Model::load(files, device, clock, &mut |_, _, _| {}).await?;
        eprintln!("{:?}", model.info());
        let mut job = model.summarize(&text, &options)?;
        loop {
            match job.next().await? {
                Event::Progress { phase, done, total } => eprint!("\r{} {done}/{total} ", phase.name()),
                Event::Piece(piece) => print!("{}", piece.text),
                Event::Point(point) => println!("- {} [{:.3} @{:?}]", point.text, point.score, point.place.bytes),
                Event::Done { finish_reason, usage, timings, .. } => {
                    println!("\n[{}] {usage:?} {timings:?}", finish_reason.name());
                    return Ok(());
                }
                // What other tasks give.
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
