//! Loading weights: the same numbers from every layout, no copies, and every problem at once.

use nanolm::Error;
use nanolm::arch;
use nanolm::format::{ModelFile, TensorInfo, Value};
use nanolm::model::{Plan, plan};
use nanolm::tensor::{Bytes, DType};
use nanolm::weights::{self, Codes, Layout, Matrix, Weights};

use super::fixture;

fn loaded(file: &ModelFile) -> Result<(Plan, Weights), Error> {
    let plan = plan::build(&arch::config(file)?);
    let weights = weights::load(&plan, file)?;
    Ok((plan, weights))
}

fn problems(file: &ModelFile) -> Vec<String> {
    match loaded(file) {
        Err(Error::Weights { problems }) => problems,
        other => panic!("{:?}", other.map(|_| "loaded")),
    }
}

fn row(matrix: &Matrix, r: usize) -> Vec<f32> {
    let mut row = vec![f32::NAN; matrix.cols];
    matrix.decode_row(r, &mut row);
    row
}

#[test]
fn shapes_equal_the_plan_and_ranges_are_exact() {
    for (folder, files) in [
        ("tiny-llama", vec!["model-q4_0.gguf"]),
        ("tiny-llama-untied", vec!["config.json", "model.safetensors"]),
        ("tiny-qwen2", vec!["config.json", "model.safetensors"]),
        ("tiny-gpt2", vec!["model-q8_0.gguf"]),
        ("tiny-gpt2", vec!["config.json", "model.safetensors"]),
    ] {
        let (plan, weights) = loaded(&fixture::parse(folder, &files)).unwrap();
        assert_eq!(plan.matrices.len(), weights.matrices.len());
        for (spec, m) in plan.matrices.iter().zip(&weights.matrices) {
            assert_eq!((&spec.name, spec.rows, spec.cols), (&m.name, m.rows, m.cols));
            assert_eq!(m.data.len(), m.rows * m.row_bytes(), "{}", m.name);
        }
        let found: Vec<usize> = weights.vectors.iter().map(Vec::len).collect();
        let expected: Vec<usize> = plan.vectors.iter().map(|v| v.len).collect();
        assert_eq!(found, expected);
    }
}

/// GPT-2 has one fused `[out, in]` tensor in GGUF files and one fused `[in, out]` tensor in Hugging Face files.
#[test]
fn fused_and_transposed_tensors_give_the_same_rows() {
    let (_, gguf) = loaded(&fixture::parse("tiny-gpt2", &["model-f32.gguf"])).unwrap();
    let (_, hf) = loaded(&fixture::parse("tiny-gpt2", &["config.json", "model.safetensors"])).unwrap();
    for (a, b) in gguf.matrices.iter().zip(&hf.matrices) {
        assert_eq!((&a.name, &a.data[..]), (&b.name, &b.data[..]));
    }
    assert_eq!(gguf.vectors, hf.vectors);
    // q, k and v differ, so the parts were not mixed up with one another.
    let qkv: Vec<&Matrix> =
        gguf.matrices.iter().filter(|m| m.name.starts_with("blk.0.attn_") && m.rows == 32).collect();
    assert!(qkv.len() >= 3 && qkv[0].data[..] != qkv[1].data[..] && qkv[1].data[..] != qkv[2].data[..]);
}

#[test]
fn matrices_stay_where_the_file_is() {
    let file = fixture::parse("tiny-gpt2", &["model-q8_0.gguf"]);
    let (_, weights) = loaded(&file).unwrap();
    let inside = |m: &Matrix| {
        file.tensors.iter().any(|t| t.data.as_ptr_range().contains(&m.data.as_ptr()) && t.dtype == m.dtype)
    };
    for m in &weights.matrices {
        assert!(inside(m), "{} was copied", m.name);
        assert_eq!(m.dtype, DType::Q8_0);
    }
}

/// What `Model::load` relies on: nobody but the weights holds the file's bytes once it is closed, and they are reordered in place.
#[test]
fn matrices_become_panels_once_the_file_is_closed() {
    for name in ["model-q8_0.gguf", "model-q4_0.gguf"] {
        let file = fixture::parse("tiny-gpt2", &[name]);
        let (_, weights) = loaded(&file).unwrap();
        let weights = weights.into_panels(Codes::Unsigned);
        assert!(weights.matrices.iter().all(|m| m.layout == Layout::Rows), "{name}: changed under the file's owner");
        let rows: Vec<Vec<u8>> = weights.matrices.iter().map(|m| m.stored_row(m.rows / 2).to_vec()).collect();
        drop(file);
        let weights = weights.into_panels(Codes::Unsigned);
        for (m, row) in weights.matrices.iter().zip(rows) {
            assert!(matches!(m.layout, Layout::Panels { codes: Codes::Unsigned, .. }), "{name}: {}", m.name);
            assert_eq!(m.row(m.rows / 2, &mut Vec::new()), row, "{name}: {}", m.name);
        }
    }
}

