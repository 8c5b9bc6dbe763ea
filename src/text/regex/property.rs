//! The classes that `\p{..}` names.

use super::class::Class;
use crate::text::unicode;

/// The long names of the general categories.
const LONG_NAMES: [(&str, &str); 38] = [
    ("letter", "L"),
    ("casedletter", "LC"),
    ("uppercaseletter", "Lu"),
    ("lowercaseletter", "Ll"),
    ("titlecaseletter", "Lt"),
    ("modifierletter", "Lm"),
    ("otherletter", "Lo"),
    ("mark", "M"),
    ("nonspacingmark", "Mn"),
    ("spacingmark", "Mc"),
    ("enclosingmark", "Me"),
    ("number", "N"),
    ("decimalnumber", "Nd"),
    ("letternumber", "Nl"),
    ("othernumber", "No"),
    ("punctuation", "P"),
    ("connectorpunctuation", "Pc"),
    ("dashpunctuation", "Pd"),
    ("openpunctuation", "Ps"),
    ("closepunctuation", "Pe"),
    ("initialpunctuation", "Pi"),
    ("finalpunctuation", "Pf"),
    ("otherpunctuation", "Po"),
    ("symbol", "S"),
    ("mathsymbol", "Sm"),
    ("currencysymbol", "Sc"),
    ("modifiersymbol", "Sk"),
    ("othersymbol", "So"),
    ("separator", "Z"),
    ("spaceseparator", "Zs"),
    ("lineseparator", "Zl"),
    ("paragraphseparator", "Zp"),
    ("other", "C"),
    ("control", "Cc"),
    ("format", "Cf"),
    ("privateuse", "Co"),
    ("surrogate", "Cs"),
    ("unassigned", "Cn"),
];

/// The class of a property; `None` where nothing here knows it.
pub fn property(name: &str) -> Option<Class> {
    let plain = |name: &str| {
        let letters = name.chars().filter(|c| !matches!(c, ' ' | '_' | '-'));
        letters.map(|c| c.to_ascii_lowercase()).collect::<String>()
    };
    let (key, value) = match name.split_once('=') {
        Some((key, value)) => (plain(key), plain(value)),
        None => (String::new(), plain(name)),
    };
    if matches!(key.as_str(), "" | "gc" | "generalcategory")
        && let Some(class) = category(&value)
    {
        return Some(class);
    }
    match (key.as_str(), value.as_str()) {
        ("", "any") => Some(Class::default().negate()),
        ("", "ascii") => Some(Class::new(vec![(0, 0x7f)])),
        ("", "assigned") => category("cn").map(|class| class.negate()),
        ("", "whitespace" | "space" | "wspace") => Some(Class::new(unicode::WHITE_SPACE.to_vec())),
        // Chinese characters, the one script that common expressions name.
        ("" | "script" | "sc", "han" | "hani") => Some(Class::new(unicode::HAN.to_vec())),
        _ => elsewhere(name),
    }
}

fn category(name: &str) -> Option<Class> {
    let long = LONG_NAMES.iter().find(|(long, _)| *long == name).map(|(_, short)| *short);
    let short = long.unwrap_or(name);
    let cased = short.eq_ignore_ascii_case("lc") || short == "l&";
    let known = |c: &str| {
        if cased {
            matches!(c, "Lu" | "Ll" | "Lt")
        } else {
            c.get(..short.len()).is_some_and(|c| c.eq_ignore_ascii_case(short))
        }
    };
    let any = !short.is_empty() && unicode::CATEGORIES.iter().any(|c| known(c));
    any.then(|| unicode::class(|c| known(c.category())))
}

/// Gives the ranges of code points that have a property, `None` where there is no such property.
#[cfg(target_arch = "wasm32")]
pub type AskForProperty = fn(name: &str) -> Option<Vec<(u32, u32)>>;

#[cfg(target_arch = "wasm32")]
static ASK: std::sync::OnceLock<AskForProperty> = std::sync::OnceLock::new();

/// Says who knows the properties that no table of this crate has. The first one is asked.
#[cfg(target_arch = "wasm32")]
pub fn ask_for_properties(ask: AskForProperty) {
    ASK.get_or_init(|| ask);
}

#[cfg(target_arch = "wasm32")]
fn elsewhere(name: &str) -> Option<Class> {
    ASK.get()?(name).map(Class::new)
}

#[cfg(not(target_arch = "wasm32"))]
fn elsewhere(name: &str) -> Option<Class> {
    use regex_syntax::hir::{Class as Found, HirKind};

    if name.contains('}') {
        return None;
    }
    match regex_syntax::parse(&format!("\\p{{{name}}}")).ok()?.into_kind() {
        HirKind::Class(Found::Unicode(class)) => {
            Some(Class::new(class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()))
        }
        // A set of one.
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).ok().map(Class::chars),
        _ => None,
    }
}
