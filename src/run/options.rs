//! Options as they come from outside: a JSON object, whose names and values are checked one by one.
//!
//! The structs derive `serde::Deserialize`; what this adds to serde is errors that name the option, what it may be, and
//! what was found.

use std::fmt;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Options out of a JSON object. A text where a list of texts is wanted is a list of one.
///
/// # Errors
/// `InvalidOption` for a name that is not among the options, and a value that one cannot have.
pub fn options<T: DeserializeOwned>(json: Map<String, Value>) -> Result<T> {
    T::deserialize(Options(json)).map_err(|refused| refused.0)
}

/// [`Error::InvalidOption`], perhaps without its name yet.
#[derive(Debug)]
struct Refused(Error);

fn refused(expected: impl ToString, found: impl ToString) -> Refused {
    Refused(Error::InvalidOption { name: String::new(), expected: expected.to_string(), found: found.to_string() })
}

impl Refused {
    fn named(self, option: &str) -> Self {
        match self.0 {
            Error::InvalidOption { name, expected, found } if name.is_empty() => {
                Refused(Error::InvalidOption { name: option.to_string(), expected, found })
            }
            other => Refused(other),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(what: T) -> Self {
        refused(what, "something else")
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        refused(expected, "another type")
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        refused(expected, "another value")
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        let quoted: Vec<String> = known.iter().map(|name| format!("{name:?}")).collect();
        let expected = match quoted.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => quoted.concat(),
        };
        refused(expected, format!("{variant:?}"))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        refused(format!("one of {}", known.join(", ")), "an unknown option").named(field)
    }

    fn missing_field(field: &'static str) -> Self {
        refused("a value", "nothing").named(field)
    }
}

/// What was found, in words.
fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN).to_string(),
        Value::String(text) => format!("{text:?}"),
        _ => "another type".into(),
    }
}

struct Options(Map<String, Value>);

impl<'de> Deserializer<'de> for Options {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_map(Entries { entries: self.0.into_iter(), open: None })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Entries {
    entries: serde_json::map::IntoIter,
    /// The entry whose name was given last.
    open: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        self.open = self.entries.next();
        match &self.open {
            Some((name, _)) => seed.deserialize(name.as_str().into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        let (name, value) = self.open.take().unwrap_or_default();
        seed.deserialize(Field(value)).map_err(|refused| refused.named(&name))
    }
}

/// The value of an option, or one of a list.
struct Field(Value);

impl Field {
    fn whole(&self) -> Result<u64, Refused> {
        let number = self.0.as_f64().filter(|x| x.fract() == 0.0 && (0.0..=(1u64 << 53) as f64).contains(x));
        number.map(|x| x as u64).ok_or_else(|| refused("a whole number of at least 0", shown(&self.0)))
    }
}

impl<'de> Deserializer<'de> for Field {
    type Error = Refused;

    /// For what may be of several types.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            Value::Array(list) => visitor.visit_seq(Items(list.into_iter())),
            Value::Bool(truth) => visitor.visit_bool(truth),
            other => Err(refused(&visitor as &dyn Expected, shown(&other))),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_bool(self.0.as_bool().ok_or_else(|| refused("true or false", shown(&self.0)))?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_f64(self.0.as_f64().ok_or_else(|| refused("a number", shown(&self.0)))?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let found = self.whole()?;
        visitor.visit_u64(found).map_err(|_: Refused| refused("a smaller whole number", found))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            other => Err(refused("a string", shown(&other))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let list = match self.0 {
            Value::Array(list) => list,
            one => vec![one],
        };
        visitor.visit_seq(Items(list.into_iter()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        match &self.0 {
            Value::String(name) => visitor.visit_enum(name.as_str().into_deserializer()),
            other => Err(<Refused as de::Error>::unknown_variant(&shown(other), known)),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u128 f64 char str bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct
        map struct identifier ignored_any
    }
}

struct Items(std::vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for Items {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        self.0.next().map(|item| seed.deserialize(Field(item))).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::GenerateOptions;

    fn read(json: &str) -> Result<GenerateOptions, (String, String, String)> {
        options(serde_json::from_str(json).unwrap()).map_err(|error| match error {
            Error::InvalidOption { name, expected, found } => (name, expected, found),
            other => panic!("{other}"),
        })
    }

    #[test]
    fn options_have_their_names_from_javascript() {
        let found =
            read(r#"{"maxNewTokens": 7, "topK": 4, "minP": 0.5, "stop": "x", "fresh": true, "seed": 1e15}"#).unwrap();
        let expected = GenerateOptions {
            max_new_tokens: Some(7),
            top_k: Some(4),
            min_p: Some(0.5),
            stop: vec!["x".into()],
            fresh: true,
            seed: Some(1_000_000_000_000_000),
            ..GenerateOptions::default()
        };
        assert_eq!(found, expected);
        assert_eq!(read(r#"{"stop": ["a", "b"]}"#).unwrap().stop, ["a", "b"]);
        assert_eq!(read("{}").unwrap(), GenerateOptions::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (json, name, expected, found) in [
            (r#"{"topK": 1.5}"#, "topK", "a whole number of at least 0", "1.5"),
            (r#"{"maxNewTokens": -1}"#, "maxNewTokens", "a whole number of at least 0", "-1"),
            (r#"{"maxNewTokens": "many"}"#, "maxNewTokens", "a whole number of at least 0", "\"many\""),
            (r#"{"temperature": null}"#, "temperature", "a number", "another type"),
            (r#"{"stop": 7}"#, "stop", "a string", "7"),
            (r#"{"stop": ["a", 7]}"#, "stop", "a string", "7"),
            (r#"{"fresh": 1}"#, "fresh", "true or false", "1"),
            (r#"{"seed": 1e16}"#, "seed", "a whole number of at least 0", "10000000000000000"),
        ] {
            let wrong = (name.to_string(), expected.to_string(), found.to_string());
            assert_eq!(read(json), Err(wrong), "{json}");
        }
        let (name, expected, found) = read(r#"{"maxTokens": 4}"#).unwrap_err();
        assert_eq!((name.as_str(), found.as_str()), ("maxTokens", "an unknown option"));
        assert!(expected.starts_with("one of maxNewTokens, temperature, topK"), "{expected}");
    }
}
