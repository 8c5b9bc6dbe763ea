//! The sentence splitter against fixed cases, written by another implementation of the same rules.

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
fn long_texts_take_linear_time() {
    for text in ["a. ".repeat(300_000), ".".repeat(900_000), " ".repeat(900_000) + "Mr. X ".repeat(10_000).as_str()] {
        let found = sentences(&text);
        assert!(found.iter().all(|r| text.get(r.clone()).is_some_and(|s| !s.is_empty() && s.trim() == s)));
    }
}
