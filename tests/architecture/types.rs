//! Every storage type has its twins, and nothing outside of their folders tells types apart.

use super::{File, assert_none, code, file, identifier, sources};

/// The stems of all storage types, from the table in `src/quant/mod.rs`: its rows are `Name in stem,`.
fn type_stems(table: &str) -> Vec<&str> {
    let rows = table.lines().filter_map(|line| line.trim().strip_suffix(',')?.split_once(" in "));
    rows.filter(|(name, _)| identifier(name) == Some(name)).map(|(_, stem)| stem).collect()
}

/// Where each storage type has a file of its own stem.
const TYPE_FOLDERS: [&str; 3] = ["src/quant", "src/cpu/quant", "src/gpu/quant"];

/// Every storage type has its files; nobody outside of their folders tells the types apart.
fn check_types(stems: &[&str], files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    for (stem, folder) in stems.iter().flat_map(|stem| TYPE_FOLDERS.map(|folder| (stem, folder))) {
        let file = format!("{folder}/{stem}.rs");
        if !files.iter().any(|(path, _)| *path == file) {
            problems.push(format!("storage type {stem} lacks {file}"));
        }
    }
    let elsewhere = |path: &str| path.starts_with("src/") && !path.contains("/quant/");
    for (path, text) in files.iter().filter(|(path, _)| elsewhere(path)) {
        let code = code(text);
        // A match has an arrow behind a type; tests and examples of a module may name one.
        let arm = code.lines().find(|line| line.contains("=>") && line[..line.find("=>").unwrap()].contains("DType::"));
        problems.extend(arm.map(|arm| format!("{path}: tells storage types apart: {}", arm.trim())));
    }
    problems
}

#[test]
fn every_storage_type_has_its_files() {
    let files = sources();
    let table = files.iter().find(|(path, _)| path == "src/quant/mod.rs").map(|(_, text)| text.as_str()).unwrap();
    let stems = type_stems(table);
    assert!(stems.len() >= 5 && stems.contains(&"q8_0"), "{stems:?}");
    assert_none(check_types(&stems, &files));
}

#[test]
fn the_checker_of_storage_types_fails_on_bad_input() {
    let table = "    F32 in f32,\n    /// Blocks in a row,\n    Q8_0 in q8_0,\n for x in y {\n";
    assert_eq!(type_stems(table), ["f32", "q8_0"]);
    let mut files = TYPE_FOLDERS.map(|folder| file(&format!("{folder}/f32.rs"), "")).concat();
    assert_none(check_types(&["f32"], &files));
    assert_eq!(check_types(&["f32"], &files[..2]), ["storage type f32 lacks src/gpu/quant/f32.rs"]);
    assert_eq!(check_types(&["q8_0"], &files).len(), TYPE_FOLDERS.len());
    files.extend(file("src/cpu/ops/linear.rs", "match dtype {\n    DType::F32 => 4,\n    _ => 2,\n}"));
    assert_eq!(check_types(&[], &files), ["src/cpu/ops/linear.rs: tells storage types apart: DType::F32 => 4,"]);
    assert_none(check_types(&[], &file("src/weights/load.rs", "let f = |_| DType::F32; // DType::F32 => 4")));
}
