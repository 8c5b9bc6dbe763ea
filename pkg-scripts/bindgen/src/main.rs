//! `nanolm-bindgen <input.wasm> <output folder> <name> <web|web-test>`
//!
//! Writes `<name>.js` and `<name>_bg.wasm`: what the `wasm-bindgen` command does, from the library it is made of, so
//! that its version is the one in Cargo.lock and nothing has to be installed.
//!
//! * `web`: an ES module with an `init` function, for the package.
//! * `web-test`: the same for a wasm-bindgen-test binary, which `pkg-scripts/wasm-test` runs.
//!   The exports that are its tests are printed, one a line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::{Bindgen, Output};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, out_dir, name, mode] = args.as_slice() else {
        bail!("usage: nanolm-bindgen <input.wasm> <output folder> <name> <web|web-test>");
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(input).out_name(name).typescript(false);
    match mode.as_str() {
        "web" => bindgen.web(true)?.remove_producers_section(true),
        "web-test" => test_mode(bindgen.web(true)?),
        other => bail!("mode: expected web or web-test, found {other}"),
    };
    let mut output = bindgen.generate_output().with_context(|| format!("reading {input}"))?;
    if mode.ends_with("-test") {
        for export in output.wasm().exports.iter().filter(|export| export.name.starts_with("__wbgt_")) {
            println!("{}", export.name);
        }
    }
    let short = if mode == "web" { short_names(&mut output) } else { BTreeMap::new() };
    output.emit(out_dir).with_context(|| format!("writing to {out_dir}"))?;
    if mode == "web" { tidy(&Path::new(out_dir).join(format!("{name}.js")), &short) } else { Ok(()) }
}

/// Gives imported functions short names, and says which. Theirs are known to the wasm file and its JavaScript alone, and end in hashes: some
/// two hundred, which each visitor would download twice.
fn short_names(output: &mut Output) -> BTreeMap<String, String> {
    let imports = &mut output.wasm_mut().imports;
    // By the alphabet: builds with the same imports get the same JavaScript.
    let long: BTreeSet<String> =
        imports.iter().map(|import| import.name.clone()).filter(|name| name.starts_with(IMPORT)).collect();
    let short: BTreeMap<String, String> =
        long.into_iter().enumerate().map(|(i, name)| (name, format!("{SHORT}{i:x}"))).collect();
    for import in imports.iter_mut() {
        if let Some(name) = short.get(&import.name) {
            import.name = name.clone();
        }
    }
    short
}

/// What the names of imported functions begin with, and what they begin with then.
const IMPORT: &str = "__wbg_";
const SHORT: &str = "_";

/// A text with names in place of others.
fn renamed(text: &str, names: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split(IMPORT);
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        let name = format!("{IMPORT}{}", &part[..end]);
        out.push_str(names.get(&name).unwrap_or(&name));
        out.push_str(&part[end..]);
    }
    out
}

/// Numbers of functions stand in some comments, the only thing in which builds without threads differ: those lines go.
///
/// With threads, `wasm-bindgen` waits through a worker made from a blob where there is no `Atomics.waitAsync`. The package does
/// not use threads there, and promises strict policies that it makes no such workers.
fn tidy(path: &Path, names: &BTreeMap<String, String>) -> Result<()> {
    let text = renamed(&std::fs::read_to_string(path)?, names);
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("// Cast intrinsic for"));
    let lines = lines.map(|line| match line.contains("URL.createObjectURL") {
        true => "            throw new Error('Atomics.waitAsync is missing');\n".to_string(),
        false => format!("{line}\n"),
    });
    Ok(std::fs::write(path, lines.collect::<String>())?)
}

/// The test harness calls tests by their raw wasm exports, and a test binary's `main` must not run by itself.
fn test_mode(bindgen: &mut Bindgen) -> &mut Bindgen {
    bindgen.debug(true).export_wasm(true).emit_start(false)
}
