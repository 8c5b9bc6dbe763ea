//! A guide that JavaScript is.

use js_sys::{Error as JsError, Function, Uint32Array};
use wasm_bindgen::{JsCast, JsValue};

use crate::error::{Error, Result};
use crate::sample::Guide;

/// `call` gets the token that was written, undefined at the beginning. It gives the bits of what may follow as a `Uint32Array`, and
/// anything else where the text is complete.
pub fn guide(call: Function) -> Box<dyn Guide> {
    Box::new(Caller(call))
}

struct Caller(Function);

impl Guide for Caller {
    fn next(&mut self, written: Option<u32>, allowed: &mut Vec<u32>) -> Result<bool> {
        let told = self.0.call1(&JsValue::UNDEFINED, &written.into()).map_err(failed)?;
        let Some(bits) = told.dyn_ref::<Uint32Array>() else { return Ok(false) };
        allowed.resize(bits.length() as usize, 0);
        bits.copy_to(allowed);
        Ok(true)
    }
}

fn failed(thrown: JsValue) -> Error {
    let found = thrown.dyn_ref::<JsError>().map_or_else(String::new, |error| error.message().into());
    Error::InvalidOption { name: "responseFormat".into(), expected: "a format that can be written".into(), found }
}
