//! Runs any task on any number of texts: `tasks MODEL.gguf [auto|gpu|cpu] [PART.gguf ...] < requests.jsonl > results.jsonl`.
//!
//! A request is a JSON object in a line: `{"id": ..., "task": "key-points", "text": "...", ...}`. The task is one of
//! `nanolm::task::TABLE`, or a kind of summary; whatever else is in the request is an option of the task, by the name that it
//! has in JavaScript. A part is an embedding table, for labels of one's own, or one of the heads. A result repeats `id` and `task` and adds what the task gave; places are UTF-8 byte offsets `start` and
//! `end`. The task `features` gives what is known of every sentence: what the weights of `nanolm.tasks`
//! are fitted on. A request that fails gives `{"id", "task", "error", "code"}`, and the next one is read.

use std::io::{BufRead, Write};
use std::path::Path;
use std::rc::Rc;

use nanolm::Result;
use nanolm::backend::DeviceChoice;
use nanolm::run::{Event, Job, Model, Place};
use nanolm::task::{self, FEATURE_NAMES};
use nanolm::tensor::Bytes;
use serde_json::{Map, Value, json};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [model, rest @ ..] = args.as_slice() else {
        return Err("usage: tasks MODEL.gguf [auto|gpu|cpu] [PART.gguf ...] < requests.jsonl > results.jsonl".into());
    };
    let read = |path: &str| -> std::io::Result<Vec<(String, Bytes)>> {
        let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(vec![(name, Bytes::new(std::fs::read(path)?))])
    };
    let files = read(model)?;
    let device: DeviceChoice = rest.first().map_or("auto", String::as_str).parse()?;
    let model = pollster::block_on(Model::load(files, device, clock, &mut |_, _, _| {}))?;
    for part in rest.iter().skip(1) {
        model.add(read(part)?)?;
    }
    eprintln!("{:?}", model.info());
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let mut result = match begin(&model, &request).and_then(finish) {
            Ok(result) => result,
            Err(error) => Map::from_iter([
                ("error".to_string(), error.to_string().into()),
                ("code".to_string(), error.code().into()),
            ]),
        };
        for key in ["id", "task"] {
            result.insert(key.into(), request[key].clone());
        }
        writeln!(out, "{}", Value::Object(result))?;
        out.flush()?;
    }
    Ok(())
}

/// Starts the job that a request asks for. Everything in it but `id`, `task` and `text` is an option of the task.
fn begin(model: &Rc<Model>, request: &Value) -> Result<Job> {
    let text = request["text"].as_str().unwrap_or_default();
    let mut options = request.as_object().cloned().unwrap_or_default();
    ["id", "task", "text"].into_iter().for_each(|key| drop(options.remove(key)));
    let task = match request["task"].as_str().unwrap_or_default() {
        "features" => "measure",
        kind @ ("tldr" | "key-points" | "headline") => {
            options.insert("type".into(), kind.into());
            "summarize"
        }
        task => task,
    };
    task::start(model, task, text, options)
}

/// Runs a job to its end: what it wrote, and a list for each kind of thing that it found.
fn finish(mut job: Job) -> Result<Map<String, Value>> {
    let mut out = Map::new();
    let mut found = |key: &str, item: Value| match out.get_mut(key) {
        Some(Value::Array(list)) => list.push(item),
        _ => drop(out.insert(key.into(), json!([item]))),
    };
    loop {
        match pollster::block_on(job.next())? {
            Event::Point(p) => found("points", at(&p.place, json!({"text": p.text, "score": p.score}))),
            Event::Support(s) => {
                let sources: Vec<Value> = s.sources.iter().map(|place| at(place, json!({}))).collect();
                let title = s.title.map(|place| at(&place, json!({})));
                found("supports", at(&s.written, json!({"sources": sources, "title": title})));
            }
            Event::Measured(m) => {
                let features: Map<String, Value> =
                    FEATURE_NAMES.iter().zip(m.features).map(|(name, x)| (name.to_string(), x.into())).collect();
                let facts = json!({"model": m.model, "mark": m.mark, "salience": m.salience, "features": features});
                found("sentences", at(&m.place, facts));
            }
            Event::Label(l) => found("labels", json!({"label": l.label, "score": l.score})),
            Event::Entity(e) => {
                found("entities", at(&e.place, json!({"text": e.text, "type": e.kind, "score": e.score})));
            }
            Event::Keyword(k) => {
                let places: Vec<Value> = k.places.iter().map(|place| at(place, json!({}))).collect();
                found("keywords", json!({"text": k.text, "score": k.score, "places": places}));
            }
            Event::Group(group) => {
                let members = group.members.iter().map(|m| json!({"index": m.index, "score": m.score}));
                found("groups", members.collect());
            }
            Event::Answer(a) => {
                let sentence = at(&a.sentence, json!({}));
                found("answers", at(&a.place, json!({"text": a.text, "score": a.score, "sentence": sentence})));
            }
            Event::Done { text, finish_reason, .. } => {
                out.insert("written".into(), text.into());
                out.insert("finish".into(), finish_reason.name().into());
                return Ok(out);
            }
            // Progress, and pieces of what is written.
            _ => {}
        }
    }
}

/// An object with a place in it.
fn at(place: &Place, mut object: Value) -> Value {
    object["start"] = place.bytes.start.into();
    object["end"] = place.bytes.end.into();
    object
}

/// Milliseconds since 1970.
fn clock() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |t| t.as_secs_f64() * 1e3)
}
