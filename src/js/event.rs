//! Events and facts as plain objects.

use js_sys::Array;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

use super::object::{object, set};
use crate::backend::DeviceReport;
use crate::error::{Error, Result};
use crate::format::Value;
use crate::run::{Event, ModelInfo};

/// A `JobEvent`.
pub fn event(event: Event) -> Result<JsValue> {
    let told = event.serialize(&Serializer::json_compatible());
    told.map_err(|error| Error::Internal { what: format!("an event that JavaScript cannot have: {error}") })
}

/// An `EngineInfo`.
pub fn info(info: &ModelInfo, report: &DeviceReport) -> JsValue {
    let device = js_sys::Object::new();
    set(&device, "kind", &report.kind.name().into());
    set(&device, "reason", &report.reason.as_str().into());
    set(&device, "threads", &(report.threads as f64).into());
    if let Some(adapter) = &report.adapter {
        set(&device, "adapter", &adapter.as_str().into());
    }
    if let Some(kernels) = &report.kernels {
        set(&device, "kernels", &kernels.as_str().into());
    }
    let prompts = js_sys::Object::new();
    info.prompts.iter().for_each(|(name, prompt)| set(&prompts, name, &prompt.as_str().into()));
    let tasks: Array = info.tasks.iter().map(|task| JsValue::from_str(task)).collect();
    let recipes = info.recipes.as_ref().map(|recipes| {
        let all = js_sys::Object::new();
        recipes.iter().for_each(|(name, value)| set(&all, name, &plain(value)));
        JsValue::from(all)
    });
    object([
        ("name", info.name.as_str().into()),
        ("architecture", info.architecture.as_str().into()),
        ("parameters", (info.parameters as f64).into()),
        ("contextLength", (info.context_len as f64).into()),
        ("vocabSize", (info.vocab_size as f64).into()),
        ("weightType", info.weight_type.name().into()),
        ("device", device.into()),
        ("tasks", tasks.into()),
        ("prompts", prompts.into()),
        ("notes", info.notes.iter().map(|note| JsValue::from_str(note)).collect::<Array>().into()),
        ("labelSets", info.label_sets.iter().map(|name| JsValue::from_str(name)).collect::<Array>().into()),
        ("recipes", recipes.into()),
    ])
}

/// A text, a number or a truth; undefined for anything else.
fn plain(value: &Value) -> JsValue {
    match value {
        Value::Bool(truth) => (*truth).into(),
        Value::String(text) => text.as_str().into(),
        other => other.as_f64().into(),
    }
}
