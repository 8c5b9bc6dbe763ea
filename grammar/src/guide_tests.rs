use serde_json::json;

use super::*;

/// Single bytes, and some longer tokens that reach over the parts of JSON.
fn guide() -> Guide {
    let mut tokens: Vec<Vec<u8>> = (0..=255u8).map(|byte| vec![byte]).collect();
    tokens.extend(["\": ", "\", \"", "{\"", "true", "}}", "12", "", "\u{e9}"].map(|text| text.as_bytes().to_vec()));
    Guide::new(tokens).unwrap()
}

fn token(guide: &Guide, id: u32) -> Vec<u8> {
    guide.factory.tok_env().tok_trie().token(id).to_vec()
}

/// A text written by whoever takes any token that may come, and whether it is complete.
fn written(guide: &mut Guide, id: u32, seed: u64, longest: usize) -> (String, bool) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize
    };
    let n = guide.factory.tok_env().tok_trie().vocab_size() - 1;
    let mut out = Vec::new();
    let mut next = guide.begin(id).unwrap();
    while let Next::Tokens(mask) = &next {
        let is = |token: &usize| mask[token / 32] >> (token % 32) & 1 == 1;
        let allowed: Vec<usize> = (0..=n).filter(is).collect();
        let chosen = allowed[random() % allowed.len()];
        if chosen == n || out.len() > longest {
            return (String::from_utf8_lossy(&out).into_owned(), chosen == n || is(&n));
        }
        out.extend(token(guide, chosen as u32));
        next = guide.advance(id, chosen as u32).unwrap();
    }
    (String::from_utf8(out).unwrap(), true)
}

fn refused(schema: Value) -> (String, String, String) {
    let Refused { place, expected, found } = guide().compile(Format::Json(schema.to_string())).unwrap_err();
    (place, expected, found)
}

#[test]
fn what_is_written_is_of_the_schema() {
    let schema = json!({
        "type": "object",
        "properties": {
            "kind": { "enum": ["a", "b\"c", 7, null] },
            "code": { "type": "string", "pattern": "^[A-Z]{2}-\\d+$", "maxLength": 6 },
            "size": { "type": "integer", "minimum": -3, "maximum": 12 },
            "next": { "anyOf": [{ "$ref": "#" }, { "type": "null" }] }
        },
        "required": ["kind", "code", "size", "next"],
        "additionalProperties": false
    });
    let mut guide = guide();
    let id = guide.compile(Format::Json(schema.to_string())).unwrap();
    assert_eq!(guide.compile(Format::Json(schema.to_string())), Ok(id), "compiled once");
    let mut complete = 0;
    for seed in 0..40 {
        let (text, whole) = written(&mut guide, id, seed, 2000);
        if !whole {
            continue;
        }
        complete += 1;
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let size = value["size"].as_f64().unwrap();
        assert!((-3.0..=12.0).contains(&size) && size.fract() == 0.0, "{text}");
        let code = value["code"].as_str().unwrap();
        assert!(
            code.len() <= 6 && code.as_bytes()[2] == b'-' && code[..2].chars().all(|c| c.is_ascii_uppercase()),
            "{text}"
        );
        assert!([json!("a"), json!("b\"c"), json!(7), Value::Null].contains(&value["kind"]), "{text}");
    }
    assert!(complete > 20, "{complete} of 40 came to an end");
}

#[test]
fn a_text_ends_where_the_expression_does() {
    let mut guide = guide();
    let id = guide.compile(Format::Regex("(yes|no), (really|not)!?".into())).unwrap();
    for seed in 0..20 {
        let (text, whole) = written(&mut guide, id, seed, 100);
        assert!(whole, "{text}");
        assert!(["yes", "no"].contains(&text.split(", ").next().unwrap()), "{text}");
    }
    // The same text may begin again after one that was left in the middle.
    let first = guide.begin(id).unwrap();
    guide.advance(id, u32::from(b'n')).unwrap();
    assert_eq!(guide.begin(id).unwrap(), first);
    // And after a token that was not allowed.
    assert!(guide.advance(id, u32::from(b'z')).is_err());
    assert_eq!(guide.begin(id).unwrap(), first);
}

#[test]
fn what_is_wrong_with_a_schema_is_said_with_its_place() {
    let at = |schema: Value| refused(schema).0;
    assert_eq!(at(json!({ "properties": { "a/b": { "type": "text" } } })), "/properties/a~1b/type");
    assert_eq!(at(json!({ "items": { "not": {} } })), "/items/not");
    assert_eq!(at(json!({ "anyOf": [true, { "pattern": "(?=x)" }] })), "/anyOf/1/pattern");
    assert_eq!(at(json!({ "type": "array", "uniqueItems": true })), "/uniqueItems");
    assert_eq!(at(json!({ "$ref": "#/$defs/x" })), "/$ref");
    assert_eq!(at(json!({ "$ref": "https://example.com/schema" })), "/$ref");
    assert_eq!(at(json!({ "$ref": "#/$defs/x", "$defs": { "x": { "$ref": "#/$defs/x" } } })), "/$ref");
    assert_eq!(at(json!({ "minLength": -1 })), "/minLength");
    assert_eq!(at(json!({ "format": "color" })), "/format");
    assert_eq!(at(json!({ "minProperties": 2 })), "/minProperties");
    assert_eq!(at(json!(3)), "");
    // The parser alone knows that nothing fits.
    let low = json!({ "type": "object", "properties": { "a": { "type": "integer", "minimum": 3, "maximum": 2 } }, "required": ["a"] });
    let (place, _, found) = refused(low);
    assert_eq!(place, "/properties/a", "{found}");
    let (place, expected, found) = refused(json!({ "dependentRequired": {} }));
    assert_eq!((place.as_str(), found.as_str()), ("/dependentRequired", "\"dependentRequired\""));
    assert!(expected.contains("anyOf"), "{expected}");
    let open = json!({ "oneOf": [{ "type": "number" }, { "type": "integer" }] });
    assert_eq!(refused(open).0, "");
}

#[test]
fn references_lead_where_they_say() {
    let schema = json!({
        "$defs": { "a/b c": { "const": 1 }, "list": { "type": "array", "items": { "$ref": "#/$defs/a~1b%20c" }, "maxItems": 2 } },
        "$ref": "#/$defs/list"
    });
    let mut guide = guide();
    let id = guide.compile(Format::Json(schema.to_string())).unwrap();
    for seed in 0..10 {
        let (text, whole) = written(&mut guide, id, seed, 200);
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text} {whole}"));
        assert!(value.as_array().unwrap().iter().all(|one| one.as_f64() == Some(1.0)), "{text}");
    }
}

#[test]
fn a_limit_that_is_excluded_is_never_written() {
    let mut guide = guide();
    for (schema, low, high) in [
        (json!({ "type": "number", "exclusiveMinimum": 92, "exclusiveMaximum": 92.25 }), 92.0, 92.25),
        (json!({ "type": ["number", "null"], "minimum": -119.25, "exclusiveMaximum": -119 }), -119.26, -119.0),
        (json!({ "type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 6 }), 3.0, 6.0),
        (json!({ "type": "number", "minimum": 5, "exclusiveMinimum": 0, "maximum": 6 }), 4.99, 6.01),
    ] {
        let id = guide.compile(Format::Json(schema.to_string())).unwrap();
        for seed in 0..40 {
            let (text, whole) = written(&mut guide, id, seed, 30);
            let Some(value) = text.parse::<f64>().ok().filter(|_| whole) else { continue };
            assert!(low < value && value < high, "{schema}: {text}");
        }
    }
}
