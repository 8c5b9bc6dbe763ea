//! Files of models.

use nanolm::backend::DeviceChoice;
use nanolm::format::{self, Begun};
use nanolm::model::plan;
use nanolm::run::{Event, GenerateOptions, Job, Model, Prompt};
use nanolm::tensor::Bytes;
use nanolm::text::Tokenizer;
use nanolm::{Result, arch, weights};

use super::seeds::golden;

/// Runs a call to its end.
pub fn finish(mut job: Job) -> Result<()> {
    pollster::block_on(async {
        loop {
            if let Event::Done { .. } = job.next().await? {
                return Ok(());
            }
        }
    })
}

/// Everything that is read of a model's files before it runs, of their beginnings too.
fn read(files: &[(&str, &[u8])]) -> Result<()> {
    for part in [1, 2] {
        let begun: Vec<Begun<'_>> = files
            .iter()
            .map(|(name, bytes)| Begun { name, beginning: &bytes[..bytes.len() / part], len: bytes.len() })
            .collect();
        let _ = format::peek(&begun);
        let _ = nanolm::run::check(&begun);
    }
    let owned = files.iter().map(|(name, bytes)| (name.to_string(), Bytes::new(bytes.to_vec()))).collect();
    let file = format::parse(owned)?;
    let tokenizer = Tokenizer::from_file(&file);
    let config = arch::config(&file)?;
    let plan = plan::build(&config);
    weights::load(&plan, &file)?;
    tokenizer.map(|_| ())
}

pub fn gguf(input: &[u8]) -> Result<()> {
    read(&[("m.gguf", input)])
}

/// The weights of a folder whose other files are as they should be.
pub fn safetensors(input: &[u8]) -> Result<()> {
    let [config, tokenizer] = ["config.json", "tokenizer.json"].map(|name| golden("tiny-llama", name));
    read(&[("config.json", &config), ("tokenizer.json", &tokenizer), ("model.safetensors", input)])
}

/// The configuration of a folder, whatever weights lie beside it: the plan is made before they are looked at.
pub fn config(input: &[u8]) -> Result<()> {
    let weights = golden("tiny-llama", "model.safetensors");
    let files = [("config.json", input), ("model.safetensors", &weights)];
    let file = format::parse(files.map(|(name, bytes)| (name.to_string(), Bytes::new(bytes.to_vec()))).to_vec())?;
    plan::build(&arch::config(&file)?);
    Ok(())
}

/// From the file to the last token.
pub fn model(input: &[u8]) -> Result<()> {
    let files = vec![("m.gguf".to_string(), Bytes::new(input.to_vec()))];
    let model = pollster::block_on(Model::load(files, DeviceChoice::Cpu, || 0.0, &mut |_, _, _| {}))?;
    let options = GenerateOptions { max_new_tokens: Some(2), ..GenerateOptions::default() };
    finish(model.generate(Prompt::Text("The keeper's lamp, 12 🦙"), &options)?)
}