/// The quantisers and the reading of blocks, against the `gguf` package, which wrote the fixtures.
#[test]
fn block_formats_agree_with_the_gguf_package() {
    let (_, exact) = loaded(&fixture::parse("tiny-llama", &["model-f32.gguf"])).unwrap();
    for (name, dtype) in
        [("model-f16.gguf", DType::F16), ("model-q8_0.gguf", DType::Q8_0), ("model-q4_0.gguf", DType::Q4_0)]
    {
        let (_, stored) = loaded(&fixture::parse("tiny-llama", &[name])).unwrap();
        for (exact, stored) in exact.matrices.iter().zip(&stored.matrices) {
            assert_eq!(stored.dtype, dtype);
            for r in 0..exact.rows {
                let row = row(exact, r);
                assert_eq!(dtype.encode(&row), stored.stored_row(r), "{} row {r} as {dtype}", exact.name);
            }
        }
    }
}

#[test]
fn every_problem_is_listed() {
    let mut file = fixture::parse("tiny-llama", &["model-f32.gguf"]);
    let at = |file: &ModelFile, name: &str| file.tensors.iter().position(|t| t.name == name).unwrap();
    let i = at(&file, "blk.1.ffn_up.weight");
    file.tensors.remove(i);
    let i = at(&file, "blk.0.attn_q.weight");
    file.tensors[i].shape = vec![64, 16];
    let i = at(&file, "output_norm.weight");
    let norm = file.tensors.remove(i);
    file.unsupported_tensors.push((norm.name.clone(), "F64".to_string()));
    file.tensors.push(TensorInfo { name: "blk.0.attn_q_norm.weight".to_string(), ..norm });
    let problems = problems(&file);
    let expected = [
        "blk.0.attn_q.weight: shape [64, 16], expected [32, 32]",
        "blk.1.ffn_up.weight: missing",
        "output_norm.weight: type F64, supported: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K, \
         Q3_K, Q2_K, IQ4_NL, IQ4_XS, MXFP4, TQ2_0, TQ1_0",
        "blk.0.attn_q_norm.weight: llama has no such tensor",
    ];
    assert_eq!(problems, expected);
}

/// What other engines have packed is called so, in place of a list of every tensor; where the weights are plain all the same, they load.
#[test]
fn weights_that_another_engine_has_packed_are_named() {
    for (key, value, found) in [
        ("quantization_config.quant_method", Value::String("gptq".to_string()), "gptq"),
        ("quantization.bits", Value::Int(4), "MLX"),
    ] {
        let mut file = fixture::parse("tiny-llama", &["config.json", "model.safetensors"]);
        file.metadata.insert(key.to_string(), value);
        assert!(loaded(&file).is_ok(), "{found}");
        file.tensors.pop();
        let error = loaded(&file).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), "model/unsupported");
        assert!(error.to_string().contains(&format!("found {found}, supported: GGUF")), "{error}");
    }
}

#[test]
fn a_long_list_is_cut() {
    let mut file = fixture::parse("tiny-llama", &["model-f32.gguf"]);
    file.tensors.clear();
    file.metadata.insert("llama.block_count".to_string(), Value::Int(400));
    let problems = problems(&file);
    assert_eq!(problems.len(), 33);
    assert!(problems[32].starts_with("and ") && problems[32].ends_with(" more"), "{}", problems[32]);
}

#[test]
fn padded_vocabularies_lose_their_padding() {
    let mut file = fixture::parse("tiny-llama-untied", &["config.json", "model.safetensors"]);
    let (_, whole) = loaded(&file).unwrap();
    file.metadata.insert("vocab_size".to_string(), Value::Int(300));
    let (plan, cut) = loaded(&file).unwrap();
    assert_eq!(plan.buffers[plan.output.0].width, 300);
    for name in ["token_embd.weight", "output.weight"] {
        let find = |w: &Weights| w.matrices.iter().find(|m| m.name == name).cloned().unwrap();
        let (whole, cut) = (find(&whole), find(&cut));
        assert_eq!((cut.rows, whole.rows), (300, 320));
        assert_eq!(row(&cut, 299), row(&whole, 299));
    }
    file.metadata.insert("vocab_size".to_string(), Value::Int(321));
    assert!(problems(&file)[0].contains("shape [320, 32], expected [321, 32]"));
}

#[test]
fn a_head_is_missing_only_where_it_is_not_tied() {
    let mut file = fixture::parse("tiny-llama-untied", &["config.json", "model.safetensors"]);
    file.tensors.retain(|t| t.name != "lm_head.weight");
    assert_eq!(problems(&file), ["lm_head.weight: missing"]);
    file.metadata.insert("tie_word_embeddings".to_string(), Value::Bool(true));
    loaded(&file).unwrap();
}

#[test]
fn rows_that_are_not_whole_blocks_are_refused() {
    let mut file = fixture::parse("tiny-llama", &["model-f32.gguf"]);
    file.metadata.insert("llama.feed_forward_length".to_string(), Value::Int(48));
    for t in &mut file.tensors {
        if t.name.contains("ffn_down") {
            t.dtype = DType::Q8_0;
            t.shape = vec![32, 48];
            t.data = Bytes::new(vec![0; 32 * 48]);
        }
    }
    let problems = problems(&file);
    assert!(problems.iter().any(|p| p.contains("rows of 48 elements, Q8_0 has blocks of 32")), "{problems:?}");
}
