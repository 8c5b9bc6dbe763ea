//! What texts are made of, as plain objects.

use js_sys::{Array, Float32Array, Uint32Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use super::engine::Engine;
use super::error::to_js;
use super::job::Job;
use super::object::{object, set};
use crate::language::Utf16;
use crate::run::{Fill, Place};
use crate::task;

#[wasm_bindgen]
impl Engine {
    /// The sentences of a text, or of the article in it: an array of `{ text, start, end }`.
    pub fn sentences(&self, text: &str, prose: bool) -> Result<Array, JsValue> {
        let parts = task::sentences(text, prose).map_err(to_js)?;
        Ok(parts.iter().map(|part| placed(&part.place, Some(("text", part.text.as_str().into())))).collect())
    }

    /// What a head says of the beginning of a text, token by token: `labels`, the `logits` of the first row and of each token, and from where
    /// to where the word of each token goes in UTF-16, two numbers a token. With a question where it answers such.
    #[wasm_bindgen(js_name = readTokens)]
    pub fn read_tokens(&self, text: &str, question: Option<String>) -> Result<JsValue, JsValue> {
        let read = self.model().read_tokens(text, question.as_deref()).map_err(to_js)?;
        let utf16 = Utf16::new(text);
        let places = read.words.iter().map(|word| utf16.range(text, word));
        let words: Vec<u32> = places.flat_map(|place| [place.start as u32, place.end as u32]).collect();
        Ok(object([
            ("labels", read.labels.iter().map(JsValue::from).collect::<Array>().into()),
            ("logits", Float32Array::from(read.logits.as_slice()).into()),
            ("words", Uint32Array::from(words.as_slice()).into()),
        ]))
    }

    /// So many of the likeliest tokens for each mask of a text, an array of `Fill`; without a number the text as weights of tokens, `ids` and
    /// `weights`.
    pub fn masked(&self, text: &str, top: Option<usize>) -> Result<JsValue, JsValue> {
        let Some(top) = top else {
            let sparse = self.model().embed_sparse(text).map_err(to_js)?;
            return Ok(object([
                ("ids", Uint32Array::from(sparse.ids.as_slice()).into()),
                ("weights", Float32Array::from(sparse.weights.as_slice()).into()),
            ]));
        };
        let fills = self.model().fill_mask(text, top).map_err(to_js)?;
        let one = |fill: &Fill| {
            object([
                ("mask", (fill.mask as f64).into()),
                ("token", fill.token.into()),
                ("score", f64::from(fill.score).into()),
                ("text", fill.text.as_str().into()),
                ("sequence", fill.sequence.as_str().into()),
            ])
        };
        Ok(fills.iter().map(one).collect::<Array>().into())
    }

    /// Begins to say how likely each label is as the answer to prompts: `tokens` has them one behind the other, up to `ends`, and then
    /// the prompt without a text. `end`: the token that ends an answer.
    pub fn choose(&self, labels: Vec<String>, tokens: &[u32], ends: &[u32], end: u32) -> Result<Job, JsValue> {
        let mut from = 0;
        let mut next = |to: usize| {
            let prompt = tokens.get(from..to).unwrap_or_default().to_vec();
            from = to;
            prompt
        };
        let prompts = ends.iter().map(|to| next(*to as usize)).collect();
        let choice = task::Choice { labels, prompts, baseline: next(tokens.len()), end };
        Job::new(self.model().choose(&choice))
    }

    /// The sentences of something written, with those of the text that support each: an array of `Supported`.
    pub fn support(&self, text: &str, written: &str) -> Array {
        let all = task::support(text, written);
        let sources = |places: &[Place]| places.iter().map(|place| placed(place, None)).collect::<Array>();
        all.iter().map(|each| placed(&each.written, Some(("sources", sources(&each.sources).into())))).collect()
    }
}

/// A place, and what else there is to say of it.
fn placed(place: &Place, more: Option<(&str, JsValue)>) -> JsValue {
    let (start, end) = (place.utf16.start as f64, place.utf16.end as f64);
    let all = object([("start", start.into()), ("end", end.into())]);
    if let Some((name, value)) = more {
        set(all.unchecked_ref(), name, &value);
    }
    all
}
