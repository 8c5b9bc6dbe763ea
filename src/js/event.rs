//! Events and facts as plain objects.

use js_sys::Array;
use wasm_bindgen::JsValue;

use super::object::{object, set};
use crate::task::{Event, ModelInfo};

/// A `JobEvent`.
pub fn event(event: Event) -> JsValue {
    match event {
        Event::Progress { phase, done, total } => object([
            ("type", "progress".into()),
            ("phase", phase.name().into()),
            ("done", (done as f64).into()),
            ("total", (total as f64).into()),
        ]),
        Event::Piece(piece) => object([
            ("type", "piece".into()),
            ("text", piece.text.into()),
            ("tokenId", piece.token.into()),
            ("logprob", piece.logprob.into()),
        ]),
        Event::Point(point) => object([
            ("type", "point".into()),
            ("text", point.text.into()),
            ("start", (point.utf16.start as f64).into()),
            ("end", (point.utf16.end as f64).into()),
            ("score", point.score.into()),
        ]),
        Event::Done { finish_reason, text, usage, timings } => object([
            ("type", "done".into()),
            ("finishReason", finish_reason.name().into()),
            ("text", text.into()),
            (
                "usage",
                object([
                    ("promptTokens", (usage.prompt_tokens as f64).into()),
                    ("completionTokens", (usage.completion_tokens as f64).into()),
                ]),
            ),
            (
                "timings",
                object([
                    ("prefillMs", timings.prefill_ms.into()),
                    ("firstTokenMs", timings.first_token_ms.into()),
                    ("decodeMs", timings.decode_ms.into()),
                ]),
            ),
        ]),
    }
}

/// An `EngineInfo`.
pub fn info(info: &ModelInfo) -> JsValue {
    let device = js_sys::Object::new();
    set(&device, "kind", &info.device.kind.name().into());
    set(&device, "reason", &info.device.reason.as_str().into());
    if let Some(adapter) = &info.device.adapter {
        set(&device, "adapter", &adapter.as_str().into());
    }
    let tasks: Array = info.tasks.iter().map(|task| JsValue::from_str(task)).collect();
    object([
        ("name", info.name.as_str().into()),
        ("architecture", info.architecture.as_str().into()),
        ("parameters", (info.parameters as f64).into()),
        ("contextLength", (info.context_len as f64).into()),
        ("vocabSize", (info.vocab_size as f64).into()),
        ("weightType", info.weight_type.name().into()),
        ("device", device.into()),
        ("tasks", tasks.into()),
    ])
}
