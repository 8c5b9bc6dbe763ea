//! Unicode's normal forms (UAX 15), as tokenizers have them: by the tables of Unicode 9.
//!
//! Natively a crate has these tables. In a page they would be a twentieth of the download, and the browser has its own, which are
//! newer. Where both know a character, they say the same of it: Unicode never changes that. Every other character stays as it is
//! and keeps its neighbours apart, as it does for the older tables, to which it is a letter like any other.

#[cfg(target_arch = "wasm32")]
use std::sync::OnceLock;

#[cfg(not(target_arch = "wasm32"))]
use unicode_normalization_alignments::UnicodeNormalization;

#[cfg(target_arch = "wasm32")]
use super::unicode;

/// Unicode's normal forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

/// A text in one of the forms.
///
/// # Errors
/// A sentence, in wasm where nobody knows the forms.
pub fn normal_form(text: &str, form: Form) -> Result<String, String> {
    if text.is_ascii() { Ok(text.to_string()) } else { known(text, form) }
}

#[cfg(not(target_arch = "wasm32"))]
fn known(text: &str, form: Form) -> Result<String, String> {
    Ok(match form {
        Form::Nfc => text.nfc().map(|(c, _)| c).collect(),
        Form::Nfd => text.nfd().map(|(c, _)| c).collect(),
        Form::Nfkc => text.nfkc().map(|(c, _)| c).collect(),
        Form::Nfkd => text.nfkd().map(|(c, _)| c).collect(),
    })
}

/// Gives a text in the form of the name, such as `NFC`; `None` where it cannot.
#[cfg(target_arch = "wasm32")]
pub type AskForNormalForm = fn(text: &str, form: &str) -> Option<String>;

/// Says who knows the normal forms. The first one is asked.
#[cfg(target_arch = "wasm32")]
pub fn ask_for_normal_forms(ask: AskForNormalForm) {
    ASK.get_or_init(|| ask);
}

#[cfg(target_arch = "wasm32")]
static ASK: OnceLock<AskForNormalForm> = OnceLock::new();

#[cfg(target_arch = "wasm32")]
fn known(text: &str, form: Form) -> Result<String, String> {
    let name = match form {
        Form::Nfc => "NFC",
        Form::Nfd => "NFD",
        Form::Nfkc => "NFKC",
        Form::Nfkd => "NFKD",
    };
    let ask = ASK.get().ok_or("nobody knows Unicode's normal forms here")?;
    let mut out = String::with_capacity(text.len());
    // A run of characters that Unicode 9 has, and the one behind it that it has not.
    for run in text.split_inclusive(|c| unicode::kind(c).is_newer()) {
        let newer = run.chars().next_back().filter(|c| unicode::kind(*c).is_newer());
        let old = &run[..run.len() - newer.map_or(0, char::len_utf8)];
        out.push_str(&ask(old, name).ok_or_else(|| format!("the text has no form {name} here"))?);
        out.extend(newer);
    }
    Ok(out)
}
