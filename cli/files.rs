//! A model's files: one GGUF file with its other parts, or a folder.

use std::path::{Path, PathBuf};

use nanolm::backend::DeviceChoice;
use nanolm::format::{self, ModelFile};
use nanolm::run::{LoadPhase, Model};
use nanolm::tensor::Bytes;
use nanolm::weights::{self, Quantise};

use crate::args::{Args, Failure, Result};
use crate::show::Bar;

/// The paths that belong to a model.
pub fn paths(path: &str) -> Result<Vec<PathBuf>> {
    let path = Path::new(path);
    if !path.is_dir() {
        return Ok(parts(path));
    }
    let mut all = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if [".json", ".safetensors", ".jinja", ".gguf", ".spm", ".model"].iter().any(|end| name.ends_with(end)) {
            all.push(path);
        } else if name.starts_with(|c: char| c.is_ascii_digit()) {
            // What follows an encoder, such as `1_Pooling`.
            let own = ["config.json", "model.safetensors"].map(|name| path.join(name));
            all.extend(own.into_iter().filter(|path| path.is_file()));
        }
    }
    // Some folders have the same model once more as GGUF, in several types.
    let is = |path: &PathBuf, end: &str| path.extension().is_some_and(|extension| extension == end);
    if all.iter().any(|path| is(path, "safetensors")) {
        all.retain(|path| !is(path, "gguf"));
    }
    all.sort();
    Ok(all)
}

/// A file `x-00001-of-00003.gguf` and its others.
fn parts(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let numbers = name.strip_suffix(".gguf").and_then(|stem| {
        let (stem, count) = stem.rsplit_once("-of-")?;
        let (stem, _) = stem.rsplit_once('-')?;
        Some((stem, count.to_string(), count.parse::<usize>().ok()?))
    });
    match numbers {
        Some((stem, text, count)) if count < 1000 => {
            (1..=count).map(|i| path.with_file_name(format!("{stem}-{i:05}-of-{text}.gguf"))).collect()
        }
        _ => vec![path.to_path_buf()],
    }
}

/// The files, read.
pub fn read(path: &str) -> Result<Vec<(String, Bytes)>> {
    let mut files = Vec::new();
    let folder = Path::new(path);
    for path in paths(path)? {
        // A module's own folder is part of the name.
        let own = path.strip_prefix(folder).ok().filter(|name| name.components().next().is_some());
        let name = own
            .map_or_else(|| path.file_name().unwrap_or_default().to_string_lossy(), Path::to_string_lossy)
            .into_owned();
        let bytes = std::fs::read(&path).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
        files.push((name, Bytes::new(bytes)));
    }
    Ok(files)
}

/// The files as a model's, with what `--quantize` asks for done to them.
pub fn parse(path: &str, quantise: Option<Quantise>) -> Result<ModelFile> {
    let mut file = format::parse(read(path)?)?;
    if let Some(to) = quantise {
        weights::quantise(&mut file, to)?;
    }
    Ok(file)
}

/// How a model is loaded: `--device` and `--quantize`.
pub struct Load {
    device: DeviceChoice,
    quantise: Option<Quantise>,
}

impl Load {
    pub fn of(args: &mut Args) -> Result<Load> {
        let device: Option<String> = args.option("--device", "auto, gpu or cpu")?;
        let quantise: Option<String> = args.option("--quantize", "q8_0, q4_0 or q4_k")?;
        let device = device.as_deref().unwrap_or("cpu").parse::<DeviceChoice>().map_err(usage)?;
        Ok(Load { device, quantise: quantise.map(|to| to.parse::<Quantise>().map_err(usage)).transpose()? })
    }

    pub async fn model(&self, path: &str) -> Result<std::rc::Rc<Model>> {
        let mut bar = Bar::new("loading");
        let file = parse(path, self.quantise)?;
        let mut progress = |phase: LoadPhase, done: usize, total: usize| match phase {
            LoadPhase::Read => bar.set(done, total),
            _ => bar.set(total, total),
        };
        Ok(Model::from_file(file, self.device, crate::clock, &mut progress).await?)
    }
}

fn usage(error: nanolm::Error) -> Failure {
    Failure::Usage(error.to_string())
}
