//! JSON schemas: checked keyword by keyword, and brought into the form that the parser takes.
//!
//! What is written need not be everything that a schema allows, only nothing else. So numbers without limits get some, and
//! formats become patterns. Annotations, which allow nothing and forbid nothing, are left out.

use serde_json::{Map, Value, json};

use crate::refs::Refs;
use crate::{Refused, Result, formats, pattern};

/// How deep schemas may be nested.
const DEEPEST: usize = 64;

/// The largest whole number that JavaScript has exactly. Numbers without a limit end there: some of more digits are no numbers
/// to a validator, and a nano model writes digits without end.
const LARGEST: f64 = 9_007_199_254_740_991.0;

const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];

/// The keywords that are held to, for errors.
pub const SUPPORTED: &str = "type, enum, const, $ref, anyOf, oneOf (of schemas that exclude each other), allOf, properties, \
    required, additionalProperties, patternProperties, minProperties, maxProperties, items, prefixItems, additionalItems, minItems, \
    maxItems, minLength, maxLength, pattern, format, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf";

/// What says something about a schema, but not about its values.
const ANNOTATIONS: [&str; 16] = [
    "$schema",
    "$id",
    "id",
    "$comment",
    "$anchor",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "contentMediaType",
    "contentEncoding",
];

/// A schema that was checked, with every reference in `$defs`.
///
/// # Errors
/// The first thing that is no schema, or is not supported.
pub fn prepared(root: &Value) -> Result<Value> {
    prepared_at(root, "")
}

/// The same for the schema at a JSON pointer, which may refer to others of the whole.
///
/// # Errors
/// As [`prepared`].
pub fn prepared_at(root: &Value, place: &str) -> Result<Value> {
    let mut check = Check { root, refs: Refs::default() };
    let schema = root.pointer(place).unwrap_or(root);
    let mut out = match check.schema(schema, place, 0)? {
        Value::Object(out) => out,
        Value::Bool(true) => Map::new(),
        _ => return Err(Refused::new(place, "a schema that something fits", "false")),
    };
    let mut definitions = Map::new();
    let mut number = 0;
    while let Some(target) = check.refs.target(number).map(String::from) {
        let schema = root.pointer(&target).unwrap_or(root);
        definitions.insert(number.to_string(), check.schema(schema, &target, 0)?);
        number += 1;
    }
    if number > 0 {
        out.insert("$defs".into(), definitions.into());
    }
    Ok(out.into())
}

/// The places of all schemas in a schema, those within others first.
pub fn places(schema: &Value, place: &str, out: &mut Vec<String>) {
    let Some(object) = schema.as_object() else { return };
    for (key, value) in object {
        let at = format!("{place}/{}", escaped(key));
        match (key.as_str(), value) {
            ("properties" | "patternProperties" | "$defs" | "definitions", Value::Object(named)) => {
                named.iter().for_each(|(name, each)| places(each, &format!("{at}/{}", escaped(name)), out));
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems" | "items", Value::Array(list)) => {
                list.iter().enumerate().for_each(|(i, each)| places(each, &format!("{at}/{i}"), out));
            }
            ("items" | "additionalItems" | "additionalProperties", each) => places(each, &at, out),
            _ => {}
        }
    }
    out.push(place.to_string());
}

/// A name as a part of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

struct Check<'a> {
    root: &'a Value,
    refs: Refs,
}

