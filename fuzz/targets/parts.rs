//! What a model is given beside its files: saved sessions, the embedding table, trained heads.

use std::cell::OnceCell;
use std::rc::Rc;

use nanolm::Result;
use nanolm::backend::DeviceChoice;
use nanolm::format;
use nanolm::heads::Heads;
use nanolm::run::{GenerateOptions, Model, Prompt};
use nanolm::table::Table;
use nanolm::tensor::Bytes;

use super::files::finish;
use super::seeds::golden;

const TEXT: &str = "On Monday Miles Davis flew to London for €5; the match was dull. ’Ünïcode 日本語";

fn tiny() -> Rc<Model> {
    thread_local!(static MODEL: OnceCell<Rc<Model>> = const { OnceCell::new() });
    let load = || {
        let files = vec![("m.gguf".to_string(), Bytes::new(golden("tiny-llama", "model-q8_0.gguf")))];
        pollster::block_on(Model::load(files, DeviceChoice::Cpu, || 0.0, &mut |_, _, _| {})).expect("the fixture loads")
    };
    MODEL.with(|model| Rc::clone(model.get_or_init(load)))
}

pub fn sessions() -> Vec<Vec<u8>> {
    let model = tiny();
    let session = model.session();
    let mut saved = vec![session.save().expect("it is saved")];
    for text in ["The keeper", " lit the lamp of the lighthouse, and the sea was calm."] {
        finish(session.append(Prompt::Text(text)).expect("it is free")).expect("it has room");
        saved.push(session.save().expect("it is saved"));
    }
    // The checksum is added to what is read.
    saved.iter_mut().for_each(|bytes| bytes.truncate(bytes.len() - 4));
    saved
}

/// A saved session without its checksum, which hardly any damage would get past.
pub fn session(input: &[u8]) -> Result<()> {
    let mut bytes = input.to_vec();
    bytes.extend(crc32fast::hash(input).to_le_bytes());
    let _ = pollster::block_on(tiny().open_session(input)).map(|_| ());
    let session = pollster::block_on(tiny().open_session(&bytes))?;
    let options = GenerateOptions { max_new_tokens: Some(2), ..GenerateOptions::default() };
    // It may be full.
    if let Ok(job) = session.append(Prompt::Text("again")) {
        let _ = finish(job);
    }
    if let Ok(job) = session.generate(&options) {
        let _ = finish(job);
    }
    session.save().map(|_| ())
}

pub fn table(input: &[u8]) -> Result<()> {
    let table = Table::read(vec![("table.gguf".to_string(), Bytes::new(input.to_vec()))])?;
    let _ = table.embed(TEXT);
    table.logits(TEXT, ["sport", "", "politics"]).map(|_| ())
}

pub fn heads(input: &[u8]) -> Result<()> {
    let file = format::parse(vec![("head.gguf".to_string(), Bytes::new(input.to_vec()))])?;
    let mut heads = Heads::default();
    heads.add(&file)?;
    if let Some(name) = file.metadata.get("labels.name").and_then(format::Value::as_str)
        && let Some(labels) = heads.labels(name)
    {
        assert_eq!(labels.logits(TEXT).len(), labels.labels().len());
    }
    if let Some(names) = heads.names() {
        for name in names.find(TEXT) {
            assert!(TEXT.get(name.bytes).is_some());
        }
    }
    Ok(())
}
