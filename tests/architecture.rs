//! Holds the house's rules: one direction of imports, outside interfaces in one module each, the same file stems for
//! every operation, and short files. Every checker is shown to fail on bad input.

#[path = "architecture/circles.rs"]
mod circles;

use std::fs;
use std::path::{Path, PathBuf};

#[path = "architecture/types.rs"]
mod types;

/// Modules from left to right; those of one entry do not import each other.
const ORDER: [&[&str]; 14] = [
    &["quant"],
    &["format", "language"],
    &["model"],
    &["arch"],
    &["weights"],
    &["cpu", "gpu"],
    &["backend"],
    &["session"],
    &["sample"],
    &["text"],
    &["table", "heads"],
    &["run"],
    &["task"],
    &["js"],
];

/// What every module may name at the crate's root.
const OPEN: [&str; 7] = ["case", "checksum", "error", "order", "tensor", "Error", "Result"];

/// Outside interfaces and the one module, or file of a module, that may use each.
const ONLY_USER: [(&str, &str); 13] = [
    ("wgpu", "gpu"),
    ("naga", "gpu"),
    ("wasm_bindgen", "js"),
    ("wasm_bindgen_futures", "js"),
    ("serde_wasm_bindgen", "js"),
    ("js_sys", "js"),
    ("web_sys", "js"),
    ("tokenizers", "text"),
    ("regex_syntax", "text"),
    ("unicode_normalization_alignments", "text"),
    ("core::arch", "cpu"),
    ("std::arch", "cpu"),
    ("std::thread", "cpu/threads"),
];

/// What brings tables of many KB along, and the file that has smaller ones. Tests hold them against each other.
const LARGE_TABLES: [(&str, &str); 3] =
    [("to_lowercase", "src/case.rs"), ("to_uppercase", "src/case.rs"), ("crc32fast", "src/checksum.rs")];

const MAX_LINES: usize = 400;
const SHORT_FILES: [&str; 4] = ["rs", "ts", "wgsl", "mjs"];

/// A source file: path from the repository's root with `/`, and its text.
type File = (String, String);

/// The module that a path under `src` belongs to; `None` for the files at the root.
fn module(path: &str) -> Option<&str> {
    path.strip_prefix("src/")?.split_once('/').map(|(module, _)| module)
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|modules| modules.contains(&module))
}

/// The code with comments and the contents of strings and characters blanked out.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let raw = rest.strip_prefix('r').map(|r| (r, r.len() - r.trim_start_matches('#').len()));
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some((r, hashes)) = raw
            && r[hashes..].starts_with('"')
            && !out.ends_with(|c: char| c.is_alphanumeric() || c == '_')
        {
            let close = format!("\"{}", "#".repeat(hashes));
            let start = 1 + hashes + 1;
            rest[start..].find(&close).map_or(rest.len(), |end| start + end + close.len())
        } else if c == '"' {
            string_end(rest)
        } else if c == '\'' && rest.starts_with("'\\") {
            rest[2..].find('\'').map_or(rest.len(), |end| end + 3)
        } else if c == '\'' && rest.chars().nth(2) == Some('\'') {
            rest.char_indices().nth(3).map_or(rest.len(), |(end, _)| end)
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        out.extend(rest[..skip].chars().filter(|&c| c == '\n'));
        out.push(' ');
        rest = &rest[skip..];
    }
    out
}

/// Where the string that `text` begins with ends.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return i + 1,
            _ => {}
        }
    }
    text.len()
}

