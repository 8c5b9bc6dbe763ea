//! Vectors of texts by an encoder: `embed FILE... < texts.jsonl > vectors.jsonl`.
//!
//! The files are those of a Hugging Face folder, or one GGUF file. A text is a JSON string in a line; its vector is an array in a
//! line. Says at the end how many texts a second that were.

use std::io::{BufRead, Write};
use std::time::Instant;

use nanolm::backend::DeviceChoice;
use nanolm::run::{EmbedOptions, Model};
use nanolm::tensor::Bytes;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let paths = std::env::args().skip(1);
    let files = paths.map(|path| std::fs::read(&path).map(|bytes| (path, Bytes::new(bytes))));
    let files = files.collect::<std::io::Result<Vec<_>>>()?;
    let model = pollster::block_on(Model::load(files, DeviceChoice::Cpu, || 0.0, &mut |_, _, _| {}))?;
    eprintln!("{:?}", model.info());
    let lines = std::io::stdin().lock().lines().collect::<std::io::Result<Vec<_>>>()?;
    let texts = lines.iter().map(|line| serde_json::from_str(line)).collect::<Result<Vec<String>, _>>()?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let start = Instant::now();
    let mut done = 0;
    while done < texts.len() {
        for vector in model.embed_some(&texts[done..], &EmbedOptions::default())? {
            writeln!(out, "{}", serde_json::to_string(&vector)?)?;
            done += 1;
        }
    }
    eprintln!("{done} texts, {:.1} a second", done as f64 / start.elapsed().as_secs_f64());
    Ok(())
}
