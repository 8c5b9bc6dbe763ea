//! The default model against values computed in f32 by the training pipeline (`pkg-scripts/train/golden`).

use std::path::PathBuf;
use std::sync::Arc;

use nanolm::arch;
use nanolm::backend::{Backend, DeviceChoice};
use nanolm::format;
use nanolm::language::en::sentences;
use nanolm::model::{LogitRows, plan};
use nanolm::run::Prompt;
use nanolm::session::Session;
use nanolm::task::{Length, SummarizeOptions, SummaryKind};
use nanolm::tensor::Bytes;
use nanolm::text::Controls;
use nanolm::weights;
use serde_json::Value;

use super::run::{finish, generate, greedy, load, on_each_device, root, skipped};

/// The model and its expected values, where both are there.
fn fixture() -> Option<(PathBuf, Value)> {
    let golden = std::fs::read(root().join("tests/golden/default_model.json"));
    let model = Some(root().join("pkg-scripts/npm/model/nanolm-default.gguf")).filter(|path| path.is_file());
    match (golden, model) {
        (Ok(golden), Some(model)) => Some((model, serde_json::from_slice(&golden).unwrap())),
        (golden, model) => {
            let missing = if golden.is_err() {
                "tests/golden/default_model.json"
            } else {
                "nanolm-default.gguf in pkg-scripts/npm/model"
            };
            assert!(golden.is_err() || model.is_none());
            skipped("default model", &format!("no {missing}"));
            None
        }
    }
}

fn files(path: &PathBuf) -> Vec<(String, Bytes)> {
    vec![("default.gguf".to_string(), Bytes::new(std::fs::read(path).unwrap()))]
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

#[test]
fn it_computes_what_the_training_pipeline_computes() {
    let Some((path, golden)) = fixture() else { return };
    let tolerance = |name: &str| golden["tolerance"][name].as_f64().unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for model in on_each_device("default model", |device| load(files(&path), device)) {
        let device = model.info().device.kind.name();
        let tokenizer = model.tokenizer().unwrap();
        let mut decided = 0;
        for case in cases {
            let text = case["text"].as_str().unwrap();
            let spans: Vec<_> = sentences(text).iter().map(|s| serde_json::json!([s.start, s.end])).collect();
            assert_eq!(Value::Array(spans), case["sentences"]);

            // What it reads: the same ids, by the engine's own way of asking.
            let control = |name: &str| tokenizer.control(name).unwrap();
            let mut prefix = vec![control("<|text|>")];
            for (i, span) in sentences(text).into_iter().enumerate() {
                prefix.extend(tokenizer.encode(&format!(" {}", &text[span]), false, Controls::Literal).unwrap());
                prefix.push(control(&format!("<|s{i}|>")));
            }
            assert_eq!(prefix, ids(&case["prefix_ids"]), "{text}");

            // Salience of every sentence: there are no more than a long summary shows.
            let options = SummarizeOptions { kind: SummaryKind::KeyPoints, length: Length::Long, ..Default::default() };
            let output = finish(model.summarize(text, &options).unwrap()).unwrap();
            let salience: Vec<f64> = case["salience"].as_array().unwrap().iter().map(|s| s.as_f64().unwrap()).collect();
            assert_eq!(output.points.len(), salience.len());
            for (point, expected) in output.points.iter().zip(salience) {
                let error = (f64::from(point.score) - expected).abs();
                assert!(
                    error <= tolerance("salience"),
                    "{device}: {} is {expected}, found {}",
                    point.text,
                    point.score
                );
            }

            // Greedy ids, freely written, from a prompt and after each task's token.
            for name in ["completion", "headline", "tldr"] {
                let mut prompt = if name == "completion" { ids(&case["prompt_ids"]) } else { prefix.clone() };
                if name != "completion" {
                    prompt.push(control(&format!("<|{name}|>")));
                }
                let expected = ids(&case[name]["ids"]);
                let most = golden["new_tokens"].as_u64().unwrap() as usize;
                let output = generate(&model, Prompt::Tokens(&prompt), &greedy(most));
                // Up to where the two best tokens are too close to tell apart.
                let margins = case[name]["margins"].as_array().unwrap();
                let sure = margins.iter().take_while(|m| m.as_f64().unwrap() >= tolerance("margin")).count();
                let expected: Vec<u32> =
                    expected[..sure].iter().copied().filter(|id| *id != control("<|end|>")).collect();
                decided += expected.len();
                assert!(output.tokens().starts_with(&expected), "{device}: {name} of {text}");
            }
        }
        assert!(decided >= 75, "only {decided} tokens are sure enough to be compared");
    }
}

#[test]
fn its_first_logits_are_close() {
    let Some((path, golden)) = fixture() else { return };
    let file = format::parse(files(&path)).unwrap();
    let plan = Arc::new(plan::build(&arch::config(&file).unwrap()));
    let weights = Arc::new(weights::load(&plan, &file).unwrap());
    let backend = pollster::block_on(Backend::load(plan, weights, DeviceChoice::Cpu, || 0.0, &mut |_, _| {})).unwrap();
    let mut backend = backend;
    for case in golden["cases"].as_array().unwrap() {
        let expected: Vec<f64> = case["first_logits"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
        let mut logits = Vec::new();
        pollster::block_on(async {
            let mut session = Session::new(&backend, 64).await.unwrap();
            let prompt = ids(&case["prompt_ids"]);
            session.feed(&mut backend, &prompt, LogitRows::Last, &mut logits).await.unwrap();
        });
        for (found, expected) in logits.iter().zip(&expected) {
            let error = (f64::from(*found) - expected).abs();
            assert!(error <= golden["tolerance"]["logits"].as_f64().unwrap(), "{found} {expected}");
        }
    }
}

/// What a page has around an article changes nothing that is said of it.
#[test]
fn it_reads_the_article_of_a_page() {
    let Some((path, golden)) = fixture() else { return };
    let model = load(files(&path), DeviceChoice::Cpu).unwrap();
    let article = golden["cases"][0]["text"].as_str().unwrap();
    let lines: Vec<String> = sentences(article).into_iter().map(|s| format!("<p>{}</p>", &article[s])).collect();
    let pages = [
        format!("Menu\nHome\nNews\nSport\n\n{article}"),
        format!("We use cookies on this site.\nAccept all\n\n{article}\n\n© 2026 Example Media"),
        format!("<nav>News</nav>{}<footer>Contact</footer>", lines.concat()),
        format!("# Bridge\n\n[Home](/) [News](/news)\n\n**{}**", article.replacen(' ', "**  ", 1)),
    ];
    for kind in [SummaryKind::KeyPoints, SummaryKind::Tldr, SummaryKind::Headline] {
        let say = |text: &str| {
            let options = SummarizeOptions { kind, ..SummarizeOptions::default() };
            finish(model.summarize(text, &options).unwrap()).unwrap()
        };
        let expected = say(article);
        for page in &pages {
            let found = say(page);
            assert_eq!(found.text.replace("  ", " "), expected.text, "{page}");
            assert!(found.points.iter().all(|point| page.get(point.place.bytes.clone()).is_some()));
        }
    }
}
