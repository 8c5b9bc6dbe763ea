//! From a file's tensors to the plan's weights.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use super::{Layout, Matrix, Weights};
use crate::arch::{self, Part, Source, Tensors};
use crate::error::{Error, Result};
use crate::format::{ModelFile, TensorInfo, Value};
use crate::model::{MatrixSpec, Plan, VectorSpec, ZEROS};
use crate::order;
use crate::quant::DType;
use crate::tensor::Bytes;

/// A damaged file can have a problem per tensor; a message of this many says enough.
const MAX_PROBLEMS: usize = 32;

/// Finds every weight of the plan in the file.
///
/// Matrices keep the file's bytes, uncopied; only `[in, out]` matrices (GPT-2 in Hugging Face files) are transposed, and rows that
/// lie scattered (GPT-NeoX there) gathered, into new ones. Vectors become f32. The rows of a padded vocabulary beyond `n_vocab` are left out.
///
/// # Errors
/// `Weights` lists every problem at once: missing tensors, wrong shapes, unsupported types, and tensors that the plan
/// does not use (the model would compute something else than it was trained for). `OutOfMemory` where a copy does not
/// fit. `Unsupported` where they do not fit because another engine has quantised them in a form of its own.
pub fn load(plan: &Plan, file: &ModelFile) -> Result<Weights> {
    find(plan, file, false)
}

/// Whether the file has every weight of the plan, in shapes and types that can be loaded, by what its header says: the tensors need
/// not have their bytes.
///
/// # Errors
/// As [`load`], but for memory.
pub fn check(plan: &Plan, file: &ModelFile) -> Result<()> {
    find(plan, file, true).map(|_| ())
}

fn find(plan: &Plan, file: &ModelFile, only_check: bool) -> Result<Weights> {
    let mut loader = Loader {
        plan,
        only_check,
        names: arch::tensors(file)?,
        tensors: file.tensors.iter().map(|t| (t.name.as_str(), t)).collect(),
        unsupported: file.unsupported_tensors.iter().map(|(name, dtype)| (name.as_str(), dtype.as_str())).collect(),
        used: HashSet::new(),
        wrong_types: BTreeMap::new(),
        problems: Vec::new(),
    };
    let mut matrices = Vec::with_capacity(plan.matrices.len());
    for spec in &plan.matrices {
        matrices.extend(loader.matrix(spec)?);
    }
    let mut vectors = Vec::with_capacity(plan.vectors.len());
    for spec in &plan.vectors {
        vectors.extend(loader.vector(spec)?);
    }
    loader.tell_wrong_types();
    // A head's tensors and those of dense modules are read by `Layers::load`.
    let mut others = arch::head(file)?.map_or_else(Vec::new, |head| head.layers);
    if plan.config.encoder().is_some() {
        others.extend(arch::dense(file)?.into_iter().map(|(layer, _)| layer));
    }
    for layer in others {
        let own = |tensor: &&str| layer.owns(tensor);
        loader.used.extend(file.tensors.iter().map(|tensor| tensor.name.as_str()).filter(own));
    }
    loader.refuse_unused();
    if loader.problems.is_empty() {
        return Ok(Weights { matrices, vectors });
    }
    if let Some(found) = packed(file) {
        let what = "how its weights are packed".to_string();
        let supported = "GGUF, or a folder of plain floats (F32, F16, BF16)".to_string();
        return Err(Error::Unsupported { what, found, supported });
    }
    let more = loader.problems.len().saturating_sub(MAX_PROBLEMS);
    loader.problems.truncate(MAX_PROBLEMS);
    if more > 0 {
        loader.problems.push(format!("and {more} more"));
    }
    Err(Error::Weights { problems: loader.problems })
}

/// What has quantised a folder's weights in a form of its own, as its configuration says.
fn packed(file: &ModelFile) -> Option<String> {
    match file.metadata.get("quantization_config.quant_method") {
        Some(Value::String(method)) => Some(method.clone()),
        _ => file.metadata.contains_key("quantization.bits").then(|| "MLX".to_string()),
    }
}

