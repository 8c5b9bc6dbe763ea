//! Names, keywords and answers, with a random model: tags are checked by a session by hand.

use nanolm::backend::DeviceChoice;
use nanolm::format::ModelFile;
use nanolm::language::en::sentences;
use nanolm::run::Entity;
use nanolm::task::{AnswerOptions, EntityOptions, KeywordOptions};

use super::run::{finish, on_each_device};
use super::toy;

const ENTITIES: u32 = toy::MARK_0 + 60;
const OUTSIDE: u32 = toy::MARK_0 + 61;
const BEGIN: u32 = toy::MARK_0 + 62;
const TEXT: &str = "Öde Anna paid €5 in Oslo 🦙. Write to a@b.org (by 3 May 2021)!";

fn file() -> ModelFile {
    toy::described(r#""entities": "<|s60|>", "entity_tags": ["O", "B-PER"], "entity_tokens": ["<|s61|>", "<|s62|>"]"#)
}

fn run(types: &[&str]) -> Vec<Entity> {
    let options = EntityOptions { types: types.iter().map(|t| t.to_string()).collect() };
    finish(toy::load(file(), DeviceChoice::Cpu).unwrap().extract_entities(TEXT, &options).unwrap()).unwrap().entities
}

/// Words of the text in which a name begins, and the probability of that, by hand.
fn expected_names(text: &str) -> Vec<(String, f32)> {
    let mut names = Vec::new();
    for span in sentences(text) {
        let sentence = format!(" {}", &text[span]);
        let bytes: Vec<u32> = sentence.bytes().map(u32::from).collect();
        let mut tokens = vec![toy::TEXT];
        tokens.extend(&bytes);
        tokens.extend([toy::MARK_0, ENTITIES]);
        let second = tokens.len();
        tokens.extend(&bytes);
        let rows = toy::logits_after_each(&tokens);
        let mut last_word = None;
        for k in 0..bytes.len() {
            let difference = rows[second + k][BEGIN as usize] - rows[second + k][OUTSIDE as usize];
            // The character that this byte belongs to, or the one it begins in.
            let at = (0..=k).rev().find(|at| sentence.is_char_boundary(*at)).unwrap();
            if difference <= 0.0 || at != k || !sentence[at..].starts_with(char::is_alphanumeric) {
                continue;
            }
            let start = sentence[..at]
                .rfind(|c: char| !c.is_alphanumeric())
                .map_or(0, |i| i + sentence[i..].chars().next().unwrap().len_utf8());
            let end = sentence[at..].find(|c: char| !c.is_alphanumeric()).map_or(sentence.len(), |i| at + i);
            if last_word != Some(start) {
                last_word = Some(start);
                names.push((sentence[start..end].to_string(), 1.0 / (1.0 + (-difference).exp())));
            }
        }
    }
    names
}

#[test]
fn names_are_where_the_tags_say() {
    let expected = expected_names(TEXT);
    assert!(!expected.is_empty());
    for model in on_each_device("names", |device| toy::load(file(), device)) {
        let options = EntityOptions { types: vec!["PER".into()] };
        let found = finish(model.extract_entities(TEXT, &options).unwrap()).unwrap().entities;
        // Names that overlap an address are left out.
        let expected: Vec<_> =
            expected.iter().filter(|(word, _)| !"a@b.org".split(['@', '.']).any(|part| part == word)).collect();
        assert_eq!(
            found.iter().map(|e| &e.text).collect::<Vec<_>>(),
            expected.iter().map(|(word, _)| word).collect::<Vec<_>>()
        );
        for (entity, (_, score)) in found.iter().zip(&expected) {
            assert_eq!(entity.kind, "PER");
            assert!((entity.score - score).abs() < 1e-3, "{entity:?} {score}");
        }
    }
}

#[test]
fn everything_found_stands_where_it_says() {
    let utf16: Vec<u16> = TEXT.encode_utf16().collect();
    let all = run(&[]);
    assert!(all.is_sorted_by_key(|e| e.place.bytes.start));
    for entity in &all {
        assert_eq!(TEXT[entity.place.bytes.clone()], entity.text);
        assert_eq!(String::from_utf16(&utf16[entity.place.utf16.clone()]).unwrap(), entity.text);
    }
    for pair in all.windows(2) {
        assert!(pair[0].place.bytes.end <= pair[1].place.bytes.start, "{pair:?}");
    }
    let by_form = run(&["EMAIL", "MONEY", "DATE"]);
    let found: Vec<_> = by_form.iter().map(|e| (e.kind.as_str(), e.text.as_str())).collect();
    assert_eq!(found, [("MONEY", "€5"), ("EMAIL", "a@b.org"), ("DATE", "3 May 2021")]);
}

#[test]
fn long_sentences_are_cut_and_long_texts_are_read_to_their_end() {
    let model = toy::load(file(), DeviceChoice::Cpu).unwrap();
    let long = format!("{} a@b.org. {}c@d.org.", "word ".repeat(70), "Short one. ".repeat(30));
    let output = finish(model.extract_entities(&long, &EntityOptions::default()).unwrap()).unwrap();
    let emails: Vec<_> = output.entities.iter().filter(|e| e.kind == "EMAIL").map(|e| e.text.as_str()).collect();
    assert_eq!(emails, ["a@b.org", "c@d.org"]);
    assert!(output.entities.iter().all(|e| long[e.place.bytes.clone()] == e.text));
    assert!(output.usage.prompt_tokens > 2 * long.len() - 100);
}

#[test]
fn what_the_model_cannot_is_refused() {
    let plain = toy::model();
    let run = |types: &[&str]| {
        let options = EntityOptions { types: types.iter().map(|t| t.to_string()).collect() };
        plain.extract_entities(TEXT, &options).map(|job| finish(job).unwrap().entities.len())
    };
    assert_eq!(run(&[]).unwrap_err().code(), "task/unsupported");
    assert_eq!(run(&["PER"]).unwrap_err().code(), "task/unsupported");
    assert_eq!(run(&["EMAIL"]).unwrap(), 1, "form alone needs no training");
    let options = EntityOptions { types: vec!["PLANET".into()] };
    let error = toy::load(file(), DeviceChoice::Cpu).unwrap().extract_entities(TEXT, &options).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("PER, NUMBER"), "{error}");
    for bad in [
        r#""entities": "<|s60|>""#,
        r#""entities": "<|s60|>", "entity_tags": ["O"], "entity_tokens": []"#,
        r#""entities": "<|s60|>", "entity_tags": ["O", "PER"], "entity_tokens": ["<|s61|>", "<|s62|>"]"#,
        r#""entities": "<|s60|>", "entity_tags": ["B-X", "I-X"], "entity_tokens": ["<|s61|>", "<|s62|>"]"#,
        r#""entities": "<|s60|>", "entity_tags": ["O", "O"], "entity_tokens": ["<|s61|>", "<|s62|>"]"#,
    ] {
        assert_eq!(
            toy::load(toy::described(bad), DeviceChoice::Cpu).map(|_| ()).unwrap_err().code(),
            "format/invalid",
            "{bad}"
        );
    }
}

