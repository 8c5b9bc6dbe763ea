//! A Hugging Face model folder: `config.json`, safetensors (whole or in shards with an index), and, where given,
//! `tokenizer.json` or SentencePiece's own file, `generation_config.json`, `tokenizer_config.json` and `chat_template.jinja`, and what sentence-transformers adds:
//! `modules.json`, `sentence_bert_config.json`, `config_sentence_transformers.json`, `1_Pooling/config.json`, and the configurations and weights of
//! its dense modules (`2_Dense`). Other files are ignored.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::json::{self, invalid};
use super::model_file::{CHAT_TEMPLATE, Dialect, ModelFile, TOKENIZER_CONFIG, TensorInfo, TokenizerSource, Value};
use super::safetensors;
use crate::error::{Error, Result};
use crate::order;
use crate::tensor::Bytes;

pub(super) const CONFIG: &str = "config.json";
const INDEX: &str = "model.safetensors.index.json";
const TOKENIZER: &str = "tokenizer.json";
/// SentencePiece's own files, one of which is taken where there is no [`TOKENIZER`].
const SENTENCE_PIECE: [&str; 4] = ["source.spm", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model"];
const GENERATION: &str = "generation_config.json";

/// Reads the files of a folder; `files` are names (a path's last part counts) and contents.
///
/// # Errors
/// `MissingFile` without a configuration or weights, or where a shard is not there; `Format` and `Truncated` from the
/// files themselves.
pub(super) fn parse(files: &[(String, Bytes)]) -> Result<ModelFile> {
    let mut by_name: BTreeMap<&str, &Bytes> = BTreeMap::new();
    for (path, bytes) in files.iter().filter(|(path, _)| is_own(path)) {
        if by_name.insert(base_name(path), bytes).is_some() {
            return Err(invalid(path, "the files given", "every name once", "this name twice".to_string()));
        }
    }
    let missing = |expected: &str| Error::MissingFile { expected: expected.to_string(), found: given(files) };

    let config = by_name.get(CONFIG).ok_or_else(|| missing(CONFIG))?;
    let mut metadata = json::flatten(CONFIG, config)?;
    add_chat(files, &mut metadata);
    add_modules(files.iter().map(|(path, bytes)| (path.as_str(), &bytes[..])), &mut metadata)?;
    let generation = match by_name.get(GENERATION) {
        Some(bytes) => json::flatten(GENERATION, bytes)?,
        None => BTreeMap::new(),
    };
    let tokenizer = match by_name.get(TOKENIZER) {
        Some(bytes) => TokenizerSource::TokenizerJson((*bytes).clone()),
        None => match SENTENCE_PIECE.iter().find_map(|name| by_name.get(name)) {
            Some(model) => {
                let vocab = by_name.get("vocab.json").map(|bytes| (*bytes).clone());
                TokenizerSource::SentencePiece { model: (*model).clone(), vocab }
            }
            None => TokenizerSource::None,
        },
    };

    let index = by_name.get(INDEX).map(|bytes| weight_map(bytes)).transpose()?;
    let shards: Vec<&str> = match &index {
        Some(map) => order::set(map.values().map(String::as_str)).into_iter().collect(),
        // A lone safetensors file may have any name: what it is shows in its bytes.
        None => by_name.iter().filter(|(name, bytes)| is_weights(name, bytes)).map(|(name, _)| *name).collect(),
    };
    if shards.is_empty() {
        return Err(missing("model.safetensors"));
    }

    let mut tensors = Vec::new();
    let mut unsupported_tensors = Vec::new();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for shard in shards {
        let bytes = by_name.get(shard).ok_or_else(|| missing(shard))?;
        let (some, unsupported) = safetensors::parse(shard, bytes)?;
        for name in some.iter().map(|t| &t.name).chain(unsupported.iter().map(|(name, _)| name)) {
            if let Some(other) = seen.insert(name.clone(), shard) {
                return Err(invalid(shard, "the tensors", "every name once", format!("{name}, also in {other}")));
            }
        }
        tensors.extend(some);
        unsupported_tensors.extend(unsupported);
    }
    for (tensor, shard) in index.iter().flatten() {
        if seen.get(tensor).copied() != Some(shard.as_str()) {
            return Err(invalid(INDEX, tensor, &format!("a tensor of {shard}"), "none of that name".to_string()));
        }
    }
    // Every module calls its tensors the same.
    for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".safetensors")) {
        let Some(folder) = module(path) else { continue };
        let (some, unsupported) = safetensors::parse(path, bytes)?;
        let own = |name: String| format!("{folder}/{name}");
        tensors.extend(some.into_iter().map(|tensor| TensorInfo { name: own(tensor.name), ..tensor }));
        unsupported_tensors.extend(unsupported.into_iter().map(|(name, dtype)| (own(name), dtype)));
    }
    Ok(ModelFile {
        name: CONFIG.to_string(),
        dialect: Dialect::HuggingFace,
        metadata,
        tensors,
        unsupported_tensors,
        tokenizer,
        generation,
    })
}

