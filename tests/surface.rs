//! What TypeScript says of options and results is what the engine takes and gives.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use nanolm::backend::GpuWork;
use nanolm::run::{
    Answer, EmbedOptions, Entity, Event, FinishReason, GenerateOptions, GpuUsage, Keyword, Label, Member, Piece, Place,
    Point, Support, Timings, Usage,
};
use nanolm::task::{AnswerOptions, ClassifyOptions, DuplicateOptions, EntityOptions, KeywordOptions, SummarizeOptions};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

type Fields = BTreeSet<String>;

/// The names that a struct tells serde: nothing is read.
fn fields<'de, T: Deserialize<'de>>() -> Fields {
    match T::deserialize(Names) {
        Err(Told(names)) => names.iter().map(|name| name.to_string()).collect(),
        Ok(_) => panic!("read out of nothing"),
    }
}

struct Names;

#[derive(Debug)]
struct Told(&'static [&'static str]);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Told {}

impl Error for Told {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Told(&[])
    }
}

impl<'de> Deserializer<'de> for Names {
    type Error = Told;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Told> {
        Err(Told(fields))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Told> {
        Err(Told(&[]))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The names of an object, as JavaScript gets it, but for its `type`.
fn given(event: Event) -> Fields {
    names(&serde_json::to_value(event).unwrap())
}

fn names(object: &Value) -> Fields {
    object.as_object().unwrap().keys().filter(|name| *name != "type").cloned().collect()
}

/// Interfaces of TypeScript: their own properties, and what they extend.
type Interfaces = BTreeMap<String, (Fields, Vec<String>)>;

fn read(text: &str, into: &mut Interfaces) {
    let mut open: Option<(String, Fields, Vec<String>)> = None;
    for line in text.lines() {
        if let Some((name, properties, extends)) = &mut open {
            if line == "}" {
                // Of an interface and a class of one name, which TypeScript merges, the first counts.
                into.entry(name.clone()).or_insert((std::mem::take(properties), std::mem::take(extends)));
                open = None;
            } else if let Some(property) = line.strip_prefix("  ")
                && property.starts_with(|c: char| c.is_ascii_lowercase())
                && let Some((property, _)) = property.split_once(':')
                // No method.
                && !property.contains('(')
            {
                properties.insert(property.trim_end_matches('?').to_string());
            }
        } else if let Some((_, head)) = line.split_once("interface ")
            && line.trim_start_matches("export ").starts_with("interface ")
            && let Some(head) = head.strip_suffix(" {")
        {
            let (name, extends) = head.split_once(" extends ").unwrap_or((head, ""));
            let extends = extends.split(", ").filter(|e| !e.is_empty()).map(str::to_string).collect();
            open = Some((name.to_string(), Fields::new(), extends));
        }
    }
}

fn interfaces() -> Interfaces {
    let mut all = Interfaces::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("pkg-scripts/npm/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "ts") {
                read(&std::fs::read_to_string(path).unwrap(), &mut all);
            }
        }
    }
    all
}

/// All properties of an interface, those that it extends included.
fn properties(all: &Interfaces, name: &str) -> Fields {
    let (own, extends) = all.get(name).unwrap_or_else(|| panic!("no interface {name}"));
    extends.iter().fold(own.clone(), |found, parent| &found | &properties(all, parent))
}

/// What one side has and the other has not.
fn differences(name: &str, rust: &Fields, script: &Fields) -> Vec<String> {
    let more = rust - script;
    let less = script - rust;
    let say = |field: &String, side: &str| format!("{name}: {field} is only in {side}");
    more.iter().map(|f| say(f, "Rust")).chain(less.iter().map(|f| say(f, "TypeScript"))).collect()
}

fn set<const N: usize>(names: [&str; N]) -> Fields {
    names.iter().map(|name| name.to_string()).collect()
}

#[test]
fn options_are_the_same_in_both_languages() {
    let all = interfaces();
    // What is handled before the engine.
    let page = set(["signal", "onProgress", "responseFormat", "method"]);
    let script = |name: &str| &properties(&all, name) - &page;
    let mut problems = Vec::new();
    for (name, rust) in [
        ("GenerateOptions", fields::<GenerateOptions>()),
        ("SummarizeOptions", fields::<SummarizeOptions>()),
        ("EmbedOptions", fields::<EmbedOptions>()),
        ("EntityOptions", fields::<EntityOptions>()),
        // Texts are an argument of their own.
        ("DuplicateOptions", &fields::<DuplicateOptions>() - &set(["texts"])),
        ("KeywordOptions", fields::<KeywordOptions>()),
        // Arguments of their own in TypeScript: labels and question.
        ("ClassifyOptions", &fields::<ClassifyOptions>() - &set(["labels"])),
        ("AnswerOptions", &fields::<AnswerOptions>() - &set(["question"])),
    ] {
        problems.extend(differences(name, &rust, &script(name)));
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn results_are_the_same_in_both_languages() {
    let all = interfaces();
    let place = Place::default();
    let work = GpuWork { chosen: 1, ..GpuWork::default() };
    let usage = Usage { gpu: Some(GpuUsage { all: work, writing: work }), ..Usage::default() };
    let done =
        Event::Done { finish_reason: FinishReason::Stop, text: String::new(), usage, timings: Timings::default() };
    let done = serde_json::to_value(done).unwrap();
    let (text, score) = (String::new(), 0.5);
    let piece = Piece { text: text.clone(), token: 1, logprob: -1.0 };
    let point = Point { text: text.clone(), place: place.clone(), score };
    let entity = Entity { text: text.clone(), kind: "PER".into(), place: place.clone(), score };
    let keyword = Keyword { text: text.clone(), score, places: vec![place.clone()] };
    let answer = Answer { text, place: place.clone(), score, sentence: place.clone() };
    let mut problems = Vec::new();
    for (name, rust) in [
        ("Piece", given(Event::Piece(piece))),
        ("Point", given(Event::Point(point))),
        (
            "Supported",
            given(Event::Support(Support { written: place.clone(), sources: Vec::new(), title: Some(place.clone()) })),
        ),
        ("Ranked", names(&serde_json::to_value(Member { index: 0, score }).unwrap())),
        ("Label", given(Event::Label(Label { label: "a".into(), score }))),
        // Its type is not that of the event.
        ("Entity", given(Event::Entity(entity)).iter().map(|n| n.replace("kind", "type")).collect()),
        ("Keyword", given(Event::Keyword(keyword))),
        ("Answer", given(Event::Answer(answer))),
        ("Place", names(&serde_json::to_value(place).unwrap())),
        ("Usage", names(&done["usage"])),
        ("GpuUsage", names(&done["usage"]["gpu"])),
        ("GpuWork", names(&done["usage"]["gpu"]["perToken"])),
        ("Timings", names(&done["timings"])),
    ] {
        problems.extend(differences(name, &rust, &properties(&all, name)));
    }
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(done["type"], "done");
    assert_eq!(names(&done), set(["finishReason", "text", "usage", "timings"]));
}

#[test]
fn the_comparison_fails_in_both_directions() {
    let mut all = Interfaces::new();
    read(
        "export interface A extends B {\n  /** x: y */\n  one?: string;\n  two: {\n    deep: number;\n  };\n}\n",
        &mut all,
    );
    read("interface B {\n  three(): void;\n  four: number;\n}\nclass C {\n  five: number;\n}\n", &mut all);
    let found = properties(&all, "A");
    assert_eq!(found, set(["one", "two", "four"]));
    assert_eq!(differences("A", &set(["one", "two", "four"]), &found), Vec::<String>::new());
    assert_eq!(differences("A", &set(["one", "two", "four", "six"]), &found), ["A: six is only in Rust"]);
    assert_eq!(differences("A", &set(["one", "two"]), &found), ["A: four is only in TypeScript"]);
}