struct Loader<'a> {
    plan: &'a Plan,
    /// Nothing is read of the tensors' bytes.
    only_check: bool,
    names: Tensors,
    tensors: HashMap<&'a str, &'a TensorInfo>,
    unsupported: HashMap<&'a str, &'a str>,
    used: HashSet<&'a str>,
    /// The first tensor of each unsupported type, how many there are, and where among the problems they belong.
    wrong_types: BTreeMap<&'a str, (&'a str, usize, usize)>,
    problems: Vec<String>,
}

impl<'a> Loader<'a> {
    /// The tensor behind a canonical name; where there is none, the problem is noted.
    fn find(&mut self, canonical: &str) -> Option<(&'a TensorInfo, Source)> {
        let sources = self.names.sources(canonical);
        for source in &sources {
            if let Some((&name, &tensor)) = self.tensors.get_key_value(source.name.as_str()) {
                self.used.insert(name);
                return Some((tensor, source.clone()));
            }
            if let Some((&name, dtype)) = self.unsupported.get_key_value(source.name.as_str()) {
                if self.used.insert(name) {
                    let place = self.problems.len();
                    self.wrong_types.entry(dtype).or_insert((name, 0, place)).1 += 1;
                }
                return None;
            }
        }
        let looked = sources.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(" or ");
        self.problem(match looked.as_str() {
            "" => format!("{canonical}: this kind of file has no name for it"),
            _ => format!("{looked}: missing"),
        });
        None
    }

    fn matrix(&mut self, spec: &MatrixSpec) -> Result<Option<Matrix>> {
        if self.plan.config.source.is_some_and(|source| source.sines) && spec.name.ends_with("position_embd.weight") {
            return if self.only_check { Ok(None) } else { sines(spec).map(Some) };
        }
        let Some((tensor, source)) = self.find(&spec.name) else { return Ok(None) };
        let (mut rows, total_rows) = self.rows(spec.rows, source.part);
        let padded = matches!(spec.name.as_str(), "token_embd.weight" | "output.weight");
        let expected = match (source.expert, source.transposed) {
            (Some(e), _) => {
                rows.iter_mut().for_each(|range| *range = e * total_rows + range.start..e * total_rows + range.end);
                let ffns = self.plan.config.layers.iter().map(|layer| layer.ffn);
                let n_experts = ffns.filter_map(|ffn| ffn.experts).map(|experts| experts.n).max();
                vec![n_experts.unwrap_or(0), total_rows, spec.cols]
            }
            (None, true) => vec![spec.cols, total_rows],
            (None, false) => vec![total_rows, spec.cols],
        };
        let longer =
            |found: &[usize]| padded && matches!(found, &[rows, cols] if rows > total_rows && cols == spec.cols);
        if tensor.shape != expected && !longer(&tensor.shape) {
            self.shape_problem(tensor, &expected);
            return Ok(None);
        }
        if tensor.dtype.bytes_for(spec.cols).is_none() {
            let (name, dtype, block) = (&tensor.name, tensor.dtype, tensor.dtype.block_len());
            self.problem(format!("{name}: rows of {} elements, {dtype} has blocks of {block}", spec.cols));
            return Ok(None);
        }
        if self.only_check {
            return Ok(None);
        }
        let data = match source.transposed {
            true => transpose(tensor, rows, total_rows, spec.cols)?,
            false => take_rows(tensor, &rows, spec.cols)?,
        };
        let (name, dtype, layout) = (spec.name.clone(), tensor.dtype, Layout::Rows);
        Ok(Some(Matrix { name, dtype, rows: spec.rows, cols: spec.cols, data, layout }))
    }

