//! The rules of English, without a model: `language < requests.jsonl > results.jsonl`.
//!
//! A request is a JSON object in a line, and so is its result, in the same order. What is in a request but not listed here
//! is left alone; `id` is repeated.
//!
//! | `do` | with | gives |
//! |---|---|---|
//! | `sentences` | `text` | `sentences` (texts), `spans` (`[start, end]` in UTF-8 bytes), `chars` (`[start, end]` in code points) |
//! | `article` | `text` | `sentences` of the article in it, as summaries see it: without what a page has around it |
//! | `features` | `sentences`, or `text` to be cut | `names`, `features` (a row for each sentence) |
//! | `shorten` | `sentence` | `text`, `stands_alone`, `points_back` |
//! | `content_words` | `text` | `words`: every content word in order, as words are compared |
//! | `headline_words` | `sentences`, `chosen` | `names`, `words` (`text`, `core`, `low`) that a headline may have, `values` (a row for each) |
//! | `headline` | `sentences`, `chosen` (all where it is left out), `weights` (`headline_words` of `nanolm.tasks`) | `headlines` |
//! | `title` | `title`, `text` or `sentences` | `title`: the part of it that is a headline of the text; nothing where none is |
//! | `agree` | `a`, `b` | `overlap` of the words of two texts, and whether they `agree` in what they say |
//! | `dialogue` | `sentences` | whether they are a `dialogue`, and for each: `filler`, `fluent` (the text), `refutes` the one before |
//! | `patterns` | `text` | `patterns`: `[name, start, end]` |
//!
//! A request that makes no sense gives `{"error": ...}`. `weights` holds for later requests too.

use std::io::{BufRead, Write};

use nanolm::language::Page;
use nanolm::language::en::said::Said;
use nanolm::language::en::{self, HeadlineWords, headline};
use serde_json::{Map, Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut weights = None;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let mut result = answer(&request, &mut weights).unwrap_or_else(|why| json!({ "error": why }));
        if !request["id"].is_null() {
            result["id"] = request["id"].clone();
        }
        serde_json::to_writer(&mut out, &result)?;
        // At once: who asks one question at a time waits for its answer.
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}

fn answer(request: &Value, weights: &mut Option<HeadlineWords>) -> Result<Value, String> {
    Ok(match request["do"].as_str().unwrap_or_default() {
        "sentences" => sentences(text(request, "text")?),
        "article" => {
            let source = text(request, "text")?;
            let page = Page::read(source);
            let mut found = Vec::new();
            page.article(source).into_iter().for_each(|block| en::sentences_of(page.text(source), block, &mut found));
            let sentences: Vec<&str> = found.into_iter().map(|bytes| &page.text(source)[bytes]).collect();
            json!({ "sentences": sentences })
        }
        "features" => {
            let rows = match request["text"].as_str() {
                Some(text) => en::features(&cut(text)),
                None => en::features(&texts(request)?),
            };
            json!({ "names": en::features::NAMES, "features": rows })
        }
        "shorten" => {
            let sentence = text(request, "sentence")?;
            json!({
                "text": en::shorten::shortened(sentence),
                "stands_alone": en::shorten::stands_alone(sentence),
                "points_back": en::shorten::points_back(sentence),
            })
        }
        "content_words" => {
            let text = text(request, "text")?;
            let words = en::words(text).into_iter().filter_map(|word| en::content_word(&text[word]));
            json!({ "words": words.collect::<Vec<String>>() })
        }
        "headline_words" => {
            let sentences = texts(request)?;
            let chosen = chosen(request, sentences.len())?.unwrap_or(0);
            let words = headline::candidates(sentences.get(chosen).copied().unwrap_or_default());
            let values = headline::values(&words, &sentences, chosen);
            let words: Vec<Value> =
                words.iter().map(|w| json!({ "text": w.text, "core": w.core, "low": w.low })).collect();
            json!({ "names": headline::NAMES, "words": words, "values": values })
        }
        "headline" => {
            if !request["weights"].is_null() {
                *weights = Some(headline_weights(&request["weights"])?);
            }
            let weights = weights.as_ref().ok_or("weights: expected an object in this request or an earlier one")?;
            let sentences = texts(request)?;
            let all: Vec<usize> = match chosen(request, sentences.len())? {
                Some(one) => vec![one],
                None => (0..sentences.len()).collect(),
            };
            let headlines: Vec<String> = all.into_iter().map(|i| weights.cut(&sentences, i)).collect();
            json!({ "headlines": headlines })
        }
        "title" => {
            let title = text(request, "title")?;
            let found = match request["text"].as_str() {
                Some(text) => en::title::fitting(title, &cut(text)),
                None => en::title::fitting(title, &texts(request)?),
            };
            json!({ "title": found.map(|bytes| &title[bytes]) })
        }
        "agree" => {
            let (a, b) = (Said::new(text(request, "a")?), Said::new(text(request, "b")?));
            json!({ "overlap": a.overlap(&b), "agree": a.agrees(&b) })
        }
        "dialogue" => {
            let sentences = texts(request)?;
            let each = |rule: &dyn Fn(&str) -> Value| sentences.iter().map(|s| rule(s)).collect::<Vec<Value>>();
            json!({
                "dialogue": en::dialogue::is_dialogue(&sentences),
                "filler": each(&|s| en::dialogue::is_filler(s).into()),
                "fluent": each(&|s| en::dialogue::fluent(s).into()),
                "refutes": each(&|s| en::shorten::refutes(s).into()),
            })
        }
        "patterns" => {
            let found = en::patterns(text(request, "text")?);
            let found: Vec<Value> = found.into_iter().map(|(p, at)| json!([p.name(), at.start, at.end])).collect();
            json!({ "patterns": found })
        }
        other => return Err(format!("do: expected one of the requests that this example lists, found {other:?}")),
    })
}

