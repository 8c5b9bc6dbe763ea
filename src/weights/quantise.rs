//! Makes blocks of a file's plain floats before the model is made of it, so that the model takes a half to a quarter of their memory.

use std::str::FromStr;

use crate::arch;
use crate::error::{Error, Result};
use crate::format::{ModelFile, TensorInfo};
use crate::model::plan;
use crate::quant::{BlockType, DType, Q4_0, Q4_K, Q5_0, Q6_K, Q8_0};
use crate::tensor::pack;

/// What matrices of plain floats become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantise {
    /// Bytes: hardly any loss, half the size of 16 bits.
    Q8_0,
    /// Four bits with a scale for each 32.
    Q4_0,
    /// Four bits with scales and minima: as much memory, less loss.
    #[allow(non_camel_case_types)] // ggml's name.
    Q4_K,
}

impl FromStr for Quantise {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "q8_0" => Ok(Quantise::Q8_0),
            "q4_0" => Ok(Quantise::Q4_0),
            "q4_k" => Ok(Quantise::Q4_K),
            other => Err(Error::InvalidOption {
                name: "quantize".into(),
                expected: "q8_0, q4_0 or q4_k".into(),
                found: other.into(),
            }),
        }
    }
}

impl Quantise {
    /// The type for the matrix of that canonical name with rows of `cols` elements; `None` where it stays as it is. The tables of tokens
    /// take the finer types, because each of their rows is read alone or decides on a token; rows that are no whole number of
    /// large blocks take small ones.
    pub fn dtype(self, name: &str, cols: usize) -> Option<DType> {
        self.target(name, cols).map(|target| target.dtype)
    }

    fn target(self, name: &str, cols: usize) -> Option<Target> {
        let table = matches!(name, "token_embd.weight" | "output.weight");
        let wanted: &[Target] = match (self, table) {
            // A router's choice is all or nothing: it stays exact, and is small.
            _ if name.ends_with("position_embd.weight") || name.ends_with(".ffn_gate_inp.weight") => &[],
            (Quantise::Q4_K, false) => &[Target::of::<Q4_K>(DType::Q4_K), Target::of::<Q5_0>(DType::Q5_0)],
            (Quantise::Q4_K, true) => &[Target::of::<Q6_K>(DType::Q6_K), Target::of::<Q8_0>(DType::Q8_0)],
            (Quantise::Q4_0, false) => &[Target::of::<Q4_0>(DType::Q4_0)],
            (Quantise::Q8_0, _) | (Quantise::Q4_0, true) => &[Target::of::<Q8_0>(DType::Q8_0)],
        };
        wanted.iter().copied().find(|target| cols.is_multiple_of(target.dtype.block_len()))
    }
}

/// A type with its encoder. `DType::encode` would bring the encoders of all types into a page.
#[derive(Clone, Copy)]
struct Target {
    dtype: DType,
    /// Appends one block.
    encode: fn(&[f32], &mut Vec<u8>),
}

impl Target {
    const fn of<B: BlockType>(dtype: DType) -> Self {
        Target { dtype, encode: B::encode }
    }
}

/// Makes blocks of the file's matrices of plain floats, one row after the other in the place of the floats, so that both are never held
/// as a whole. What is in blocks already, vectors, and matrices that lie `[in, out]` stay as they are.
///
/// # Errors
/// What [`arch::config`] says of the file; `Weights` for numbers that are not finite.
pub fn quantise(file: &mut ModelFile, to: Quantise) -> Result<()> {
    let plan = plan::build(&arch::config(file)?);
    let names = arch::tensors(file)?;
    // A list is enough: hundreds of names, or of experts thousands, looked for once each.
    let mut wanted = Vec::new();
    for spec in &plan.matrices {
        let target = to.target(&spec.name, spec.cols);
        wanted.extend(names.sources(&spec.name).into_iter().map(|source| (source, target)));
    }
    let target_of = |tensor: &TensorInfo| {
        let (source, target) = wanted.iter().find(|(source, _)| source.name == tensor.name)?;
        let target = target.filter(|_| !source.transposed)?;
        let cols = tensor.shape.last().filter(|_| tensor.shape.len() == source.dimensions())?;
        let smaller = target.dtype.bytes_for(*cols)? < tensor.dtype.bytes_for(*cols)?;
        (!tensor.dtype.is_quantised() && smaller).then_some((target, *cols))
    };
    let chosen: Vec<_> = file.tensors.iter().map(target_of).collect();
    let from: Vec<_> = file.tensors.iter().map(|tensor| tensor.dtype).collect();
    let mut damaged = Vec::new();
    // All tensors, so that their file shrinks to what is left of them.
    let mut all: Vec<_> = file.tensors.iter_mut().map(|tensor| &mut tensor.data).collect();
    pack(&mut all, &mut |i, bytes| match chosen[i] {
        Some((target, cols)) => rows(bytes, from[i], target, cols).unwrap_or_else(|| {
            damaged.push(i);
            bytes.len()
        }),
        None => bytes.len(),
    });
    for (tensor, chosen) in file.tensors.iter_mut().zip(chosen) {
        if let Some((target, _)) = chosen {
            tensor.dtype = target.dtype;
        }
    }
    let problem = |i: &usize| format!("{}: numbers that are not finite", file.tensors[*i].name);
    match damaged.is_empty() {
        true => Ok(()),
        false => Err(Error::Weights { problems: damaged.iter().map(problem).collect() }),
    }
}

