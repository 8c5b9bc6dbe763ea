//! `nanolm-bindgen <input.wasm> <output folder> <name> <web|web-test>`
//!
//! Writes `<name>.js` and `<name>_bg.wasm`: what the `wasm-bindgen` command does, from the library it is made of, so
//! that its version is the one in Cargo.lock and nothing has to be installed.
//!
//! * `web`: an ES module with an `init` function, for the package.
//! * `web-test`: the same for a wasm-bindgen-test binary, which `pkg-scripts/wasm-test` runs.
//!   The exports that are its tests are printed, one a line.

use std::path::Path;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

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
    output.emit(out_dir).with_context(|| format!("writing to {out_dir}"))?;
    if mode == "web" { tidy(&Path::new(out_dir).join(format!("{name}.js"))) } else { Ok(()) }
}

/// Numbers of functions stand in some comments, the only thing in which builds without threads differ: those lines go.
///
/// With threads, `wasm-bindgen` waits through a worker made from a blob where there is no `Atomics.waitAsync`. The package does
/// not use threads there, and promises strict policies that it makes no such workers.
fn tidy(path: &Path) -> Result<()> {
    let text = std::fs::read_to_string(path)?;
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
