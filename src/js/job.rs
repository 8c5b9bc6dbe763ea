//! A call for JavaScript.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::future_to_promise;

use super::error::to_js;
use super::event;
use crate::error::Error;
use crate::run;

/// A call in progress.
#[wasm_bindgen]
pub struct Job {
    job: Rc<RefCell<run::Job>>,
}

impl Job {
    pub(super) fn new(job: crate::Result<run::Job>) -> Result<Job, JsValue> {
        Ok(Job { job: Rc::new(RefCell::new(job.map_err(to_js)?)) })
    }
}

#[wasm_bindgen]
impl Job {
    /// Does the next piece of work. Resolves to a `JobEvent`.
    // The borrow is held over the await on purpose: a second `next` before the first has resolved is `session/busy`.
    #[allow(clippy::await_holding_refcell_ref)]
    pub fn next(&self) -> Promise {
        let job = Rc::clone(&self.job);
        future_to_promise(async move {
            let mut job = job.try_borrow_mut().map_err(|_| to_js(Error::Busy))?;
            job.next().await.and_then(event::event).map_err(to_js)
        })
    }
}
