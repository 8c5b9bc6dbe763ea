//! Normalisers and pre-tokenisers as a `tokenizer.json` describes them.

use serde_json::Value;

use super::value::{invalid, kind_of, members, unsupported};
use crate::error::Result;
use crate::text::normal_form::Form;
use crate::text::normalizer::Normalizer;
use crate::text::pattern::Pattern;
use crate::text::pre_tokenizer::{Behavior, GPT2, PreTokenizer, PrependScheme};
use crate::text::precompiled::Precompiled;
use crate::text::regex::RegexError;

/// Real files have a handful.
const MAX_PARTS: usize = 64;
/// Bytes that a match is replaced by: a text grows by them before its length is looked at.
const MAX_CONTENT: usize = 64;
/// Of all expressions together, see `Pattern::size`: a few megabytes. The largest real ones have a sixth of it.
const MAX_SIZE: usize = 100_000;

/// The normalisers, and whether they put a space before texts.
pub fn read_normalizers(normalizer: &Value) -> Result<(Vec<Normalizer>, bool)> {
    let mut adds_space = false;
    let mut read = |part: &Value| {
        let flag = |key: &str| read_flag(part, "normalizer", key);
        Ok(match kind_of(part) {
            "NFC" => Normalizer::Unicode(Form::Nfc),
            "NFD" => Normalizer::Unicode(Form::Nfd),
            "NFKC" => Normalizer::Unicode(Form::Nfkc),
            "NFKD" => Normalizer::Unicode(Form::Nfkd),
            "Nmt" => Normalizer::Nmt,
            "Lowercase" => Normalizer::Lowercase,
            "Strip" => Normalizer::Strip { left: flag("strip_left")?, right: flag("strip_right")? },
            "StripAccents" => Normalizer::StripAccents,
            "BertNormalizer" => {
                let lowercase = flag("lowercase")?;
                Normalizer::Bert {
                    clean_text: flag("clean_text")?,
                    spaces_around_chinese: flag("handle_chinese_chars")?,
                    strip_accents: if part["strip_accents"].is_null() { lowercase } else { flag("strip_accents")? },
                    lowercase,
                }
            }
            "Precompiled" => {
                let rules = part["precompiled_charsmap"].as_str().and_then(Precompiled::read);
                let what = "normalizer.Precompiled.precompiled_charsmap";
                Normalizer::Precompiled(
                    rules
                        .ok_or_else(|| invalid(what, "rules in base64, each of at most 100 bytes", "something else"))?,
                )
            }
            "Prepend" if part["prepend"] == "▁" => {
                adds_space = true;
                Normalizer::Prepend("▁".into())
            }
            "Replace" => {
                let what = "normalizer.Replace.pattern";
                let pattern = read_pattern(&part["pattern"], what)?;
                if matches!(&pattern, Pattern::Regex(regex) if regex.may_match_nothing()) {
                    return Err(invalid(what, "an expression that matches at least one character", &part["pattern"]));
                }
                let content = &part["content"];
                let text = content.as_str().filter(|text| text.len() <= MAX_CONTENT);
                let expected = || format!("a text of at most {MAX_CONTENT} bytes");
                let content = text.ok_or_else(|| invalid("normalizer.Replace.content", &expected(), content))?.into();
                Normalizer::Replace { pattern, content }
            }
            other => {
                let supported = "none, NFC, NFD, NFKC, NFKD, Nmt, Lowercase, Strip, StripAccents, BertNormalizer, \
                                 Replace, Precompiled, Prepend \"▁\"";
                return Err(unsupported("normalizer", other, supported));
            }
        })
    };
    let mut left = MAX_SIZE;
    let parts = limited(members(normalizer, "normalizers"), "normalizer")?;
    let parts = parts.into_iter().map(|part| {
        let part = read(part)?;
        let Normalizer::Replace { pattern, .. } = &part else { return Ok(part) };
        spend(&mut left, pattern, "normalizer")?;
        Ok(part)
    });
    let parts = parts.collect::<Result<_>>()?;
    Ok((parts, adds_space))
}

