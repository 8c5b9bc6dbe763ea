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

#[test]
fn a_title_that_fits_is_the_headline_and_says_where_it_is_from() {
    let Some((path, _)) = fixture() else { return };
    let model = load(files(&path), DeviceChoice::Cpu).unwrap();
    let text = "The city council of Portsmouth voted on Tuesday to close the Harbour Bridge for six months. Engineers had found cracks in 14 of \
        the 120 beams. The repairs will cost 4.5 million pounds, and nobody knows yet who will pay for them.";
    let headline = |title: Option<&str>| {
        let title = title.map(str::to_string);
        let options = SummarizeOptions { kind: SummaryKind::Headline, title, ..SummarizeOptions::default() };
        finish(model.summarize(text, &options).unwrap()).unwrap()
    };
    let title = "\u{1f9d9} Example | Portsmouth  closes Harbour Bridge | UK";
    let found = headline(Some(title));
    assert_eq!((found.text.as_str(), found.joined()), ("Portsmouth closes Harbour Bridge", found.text.clone()));
    let [support] = found.supports.as_slice() else { panic!("{:?}", found.supports) };
    let place = support.title.as_ref().unwrap();
    assert_eq!(&title[place.bytes.clone()], "Portsmouth  closes Harbour Bridge");
    let utf16: Vec<u16> = title.encode_utf16().collect();
    assert_eq!(String::from_utf16(&utf16[place.utf16.clone()]).unwrap(), "Portsmouth  closes Harbour Bridge");
    assert!(text[support.sources[0].bytes.clone()].starts_with("The city council"));
    let own = headline(None);
    assert!(own.supports.iter().all(|support| support.title.is_none()) && !own.text.is_empty());
    for other in ["Home", "Example News", "Portsmouth wins the cup", "We value your privacy", ""] {
        assert_eq!(headline(Some(other)), own, "{other}");
    }
}

/// What is said in a dialogue is chosen among what says something, and told without sounds.
#[test]
fn of_a_dialogue_it_tells_what_is_decided() {
    let Some((path, _)) = fixture() else { return };
    let model = load(files(&path), DeviceChoice::Cpu).unwrap();
    let text = "Chair: Okay, um, so let's start.\nMaria: Yeah.\nChair: Uh, we have, um, about forty thousand euros left for this year.\nMaria: Mm-hmm.\n\
        John: I think we should, um, spend it on the new server, because the old one failed twice in May.\nMaria: Right, yeah.\nChair: Okay.";
    let say = |kind| {
        let options = SummarizeOptions { kind, ..SummarizeOptions::default() };
        finish(model.summarize(text, &options).unwrap()).unwrap()
    };
    for kind in [SummaryKind::Tldr, SummaryKind::Headline] {
        let told = say(kind).text;
        assert!(told.contains("server") || told.contains("forty thousand"), "{told}");
        assert!(!told.to_lowercase().contains("um,") && !told.contains("Uh,"), "{told}");
    }
    // Key points stand as they were said.
    assert!(say(SummaryKind::KeyPoints).text.contains("we should, um, spend it"));
}

/// A script of many tokens a word is no reason to leave out what turns the meaning.
#[test]
fn a_headline_in_another_script_is_whole() {
    let Some((path, _)) = fixture() else { return };
    let model = load(files(&path), DeviceChoice::Cpu).unwrap();
    let options = SummarizeOptions { kind: SummaryKind::Headline, ..SummarizeOptions::default() };
    for text in [
        "\u{5e02}\u{8b70}\u{4f1a}\u{306f}\u{706b}\u{66dc}\u{65e5}\u{3001}\u{6a4b}\u{3092}\u{9589}\u{9396}\u{3057}\u{306a}\u{3044}\u{3053}\u{3068}\u{3092}\u{6c7a}\u{3081}\u{305f}\u{3002}",
        "\u{421}\u{43e}\u{432}\u{435}\u{442} \u{440}\u{435}\u{448}\u{438}\u{43b} \u{43d}\u{435} \u{437}\u{430}\u{43a}\u{440}\u{44b}\u{432}\u{430}\u{442}\u{44c} \u{43c}\u{43e}\u{441}\u{442} \u{432} \u{433}\u{43e}\u{440}\u{43e}\u{434}\u{435}.",
    ] {
        let found = finish(model.summarize(text, &options).unwrap()).unwrap();
        let bare = |text: &str| text.trim_end_matches(['.', '\u{3002}']).to_string();
        assert_eq!(bare(&found.text), bare(text));
    }
}