#[test]
fn keywords_and_answers_need_no_training() {
    let mut file = toy::file(1);
    file.metadata.remove("nanolm.tasks");
    let text = "The harbour bridge 🌉 was built in 1905. The bridge is closed. Harbour bridges rust.";
    let utf16: Vec<u16> = text.encode_utf16().collect();
    for model in [toy::model(), toy::load(file, DeviceChoice::Cpu).unwrap()] {
        let output = finish(model.extract_keywords(text, &KeywordOptions { limit: 2 }).unwrap()).unwrap();
        assert_eq!(output.keywords.len(), 2);
        assert!(output.keywords[0].text.to_lowercase().contains("bridge"), "{:?}", output.keywords);
        for keyword in &output.keywords {
            for place in &keyword.places {
                assert_eq!(String::from_utf16(&utf16[place.utf16.clone()]).unwrap(), text[place.bytes.clone()]);
            }
        }
        let ask = |question: &str| {
            finish(
                model.answer(text, &AnswerOptions { question: question.into(), ..AnswerOptions::default() }).unwrap(),
            )
            .unwrap()
            .answers
        };
        let answers = ask("When was the bridge built?");
        assert_eq!(answers.len(), 1);
        assert_eq!(
            (answers[0].text.as_str(), &text[answers[0].sentence.bytes.clone()]),
            ("1905", &text[sentences(text)[0].clone()])
        );
        assert_eq!(String::from_utf16(&utf16[answers[0].place.utf16.clone()]).unwrap(), "1905");
        assert!(ask("Who won the match in Paris?").is_empty());
        assert_eq!(
            model.extract_keywords(text, &KeywordOptions { limit: 0 }).map(|_| ()).unwrap_err().code(),
            "option/invalid"
        );
        for (question, text, min_score) in
            [("?", text, 0.5), ("Who?", " ", 0.5), ("Who?", text, 1.5), ("Who?", text, f32::NAN)]
        {
            let error =
                model.answer(text, &AnswerOptions { question: question.into(), min_score }).map(|_| ()).unwrap_err();
            assert_eq!(error.code(), "option/invalid");
        }
    }
}