impl Check<'_> {
    fn schema(&mut self, schema: &Value, place: &str, depth: usize) -> Result<Value> {
        let object = match schema {
            Value::Bool(_) => return Ok(schema.clone()),
            Value::Object(object) => object,
            other => return Err(Refused::new(place, "a schema: an object, true or false", other.to_string())),
        };
        if depth > DEEPEST {
            return Err(Refused::new(place, format!("schemas nested at most {DEEPEST} deep"), "deeper ones"));
        }
        let mut out = Map::new();
        for (key, value) in object {
            let at = format!("{place}/{}", escaped(key));
            let mut keep = |value: Value| out.insert(key.clone(), value);
            match key.as_str() {
                name if ANNOTATIONS.contains(&name) || name.starts_with("x-") => {}
                // Of no effect beside `items` that is no list; else read with it.
                "additionalItems" | "uniqueItems" | "format" => {}
                "items" => self.items(object, value, &at, depth, &mut out)?,
                "$ref" => {
                    keep(self.refs.name(self.root, value, &at)?.into());
                }
                "type" => {
                    check_type(value, &at)?;
                    keep(value.clone());
                }
                "const" => {
                    keep(value.clone());
                }
                "enum" => {
                    let some = value.as_array().is_some_and(|values| !values.is_empty());
                    keep(
                        some.then(|| value.clone())
                            .ok_or_else(|| wrong(&at, "an array of one value or more", value))?,
                    );
                }
                "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                    keep(self.list(value, &at, depth)?);
                }
                "properties" | "patternProperties" => {
                    keep(self.named(value, &at, depth, key == "patternProperties")?);
                }
                "additionalProperties" => {
                    keep(self.schema(value, &at, depth + 1)?);
                }
                "required" => {
                    let texts = value.as_array().is_some_and(|names| names.iter().all(Value::is_string));
                    keep(texts.then(|| value.clone()).ok_or_else(|| wrong(&at, "an array of strings", value))?);
                }
                "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => {
                    keep(count(value, &at)?);
                }
                "pattern" => {
                    keep(translated(value, &at)?.into());
                }
                "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
                    let number = value.as_f64().filter(|number| number.is_finite());
                    keep(number.map(|_| value.clone()).ok_or_else(|| wrong(&at, "a number", value))?);
                }
                "multipleOf" => {
                    let positive = value.as_f64().is_some_and(|number| number > 0.0);
                    keep(positive.then(|| value.clone()).ok_or_else(|| wrong(&at, "a number above 0", value))?);
                }
                _ => return Err(Refused::new(&at, format!("one of the keywords {SUPPORTED}"), format!("{key:?}"))),
            }
        }
        check_unique(object, place)?;
        check_least_properties(object, place)?;
        format(object, place, &mut out)?;
        close(&mut out);
        limit(&mut out);
        Ok(out.into())
    }

    fn list(&mut self, value: &Value, at: &str, depth: usize) -> Result<Value> {
        let list = value.as_array().filter(|list| !list.is_empty());
        let list = list.ok_or_else(|| wrong(at, "an array of one schema or more", value))?;
        let each = list.iter().enumerate().map(|(i, each)| self.schema(each, &format!("{at}/{i}"), depth + 1));
        each.collect::<Result<Vec<_>>>().map(Value::from)
    }

    fn named(&mut self, value: &Value, at: &str, depth: usize, patterns: bool) -> Result<Value> {
        let object = value.as_object().ok_or_else(|| wrong(at, "an object of schemas", value))?;
        let mut out = Map::new();
        for (name, each) in object {
            let at = format!("{at}/{}", escaped(name));
            let key = if patterns { translated(&name.as_str().into(), &at)? } else { name.clone() };
            out.insert(key, self.schema(each, &at, depth + 1)?);
        }
        Ok(out.into())
    }

    /// `items` as a schema, or as the list that older drafts have in place of `prefixItems`.
    fn items(
        &mut self,
        object: &Map<String, Value>,
        value: &Value,
        at: &str,
        depth: usize,
        out: &mut Map<String, Value>,
    ) -> Result<()> {
        if !value.is_array() {
            out.insert("items".into(), self.schema(value, at, depth + 1)?);
            return Ok(());
        }
        if object.contains_key("prefixItems") {
            return Err(wrong(at, "a schema beside prefixItems", value));
        }
        out.insert("prefixItems".into(), self.list(value, at, depth)?);
        if let Some(rest) = object.get("additionalItems") {
            let at = format!("{}/additionalItems", at.trim_end_matches("/items"));
            out.insert("items".into(), self.schema(rest, &at, depth + 1)?);
        }
        Ok(())
    }
}

fn wrong(at: &str, expected: &str, found: &Value) -> Refused {
    Refused::new(at, expected, found.to_string())
}

fn check_type(value: &Value, at: &str) -> Result<()> {
    let known = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    let fits = match value {
        Value::Array(list) => !list.is_empty() && list.iter().all(known),
        one => known(one),
    };
    if fits { Ok(()) } else { Err(wrong(at, &format!("one or more of {}", TYPES.join(", ")), value)) }
}

/// A number of things; 2.0 is one, too.
fn count(value: &Value, at: &str) -> Result<Value> {
    let whole = value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=u32::MAX as f64).contains(number));
    whole.map(|number| json!(number as u64)).ok_or_else(|| wrong(at, "a whole number of at least 0", value))
}

