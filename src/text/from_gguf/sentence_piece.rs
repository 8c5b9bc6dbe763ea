//! What SentencePiece does to a text before it is cut, be it by Unigram or by BPE.

use super::super::normalizer::Normalizer;
use super::super::precompiled::Precompiled;
use super::keys::Keys;
use crate::error::Result;
use crate::format::Value;

/// The normalisation, and whether it puts a space before texts.
pub fn normalizer(keys: &Keys<'_>) -> Result<(Normalizer, bool)> {
    let rules = keys.typed("precompiled_charsmap", "an array of bytes", Value::as_ints)?;
    let rules = rules.filter(|bytes| !bytes.is_empty()).map(|bytes| {
        // Some writers have bytes with a sign.
        let bytes: Vec<u8> = bytes.iter().map(|byte| *byte as u8).collect();
        let expected = "SentencePiece's rules, each of at most 100 bytes";
        Precompiled::of(&bytes).ok_or_else(|| keys.invalid("precompiled_charsmap", expected, "something else"))
    });
    let prefix = keys.flag("add_space_prefix", true)?;
    let strip = keys.flag("remove_extra_whitespaces", false)?;
    Ok((Normalizer::SentencePiece { rules: rules.transpose()?, prefix, strip }, prefix))
}
