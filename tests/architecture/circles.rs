//! No circle of imports between the files of `src/`.
//!
//! The rule: a file depends on every file in which something that it names is defined, whichever path leads there (`use`,
//! a path in the code, a re-export: `pub use` counts for who names what it gives, not for the file that it stands in).
//! Following that from file to file never leads back. So a child may not name what its parent's `mod.rs` defines where
//! that names what the child defines; declaring a child (`mod x;`) is not naming it. Tests (`#[cfg(test)]`) are left out:
//! they may use what they like. What macros name, the checker sees where they are written, not where they are used.

use super::{File, assert_none, code, identifier, sources};
use std::collections::{BTreeMap, BTreeSet};

/// Folders in which there may be circles still. The list only becomes shorter, and is to be empty.
const KNOWN: &[&str] = &[];

/// A module: its name from the crate's root.
type Module = Vec<String>;

/// What a file's code says about imports.
#[derive(Default)]
struct Parsed {
    /// Everything named, as written.
    paths: Vec<Vec<String>>,
    /// Re-exports: the name that others see (`*` for everything), and the path.
    exports: Vec<(String, Vec<String>)>,
}

/// The module that a file is; `None` for files of tests.
fn module_of(path: &str) -> Option<Module> {
    let inner = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut names: Module = inner.split('/').map(str::to_string).collect();
    let last = names.last()?.clone();
    if last == "tests" || last == "fixtures" || last.ends_with("_tests") {
        return None;
    }
    if last == "mod" || inner == "lib" {
        names.pop();
    }
    Some(names)
}

/// The code without the items that `#[cfg(test)]` stands before.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = ["#[cfg(test)]", "#[cfg(all(test,"].iter().filter_map(|mark| rest.find(mark)).min() {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(';').unwrap_or(rest.len());
        let block = rest.find('{').filter(|&open| open < end);
        rest = &rest[block.map_or((end + 1).min(rest.len()), |open| open + closing(&rest[open..]))..];
    }
    kept + rest
}