/// What the folder says about chats, put into the metadata as text: the template under the key that GGUF files have it
/// under, and the tokenizer's configuration, which may have it too.
pub(super) fn add_chat(files: &[(String, Bytes)], metadata: &mut BTreeMap<String, Value>) {
    for (name, key) in [("chat_template.jinja", CHAT_TEMPLATE), (TOKENIZER_CONFIG, TOKENIZER_CONFIG)] {
        if let Some((_, bytes)) = files.iter().find(|(path, _)| base_name(path) == name) {
            metadata.insert(key.into(), Value::String(String::from_utf8_lossy(bytes).into_owned()));
        }
    }
}

/// Puts what sentence-transformers says of an encoder's vectors into the metadata: `modules`, the names of what follows the
/// encoder, `module_paths`, where they lie, `sentence_bert.*`, `sentence_transformers.*`, `pooling.*`, and by its folder what a dense module says
/// (`2_Dense.*`).
pub(super) fn add_modules<'a>(
    files: impl Iterator<Item = (&'a str, &'a [u8])>,
    metadata: &mut BTreeMap<String, Value>,
) -> Result<()> {
    for (path, bytes) in files {
        let prefix = match (module(path), base_name(path)) {
            (None, "sentence_bert_config.json") => "sentence_bert",
            (None, "config_sentence_transformers.json") => "sentence_transformers",
            (Some(folder), CONFIG) if folder.ends_with("_Pooling") => "pooling",
            (Some(folder), CONFIG) if folder.contains("_Dense") => folder,
            (None, name @ "modules.json") => {
                let list: Json = serde_json::from_slice(json::without_mark(bytes))
                    .map_err(|e| invalid(name, "the file", "JSON", e.to_string()))?;
                let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
                let paths = list.iter().map(|module| module["path"].as_str().unwrap_or_default().to_string());
                metadata.insert("module_paths".to_string(), Value::Strings(paths.collect()));
                let kinds = list.iter().map(|module| {
                    let kind = module["type"].as_str();
                    let kind =
                        kind.ok_or_else(|| invalid(name, "a module's type", "a text", json::shown(&module["type"])))?;
                    Ok(kind.rsplit('.').next().unwrap_or(kind).to_string())
                });
                metadata.insert("modules".to_string(), Value::Strings(kinds.collect::<Result<_>>()?));
                continue;
            }
            _ => continue,
        };
        let settings = json::flatten(path, bytes)?;
        metadata.extend(settings.into_iter().map(|(key, value)| (format!("{prefix}.{key}"), value)));
    }
    Ok(())
}

/// Whether a file is one of the model itself, not of a module that follows it.
pub(super) fn is_own(path: &str) -> bool {
    module(path).is_none()
}

/// Whether a file is the configuration of the model itself.
pub(super) fn is_config(path: &str) -> bool {
    is_own(path) && base_name(path) == CONFIG
}

/// The folder of a module that follows an encoder, such as `1_Pooling`, where the file lies in one. A model's own folder may begin
/// with a number, too, so that only the names of modules count.
fn module(path: &str) -> Option<&str> {
    const MODULES: [&str; 7] = ["CNN", "Dense", "Dropout", "LayerNorm", "LSTM", "Normalize", "Pooling"];
    let mut parts = path.rsplit(['/', '\\']);
    let folder = parts.nth(1)?;
    let (number, name) = folder.split_once('_')?;
    let kind = name.split('_').next().unwrap_or(name);
    (MODULES.contains(&kind) && number.parse::<usize>().is_ok_and(|number| number > 0)).then_some(folder)
}

/// The last part of a path, with either separator.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Whether a file holds tensors, by its name or its first bytes.
pub(super) fn is_weights(name: &str, bytes: &[u8]) -> bool {
    name.ends_with(".safetensors") || (!name.ends_with(".json") && safetensors::looks_like(bytes))
}

/// The names of the given files, for messages.
pub(super) fn given(files: &[(String, Bytes)]) -> String {
    match files {
        [] => "no files".to_string(),
        _ => files.iter().map(|(name, _)| base_name(name)).collect::<Vec<_>>().join(", "),
    }
}

/// Which shard holds which tensor.
fn weight_map(bytes: &[u8]) -> Result<BTreeMap<String, String>> {
    let wrong =
        |found: &str| invalid(INDEX, "weight_map", "an object of tensor names and file names", found.to_string());
    let mut index = json::parse(INDEX, bytes)?;
    let Some(Json::Object(map)) = index.remove("weight_map") else {
        return Err(wrong("no such object"));
    };
    let mut shards = BTreeMap::new();
    for (tensor, shard) in map {
        let Json::String(shard) = shard else { return Err(wrong(&format!("another value for {tensor}"))) };
        shards.insert(tensor, shard);
    }
    Ok(shards)
}
