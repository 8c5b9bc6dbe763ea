//! The shipped embedding table against values computed by the pipeline that made it (`pkg-scripts/train/distil`), labels of one's own
//! by it, and files that are no table.

use nanolm::backend::DeviceChoice;
use nanolm::run::{Label, Member};
use nanolm::table::Table;
use nanolm::task::{ClassifyOptions, DuplicateOptions, Labels};
use nanolm::tensor::Bytes;
use serde_json::Value;

use super::run::{finish, root};
use super::toy;

fn bytes() -> Vec<u8> {
    std::fs::read(root().join("pkg-scripts/npm/model/nanolm-table.gguf")).unwrap()
}

fn read(bytes: Vec<u8>) -> nanolm::Result<Table> {
    Table::read(vec![("table.gguf".to_string(), Bytes::new(bytes))])
}

fn table() -> Table {
    read(bytes()).unwrap()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn vectors_equal_those_of_the_pipeline_that_made_the_table() {
    let golden: Value =
        serde_json::from_slice(&std::fs::read(root().join("tests/golden/table.json")).unwrap()).unwrap();
    let table = table();
    let cases = golden.as_array().unwrap();
    assert!(cases.len() >= 8);
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let expected: Vec<f32> =
            case["vector"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect();
        let found = table.embed(text).unwrap();
        assert_eq!(found.len(), table.dimensions());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 2e-4, "{text:?}: expected {expected}, found {found}");
        }
    }
}

#[test]
fn texts_that_say_the_like_are_near() {
    let table = table();
    let near = |a: &str, b: &str| dot(&table.embed(a).unwrap(), &table.embed(b).unwrap());
    for (text, like, other) in [
        ("The cat sat on the mat.", "A kitten lies on the rug.", "The bank raised its interest rates."),
        ("How do I reset my password?", "I forgot my login and need a new one.", "What time does the train leave?"),
        ("heavy rain and strong wind", "a storm is coming", "fresh bread from the oven"),
        ("The doctor prescribed antibiotics.", "medicine for an infection", "a goal in the last minute"),
        ("stock prices fell sharply", "the market lost value", "flowers bloom in spring"),
    ] {
        assert!(near(text, like) > near(text, other) + 0.1, "{text}: {} {}", near(text, like), near(text, other));
    }
    assert!((near("Café MÜNCHEN", "cafe munchen") - 1.0).abs() < 1e-5, "case and accents do not count");
    for nothing in ["", " \n", "…!?", "日本語"] {
        assert!(table.embed(nothing).unwrap().iter().all(|x| *x == 0.0), "{nothing:?}");
    }
    let long = "word ".repeat(200_000);
    let length = dot(&table.embed(&long).unwrap(), &table.embed(&long).unwrap());
    assert!((length - 1.0).abs() < 1e-4);
}

/// Labels of one's own, by a model whose network knows no words at all.
fn classify(text: &str, labels: &[&str]) -> Vec<Label> {
    let model = toy::load(super::classify::file(), DeviceChoice::Cpu).unwrap();
    model.set_table(table());
    let options = ClassifyOptions { labels: Labels::Own(labels.iter().map(|l| l.to_string()).collect()) };
    finish(model.classify(text, &options).unwrap()).unwrap().labels
}

#[test]
fn labels_of_ones_own_are_told_by_what_the_text_says() {
    let subjects = ["science", "sport", "politics"];
    let topics = ["film and television", "sport", "music", "politics", "biology", "geography"];
    let requests = ["cancel an order", "track a parcel", "change the address", "complain about a product"];
    for (text, labels, right) in [
        ("The striker scored two goals in the cup final.", &subjects[..], "sport"),
        ("The senate passed the bill after a long debate.", &subjects, "politics"),
        ("Researchers measured the mass of a new particle.", &subjects, "science"),
        ("The minister resigned after losing the vote.", &subjects, "politics"),
        ("She won the marathon in two hours and twenty minutes.", &subjects, "sport"),
        ("The band released its second album in May.", &topics, "music"),
        ("It lives in forests and lays its eggs in spring.", &topics, "biology"),
        ("The series ran for three seasons on cable.", &topics, "film and television"),
        ("The river flows through the valley to the lake.", &topics, "geography"),
        ("Can I see where my parcel is now?", &requests, "track a parcel"),
        ("I do not want the shoes any more, please cancel.", &requests, "cancel an order"),
        ("We have moved to another street.", &requests, "change the address"),
    ] {
        let found = classify(text, labels);
        assert_eq!(found[0].label, right, "{text}: {found:?}");
        assert_eq!(found.len(), labels.len());
        assert!((found.iter().map(|l| l.score).sum::<f32>() - 1.0).abs() < 1e-4);
        assert!(found.is_sorted_by(|a, b| a.score >= b.score));
    }
}