/// Rewrites rows at the beginning of their own bytes, and gives how many those are then; `None` for what is not finite.
fn rows(bytes: &mut [u8], from: DType, to: Target, cols: usize) -> Option<usize> {
    let row_bytes = from.bytes_for(cols)?;
    let (mut row, mut encoded, mut end) = (vec![0.0; cols], Vec::new(), 0);
    for start in (0..bytes.len()).step_by(row_bytes) {
        from.decode(bytes.get(start..start + row_bytes)?, &mut row);
        if row.iter().any(|x| !x.is_finite()) {
            return None;
        }
        encoded.clear();
        row.chunks_exact(to.dtype.block_len()).for_each(|block| (to.encode)(block, &mut encoded));
        bytes.get_mut(end..end + encoded.len())?.copy_from_slice(&encoded);
        end += encoded.len();
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format;
    use crate::tensor::Bytes;

    fn folder() -> ModelFile {
        let config = include_bytes!("../../tests/golden/tiny-llama/config.json");
        let weights = include_bytes!("../../tests/golden/tiny-llama/model.safetensors");
        let file = |name: &str, bytes: &[u8]| (name.to_string(), Bytes::new(bytes.to_vec()));
        format::parse(vec![file("config.json", config), file("model.safetensors", weights)]).unwrap()
    }

    #[test]
    fn each_matrix_becomes_what_encoding_it_gives() {
        for to in [Quantise::Q8_0, Quantise::Q4_0, Quantise::Q4_K] {
            let (before, mut after) = (folder(), folder());
            quantise(&mut after, to).unwrap();
            let mut kinds = Vec::new();
            for (old, new) in before.tensors.iter().zip(&after.tensors) {
                if new.dtype == old.dtype {
                    assert_eq!(*new.data, *old.data, "{}", old.name);
                    continue;
                }
                let mut numbers = vec![0.0; old.shape.iter().product()];
                old.dtype.decode(&old.data, &mut numbers);
                assert_eq!(*new.data, new.dtype.encode(&numbers), "{} {}", old.name, new.dtype);
                kinds.push(new.dtype);
            }
            let expected = match to {
                Quantise::Q8_0 => [DType::Q8_0, DType::Q8_0],
                Quantise::Q4_0 => [DType::Q4_0, DType::Q8_0],
                // Rows of 64 and 96 elements have no blocks of 256.
                Quantise::Q4_K => [DType::Q5_0, DType::Q8_0],
            };
            assert!(expected.iter().all(|dtype| kinds.contains(dtype)), "{to:?}: {kinds:?}");
            let bytes = |file: &ModelFile| file.tensors.iter().map(|tensor| tensor.data.len()).sum::<usize>();
            assert!(bytes(&after) * 3 < bytes(&before), "{to:?}: {} of {}", bytes(&after), bytes(&before));
        }
    }

    #[test]
    fn numbers_without_an_end_are_refused_by_name() {
        let mut file = folder();
        let tensor = file.tensors.iter_mut().find(|t| t.name.contains("up_proj")).unwrap();
        let name = tensor.name.clone();
        let mut bytes = tensor.data.to_vec();
        bytes[..4].copy_from_slice(&f32::INFINITY.to_le_bytes());
        tensor.data = Bytes::new(bytes);
        let error = quantise(&mut file, Quantise::Q8_0).unwrap_err();
        assert!(error.to_string().contains(&name), "{error}");
        assert_eq!("q3_k".parse::<Quantise>().unwrap_err().code(), "option/invalid");
    }
}
