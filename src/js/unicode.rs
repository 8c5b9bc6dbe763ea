//! What the engine has no tables of: properties of characters and Unicode's normal forms. The browser knows them all.

use js_sys::{Array, Function, JsString, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// The ranges of code points of which `\p{name}` holds; `None` where there is no such property. The browser is asked once, for all
/// characters at a time.
pub fn property(name: &str) -> Option<Vec<(u32, u32)>> {
    // Names that would end the property and go on with an expression are none.
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '=')) {
        return None;
    }
    let function = |object: &JsValue, name: &str| Reflect::get(object, &name.into()).ok()?.dyn_into::<Function>().ok();
    let regexp = function(&js_sys::global(), "RegExp")?;
    let make = |name: &str| {
        let arguments = Array::of2(&format!("\\p{{{name}}}+").into(), &"gu".into());
        // Throws where there is no such property.
        Reflect::construct(&regexp, &arguments).ok()
    };
    let regexp = make(name).or_else(|| make(&format!("Script={name}")))?;
    let exec = function(&regexp, "exec")?;
    // All characters in their order, the surrogates left out, as UTF-16.
    let all = JsValue::from(('\0'..=char::MAX).collect::<String>());
    let code = |at: u32| match at {
        0..0xd800 => at,
        0xd800..0xf800 => at + 0x800,
        _ => 0x10000 + (at - 0xf800) / 2,
    };
    let mut ranges = Vec::new();
    while let Ok(found) = exec.call1(&regexp, &all).ok()?.dyn_into::<Array>() {
        let at = Reflect::get(&found, &"index".into()).ok()?.as_f64()? as u32;
        let length = found.get(0).dyn_into::<JsString>().ok()?.length();
        ranges.push((code(at), code((at + length).saturating_sub(1))));
    }
    Some(ranges)
}

/// A text in the normal form of the name; `None` where there is no such form.
pub fn normal_form(text: &str, form: &str) -> Option<String> {
    Some(JsString::from(text).normalize(form).into())
}