/// The pre-tokenisers, and whether they put a space before texts that has to be taken away when decoding.
pub fn read_pre_tokenizers(pre_tokenizer: &Value) -> Result<(Vec<PreTokenizer>, bool)> {
    let mut adds_space = false;
    let mut read = |part: &Value| {
        let flag = |key: &str| read_flag(part, "pre_tokenizer", key);
        Ok(match kind_of(part) {
            "ByteLevel" => {
                flag("trim_offsets")?;
                let cuts = part["use_regex"].is_null() || flag("use_regex")?;
                let pattern = || Pattern::regex(GPT2).map_err(|e| pattern_error(e, "pre_tokenizer.ByteLevel", GPT2));
                let cuts = cuts.then(pattern).transpose()?;
                PreTokenizer::ByteLevel { add_prefix_space: flag("add_prefix_space")?, cuts }
            }
            "Digits" => PreTokenizer::Digits { individual: flag("individual_digits")? },
            "Punctuation" if part["behavior"].is_null() => PreTokenizer::Punctuation(Behavior::Isolated),
            "Punctuation" => PreTokenizer::Punctuation(read_behavior(&part["behavior"])?),
            "Whitespace" => PreTokenizer::Whitespace,
            "WhitespaceSplit" => PreTokenizer::WhitespaceSplit,
            "BertPreTokenizer" => PreTokenizer::Bert,
            "UnicodeScripts" => PreTokenizer::UnicodeScripts,
            "Split" => PreTokenizer::Split {
                pattern: read_pattern(&part["pattern"], "pre_tokenizer.Split.pattern")?,
                behavior: read_behavior(&part["behavior"])?,
                invert: flag("invert")?,
            },
            "Metaspace" if part["replacement"] == "▁" => {
                let never = part["add_prefix_space"] == false;
                let scheme = match part["prepend_scheme"].as_str() {
                    Some("never") => PrependScheme::Never,
                    Some("first") if !never => PrependScheme::First,
                    Some("always") if !never => PrependScheme::Always,
                    None if part["prepend_scheme"].is_null() && !never => PrependScheme::Always,
                    _ => {
                        let expected = "always, first or never, in agreement with add_prefix_space";
                        return Err(invalid(
                            "pre_tokenizer.Metaspace.prepend_scheme",
                            expected,
                            &part["prepend_scheme"],
                        ));
                    }
                };
                adds_space |= scheme != PrependScheme::Never;
                PreTokenizer::Metaspace { scheme, split: part["split"].is_null() || flag("split")? }
            }
            other => {
                let supported = "ByteLevel, Split, Digits, Metaspace, Punctuation, Whitespace, WhitespaceSplit, \
                                 BertPreTokenizer, UnicodeScripts";
                return Err(unsupported("pre_tokenizer", other, supported));
            }
        })
    };
    let mut left = MAX_SIZE;
    let parts = limited(members(pre_tokenizer, "pretokenizers"), "pre_tokenizer")?;
    let parts = parts.into_iter().map(|part| {
        let part = read(part)?;
        match &part {
            PreTokenizer::Split { pattern, .. } | PreTokenizer::ByteLevel { cuts: Some(pattern), .. } => {
                spend(&mut left, pattern, "pre_tokenizer")?;
            }
            _ => {}
        }
        Ok(part)
    });
    let parts = parts.collect::<Result<_>>()?;
    Ok((parts, adds_space))
}

fn limited<'a>(parts: Vec<&'a Value>, what: &str) -> Result<Vec<&'a Value>> {
    if parts.len() > MAX_PARTS {
        return Err(invalid(what, &format!("at most {MAX_PARTS} parts"), parts.len()));
    }
    Ok(parts)
}

/// Takes what an expression needs from what all of them may.
fn spend(left: &mut usize, pattern: &Pattern, what: &str) -> Result<()> {
    let expected = "smaller expressions: repetitions of repetitions become large";
    let rest = left.checked_sub(pattern.size());
    *left = rest.ok_or_else(|| invalid(what, expected, format!("more than {MAX_SIZE} steps and ranges")))?;
    Ok(())
}

fn read_flag(part: &Value, what: &str, key: &str) -> Result<bool> {
    let found = &part[key];
    found.as_bool().ok_or_else(|| invalid(&format!("{what}.{}.{key}", kind_of(part)), "true or false", found))
}

fn read_behavior(value: &Value) -> Result<Behavior> {
    Ok(match value.as_str() {
        Some("Removed") => Behavior::Removed,
        Some("Isolated") => Behavior::Isolated,
        Some("MergedWithPrevious") => Behavior::MergedWithPrevious,
        Some("MergedWithNext") => Behavior::MergedWithNext,
        Some("Contiguous") => Behavior::Contiguous,
        _ => {
            let expected = "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous";
            return Err(invalid("pre_tokenizer.behavior", expected, value));
        }
    })
}

fn read_pattern(pattern: &Value, what: &str) -> Result<Pattern> {
    let expected = "an expression or a text of 1 to 2000 bytes";
    let check = |text: &str| match text.len() {
        1..=2000 => Ok(()),
        _ => Err(invalid(what, expected, pattern)),
    };
    match (pattern["Regex"].as_str(), pattern["String"].as_str()) {
        (Some(expression), None) => {
            check(expression)?;
            Pattern::regex(expression).map_err(|e| pattern_error(e, what, expression))
        }
        (None, Some(text)) => {
            check(text)?;
            Ok(Pattern::Text(text.into()))
        }
        _ => Err(invalid(what, expected, pattern)),
    }
}

fn pattern_error(error: RegexError, what: &str, expression: &str) -> crate::error::Error {
    match error {
        RegexError::Syntax(problem) => invalid(what, "a regular expression", format!("{problem}: {expression}")),
        RegexError::Unsupported(construct) => {
            let supported = "the constructs of Rust's `regex` crate, look-around and atomic groups";
            unsupported(what, format!("{construct} in {expression}"), supported)
        }
    }
}
