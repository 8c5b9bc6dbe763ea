//! JavaScript option objects to Rust options. An unknown name is an error: a misspelt option would do nothing.

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::error::{Error, Result};
use crate::run::{GenerateOptions, SamplingOptions};
use crate::task::{AnswerOptions, ClassifyOptions, EntityOptions, KeywordOptions, Labels, SummarizeOptions};

const SAMPLING: &str = "temperature, topK, topP, minP, repetitionPenalty, noRepeatNgram, seed";

/// Options of `Engine.generate`.
pub fn generate(options: &JsValue) -> Result<GenerateOptions> {
    let mut out = GenerateOptions { sampling: unseeded(), ..GenerateOptions::default() };
    each(
        options,
        |name, value| {
            match name {
                "maxNewTokens" => out.max_new_tokens = Some(whole(name, value, f64::from(u32::MAX))? as usize),
                "stop" => out.stop = texts(name, value)?,
                "groundedIn" => out.grounded_in = Some(text(name, value)?),
                "speculate" => out.speculate = Some(truth(name, value)?),
                "fresh" => out.fresh = truth(name, value)?,
                _ => return sampling(&mut out.sampling, name, value),
            }
            Ok(true)
        },
        &format!("maxNewTokens, stop, groundedIn, speculate, fresh, {SAMPLING}"),
    )?;
    Ok(out)
}

/// Options of `Engine.summarize`.
pub fn summarize(options: &JsValue) -> Result<SummarizeOptions> {
    let mut out = SummarizeOptions::default();
    let take = |name: &str, value: &JsValue| {
        match name {
            "type" => out.kind = text(name, value)?.parse()?,
            "length" => out.length = text(name, value)?.parse()?,
            "grounded" => out.grounded = truth(name, value)?,
            "speculate" => out.speculate = Some(truth(name, value)?),
            "fresh" => out.fresh = truth(name, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    };
    each(options, take, "type, length, grounded, speculate, fresh")?;
    Ok(out)
}

/// Options of `Engine.classify`.
pub fn classify(options: &JsValue) -> Result<ClassifyOptions> {
    let mut out = ClassifyOptions::default();
    let take = |name: &str, value: &JsValue| {
        match name {
            "labels" => {
                out.labels = match value.as_string() {
                    Some(set) => Labels::Set(set),
                    None if value.is_object() => Labels::Own(texts(name, value)?),
                    None => return Err(invalid(name, "an array of strings, or the name of a set", value)),
                };
            }
            _ => return Ok(false),
        }
        Ok(true)
    };
    each(options, take, "labels")?;
    Ok(out)
}

/// Options of `Engine.extractEntities`.
pub fn entities(options: &JsValue) -> Result<EntityOptions> {
    let mut out = EntityOptions::default();
    let take = |name: &str, value: &JsValue| {
        match name {
            "types" => out.types = texts(name, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    };
    each(options, take, "types")?;
    Ok(out)
}

/// Options of `Engine.extractKeywords`.
pub fn keywords(options: &JsValue) -> Result<KeywordOptions> {
    let mut out = KeywordOptions::default();
    let take = |name: &str, value: &JsValue| {
        match name {
            "limit" => out.limit = whole(name, value, f64::from(u32::MAX))? as usize,
            _ => return Ok(false),
        }
        Ok(true)
    };
    each(options, take, "limit")?;
    Ok(out)
}

/// The question and the options of `Engine.answer`.
pub fn answer(options: &JsValue) -> Result<(String, AnswerOptions)> {
    let (mut question, mut out) = (String::new(), AnswerOptions::default());
    let take = |name: &str, value: &JsValue| {
        match name {
            "question" => question = text(name, value)?,
            "minScore" => out.min_score = number(name, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    };
    each(options, take, "minScore")?;
    Ok((question, out))
}

/// Where the caller gives no seed, each call draws its own.
fn unseeded() -> SamplingOptions {
    let seed = js_sys::Math::random() * (1u64 << 53) as f64;
    SamplingOptions { seed: Some(seed as u64), ..SamplingOptions::default() }
}

/// Calls `take` with each option that is not undefined; it says whether it knows the name.
fn each(options: &JsValue, mut take: impl FnMut(&str, &JsValue) -> Result<bool>, known: &str) -> Result<()> {
    if options.is_undefined() || options.is_null() {
        return Ok(());
    }
    let object: &Object = options.dyn_ref().ok_or_else(|| invalid("options", "an object", options))?;
    for key in Object::keys(object).iter() {
        let name = key.as_string().unwrap_or_default();
        let value = Reflect::get(object, &key).map_err(|_| invalid(&name, "a readable value", &key))?;
        if !value.is_undefined() && !take(&name, &value)? {
            return Err(Error::InvalidOption {
                name,
                expected: format!("one of {known}"),
                found: "an unknown option".into(),
            });
        }
    }
    Ok(())
}

fn sampling(out: &mut SamplingOptions, name: &str, value: &JsValue) -> Result<bool> {
    match name {
        "temperature" => out.temperature = Some(number(name, value)?),
        "topK" => out.top_k = Some(whole(name, value, f64::from(u32::MAX))? as usize),
        "topP" => out.top_p = Some(number(name, value)?),
        "minP" => out.min_p = Some(number(name, value)?),
        "repetitionPenalty" => out.repetition_penalty = Some(number(name, value)?),
        "noRepeatNgram" => out.no_repeat_ngram = Some(whole(name, value, f64::from(u32::MAX))? as usize),
        "seed" => out.seed = Some(whole(name, value, (1u64 << 53) as f64)? as u64),
        _ => return Ok(false),
    }
    Ok(true)
}

fn number(name: &str, value: &JsValue) -> Result<f32> {
    value.as_f64().map(|x| x as f32).ok_or_else(|| invalid(name, "a number", value))
}

fn whole(name: &str, value: &JsValue, most: f64) -> Result<f64> {
    let number = value.as_f64().filter(|x| x.fract() == 0.0 && (0.0..=most).contains(x));
    number.ok_or_else(|| invalid(name, "a whole number of at least 0", value))
}

fn truth(name: &str, value: &JsValue) -> Result<bool> {
    value.as_bool().ok_or_else(|| invalid(name, "true or false", value))
}

fn text(name: &str, value: &JsValue) -> Result<String> {
    value.as_string().ok_or_else(|| invalid(name, "a string", value))
}

/// A string or an array of strings.
fn texts(name: &str, value: &JsValue) -> Result<Vec<String>> {
    match value.dyn_ref::<Array>() {
        None => Ok(vec![text(name, value)?]),
        Some(list) => list.iter().map(|item| text(name, &item)).collect(),
    }
}

fn invalid(name: &str, expected: &str, found: &JsValue) -> Error {
    let found = found.as_f64().map(|x| x.to_string()).or_else(|| found.as_string().map(|s| format!("{s:?}")));
    Error::InvalidOption {
        name: name.into(),
        expected: expected.into(),
        found: found.unwrap_or_else(|| "another type".into()),
    }
}