#[test]
fn the_whole_text_counts() {
    let football = "The striker scored two goals in the cup final.";
    let politics = "The senate passed the bill after a long debate.";
    let baking = "Knead the dough and bake the bread for twenty minutes.";
    let labels = ["sports", "politics"];
    assert_eq!(classify(football, &labels)[0].label, "sports");
    let text = format!("{}{}", format!("{football} ").repeat(20), format!("{politics} ").repeat(200));
    assert_eq!(classify(&text, &labels)[0].label, "politics");
    let text = format!("{}{}", format!("{football} ").repeat(20), format!("{baking} ").repeat(200));
    assert_eq!(classify(&text, &["football", "baking"])[0].label, "baking");
    assert_eq!(classify(&format!("{baking} ").repeat(3), &["football", "baking"])[0].label, "baking");
}

#[test]
fn marks_of_a_page_are_no_words() {
    let labels = ["website code", "sport"];
    let shown = "The striker scored two goals in the cup final.";
    let page = format!("<html><body><div class=\"header code website\"><p>{shown}</p></div></body></html>");
    let scores = |text: &str| classify(text, &labels).iter().map(|l| l.score).collect::<Vec<_>>();
    assert_eq!(scores(&page), scores(shown));
}

#[test]
fn scores_are_near_even_where_nothing_tells() {
    for text in ["日本語", "…", "the of and", "It is what it is."] {
        let found = classify(text, &["science", "sport", "politics", "music"]);
        assert!(found[0].score < 0.6, "{text}: {found:?}");
    }
    let even = classify("日本語", &["science", "sport"]);
    assert_eq!((even[0].score, even[1].score), (0.5, 0.5));
    assert_eq!(even[0].label, "science", "equals keep their order");
}

#[test]
fn labels_that_make_no_sense_are_refused_with_a_table_too() {
    let model = toy::load(super::classify::file(), DeviceChoice::Cpu).unwrap();
    model.set_table(table());
    let refused = |text: &str, labels: &[&str]| {
        let options = ClassifyOptions { labels: Labels::Own(labels.iter().map(|l| l.to_string()).collect()) };
        model.classify(text, &options).map(|_| ()).unwrap_err().code()
    };
    for labels in [&[][..], &["sport", ""], &["a", "A"], &["_"], &["card_arrival", "Card arrival"]] {
        assert_eq!(refused("A text.", labels), "option/invalid", "{labels:?}");
    }
    assert_eq!(refused(" ", &["sport", "music"]), "option/invalid");
    // A phrase is a label, and so is what the model's own sets name: those are read by the network.
    let long = "questions about an order that was never delivered to the right address";
    assert_eq!(classify("My parcel went to a neighbour.", &[long, "cooking"])[0].label, long);
    assert_eq!(classify("A text.", &["good", "bad"]).len(), 2);
    // Any model has labels of one's own with a table, and none without.
    let plain = toy::model();
    assert_eq!(plain.embed("A text.").unwrap_err().code(), "task/unsupported");
    plain.set_table(table());
    let options = ClassifyOptions { labels: Labels::Own(vec!["sport".into(), "music".into()]) };
    assert_eq!(finish(plain.classify("A goal in the match.", &options).unwrap()).unwrap().labels[0].label, "sport");
    assert_eq!(
        plain.classify("A goal.", &ClassifyOptions::default()).map(|_| ()).unwrap_err().code(),
        "task/unsupported"
    );
}