    fn vector(&mut self, spec: &VectorSpec) -> Result<Option<Vec<f32>>> {
        if spec.name == ZEROS {
            return Ok(Some(vec![0.0; spec.len]));
        }
        let Some((tensor, source)) = self.find(&spec.name) else { return Ok(None) };
        let (rows, total) = self.rows(spec.len, source.part);
        let padded = spec.name == "output.bias";
        let len = match tensor.shape.as_slice() {
            &[found] | &[1, found] if found == total || padded && found > total => found,
            // A table of biases by distance is small enough to be a vector.
            &[rows, cols] if spec.name.ends_with("attn_rel_b.weight") && rows.checked_mul(cols) == Some(total) => total,
            // What a state space has of each head or group stands in two dimensions in some files.
            &[rows, cols] if spec.name.contains(".ssm_") && rows.checked_mul(cols) == Some(total) => total,
            // A convolution's columns stand in two dimensions, with one of size 1 between them in some files.
            &[columns, kernel] | &[columns, 1, kernel]
                if (spec.name.ends_with(".conv.weight") || spec.name.ends_with(".ssm_conv1d.weight"))
                    && columns.checked_mul(kernel) == Some(total) =>
            {
                total
            }
            _ => {
                self.shape_problem(tensor, &[total]);
                return Ok(None);
            }
        };
        if self.only_check {
            return Ok(None);
        }
        // The tensor's bytes are in memory, so its length is in proportion to the file.
        let mut all = vec![0.0; len];
        tensor.dtype.decode(&tensor.data, &mut all);
        let mut values = Vec::with_capacity(spec.len);
        for range in rows {
            values.extend_from_slice(all.get(range).ok_or_else(|| outside(&tensor.name))?);
        }
        if source.plus_one {
            values.iter_mut().for_each(|value| *value += 1.0);
        }
        if source.log {
            values.iter_mut().for_each(|value| *value = -f64::from(*value).exp() as f32);
        }
        Ok(Some(values))
    }

    /// The rows that a weight of `len` rows takes of its tensor, in order, and how many that has.
    fn rows(&self, len: usize, part: Option<Part>) -> (Vec<Range<usize>>, usize) {
        let c = &self.plan.config;
        let (q, kv) = (c.n_heads * c.head_dim, c.n_kv_heads * c.head_dim);
        let one = |range: Range<usize>, total| (vec![range], total);
        // Of each group: queries, a key, a value.
        let shared = c.n_heads / c.n_kv_heads;
        let of_groups = |heads: Range<usize>| {
            let at = |group: usize, head: usize| (group * (shared + 2) + head) * c.head_dim;
            let range = |group: usize| at(group, heads.start)..at(group, heads.end);
            ((0..c.n_kv_heads).map(range).collect(), q + 2 * kv)
        };
        match part {
            None => one(0..len, len),
            Some(Part::Q) => one(0..q, q + 2 * kv),
            Some(Part::K) => one(q..q + kv, q + 2 * kv),
            Some(Part::V) => one(q + kv..q + 2 * kv, q + 2 * kv),
            Some(Part::Gate) => one(0..len, 2 * len),
            Some(Part::Up) => one(len..2 * len, 2 * len),
            Some(Part::After(n)) => one(n..n + len, n + len),
            Some(Part::GroupQ) => of_groups(0..shared),
            Some(Part::GroupK) => of_groups(shared..shared + 1),
            Some(Part::GroupV) => of_groups(shared + 1..shared + 2),
        }
    }

    fn shape_problem(&mut self, tensor: &TensorInfo, expected: &[usize]) {
        self.problem(format!("{}: shape {:?}, expected {expected:?}", tensor.name, tensor.shape));
    }

    fn problem(&mut self, problem: String) {
        // One fused tensor is asked for three times, one of all experts for each.
        if self.problems.last() != Some(&problem) {
            self.problems.push(problem);
        }
    }

    /// One line for each type, however many tensors have it.
    fn tell_wrong_types(&mut self) {
        let mut types: Vec<_> = std::mem::take(&mut self.wrong_types).into_iter().collect();
        order::sort_by_key(&mut types, |(_, (_, _, place))| std::cmp::Reverse(*place));
        for (dtype, (first, count, place)) in types {
            let others = match count {
                1 => String::new(),
                2 => " and another tensor".to_string(),
                _ => format!(" and {} other tensors", count - 1),
            };
            let problem = format!("{first}{others}: type {dtype}, supported: {}", DType::supported());
            self.problems.insert(place.min(self.problems.len()), problem);
        }
    }

