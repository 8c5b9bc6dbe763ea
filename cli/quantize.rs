//! Writes a model's file with its matrices in blocks.

use std::collections::HashMap;
use std::io::{BufWriter, Write};

use nanolm::format::{self, Dialect, NewTensor, TensorInfo};
use nanolm::tensor::DType;
use nanolm::weights::Quantise;
use nanolm::{arch, model::plan};
use serde_json::json;

use crate::args::{Args, Failure, Result};
use crate::files;
use crate::show::{Bar, bytes, table};

pub fn command(mut args: Args) -> Result<()> {
    let to: String = args
        .option("--type", "q8_0, q4_0 or q4_k")?
        .ok_or_else(|| Failure::Usage("--type is missing: q8_0, q4_0 or q4_k".into()))?;
    let kind = to.parse::<Quantise>().map_err(|error| Failure::Usage(error.to_string()))?;
    let mut keep = HashMap::new();
    for pair in args.options("--keep", "TENSOR=TYPE")? {
        let split =
            pair.rsplit_once('=').and_then(|(name, dtype)| Some((name, DType::from_name(&dtype.to_uppercase())?)));
        let (name, dtype) = split.ok_or_else(|| {
            Failure::Usage(format!("--keep: expected TENSOR=TYPE with a type of {}, found {pair}", DType::supported()))
        })?;
        keep.insert(name.to_string(), dtype);
    }
    let as_json = args.flag("--json");
    let [from, out] = args.rest(["IN", "OUT"])?;
    let read = files::read(&from)?;
    let file = format::parse(read.clone())?;
    if file.dialect != Dialect::Gguf {
        return Err(Failure::Failed(
            "a Hugging Face folder cannot be written as GGUF yet: quantise it when it is loaded (--quantize)".into(),
        ));
    }
    let plan = plan::build(&arch::config(&file)?);
    let names = arch::tensors(&file)?;
    let mut wanted = HashMap::new();
    for spec in &plan.matrices {
        let dtype = kind.dtype(&spec.name, spec.cols);
        for source in names.sources(&spec.name) {
            wanted.entry(source.name.clone()).or_insert((dtype, source.dimensions()));
        }
    }
    if let Some(unknown) = keep.keys().find(|name| file.tensor(name).is_none()) {
        return Err(Failure::Usage(format!("--keep: the file has no tensor {unknown}")));
    }
    let mut tensors = Vec::new();
    for tensor in &file.tensors {
        let cols = tensor.shape.last().copied().unwrap_or(1);
        let kept = keep.get(&tensor.name).copied();
        let fitting = wanted.get(&tensor.name).filter(|(_, dimensions)| tensor.shape.len() == *dimensions);
        let chosen = fitting.and_then(|(dtype, _)| *dtype);
        // What is in blocks already loses by every other form of them, so that only larger ones are made smaller.
        let smaller = |dtype: &DType| dtype.bytes_for(cols) < tensor.dtype.bytes_for(cols);
        let dtype = kept.or(chosen.filter(smaller)).unwrap_or(tensor.dtype);
        let elements: usize = tensor.shape.iter().product();
        let whole = dtype.bytes_for(cols).and_then(|_| dtype.bytes_for(elements));
        let len = whole.ok_or_else(|| {
            Failure::Usage(format!("--keep: {}: rows of {cols} elements are no whole blocks of {dtype}", tensor.name))
        })?;
        tensors.push(NewTensor { name: tensor.name.clone(), shape: tensor.shape.clone(), dtype, len });
    }
    let file_type = match kind {
        Quantise::Q8_0 => 7,
        Quantise::Q4_0 => 2,
        Quantise::Q4_K => 14,
    };
    // All metadata stands in the first part.
    let (name, first) = &read[0];
    let header = format::gguf_header(name, first, &tensors, file_type)?;
    if std::path::Path::new(&out).exists() && std::fs::canonicalize(&out)? == std::fs::canonicalize(&from)? {
        return Err(Failure::Usage("OUT is IN: give another name".into()));
    }
    let mut writer = BufWriter::new(std::fs::File::create(&out)?);
    writer.write_all(&header)?;
    let mut rows = vec![["tensor", "from", "to", "bytes before", "after", "NMSE"].map(str::to_string).to_vec()];
    let (mut told, mut bar, mut after) = (Vec::new(), Bar::new("writing"), header.len());
    for (i, (old, new)) in file.tensors.iter().zip(&tensors).enumerate() {
        bar.set(i, tensors.len());
        let error = write(old, new, &mut writer)?;
        after += new.len + format::padding(new.len);
        if let Some(error) = error {
            let cells =
                [old.name.clone(), old.dtype.to_string(), new.dtype.to_string(), bytes(old.data.len()), bytes(new.len)];
            rows.push([&cells[..], &[format!("{error:.2e}")]].concat());
        }
        told.push(json!({
            "name": old.name, "from": old.dtype.name(), "to": new.dtype.name(), "before": old.data.len(), "after": new.len,
            "nmse": error,
        }));
    }
    writer.flush()?;
    drop(bar);
    let before: usize = read.iter().map(|(_, bytes)| bytes.len()).sum();
    if as_json {
        println!("{:#}", json!({"before": before, "after": after, "tensors": told}));
    } else {
        let same = told.len() + 1 - rows.len();
        print!("{}", table(&rows));
        println!("\n{same} tensors as they were; {} before, {} after", bytes(before), bytes(after));
    }
    Ok(())
}

/// Elements that are computed at a time.
const PIECE: usize = 1 << 16;

/// Writes a tensor in its new type, and gives the error where it is another one: the squares of the differences by those of the numbers.
fn write(old: &TensorInfo, new: &NewTensor, out: &mut impl Write) -> Result<Option<f64>> {
    let zeros = vec![0; format::padding(new.len)];
    if old.dtype == new.dtype {
        out.write_all(&old.data)?;
        out.write_all(&zeros)?;
        return Ok(None);
    }
    let piece = PIECE / old.dtype.block_len() * old.dtype.block_bytes();
    let (mut off, mut all) = (0f64, 0f64);
    for bytes in old.data.chunks(piece) {
        let mut numbers = vec![0.0; bytes.len() / old.dtype.block_bytes() * old.dtype.block_len()];
        old.dtype.decode(bytes, &mut numbers);
        if !numbers.iter().all(|x| x.is_finite()) {
            return Err(Failure::Failed(format!("{}: numbers that are not finite: the file is damaged", old.name)));
        }
        let encoded = new.dtype.encode(&numbers);
        out.write_all(&encoded)?;
        let mut back = vec![0.0; numbers.len()];
        new.dtype.decode(&encoded, &mut back);
        off += numbers.iter().zip(&back).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
        all += numbers.iter().map(|a| f64::from(*a).powi(2)).sum::<f64>();
    }
    out.write_all(&zeros)?;
    Ok(Some(if all > 0.0 { off / all } else { 0.0 }))
}
