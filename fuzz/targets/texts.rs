//! Any text: the rules of the language, and the tasks.

use std::cell::OnceCell;
use std::rc::Rc;

use nanolm::Result;
use nanolm::backend::DeviceChoice;
use nanolm::language::{Page, Utf16, en};
use nanolm::run::Model;
use nanolm::task::{
    self, AnswerOptions, ClassifyOptions, EntityOptions, KeywordOptions, Labels, SummarizeOptions, SummaryKind,
};
use nanolm::tensor::Bytes;

use super::files::finish;
use super::seeds::{golden, model_file};

/// What a rule says of a text must be a place in it.
fn inside(text: &str, places: impl IntoIterator<Item = std::ops::Range<usize>>) {
    for place in places {
        assert!(text.get(place.clone()).is_some(), "{place:?} is no place in {text:?}");
    }
}

pub fn language(input: &[u8]) -> Result<()> {
    let text = String::from_utf8_lossy(input);
    let text: &str = &text;
    let sentences = en::sentences(text);
    inside(text, sentences.iter().cloned());
    inside(text, en::blocks(text));
    inside(text, en::words(text));
    inside(text, en::joined_words(text));
    en::patterns(text);
    let sentences: Vec<&str> = sentences.into_iter().map(|place| &text[place]).collect();
    en::features(&sentences);
    for sentence in sentences.iter().take(50) {
        en::shorten::shortened(sentence);
        en::shorten::stands_alone(sentence);
        en::headline::candidates(sentence);
        en::ends_with_stop(sentence);
        sentence.chars().take(50).for_each(|c| {
            en::is_syllable(c);
        });
        en::plain_word(sentence);
        en::content_word(sentence);
    }
    let _ = task::sentences(text, true);
    task::support(text, "The keeper lit the lamp. 12 ships came.");
    task::support("The keeper lit the lamp. 12 ships came.", text);
    Ok(())
}

/// As a page: what it shows, and the article in it.
pub fn page(input: &[u8]) -> Result<()> {
    let text = String::from_utf8_lossy(input);
    for source in [format!("<!doctype html><html><body>{text}"), format!("# A title\n\n{text}"), text.to_string()] {
        let page = Page::read(&source);
        let shown = page.text(&source);
        let article = page.article(&source);
        inside(shown, article.iter().cloned());
        let units = Utf16::new(&source);
        for place in article {
            let place = page.place(place);
            let found = units.range(&source, &place);
            assert!(found.start <= found.end && found.end <= source.len());
            inside(&source, [place]);
        }
    }
    Ok(())
}

/// The default model, which summarises, or a small one that only does what any model does, in a hundredth of the time.
fn model(summarises: bool) -> Rc<Model> {
    thread_local!(static MODELS: [OnceCell<Rc<Model>>; 2] = const { [OnceCell::new(), OnceCell::new()] });
    let load = || {
        let file = if summarises { model_file("default") } else { golden("tiny-llama", "model-q8_0.gguf") };
        let files = vec![("m.gguf".to_string(), Bytes::new(file))];
        let model =
            pollster::block_on(Model::load(files, DeviceChoice::Cpu, || 0.0, &mut |_, _, _| {})).expect("it loads");
        for part in ["table", "topic", "names"] {
            model.add(vec![(format!("{part}.gguf"), Bytes::new(model_file(part)))]).expect("it fits");
        }
        model
    };
    MODELS.with(|models| Rc::clone(models[usize::from(summarises)].get_or_init(load)))
}

/// As many as `tasks` tells apart.
const TASKS: u8 = 9;
/// Characters of a text that is summarised: what a model reads takes its time.
const SHORT: usize = 300;

/// Each text with another task, the largest model first: it is then there.
pub fn each_task() -> Vec<Vec<u8>> {
    let texts = super::seeds::texts();
    (0..TASKS).map(|task| [&[task], &texts[usize::from(task) % texts.len()][..]].concat()).collect()
}

/// The first byte says which task, the rest is the text.
pub fn tasks(input: &[u8]) -> Result<()> {
    let Some((first, rest)) = input.split_first() else { return Ok(()) };
    let task = first % TASKS;
    // One of many is summarised: it takes longer than all others.
    let summarises = task < 3 && (input.len().is_multiple_of(16) || rest.len() < 150);
    let text = String::from_utf8_lossy(rest);
    let text: &str = &text;
    let model = model(summarises);
    let summary = |kind| SummarizeOptions { kind, fresh: true, ..SummarizeOptions::default() };
    let short = text.chars().take(SHORT).collect::<String>();
    let own = || ["red", "a lighthouse"].map(String::from).to_vec();
    let job = match task {
        0 if summarises => model.summarize(&short, &summary(SummaryKind::KeyPoints)),
        1 if summarises => model.summarize(&short, &summary(SummaryKind::Headline)),
        2 if summarises => model.summarize(&short, &summary(SummaryKind::Tldr)),
        0 | 3 => model.extract_keywords(text, &KeywordOptions::default()),
        1 | 4 => model.extract_entities(text, &EntityOptions::default()),
        2 | 5 => model.answer(text, &AnswerOptions { question: "Who lit the lamp, and when?".into(), min_score: 0.0 }),
        6 => model.answer("The keeper lit it in 1901.", &AnswerOptions { question: text.to_string(), min_score: 0.0 }),
        7 => model.classify(text, &ClassifyOptions { labels: Labels::Set("topic".into()) }),
        _ => model.classify(text, &ClassifyOptions { labels: Labels::Own(own()) }),
    };
    finish(job?)
}
