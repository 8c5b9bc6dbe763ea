//! Where a tensor of the plan lies in a file: tables of names, and which part of a fused tensor is meant.
//!
//! Names inside are GGUF's, `blk.3.attn_q.weight`. In a table the layer is `{}` and the kind (`weight` or `bias`) is left out. Of experts
//! each has its own inside, `blk.3.ffn_up_exps.5.weight`, whose number is a second `{}`.

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
    /// Queries where each group of heads that share keys and values has `[q; k; v]` of its own.
    GroupQ,
    /// Keys where each such group has `[q; k; v]` of its own.
    GroupK,
    /// Values where each such group has `[q; k; v]` of its own.
    GroupV,
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
    /// The tensor holds those of all experts, `[n_experts, out, in]`; this is which. A part is one of an expert's.
    pub expert: Option<usize>,
    /// The file stores `[in, out]`.
    pub transposed: bool,
    /// The file stores a norm's weight less 1.
    pub plus_one: bool,
    /// The file stores the logarithm of what is the negative of it.
    pub log: bool,
}

impl Source {
    /// How many dimensions a matrix has there.
    pub fn dimensions(&self) -> usize {
        if self.expert.is_some() { 3 } else { 2 }
    }
}

/// A row of a table of names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    inside: &'static str,
    file: &'static str,
    part: Option<Part>,
    transposed: bool,
    plus_one: bool,
    log: bool,
    alone: bool,
}

/// The tensor `inside` is called `file` in the file.
pub(super) const fn name(inside: &'static str, file: &'static str) -> Name {
    Name { inside, file, part: None, transposed: false, plus_one: false, log: false, alone: false }
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

    /// Its negative's logarithm is stored.
    pub(super) const fn log(self) -> Name {
        Name { log: true, ..self }
    }

    /// Its weight is stored less 1.
    pub(super) const fn plus_one(self) -> Name {
        Name { plus_one: true, ..self }
    }

    /// `prefix`: what the table's names begin with, and what the file's begin with in its place. `numbers`: of the layer and of the expert.
    fn source(&self, prefix: (&str, &str), numbers: &[&str], kind: &str) -> Source {
        let name = self
            .file
            .strip_prefix(prefix.0)
            .map_or_else(|| self.file.to_string(), |rest| format!("{}{rest}", prefix.1));
        // A file that has all experts together does not number them.
        let together = self.file.matches("{}").count() < numbers.len();
        let name = numbers.iter().fold(name, |name, number| name.replacen("{}", number, 1));
        let weight = kind == "weight";
        Source {
            name: if self.alone { name } else { format!("{name}.{kind}") },
            part: self.part,
            expert: numbers.last().filter(|_| together).and_then(|number| number.parse().ok()),
            transposed: self.transposed && weight,
            plus_one: self.plus_one && weight,
            log: self.log,
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
        let (pattern, numbers) = pattern(stem);
        let prefix = (self.names.prefix, self.prefix.as_str());
        let rows = |table: &[Name]| {
            let rows = table.iter().filter(|row| row.inside == pattern && (!row.alone || kind == "bias"));
            rows.map(|row| row.source(prefix, &numbers, kind)).collect::<Vec<_>>()
        };
        let mut found = self.names.tables.iter().map(|table| rows(table)).find(|found| !found.is_empty());
        // Files from before `transformers` 1.0 name the parts of a norm so.
        let old = if kind == "bias" { "beta" } else { "gamma" };
        if let Some(found) = &mut found {
            let norms = found.iter().filter(|source| source.name.contains(".LayerNorm."));
            let older = norms.map(|source| Source { name: source.name.replace(kind, old), ..source.clone() });
            found.extend(older.collect::<Vec<_>>());
        }
        if self.dialect == Dialect::Gguf && found.is_none() {
            let expert = numbers.get(1).and_then(|number| number.parse().ok());
            let name = expert.map_or_else(
                || canonical.to_string(),
                |e: usize| canonical.replacen(&format!("_exps.{e}."), "_exps.", 1),
            );
            let own = Source { name, part: None, expert, transposed: false, plus_one: false, log: false };
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

/// `blk.3.attn_q` to `blk.{}.attn_q` and `3`, also behind `enc.`; `blk.3.ffn_up_exps.5` to `blk.{}.ffn_up_exps.{}`, `3` and `5`.
fn pattern(stem: &str) -> (String, Vec<&str>) {
    let layer = stem.split_once("blk.").and_then(|(side, rest)| Some((side, rest.split_once('.')?)));
    match (layer, stem.split_once("_exps.")) {
        (Some((side, (layer, part))), Some((_, expert))) => {
            let part = part.get(..part.len() - expert.len()).unwrap_or_default();
            (format!("{side}blk.{{}}.{part}{{}}"), vec![layer, expert])
        }
        (Some((side, (layer, part))), None) => (format!("{side}blk.{{}}.{part}"), vec![layer]),
        (None, _) => (stem.to_string(), Vec::new()),
    }
}
