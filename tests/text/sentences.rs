//! The sentence splitter against fixed cases, and against texts in many languages whose sentences are known.

use nanolm::language::en::sentences;

#[test]
fn splits_as_in_training() {
    let golden: serde_json::Value = serde_json::from_str(include_str!("../golden/sentences.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() > 50);
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let expected: Vec<_> = case["sentences"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s[0].as_u64().unwrap() as usize..s[1].as_u64().unwrap() as usize)
            .collect();
        let found = sentences(text);
        assert_eq!(found, expected, "{text:?}: {:?}", found.iter().map(|r| &text[r.clone()]).collect::<Vec<_>>());
    }
}

#[test]
fn sentences_end_where_they_do_in_many_languages() {
    let golden: serde_json::Value = serde_json::from_str(include_str!("../golden/sentence_ends.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    let mut languages = std::collections::BTreeSet::new();
    for case in cases {
        languages.insert(case["language"].as_str().unwrap());
        let expected: Vec<&str> = case["sentences"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
        let text = expected.join(case["join"].as_str().unwrap());
        let found: Vec<&str> = sentences(&text).into_iter().map(|bytes| &text[bytes]).collect();
        assert_eq!(found, expected);
    }
    assert!(cases.len() > 150 && languages.len() > 10, "{languages:?}");
}

#[test]
fn long_texts_take_linear_time() {
    for text in [
        "a. ".repeat(300_000),
        ".".repeat(900_000),
        "a.Aa".repeat(200_000),
        "a.[".repeat(200_000),
        "a\n".repeat(300_000),
        " ".repeat(900_000) + "Mr. X ".repeat(10_000).as_str(),
    ] {
        let found = sentences(&text);
        assert!(found.iter().all(|r| text.get(r.clone()).is_some_and(|s| !s.is_empty() && s.trim() == s)));
    }
}
