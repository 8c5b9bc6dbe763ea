use super::*;
use crate::text::sentences;

const TEXT: &str = "The harbour bridge of Lindholm was built by the engineer Karl Aston in 1905. It is 240 metres long. About \
    12,000 cars cross the bridge every day. On 3 May 2021 the city closed it because cracks were found in two steel supports. \
    The repair costs 4.5 million euros. The ferry leaves from the old fish market.";

fn answer(question: &str) -> (String, f32) {
    let found = find(question, TEXT, &sentences(TEXT)).map(|found| (TEXT[found.bytes].to_string(), found.score));
    found.unwrap_or_default()
}

#[test]
fn each_kind_of_question_finds_its_part() {
    for (question, expected) in [
        ("Who built the bridge?", "Karl Aston"),
        ("When was the bridge built?", "1905"),
        ("How long is the bridge?", "240 metres"),
        ("How many cars cross the bridge?", "12,000"),
        ("When did the city close the bridge?", "3 May 2021"),
        ("In which year did the city close the bridge?", "2021"),
        ("How much does the repair cost?", "4.5 million euros"),
        ("Where does the ferry leave?", "the old fish market"),
    ] {
        assert_eq!(answer(question).0, expected, "{question}");
    }
    assert!(answer("Why was the bridge closed?").0.starts_with("cracks were found"));
}

#[test]
fn what_the_text_does_not_say_has_a_low_score() {
    let known = answer("How many cars cross the bridge every day?").1;
    for question in ["Who won the football match?", "What is the population of Norway?", "When did the airport open?"] {
        let (text, score) = answer(question);
        assert!(score < 0.3 && score < known - 0.3, "{question}: {text} {score}");
    }
    assert!(find("xyzzy?", TEXT, &sentences(TEXT)).is_none());
    assert!(find("Who?", "", &[]).is_none());
}

#[test]
fn answers_are_parts_of_the_text_whatever_is_asked() {
    let odd = "Ünal 🦙 paid €5 in İstanbul, (so they say) to. 1905! « Öl » is 5 % of x. Because to to.";
    for question in [
        "Who?",
        "Where is x?",
        "When 1905?",
        "Why öl?",
        "How many say?",
        "How much paid?",
        "What is öl?",
        "öl",
        "which x",
        "How long is x?",
        "paid what percentage",
    ] {
        if let Some(found) = find(question, odd, &sentences(odd)) {
            assert!(odd.get(found.bytes.clone()).is_some_and(|text| !text.is_empty()), "{question}");
            assert!((0.0..=1.0).contains(&found.score));
            assert!(found.sentence.start <= found.bytes.start && found.bytes.end <= found.sentence.end);
        }
    }
}