    /// Vectors need no output head, which a decoder's files may have.
    fn ignorable(&self, name: &str) -> bool {
        self.names.ignorable(name) || self.plan.config.encoder().is_some() && name == "output.weight"
    }

    fn refuse_unused(&mut self) {
        let names = self.tensors.keys().chain(self.unsupported.keys());
        let mut unused: Vec<&str> =
            names.copied().filter(|name| !self.used.contains(name) && !self.ignorable(name)).collect();
        order::sort(&mut unused);
        let architecture = &self.plan.config.architecture;
        self.problems.extend(unused.iter().map(|name| format!("{name}: {architecture} has no such tensor")));
    }
}

/// Positions as sines and cosines (arXiv 1706.03762, section 3.5), all sines of a row before its cosines.
fn sines(spec: &MatrixSpec) -> Result<Matrix> {
    let &MatrixSpec { rows, cols, .. } = spec;
    let mut bytes = room(rows.saturating_mul(cols).saturating_mul(4), || spec.name.clone())?;
    let n_sines = cols.div_ceil(2);
    for row in 0..rows {
        for col in 0..cols {
            let (pair, is_sine) = if col < n_sines { (col, true) } else { (col - n_sines, false) };
            let angle = row as f64 / 10_000f64.powf(2.0 * pair as f64 / cols as f64);
            let value = if is_sine { angle.sin() } else { angle.cos() };
            bytes.extend_from_slice(&(value as f32).to_le_bytes());
        }
    }
    let (name, data) = (spec.name.clone(), Bytes::new(bytes));
    Ok(Matrix { name, dtype: DType::F32, rows, cols, data, layout: Layout::Rows })
}

/// Rows of a row-major tensor: where they lie, if that is in one piece, else copied together.
fn take_rows(tensor: &TensorInfo, rows: &[Range<usize>], cols: usize) -> Result<Bytes> {
    let row_bytes = tensor.dtype.bytes_for(cols).ok_or_else(|| outside(&tensor.name))?;
    let piece = |rows: &Range<usize>| {
        let range = rows.start.checked_mul(row_bytes).zip(rows.end.checked_mul(row_bytes));
        range.and_then(|(start, end)| tensor.data.slice(start..end)).ok_or_else(|| outside(&tensor.name))
    };
    if let [rows] = rows {
        return piece(rows);
    }
    let len = rows.iter().map(Range::len).sum::<usize>() * row_bytes;
    let mut bytes = room(len, || format!("gathering the rows of {}", tensor.name))?;
    for rows in rows {
        bytes.extend_from_slice(&piece(rows)?);
    }
    Ok(Bytes::new(bytes))
}

/// An empty vector with room for `len` bytes.
fn room(len: usize, what: impl Fn() -> String) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| Error::OutOfMemory { what: what(), bytes: len as u64 })?;
    Ok(bytes)
}

/// Columns `wanted` of an `[in, out]` tensor as the rows of an `[out, in]` matrix.
fn transpose(tensor: &TensorInfo, wanted: Vec<Range<usize>>, n_out: usize, n_in: usize) -> Result<Bytes> {
    if tensor.dtype.is_quantised() {
        return Err(Error::Unsupported {
            what: tensor.name.clone(),
            found: format!("a quantised [in, out] matrix ({})", tensor.dtype),
            supported: DType::supported_floats(),
        });
    }
    let size = tensor.dtype.block_bytes();
    let len = wanted.iter().map(Range::len).sum::<usize>() * n_in * size;
    let mut bytes = room(len, || format!("transposing {}", tensor.name))?;
    for out in wanted.into_iter().flatten() {
        for row in tensor.data.chunks_exact(n_out * size).take(n_in) {
            bytes.extend_from_slice(row.get(out * size..(out + 1) * size).ok_or_else(|| outside(&tensor.name))?);
        }
    }
    match bytes.len() == len {
        true => Ok(Bytes::new(bytes)),
        false => Err(outside(&tensor.name)),
    }
}

/// The reader promises that a tensor has exactly the bytes of its shape.
fn outside(name: &str) -> Error {
    Error::Internal { what: format!("{name} has fewer bytes than its shape") }
}