/// Where the block that `text` begins with ends.
fn closing(text: &str) -> usize {
    let mut depth = 0;
    for (i, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return i + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

fn parse(text: &str) -> Parsed {
    let code = without_tests(&code(text));
    let mut parsed = Parsed::default();
    let mut rest = code.as_str();
    let mut before = String::new();
    while let Some(c) = rest.chars().next() {
        let Some(word) = identifier(rest) else {
            before.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        let starts = !before.ends_with("::") && !before.ends_with('.');
        if word == "use" && starts {
            let end = rest.find(';').unwrap_or(rest.len());
            let public = before.trim_end().ends_with("pub") || before.trim_end().ends_with(')');
            let mut leaves = Vec::new();
            tree(rest["use".len()..end].trim(), &mut Vec::new(), &mut leaves);
            for (path, name) in leaves {
                match public && path.len() > 1 {
                    true => parsed.exports.push((name, path)),
                    false => parsed.paths.push(path),
                }
            }
            rest = &rest[end..];
            before.clear();
            continue;
        }
        let mut path = vec![word.to_string()];
        let mut after = &rest[word.len()..];
        while let Some(next) = after.strip_prefix("::").and_then(|next| identifier(next).map(|name| (name, next))) {
            path.push(next.0.to_string());
            after = &next.1[next.0.len()..];
        }
        if starts && path.len() > 1 {
            parsed.paths.push(path);
        }
        before.push_str(&rest[..rest.len() - after.len()]);
        rest = after;
    }
    parsed
}

/// The leaves of a use tree, with the names that they get.
fn tree(text: &str, prefix: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, String)>) {
    let text = text.trim();
    if let Some(group) = text.strip_prefix('{') {
        let (mut depth, mut start) = (0, 0);
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                ',' | '}' if depth == 0 => {
                    tree(&group[start..i], &mut prefix.clone(), leaves);
                    start = i + 1;
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
    } else if text.starts_with('*') {
        leaves.push((prefix.clone(), "*".to_string()));
    } else if let Some(name) = identifier(text) {
        let rest = text[name.len()..].trim_start();
        if name != "self" || prefix.is_empty() {
            prefix.push(name.to_string());
        }
        match rest.strip_prefix("::") {
            Some(inner) => tree(inner, prefix, leaves),
            None => {
                let alias = rest.strip_prefix("as ").and_then(|alias| identifier(alias.trim()));
                let own = prefix.last().cloned().unwrap_or_default();
                leaves.push((prefix.clone(), alias.map_or(own, str::to_string)));
            }
        }
    }
}

/// The files and what each depends on.
struct Graph<'a> {
    files: BTreeMap<Module, (&'a str, Parsed)>,
}

impl<'a> Graph<'a> {
    fn new(files: &'a [File]) -> Graph<'a> {
        let modules = files.iter().filter_map(|(path, text)| Some((module_of(path)?, (path.as_str(), parse(text)))));
        Graph { files: modules.collect() }
    }

    /// The modules that define what a path, written in module `from`, names.
    fn definers(&self, from: &Module, path: &[String], depth: usize, out: &mut BTreeSet<Module>) {
        let mut at = from.clone();
        let mut rest = path;
        match rest.first().map(String::as_str) {
            Some("crate") => at.clear(),
            Some("self") => {}
            Some("super") => {
                at.pop();
                while rest.get(1).is_some_and(|name| name == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            // A child of this module, or something that is not a module of this crate.
            Some(name) => {
                at.push(name.to_string());
                if !self.files.contains_key(&at) {
                    return;
                }
            }
            None => return,
        }
        self.walk(at, &rest[1..], depth, out);
    }

    /// Goes down to the module, then through its re-exports.
    fn walk(&self, mut at: Module, mut rest: &[String], depth: usize, out: &mut BTreeSet<Module>) {
        while let Some(name) = rest.first() {
            at.push(name.clone());
            if !self.files.contains_key(&at) {
                at.pop();
                break;
            }
            rest = &rest[1..];
        }
        let Some((_, parsed)) = self.files.get(&at) else { return };
        let Some(name) = rest.first() else {
            out.insert(at);
            return;
        };
        let mut found = false;
        for (_, path) in parsed.exports.iter().filter(|(export, _)| depth < 9 && (export == name || export == "*")) {
            let mut path = path.clone();
            // A re-exported module goes on from there; what a glob gives may be anything.
            if parsed.exports.iter().any(|(export, other)| export == "*" && *other == path) {
                path.push(name.clone());
            } else {
                found = true;
            }
            path.extend_from_slice(&rest[1..]);
            self.definers(&at, &path, depth + 1, out);
        }
        if !found {
            out.insert(at);
        }
    }

    /// For each file, the files that it depends on.
    fn edges(&self) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
        let of = |(module, (path, parsed)): (&Module, &(&'a str, Parsed))| {
            let mut modules = BTreeSet::new();
            parsed.paths.iter().for_each(|named| self.definers(module, named, 0, &mut modules));
            let named = modules.iter().filter_map(|module| self.files.get(module)).map(|(path, _)| *path);
            (*path, named.filter(|other| other != path).collect())
        };
        self.files.iter().map(of).collect()
    }
}

/// A way from one file to another, the shortest.
fn way<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::from([from]);
    let mut ways = std::collections::VecDeque::from([vec![from]]);
    while let Some(way) = ways.pop_front() {
        for next in edges.get(way.last()?).into_iter().flatten() {
            if seen.insert(next) {
                let mut longer = way.clone();
                longer.push(next);
                if *next == to {
                    return Some(longer);
                }
                ways.push_back(longer);
            }
        }
    }
    None
}

/// The circles, each once, by its files; those within a `known` folder are passed over.
fn check_circles(files: &[File], known: &[&str]) -> Vec<String> {
    let edges = Graph::new(files).edges();
    let mut problems = Vec::new();
    let mut told = BTreeSet::new();
    for (from, named) in &edges {
        for to in named {
            let Some(back) = way(&edges, to, from) else { continue };
            let mut circle = back.clone();
            circle.sort();
            let is_known = known.iter().any(|folder| back.iter().all(|file| file.starts_with(folder)));
            if !is_known && told.insert(circle) {
                problems.push(format!("circle of imports: {from} -> {}", back.join(" -> ")));
            }
        }
    }
    problems
}

#[test]
fn no_circle_of_imports() {
    let files = sources();
    let graph = Graph::new(&files);
    let edges = graph.edges();
    // It sees imports: by path, through a group, through a re-export.
    assert!(edges["src/gpu/mod.rs"].is_empty(), "{:?}", edges["src/gpu/mod.rs"]);
    assert!(edges["src/gpu/ops/add.rs"].contains("src/gpu/kernel.rs"));
    assert!(edges["src/backend/startup.rs"].contains("src/gpu/forward.rs"), "{:?}", edges["src/backend/startup.rs"]);
    assert_none(check_circles(&files, KNOWN));
}

fn files(all: &[(&str, &str)]) -> Vec<File> {
    all.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect()
}

#[test]
fn the_circle_checker_fails_on_bad_input() {
    let circles: [&[(&str, &str)]; 6] = [
        &[("src/a.rs", "use crate::b::B;"), ("src/b.rs", "fn f() { crate::a::g() }")],
        // Three files, by relative paths and groups.
        &[
            ("src/m/mod.rs", ""),
            ("src/m/a.rs", "use super::{b::{self, B}, Unknown};"),
            ("src/m/b.rs", "use super::c;"),
            ("src/m/c.rs", "use super::super::m::a::A as Other;"),
        ],
        // Through a re-export, also of everything.
        &[("src/m/mod.rs", "mod b;\npub use b::B;"), ("src/m/b.rs", "use crate::a;"), ("src/a.rs", "use crate::m::B;")],
        &[("src/m/mod.rs", "mod b;\npub use b::*;"), ("src/m/b.rs", "use crate::a;"), ("src/a.rs", "use crate::m::B;")],
        // A child and what its parent defines.
        &[("src/m/mod.rs", "mod b;\npub struct A(b::B);"), ("src/m/b.rs", "use super::A;")],
        &[("src/m/mod.rs", "mod b;\nuse b::B;"), ("src/m/b.rs", "fn f(_: super::A) {}")],
    ];
    for circle in circles {
        assert_eq!(check_circles(&files(circle), &[]).len(), 1, "{circle:?}: {:?}", check_circles(&files(circle), &[]));
    }
    let fine: [&[(&str, &str)]; 5] = [
        &[("src/a.rs", "use crate::b::B;"), ("src/b.rs", "// crate::a\nconst S: &str = \"crate::a\";")],
        // Siblings by what their parent re-exports.
        &[
            ("src/m/mod.rs", "mod a;\nmod b;\npub use a::A;\npub use b::B;"),
            ("src/m/a.rs", ""),
            ("src/m/b.rs", "use super::A;"),
        ],
        &[("src/m/mod.rs", "pub mod a;\npub struct M;"), ("src/m/a.rs", "use super::M;")],
        &[("src/a.rs", "use crate::b::B;"), ("src/b.rs", "#[cfg(test)]\nmod tests { use crate::a::A; }")],
        &[
            ("src/a.rs", "use crate::b::B;"),
            ("src/b.rs", "#[cfg(all(test, feature = \"gpu\"))]\nmod tests { use crate::a::A; }"),
        ],
    ];
    for fine in fine {
        assert_none(check_circles(&files(fine), &[]));
    }
    // Those of known folders are passed over, those between folders are not.
    assert_none(check_circles(&files(circles[1]), &["src/m/"]));
    assert_eq!(check_circles(&files(circles[2]), &["src/m/"]).len(), 1);
}