/// The places of the texts of each group.
fn groups(texts: &[&str], options: DuplicateOptions) -> Vec<Vec<Member>> {
    let model = toy::model();
    model.set_table(table());
    let texts = texts.iter().map(|text| text.to_string()).collect();
    let job = model.near_duplicates(DuplicateOptions { texts, ..options }).unwrap();
    finish(job).unwrap().groups.into_iter().map(|group| group.members).collect()
}

const NEWS: [&str; 9] = [
    "The council voted on Tuesday to close the old harbour bridge for repairs. It will be open again in May.",
    "Shares of the company were up 5 % on Monday, after it had told of higher sales in Europe.",
    "THE COUNCIL VOTED ON TUESDAY to close the old harbour bridge for repairs.  It will be open again in May!",
    "Shares of the company were down 5 % on Monday, after it had told of higher sales in Europe.",
    "Shares of the company were up 6 % on Monday, after it had told of higher sales in Europe.",
    "Fresh bread from the oven needs flour, water, salt and time.",
    "Shares of the company were not up 5 % on Monday, after it had told of higher sales in Europe.",
    "The council voted on Tuesday to close the old harbour bridge for repairs. It will be open again in June.",
    "",
];

#[test]
fn near_duplicates_say_the_same() {
    let found = groups(&NEWS, DuplicateOptions::default());
    let places: Vec<Vec<usize>> = found.iter().map(|group| group.iter().map(|m| m.index).collect()).collect();
    assert_eq!(places, [vec![0, 2]]);
    assert!(found[0][0].score == 1.0 && found[0][1].score > 0.97 && found[0][1].score <= 1.0);
    // By their words alone, facts or not.
    let alike = groups(&NEWS, DuplicateOptions { same_facts: false, ..DuplicateOptions::default() });
    let places: Vec<Vec<usize>> = alike.iter().map(|group| group.iter().map(|m| m.index).collect()).collect();
    assert_eq!(places, [vec![0, 2, 7], vec![1, 3, 4, 6]]);
    assert!(groups(&[], DuplicateOptions::default()).is_empty());
    // Without a word that the table knows, the words themselves count.
    assert_eq!(
        groups(&["\u{6771}\u{4eac}", "\u{4eac}\u{90fd}", "\u{6771}\u{4eac}\u{3002}"], DuplicateOptions::default())
            .len(),
        1
    );
}

#[test]
fn near_duplicates_need_a_table_and_a_threshold_that_can_be() {
    let refused = |model: &std::rc::Rc<nanolm::run::Model>, threshold: f32| {
        let options = DuplicateOptions { threshold, ..DuplicateOptions::default() };
        model.near_duplicates(options).map(|_| ()).unwrap_err().code()
    };
    let model = toy::model();
    assert_eq!(refused(&model, 0.9), "task/unsupported");
    model.set_table(table());
    for threshold in [0.0, -1.0, 1.5, f32::NAN] {
        assert_eq!(refused(&model, threshold), "option/invalid", "{threshold}");
    }
}

#[test]
fn what_is_no_table_is_refused_by_what_is_wrong() {
    let model = std::fs::read(root().join("tests/golden/tiny-llama/model-q8_0.gguf")).unwrap();
    let error = read(model).map(|_| ()).unwrap_err();
    assert!(error.code() == "model/unsupported" && error.to_string().contains("static-embedding"), "{error}");
    let whole = bytes();
    for end in [0, 10, 3000, whole.len() / 2, whole.len() - 100] {
        let code = read(whole[..end].to_vec()).map(|_| ()).unwrap_err().code();
        assert!(["format/truncated", "format/invalid", "model/missing-file"].contains(&code), "{end}: {code}");
    }
    // A key that is not there, and one of a wrong kind.
    for key in ["static-embedding.scale", "static-embedding.doubt"] {
        let mut damaged = whole.clone();
        let at = damaged.windows(key.len()).position(|part| part == key.as_bytes()).unwrap();
        damaged[at] = b'S';
        let error = read(damaged).map(|_| ()).unwrap_err();
        assert!(error.code() == "format/invalid" && error.to_string().contains(key), "{error}");
    }
    // No model.
    assert_eq!(
        nanolm::format::parse(vec![("t.gguf".into(), Bytes::new(whole))])
            .and_then(|file| nanolm::arch::config(&file).map(|_| ()))
            .unwrap_err()
            .code(),
        "model/unsupported"
    );
}
