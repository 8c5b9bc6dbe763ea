//! Where a tensor of the plan lies in a file: tables of names, and which part of a fused tensor is meant.
//!
//! Names inside are GGUF's, `blk.3.attn_q.weight`. In a table the layer is `{}` and the kind (`weight` or `bias`) is left out.

use crate::format::{Dialect, ModelFile};

/// A part of a tensor that holds several of the plan's, by rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Queries of `[q; k; v]`.
    Q,
    /// Keys of `[q; k; v]`.
    K,
    /// Values of `[q; k; v]`.
    V,
    /// Queries where each head has `[q; k; v]` of its own.
    HeadQ,
    /// Keys where each head has `[q; k; v]` of its own.
    HeadK,
    /// Values where each head has `[q; k; v]` of its own.
    HeadV,
    /// The gate of `[gate; up]`.
    Gate,
    /// The other half of `[gate; up]`.
    Up,
    /// What follows so many rows that nothing needs.
    After(usize),
}

/// Where a tensor of the plan may be found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name in the file.
    pub name: String,
    /// The tensor holds more; this is the wanted one's place in it.
    pub part: Option<Part>,
    /// The file stores `[in, out]`.
    pub transposed: bool,
    /// The file stores a norm's weight less 1.
    pub plus_one: bool,
}

/// A row of a table of names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    inside: &'static str,
    file: &'static str,
    part: Option<Part>,
    transposed: bool,
    plus_one: bool,
    alone: bool,
}

/// The tensor `inside` is called `file` in the file.
pub(super) const fn name(inside: &'static str, file: &'static str) -> Name {
    Name { inside, file, part: None, transposed: false, plus_one: false, alone: false }
}

impl Name {
    /// It is a part of that tensor.
    pub(super) const fn part(self, part: Part) -> Name {
        Name { part: Some(part), ..self }
    }

    /// Its weight is stored `[in, out]`.
    pub(super) const fn transposed(self) -> Name {
        Name { transposed: true, ..self }
    }

    /// Its bias is a tensor of that whole name, and its weight is none.
    pub(super) const fn alone(self) -> Name {
        Name { alone: true, ..self }
    }

    /// Its weight is stored less 1.
    pub(super) const fn plus_one(self) -> Name {
        Name { plus_one: true, ..self }
    }

    /// `prefix`: what the table's names begin with, and what the file's begin with in its place.
    fn source(&self, prefix: (&str, &str), layer: Option<&str>, kind: &str) -> Source {
        let name = self
            .file
            .strip_prefix(prefix.0)
            .map_or_else(|| self.file.to_string(), |rest| format!("{}{rest}", prefix.1));
        let name = layer.map_or_else(|| name.clone(), |layer| name.replacen("{}", layer, 1));
        let weight = kind == "weight";
        Source {
            name: if self.alone { name } else { format!("{name}.{kind}") },
            part: self.part,
            transposed: self.transposed && weight,
            plus_one: self.plus_one && weight,
        }
    }
}

/// How a family names its tensors in one dialect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    /// Tables of names; in each the first row of a tensor is tried first. A tensor in an earlier table is not looked for in a later
    /// one.
    pub(super) tables: &'static [&'static [Name]],
    /// What the names of a whole model's tensors begin with, and those of its inner model saved alone do not. Classes that share a table
    /// may say another word for it: `roberta.` for `bert.`.
    pub(super) prefix: &'static str,
    /// Tensors whose names end so change nothing: masks and tables that exporters leave in the file.
    pub(super) ignored: &'static [&'static str],
}

/// The tensor names of one file.
#[derive(Clone, Debug)]
pub struct Tensors {
    names: Names,
    dialect: Dialect,
    /// What the file has in the place of the prefix.
    prefix: String,
}

/// Tensors that GGUF files of several families hold together.
const GGUF_FUSED: &[Name] = &[
    name("blk.{}.attn_q", "blk.{}.attn_qkv").part(Part::Q),
    name("blk.{}.attn_k", "blk.{}.attn_qkv").part(Part::K),
    name("blk.{}.attn_v", "blk.{}.attn_qkv").part(Part::V),
];

impl Tensors {
    pub(super) fn new(file: &ModelFile, names: Names) -> Tensors {
        let mut all = file.tensors.iter().map(|tensor| tensor.name.as_str());
        let prefix =
            if all.any(|name| name.starts_with(names.prefix)) { names.prefix } else { other_prefix(file, &names) };
        Tensors { names, dialect: file.dialect, prefix: prefix.to_string() }
    }

    /// Where to look for a tensor of the plan, best first; nothing where this kind of file has no name for it.
    pub fn sources(&self, canonical: &str) -> Vec<Source> {
        let Some((stem, kind)) = canonical.rsplit_once('.') else { return Vec::new() };
        let (pattern, layer) = pattern(stem);
        let prefix = (self.names.prefix, self.prefix.as_str());
        let rows = |table: &[Name]| {
            let rows = table.iter().filter(|row| row.inside == pattern && (!row.alone || kind == "bias"));
            rows.map(|row| row.source(prefix, layer, kind)).collect::<Vec<_>>()
        };
        let mut found = self.names.tables.iter().map(|table| rows(table)).find(|found| !found.is_empty());
        if self.dialect == Dialect::Gguf && found.is_none() {
            let own = Source { name: canonical.to_string(), part: None, transposed: false, plus_one: false };
            found = Some([vec![own], rows(GGUF_FUSED)].concat());
        }
        found.unwrap_or_default()
    }

    /// Whether an unused tensor of this name changes nothing. The output head of a Hugging Face file whose configuration ties it to
    /// the embeddings is one.
    pub fn ignorable(&self, name: &str) -> bool {
        let head = || self.sources("output.weight").iter().any(|source| source.name == name);
        self.names.ignored.iter().any(|end| name.ends_with(end)) || self.dialect == Dialect::HuggingFace && head()
    }
}

/// The word and dot before the first name of a family's tables, in a file that does not have the family's prefix; nothing where the file
/// has names without one.
fn other_prefix<'a>(file: &'a ModelFile, names: &Names) -> &'a str {
    let mut rows = names.tables.iter().copied().flatten();
    let Some(first) = rows.find_map(|row| row.file.strip_prefix(names.prefix)).map(|bare| format!(".{bare}.weight"))
    else {
        return "";
    };
    let mut heads =
        file.tensors.iter().filter_map(|tensor| Some(&tensor.name[..tensor.name.strip_suffix(&first)?.len() + 1]));
    heads.find(|head| head.matches('.').count() == 1).unwrap_or("")
}

/// `enc.blk.3.attn_q` to `enc.blk.{}.attn_q` and `3`.
fn pattern(stem: &str) -> (String, Option<&str>) {
    let layer = stem.split_once("blk.").and_then(|(side, rest)| Some((side, rest.split_once('.')?)));
    match layer {
        Some((side, (layer, part))) => (format!("{side}blk.{{}}.{part}"), Some(layer)),
        None => (stem.to_string(), None),
    }
}
