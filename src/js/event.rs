//! Events and facts as plain objects.

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use super::object::{object, set};
use crate::backend::{DeviceReport, GpuWork};
use crate::run::{Event, GpuUsage, ModelInfo, Place, Usage};

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
            ("start", start(&point.place)),
            ("end", end(&point.place)),
            ("score", point.score.into()),
        ]),
        Event::Support(support) => object([
            ("type", "support".into()),
            ("start", start(&support.written)),
            ("end", end(&support.written)),
            ("sources", support.sources.iter().map(place).collect::<Array>().into()),
        ]),
        // Asked for by the training pipeline only, natively.
        Event::Measured(_) => object([("type", "measured".into())]),
        Event::Label(label) => {
            object([("type", "label".into()), ("label", label.label.into()), ("score", label.score.into())])
        }
        Event::Entity(entity) => object([
            ("type", "entity".into()),
            ("text", entity.text.into()),
            ("kind", entity.kind.into()),
            ("start", start(&entity.place)),
            ("end", end(&entity.place)),
            ("score", entity.score.into()),
        ]),
        Event::Keyword(keyword) => object([
            ("type", "keyword".into()),
            ("text", keyword.text.into()),
            ("score", keyword.score.into()),
            ("places", keyword.places.iter().map(place).collect::<Array>().into()),
        ]),
        Event::Answer(answer) => object([
            ("type", "answer".into()),
            ("text", answer.text.into()),
            ("start", start(&answer.place)),
            ("end", end(&answer.place)),
            ("score", answer.score.into()),
            ("sentence", place(&answer.sentence)),
        ]),
        Event::Done { finish_reason, text, usage, timings } => object([
            ("type", "done".into()),
            ("finishReason", finish_reason.name().into()),
            ("text", text.into()),
            ("usage", self::usage(&usage)),
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

/// A `Usage`.
fn usage(usage: &Usage) -> JsValue {
    let object = object([
        ("promptTokens", (usage.prompt_tokens as f64).into()),
        ("completionTokens", (usage.completion_tokens as f64).into()),
        ("cachedTokens", (usage.cached_tokens as f64).into()),
        ("draftedTokens", (usage.drafted_tokens as f64).into()),
        ("acceptedTokens", (usage.accepted_tokens as f64).into()),
    ]);
    if let Some(GpuUsage { all, writing }) = usage.gpu {
        // A token that ended the output was computed as well.
        let tokens = if writing.chosen > 0 { writing.chosen } else { usage.completion_tokens as u64 };
        let gpu = self::work(&all, 1);
        if tokens > 0 {
            set(gpu.unchecked_ref(), "perToken", &self::work(&writing, tokens));
        }
        set(object.unchecked_ref(), "gpu", &gpu);
    }
    object
}

/// What was done, divided by `n`.
fn work(work: &GpuWork, n: u64) -> JsValue {
    let of = |count: u64| JsValue::from(count as f64 / n as f64);
    object([("dispatches", of(work.dispatches)), ("submits", of(work.submits)), ("readbacks", of(work.readbacks))])
}

fn start(place: &Place) -> JsValue {
    (place.utf16.start as f64).into()
}

fn end(place: &Place) -> JsValue {
    (place.utf16.end as f64).into()
}

/// A `Place`.
fn place(place: &Place) -> JsValue {
    object([("start", start(place)), ("end", end(place))])
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
        ("labelSets", info.label_sets.iter().map(|name| JsValue::from_str(name)).collect::<Array>().into()),
    ])
}
