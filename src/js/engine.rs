//! A loaded model and its jobs.

use std::rc::Rc;

use js_sys::{Array, Float32Array, Function, Object, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::future_to_promise;

use super::clock::clock;
use super::error::to_js;
use super::files::ModelFiles;
use super::job::Job;
use super::object::{object, set};
use super::session::Session;
use super::{event, guide, options};
use crate::backend::{DeviceChoice, DeviceRequest};
use crate::run::{self, LoadPhase, Model};
use crate::text::{Controls, TokenKind};
use crate::{format, weights};

/// A model ready for calls.
#[wasm_bindgen]
pub struct Engine {
    model: Rc<Model>,
}

#[cfg(feature = "tasks")]
impl Engine {
    pub(super) fn model(&self) -> &Rc<Model> {
        &self.model
    }
}

#[wasm_bindgen]
impl Engine {
    /// Loads a model; `files` are used up. `known`: lines that [`Engine::measured`] gave before. `quantize`: what plain floats become.
    /// Resolves to an `Engine`.
    pub fn load(
        files: ModelFiles,
        device: &str,
        known: String,
        on_progress: Option<Function>,
        quantize: Option<String>,
    ) -> Promise {
        let choice = device.parse::<DeviceChoice>();
        future_to_promise(async move {
            let mut progress = |phase: LoadPhase, done: usize, total: usize| {
                if let Some(call) = &on_progress {
                    // What the listener throws is its own affair.
                    let _ = call.call3(
                        &JsValue::UNDEFINED,
                        &phase.name().into(),
                        &(done as f64).into(),
                        &(total as f64).into(),
                    );
                }
            };
            let request = DeviceRequest { known: &known, ..choice.map_err(to_js)?.into() };
            progress(LoadPhase::Read, 0, 3);
            let mut file = format::parse(files.into_files()).map_err(to_js)?;
            if let Some(to) = quantize {
                to.parse::<weights::Quantise>().and_then(|to| weights::quantise(&mut file, to)).map_err(to_js)?;
            }
            let model = Model::from_file(file, request, clock, &mut progress).await;
            Ok(Engine { model: model.map_err(to_js)? }.into())
        })
    }

    /// An `EngineInfo`, with the device of this moment.
    pub fn info(&self) -> JsValue {
        event::info(self.model.info(), &self.model.device())
    }

    /// What was measured to choose the device: a line to be kept for later loads.
    pub fn measured(&self) -> Option<String> {
        self.model.device().measured
    }

    /// How often the model has moved to another device, because the one before was lost.
    pub fn moves(&self) -> f64 {
        self.model.moves() as f64
    }

    /// What chat prompts are made with: a `ChatFiles`.
    pub fn chat(&self) -> Result<JsValue, JsValue> {
        let tokenizer = self.model.require_continuing("chat").and_then(|()| self.model.require_tokenizer());
        let tokenizer = tokenizer.map_err(to_js)?;
        let controls = Object::new();
        tokenizer.controls().for_each(|(text, id)| set(&controls, text, &id.into()));
        let files = self.model.chat();
        Ok(object([
            ("template", files.template.as_deref().into()),
            ("config", files.tokenizer_config.as_deref().into()),
            ("contextLength", (self.model.context_len() as f64).into()),
            ("controls", controls.into()),
            ("start", self.model.start_token().into()),
            ("end", tokenizer.end_tokens().iter().chain(self.model.end_tokens()).next().copied().into()),
        ]))
    }

    /// Token ids of a text. Control tokens written out in it count as such, but for those with one of the `literal` bytes;
    /// without these, none does.
    pub fn tokenize(&self, text: &str, add_special: bool, literal: Option<Vec<u32>>) -> Result<Vec<u32>, JsValue> {
        let controls = literal.as_deref().map_or(Controls::Literal, Controls::Except);
        let ids = self.model.require_tokenizer().and_then(|t| t.encode(text, add_special, controls));
        ids.map_err(to_js)
    }

    /// The text of token ids, without control tokens.
    pub fn detokenize(&self, ids: &[u32]) -> Result<String, JsValue> {
        self.model.require_tokenizer().and_then(|t| t.decode(ids)).map_err(to_js)
    }

    /// Gives the model an embedding table, a set of labels, or what finds names; `files` are used up.
    #[wasm_bindgen(js_name = addPart)]
    pub fn add_part(&self, files: ModelFiles) -> Result<(), JsValue> {
        self.model.add(files.into_files()).map_err(to_js)
    }

    /// The vectors of the first of these texts, as many as the model makes at once: an array of `Float32Array`.
    pub fn embed(&self, texts: Vec<String>, options: &JsValue) -> Result<Array, JsValue> {
        let options = options::object(options).and_then(run::options);
        let vectors = options.and_then(|options| self.model.embed_some(&texts, &options)).map_err(to_js)?;
        Ok(vectors.iter().map(|vector| JsValue::from(Float32Array::from(vector.as_slice()))).collect())
    }

    /// How well the first of these texts answer a query, as many as a cross-encoder reads at once: a number each.
    pub fn score(&self, query: &str, texts: Vec<String>) -> Result<Float32Array, JsValue> {
        Ok(Float32Array::from(self.model.score_some(query, &texts).map_err(to_js)?.as_slice()))
    }

    /// Begins a task: its name, the text that it is about, and its options.
    pub fn start(&self, task: &str, input: &str, options: JsValue) -> Result<Job, JsValue> {
        Job::new(begin(&self.model, task, input, &options))
    }

    /// Begins to continue token ids, with what the guide allows where there is one.
    pub fn generate(&self, tokens: &[u32], options: JsValue, guide: Option<Function>) -> Result<Job, JsValue> {
        let options = options::seeded(&options).and_then(run::options);
        let (prompt, guide) = (run::Prompt::Tokens(tokens), guide.map(guide::guide));
        Job::new(options.and_then(|options| self.model.generate_guided(prompt, &options, guide)))
    }

    /// What each token writes: how many there are, where the bytes of each end, as 32 bits with the lowest byte first, then the
    /// bytes. A token without any may not be written.
    pub fn vocabulary(&self) -> Result<Vec<u8>, JsValue> {
        let tokenizer = self.model.require_tokenizer().map_err(to_js)?;
        let n = self.model.vocab_size() as u32;
        let (mut out, mut bytes) = (n.to_le_bytes().to_vec(), Vec::new());
        for id in 0..n {
            if tokenizer.kind(id) != Some(TokenKind::Unknown) {
                bytes.extend_from_slice(tokenizer.bytes(id));
            }
            out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        }
        out.append(&mut bytes);
        Ok(out)
    }

    /// Resolves to a `Session`: a new one, or the one that was saved.
    pub fn session(&self, saved: Option<Vec<u8>>) -> Promise {
        let model = Rc::clone(&self.model);
        future_to_promise(async move {
            let session = match saved {
                Some(bytes) => model.open_session(&bytes).await.map_err(to_js)?,
                None => model.require_continuing("session").map(|()| model.session()).map_err(to_js)?,
            };
            Ok(Session::new(session).into())
        })
    }
}

#[cfg(feature = "tasks")]
fn begin(model: &Rc<Model>, task: &str, input: &str, options: &JsValue) -> crate::Result<run::Job> {
    let options = if task == "generate" { options::seeded(options)? } else { options::object(options)? };
    crate::task::start(model, task, input, options)
}

/// This build only continues prompts.
#[cfg(not(feature = "tasks"))]
fn begin(model: &Rc<Model>, task: &str, input: &str, options: &JsValue) -> crate::Result<run::Job> {
    if task != "generate" {
        return Err(model.cannot(task));
    }
    model.generate(run::Prompt::Text(input), &run::options(options::seeded(options)?)?)
}
