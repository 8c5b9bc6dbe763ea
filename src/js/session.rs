//! A session for JavaScript.

use std::rc::Rc;

use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::future_to_promise;

use super::error::to_js;
use super::job::Job;
use super::{guide, options};
use crate::run::{self, OpenSession, Prompt};

/// A text that goes on.
#[wasm_bindgen]
pub struct Session {
    session: Rc<OpenSession>,
}

impl Session {
    pub(super) fn new(session: OpenSession) -> Session {
        Session { session: Rc::new(session) }
    }
}

#[wasm_bindgen]
impl Session {
    /// Begins to read more text. Control tokens written out in it act, unless it is `literal`.
    pub fn append(&self, text: &str, literal: bool) -> Result<Job, JsValue> {
        Job::new(self.session.append(if literal { Prompt::Literal(text) } else { Prompt::Text(text) }))
    }

    /// Of what the last call wrote or appended, keeps the first `n` tokens.
    #[wasm_bindgen(js_name = keepWritten)]
    pub fn keep_written(&self, n: usize) -> Result<(), JsValue> {
        self.session.keep_written(n).map_err(to_js)
    }

    /// Begins to continue the text, or `tokens` in its place, with what the guide allows where there is one.
    pub fn generate(
        &self,
        options: JsValue,
        tokens: Option<Vec<u32>>,
        guide: Option<Function>,
    ) -> Result<Job, JsValue> {
        let options = options::seeded(&options).and_then(run::options);
        let tokens = tokens.unwrap_or_else(|| self.session.tokens());
        let guide = guide.map(guide::guide);
        Job::new(options.and_then(|options| self.session.generate_from(&tokens, &options, guide)))
    }

    /// Resolves to a `Session` with the same text.
    pub fn fork(&self) -> Promise {
        let session = Rc::clone(&self.session);
        future_to_promise(async move { Ok(Session::new(session.fork().await.map_err(to_js)?).into()) })
    }

    /// The session as bytes.
    pub fn save(&self) -> Result<Vec<u8>, JsValue> {
        self.session.save().map_err(to_js)
    }
}
