//! References within a schema.

use serde_json::Value;

use crate::{Refused, Result};

/// The targets of a schema's references, each with a name of its own.
#[derive(Default)]
pub struct Refs {
    /// As JSON pointers; the place is the number in the name.
    targets: Vec<String>,
}

impl Refs {
    /// The name of what is referred to, as a reference.
    ///
    /// # Errors
    /// What does not lead to a schema within `root`, or only to further references and back.
    pub fn name(&mut self, root: &Value, reference: &Value, place: &str) -> Result<String> {
        let mut pointer = pointer(reference, place)?;
        let mut seen = Vec::new();
        loop {
            let Some(target) = root.pointer(&pointer) else {
                return Err(Refused::new(place, "a reference to a schema that is there", reference.to_string()));
            };
            let Some(next) = target.get("$ref").filter(|_| target.as_object().is_some_and(|all| all.len() == 1)) else {
                break;
            };
            seen.push(pointer.clone());
            pointer = self::pointer(next, place)?;
            if seen.contains(&pointer) {
                return Err(Refused::new(place, "a reference that leads to a schema", "a circle of references"));
            }
        }
        let number = self.targets.iter().position(|known| *known == pointer).unwrap_or_else(|| {
            self.targets.push(pointer);
            self.targets.len() - 1
        });
        Ok(format!("#/$defs/{number}"))
    }

    /// The target of a number, if there are so many.
    pub fn target(&self, number: usize) -> Option<&str> {
        self.targets.get(number).map(String::as_str)
    }
}

/// The JSON pointer in a reference: what follows the `#`, with its percent signs decoded.
fn pointer(reference: &Value, place: &str) -> Result<String> {
    let expected = "a reference within the schema, such as \"#/$defs/name\"";
    let wrong = || Refused::new(place, expected, reference.to_string());
    let fragment = reference.as_str().and_then(|text| text.strip_prefix('#')).ok_or_else(wrong)?;
    if !fragment.is_empty() && !fragment.starts_with('/') {
        return Err(wrong());
    }
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let decoded = if *first == b'%' { after.get(..2).and_then(hex) } else { None };
        bytes.push(decoded.unwrap_or(*first));
        if decoded.is_some() {
            rest = after.get(2..).unwrap_or_default();
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

fn hex(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