fn cut(text: &str) -> Vec<&str> {
    en::sentences(text).into_iter().map(|bytes| &text[bytes]).collect()
}

fn sentences(text: &str) -> Value {
    let spans = en::sentences(text);
    // In one pass: texts can be long.
    let (mut at, mut count) = (0, 0);
    let mut chars = |byte: usize| {
        count += text[at..byte].chars().count();
        at = byte;
        count
    };
    let in_chars: Vec<[usize; 2]> = spans.iter().map(|span| [chars(span.start), chars(span.end)]).collect();
    let spans: Vec<[usize; 2]> = spans.iter().map(|span| [span.start, span.end]).collect();
    json!({ "sentences": cut(text), "spans": spans, "chars": in_chars })
}

fn headline_weights(json: &Value) -> Result<HeadlineWords, String> {
    let number = |map: &Map<String, Value>, name: &str| {
        map.get(name).and_then(Value::as_f64).ok_or_else(|| format!("weights.{name}: expected a number"))
    };
    let map = json.as_object().ok_or("weights: expected an object")?;
    let mut out =
        HeadlineWords { bias: number(map, "bias")?, weights: [0.0; headline::NAMES.len()], words: Default::default() };
    for (weight, name) in out.weights.iter_mut().zip(headline::NAMES) {
        *weight = number(map, name)?;
    }
    for (word, weight) in map.get("words").and_then(Value::as_object).into_iter().flatten() {
        out.words
            .insert(word.clone(), weight.as_f64().ok_or_else(|| format!("weights.words.{word}: expected a number"))?);
    }
    Ok(out)
}

fn text<'a>(request: &'a Value, key: &str) -> Result<&'a str, String> {
    request[key].as_str().ok_or_else(|| format!("{key}: expected a text, found {}", request[key]))
}

fn texts(request: &Value) -> Result<Vec<&str>, String> {
    let list = request["sentences"].as_array().ok_or("sentences: expected a list of texts")?;
    list.iter().map(|item| item.as_str().ok_or_else(|| format!("sentences: expected texts, found {item}"))).collect()
}

fn chosen(request: &Value, n: usize) -> Result<Option<usize>, String> {
    match &request["chosen"] {
        Value::Null => Ok(None),
        value => match value.as_u64().map(|i| i as usize).filter(|i| *i < n) {
            Some(i) => Ok(Some(i)),
            None => Err(format!("chosen: expected a number below {n}, found {value}")),
        },
    }
}