/// The names that follow `path` (`crate::` and so on): one, or those of a group `{a, b::c}`.
fn names_after<'a>(code: &'a str, path: &str) -> Vec<&'a str> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(path) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[at + path.len()..];
        match rest.strip_prefix('{') {
            None => names.extend(identifier(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut start = true;
                for (i, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && !c.is_whitespace() => {
                            names.extend(identifier(&group[i..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

fn identifier(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

/// Imports against the order.
fn check_imports(files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, text) in files {
        let Some(own) = module(path) else { continue };
        let Some(own_rank) = rank(own) else {
            problems.push(format!("{path}: module {own} has no place in the order"));
            continue;
        };
        let code = code(text);
        let mut names = names_after(&code, "crate::");
        // Relative paths reach the root too: `super::x` from src/a/mod.rs, `super::super::x` from src/a/b.rs.
        let depth = if path.ends_with("/mod.rs") { 1 } else { 2 };
        let root = "super::".repeat(depth);
        let relative = names_after(&code, &root);
        names.extend(relative.into_iter().filter(|name| rank(name).is_some_and(|other| other > own_rank)));
        for name in names {
            match rank(name) {
                _ if name == own || OPEN.contains(&name) => {}
                Some(other) if other < own_rank => {}
                Some(_) => problems.push(format!("{path}: {own} imports {name}, which is not to its left")),
                None => problems.push(format!("{path}: crate::{name} hides which module it is from")),
            }
        }
    }
    problems
}

/// Outside interfaces against their one user.
fn check_interfaces(files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.starts_with("src/")) {
        let code = code(text);
        for (interface, user) in ONLY_USER {
            let used = !names_after(&code, &format!("{interface}::")).is_empty()
                || code.contains(&format!("{interface}::*"))
                || code.contains(&format!("use {interface};"));
            if used && module(path) != Some(user) && *path != format!("src/{user}.rs") {
                problems.push(format!("{path}: {interface} may be used in src/{user} only"));
            }
        }
        for (name, instead) in LARGE_TABLES {
            if code.contains(name) && path != instead && !path.ends_with("tests.rs") {
                problems.push(format!("{path}: {name} brings large tables along: use {instead}"));
            }
        }
    }
    problems
}

/// The stems of all operations, from `Op::stem` in `src/model/op.rs`.
fn stems(op: &str) -> Vec<&str> {
    let arms = op.lines().filter(|line| line.trim_start().starts_with("Op::") && line.contains("=> \""));
    arms.filter_map(|line| line.split('"').nth(1)).collect()
}

/// Shaders of `shaders/` that are no operation of the plan.
const GPU_ONLY: [&str; 1] = ["choose"];

/// Operations that run on the CPU alone: `src/gpu/supported.rs` refuses them.
const CPU_ONLY: [&str; 3] = ["route", "experts", "ssm"];

/// Every operation has its four files, those of [`CPU_ONLY`] the CPU's two; every shader its operation or its place in [`GPU_ONLY`], and its file in `src/gpu`;
/// every fused kernel (several operations in one dispatch; those stay its reference) its file in `src/gpu/fused`.
fn check_stems(stems: &[&str], paths: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut need = |whose: String, file: String| {
        if !paths.contains(&file.as_str()) {
            problems.push(format!("{whose} lacks {file}"));
        }
    };
    for stem in stems {
        for file in [
            format!("src/cpu/ops/{stem}.rs"),
            format!("src/gpu/ops/{stem}.rs"),
            format!("shaders/{stem}.wgsl"),
            format!("tests/kernels/{stem}.rs"),
        ] {
            let of_gpu = file.starts_with("src/gpu/") || file.starts_with("shaders/");
            if !(of_gpu && CPU_ONLY.contains(stem)) {
                need(format!("operation {stem}"), file);
            }
        }
    }
    let mut unknown = Vec::new();
    for path in paths {
        let Some(name) = path.strip_prefix("shaders/").and_then(|name| name.strip_suffix(".wgsl")) else { continue };
        match name.split_once('/') {
            Some(("fused", stem)) => need(format!("shader fused/{stem}"), format!("src/gpu/fused/{stem}.rs")),
            Some(_) => {}
            None if GPU_ONLY.contains(&name) => need(format!("shader {name}"), format!("src/gpu/{name}.rs")),
            None if stems.contains(&name) => {}
            None => unknown.push(format!("{path}: no operation has the stem {name}")),
        }
    }
    problems.extend(unknown);
    problems
}

fn check_lengths(files: &[File]) -> Vec<String> {
    let long = files.iter().map(|(path, text)| (path, text.lines().count())).filter(|(_, lines)| *lines > MAX_LINES);
    long.map(|(path, lines)| format!("{path}: {lines} lines, at most {MAX_LINES}")).collect()
}

/// The repository's own source files; what tools install or build is left out.
fn sources() -> Vec<File> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "grammar", "vectors", "shaders", "tests", "www", "pkg-scripts", "examples"] {
        collect(&root, &root.join(folder), &mut files);
    }
    files.sort();
    files
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules", "dist", "build"].contains(&name.as_str()) {
                collect(root, &path, files);
            }
        } else if path.extension().is_some_and(|e| SHORT_FILES.iter().any(|short| e == *short)) {
            let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.push((relative, text));
        }
    }
}

fn assert_none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n  {}", problems.join("\n  "));
}

#[test]
fn imports_go_one_way() {
    let files = sources();
    assert!(files.iter().any(|(path, _)| path == "src/model/op.rs"));
    assert_none(check_imports(&files));
}

#[test]
fn outside_interfaces_have_one_user() {
    assert_none(check_interfaces(&sources()));
}

#[test]
fn every_operation_has_its_files() {
    let files = sources();
    let op = files.iter().find(|(path, _)| path == "src/model/op.rs").map(|(_, text)| text.as_str()).unwrap();
    let stems = stems(op);
    let documented = op.matches("Stem `").count();
    assert!(documented >= 12 && stems.len() == documented, "{} stems, {documented} documented", stems.len());
    let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    assert_none(check_stems(&stems, &paths));
}

#[test]
fn files_are_short() {
    assert_none(check_lengths(&sources()));
}

fn file(path: &str, text: &str) -> Vec<File> {
    vec![(path.to_string(), text.to_string())]
}

#[test]
fn the_import_checker_fails_on_bad_input() {
    for (path, text) in [
        ("src/format/gguf.rs", "use crate::model::Plan;"),
        ("src/model/plan.rs", "use crate::{error::Error, weights::Weights};"),
        ("src/model/plan.rs", "use crate::{\n    error::{Error, Result},\n    cpu,\n};"),
        ("src/cpu/mod.rs", "fn f() { crate::gpu::g() }"),
        ("src/gpu/load.rs", "use crate::cpu::Level;"),
        ("src/format/mod.rs", "use super::text::Tokenizer;"),
        ("src/format/gguf.rs", "use super::super::text::Tokenizer;"),
        ("src/text/mod.rs", "use crate::Tokenizer;"),
        ("src/tools/mod.rs", ""),
    ] {
        assert_eq!(check_imports(&file(path, text)).len(), 1, "{path}: {text}");
    }
    for (path, text) in [
        ("src/lib.rs", "pub use crate::js;"),
        ("src/model/plan.rs", "use crate::format::ModelFile; use crate::{Error, Result, tensor::DType};"),
        ("src/model/plan.rs", "// crate::weights\n/* crate::cpu */ const S: &str = \"crate::gpu \\\" crate::js\";"),
        ("src/model/plan.rs", "const S: &str = r#\"crate::gpu \" crate::js\"#; const C: char = '\"'; fn f<'a>() {}"),
        ("src/task/mod.rs", "use crate::session::Session; use crate::sample; use super::text;"),
    ] {
        assert_none(check_imports(&file(path, text)));
    }
}

#[test]
fn the_interface_checker_fails_on_bad_input() {
    for (path, text) in [
        ("src/cpu/mod.rs", "fn f(d: &wgpu::Device) {}"),
        ("src/task/mod.rs", "use wasm_bindgen::prelude::*;"),
        ("src/lib.rs", "use web_sys::Performance;"),
        ("src/gpu/mod.rs", "use core::arch::wasm32::*;"),
        ("src/task/mod.rs", "use tokenizers::Token;"),
        ("src/cpu/model.rs", "use std::thread;"),
    ] {
        assert_eq!(check_interfaces(&file(path, text)).len(), 1, "{path}: {text}");
    }
    for text in ["fn f() { x.to_lowercase() }", "x.map(str::to_uppercase)", "use crc32fast::Hasher;"] {
        assert_eq!(check_interfaces(&file("src/run/mod.rs", text)).len(), 1, "{text}");
    }
    assert_none(check_interfaces(&file("src/run/tests.rs", "fn f() { x.to_lowercase() }")));
    assert_none(check_interfaces(&file("src/run/mod.rs", "x.to_ascii_lowercase() // to_lowercase")));
    assert_none(check_interfaces(&file("src/gpu/mod.rs", "use wgpu::Device; // wasm_bindgen::prelude")));
    assert_none(check_interfaces(&file("src/cpu/threads.rs", "use std::thread::{self, Thread};")));
    assert_none(check_interfaces(&file("src/text/mod.rs", "use tokenizers::Token; fn f() { my_wgpu::g() }")));
    assert_none(check_interfaces(&file("tests/gpu/main.rs", "use wgpu::Device;")));
}

#[test]
fn the_stem_checker_fails_on_bad_input() {
    let op = "    Op::Add { .. } => \"add\",\n    Op::RmsNorm { .. } => \"rms_norm\",\n";
    assert_eq!(stems(op), ["add", "rms_norm"]);
    let all = [
        "src/cpu/ops/add.rs",
        "src/gpu/ops/add.rs",
        "shaders/add.wgsl",
        "tests/kernels/add.rs",
        "shaders/parts/x.wgsl",
    ];
    assert_none(check_stems(&["add"], &all));
    for missing in 0..4 {
        let some: Vec<&str> = (0..all.len()).filter(|&i| i != missing).map(|i| all[i]).collect();
        assert_eq!(check_stems(&["add"], &some), [format!("operation add lacks {}", all[missing])]);
    }
    assert_eq!(check_stems(&[], &["shaders/choose.wgsl"]), ["shader choose lacks src/gpu/choose.rs"]);
    assert_eq!(check_stems(&[], &["shaders/fused/qkv.wgsl"]), ["shader fused/qkv lacks src/gpu/fused/qkv.rs"]);
    assert_eq!(check_stems(&[], &["shaders/add.wgsl"]), ["shaders/add.wgsl: no operation has the stem add"]);
}

#[test]
fn the_length_checker_fails_on_bad_input() {
    assert_none(check_lengths(&file("src/a.rs", &"x\n".repeat(400))));
    assert_eq!(check_lengths(&file("src/a.rs", &"x\n".repeat(401))), ["src/a.rs: 401 lines, at most 400"]);
}