fn translated(value: &Value, at: &str) -> Result<String> {
    let text = value.as_str().ok_or_else(|| wrong(at, "a regular expression as a string", value))?;
    let expected = "a regular expression without look-around, references back and word boundaries";
    pattern::translated(text).map_err(|found| Refused::new(at, expected, found))
}

/// No mask knows what was written in an array before.
fn check_unique(object: &Map<String, Value>, place: &str) -> Result<()> {
    let at = format!("{place}/uniqueItems");
    let most = object.get("maxItems").and_then(Value::as_f64).unwrap_or(f64::INFINITY);
    match object.get("uniqueItems") {
        None | Some(Value::Bool(false)) => Ok(()),
        Some(Value::Bool(true)) if most <= 1.0 => Ok(()),
        Some(other) => Err(wrong(&at, "false: equal items cannot be kept out", other)),
    }
}

/// Nor which names of an object's further properties were.
fn check_least_properties(object: &Map<String, Value>, place: &str) -> Result<()> {
    let least = object.get("minProperties").and_then(Value::as_f64).unwrap_or(0.0);
    let required = object.get("required").and_then(Value::as_array).map_or(0, Vec::len);
    let closed =
        object.get("additionalProperties") == Some(&Value::Bool(false)) && !object.contains_key("patternProperties");
    if least <= required as f64 || closed {
        return Ok(());
    }
    let expected =
        "at most the number of required properties, or additionalProperties: false without patternProperties";
    Err(Refused::new(&format!("{place}/minProperties"), expected, least.to_string()))
}

fn has_type(object: &Map<String, Value>, name: &str) -> bool {
    match object.get("type") {
        Some(Value::Array(list)) => list.iter().any(|each| each == name),
        Some(one) => one == name,
        None => false,
    }
}

/// The format of strings, as a pattern. Of other types it says nothing.
fn format(object: &Map<String, Value>, place: &str, out: &mut Map<String, Value>) -> Result<()> {
    let Some(format) = object.get("format") else { return Ok(()) };
    if object.contains_key("type") && !has_type(object, "string") {
        return Ok(());
    }
    let expression = format.as_str().and_then(formats::expression);
    let expected = || format!("one of the formats {}", formats::NAMES.join(", "));
    let expression = expression.ok_or_else(|| wrong(&format!("{place}/format"), &expected(), format))?;
    if !out.contains_key("pattern") {
        out.insert("pattern".into(), expression.into());
        return Ok(());
    }
    let all = out.entry("allOf").or_insert_with(|| json!([]));
    if let Value::Array(all) = all {
        all.push(json!({ "pattern": expression }));
    }
    Ok(())
}

/// Makes limits that are excluded ones that are included, a little further in: the parser writes a whole number that is excluded
/// all the same (llguidance 1.9).
fn close(out: &mut Map<String, Value>) {
    if out.get("type") == Some(&json!("integer")) {
        return;
    }
    for (excluded, included, sign) in [("exclusiveMinimum", "minimum", 1.0), ("exclusiveMaximum", "maximum", -1.0)] {
        let Some(at) = out.get(excluded).and_then(Value::as_f64) else { continue };
        let inner = at + sign * (at.abs() * 1e-12).max(1e-9);
        let other = out.get(included).and_then(Value::as_f64).filter(|other| (other - inner) * sign > 0.0);
        out.remove(excluded);
        out.insert(included.into(), json!(other.unwrap_or(inner)));
    }
}

/// Gives numbers limits that JavaScript's numbers have, where that leaves any.
fn limit(out: &mut Map<String, Value>) {
    let numeric = has_type(out, "number") || has_type(out, "integer");
    if !numeric || out.contains_key("enum") || out.contains_key("const") {
        return;
    }
    let bound = |names: [&str; 2]| {
        let found = names.iter().filter_map(|name| out.get(*name).and_then(Value::as_f64));
        found.collect::<Vec<_>>()
    };
    let (low, high) = (bound(["minimum", "exclusiveMinimum"]), bound(["maximum", "exclusiveMaximum"]));
    let mut put = |names: [&str; 2], value: f64| {
        out.remove(names[1]);
        out.insert(names[0].into(), json!(value as i64));
    };
    if high.iter().all(|high| *high > LARGEST) && low.iter().all(|low| *low < LARGEST) {
        put(["maximum", "exclusiveMaximum"], LARGEST);
    }
    if low.iter().all(|low| *low < -LARGEST) && high.iter().all(|high| *high > -LARGEST) {
        put(["minimum", "exclusiveMinimum"], -LARGEST);
    }
}
