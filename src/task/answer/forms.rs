//! Which words are forms of one word. English.

/// A word without its possessive.
pub fn bare(word: &str) -> &str {
    word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word)
}

/// Whether two words in lower case are forms of one word.
pub fn matches(a: &str, b: &str) -> bool {
    let (a, b) = (bare(a), bare(b));
    a == b || stem(a) == stem(b)
}

/// A word without its ending. Enough to tell forms of one word from other words of the same text.
fn stem(word: &str) -> String {
    if let Some((_, base)) = IRREGULAR.iter().find(|(form, _)| *form == word) {
        return stem(base);
    }
    if !word.chars().all(char::is_alphabetic) {
        return word.to_string();
    }
    if let Some(base) = word.strip_suffix("ies").or(word.strip_suffix("ied")).filter(|base| base.chars().count() >= 2) {
        return format!("{base}y");
    }
    let endings = [
        ("ions", 4),
        ("ion", 4),
        ("ors", 4),
        ("ers", 4),
        ("ing", 3),
        ("or", 4),
        ("er", 4),
        ("ed", 3),
        ("es", 3),
        ("s", 3),
        ("e", 4),
    ];
    for ending in ["ing", "ers", "er", "ed", "es"] {
        if let Some(base) = word.strip_suffix(ending).filter(|base| is_short(base)) {
            return format!("{base}e");
        }
    }
    let ending = endings.iter().find_map(|(ending, least)| {
        let base = word.strip_suffix(ending)?;
        (base.chars().count() >= *least && !(*ending == "s" && base.ends_with('s'))).then_some(base)
    });
    let base = ending.unwrap_or(word);
    // "stopped", "running"; "pass", as "passed"
    let mut last = base.chars().rev();
    match (last.next(), last.next()) {
        (Some(a), Some(b)) if a == b && base.chars().count() > 3 => {
            base.chars().take(base.chars().count() - 1).collect()
        }
        _ => base.to_string(),
    }
}

/// "mak", "bak", "ris": three letters with a vowel in the middle, of a word that ends with an e.
fn is_short(base: &str) -> bool {
    let vowel = |b: u8| b"aeiou".contains(&b);
    matches!(*base.as_bytes(), [a, b, c] if a.is_ascii_lowercase() && !vowel(a) && vowel(b) && c.is_ascii_lowercase() && !vowel(c) && !b"wxyz".contains(&c))
}

const IRREGULAR: [(&str, &str); 48] = [
    ("built", "build"),
    ("born", "birth"),
    ("wrote", "write"),
    ("written", "write"),
    ("won", "win"),
    ("began", "begin"),
    ("begun", "begin"),
    ("sold", "sell"),
    ("bought", "buy"),
    ("died", "die"),
    ("dies", "die"),
    ("held", "hold"),
    ("led", "lead"),
    ("left", "leave"),
    ("lost", "lose"),
    ("paid", "pay"),
    ("ran", "run"),
    ("sent", "send"),
    ("spent", "spend"),
    ("spoke", "speak"),
    ("taught", "teach"),
    ("grew", "grow"),
    ("grown", "grow"),
    ("flew", "fly"),
    ("fell", "fall"),
    ("fallen", "fall"),
    ("gave", "give"),
    ("drew", "draw"),
    ("drawn", "draw"),
    ("chose", "choose"),
    ("chosen", "choose"),
    ("broke", "break"),
    ("broken", "break"),
    ("brought", "bring"),
    ("caught", "catch"),
    ("wore", "wear"),
    ("rose", "rise"),
    ("sank", "sink"),
    ("swam", "swim"),
    ("sang", "sing"),
    ("struck", "strike"),
    ("ate", "eat"),
    ("eaten", "eat"),
    ("slept", "sleep"),
    ("met", "meet"),
    ("men", "man"),
    ("women", "woman"),
    ("children", "child"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_match_but_for_their_endings() {
        for (a, b) in [
            ("close", "closed"),
            ("repair", "repairs"),
            ("city", "cities"),
            ("stopped", "stop"),
            ("built", "building"),
            ("invented", "invent"),
            ("anna's", "anna"),
            ("pass", "passed"),
            ("comes", "come"),
            ("rises", "rise"),
            ("baked", "bake"),
            ("maker", "make"),
            ("asked", "ask"),
            ("studied", "study"),
            ("boxes", "box"),
        ] {
            assert!(matches(a, b) && matches(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("form", "formula"),
            ("car", "care"),
            ("pass", "past"),
            ("art", "artery"),
            ("1905", "1906"),
            ("in", "into"),
            ("port", "portugal"),
        ] {
            assert!(!matches(a, b), "{a} {b}");
        }
    }
}
