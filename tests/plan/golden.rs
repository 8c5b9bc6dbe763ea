//! The printed plan of each architecture, held against golden text: the architecture's documentation.
//!
//! After a wanted change, run once with `UPDATE_GOLDEN=1` and read the difference.

use std::path::PathBuf;

use nanolm::arch;
use nanolm::model::{Op, Plan, plan};

use super::fixture;

fn check(golden: &str, folder: &str, files: &[&str]) {
    let file = fixture::parse(folder, files);
    let plan = plan::build(&arch::config(&file).unwrap());
    check_buffers(&plan);
    let printed = plan.to_string();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/plan").join(golden);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &printed).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    for (line, (found, expected)) in printed.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "{golden} line {}", line + 1);
    }
    assert_eq!(printed.lines().count(), expected.lines().count(), "{golden}");
}

/// The buffers that an operation reads.
fn inputs(op: &Op) -> Vec<usize> {
    match op {
        Op::Embed { .. } => vec![],
        Op::PositionEmbed { x, .. }
        | Op::RmsNorm { x, .. }
        | Op::LayerNorm { x, .. }
        | Op::Linear { x, .. }
        | Op::Rope { x, .. }
        | Op::ShortConv { x, .. }
        | Op::Ssm { x, .. }
        | Op::Activation { x, .. }
        | Op::Scale { x, .. }
        | Op::SoftCap { x, .. }
        | Op::SelectRows { x, .. } => vec![x.0],
        Op::StoreKv { k, v, .. } => vec![k.0, v.0],
        Op::Attention { q, .. } => vec![q.0],
        Op::Route { x, .. } => vec![x.0],
        Op::Experts { x, routes, .. } => vec![x.0, routes.0],
        Op::GatedActivation { gate, up, .. } => vec![gate.0, up.0],
        Op::Add { a, b, .. } => vec![a.0, b.0],
    }
}

/// What executors rely on: nothing is read before it is written, nothing is written by its reader, widths agree, and
/// row selection comes right before the last norm.
fn check_buffers(plan: &Plan) {
    let mut written = vec![false; plan.buffers.len()];
    for step in &plan.steps {
        let out = step.op.out().map(|id| id.0);
        for input in inputs(&step.op) {
            assert!(written[input], "{} reads {} before it is written", step.name, plan.buffers[input].name);
            assert_ne!(Some(input), out, "{} writes what it reads", step.name);
        }
        if let Some(out) = out {
            written[out] = true;
        }
        if let Op::Linear { x, weight, bias, out } = &step.op {
            let matrix = &plan.matrices[weight.0];
            assert_eq!(plan.buffers[x.0].width, matrix.cols, "{}", step.name);
            assert_eq!(plan.buffers[out.0].width, matrix.rows, "{}", step.name);
            assert!(bias.is_none_or(|bias| plan.vectors[bias.0].len == matrix.rows), "{}", step.name);
        }
    }
    let selects: Vec<usize> =
        (0..plan.steps.len()).filter(|&i| matches!(plan.steps[i].op, Op::SelectRows { .. })).collect();
    if plan.config.encoder().is_some() {
        assert_eq!(selects, [plan.steps.len() - 1 - usize::from(plan.config.output_norm.is_some())]);
    } else {
        let scaled = usize::from(plan.config.logit_scale != 1.0);
        assert_eq!(selects, [plan.steps.len() - 3 - scaled]);
        assert_eq!(plan.steps[selects[0] + 1].name, "output_norm");
    }
    assert_eq!(plan.steps.last().and_then(|s| s.op.out()), Some(plan.output));
    let mut names: Vec<&str> = plan.steps.iter().map(|s| s.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), plan.steps.len(), "step names are unique");
}

#[test]
fn llama_from_gguf() {
    check("llama.txt", "tiny-llama", &["model-q8_0.gguf"]);
}

#[test]
fn llama_untied_with_wide_heads() {
    check("llama_untied.txt", "tiny-llama-untied", &["config.json", "model.safetensors"]);
}

#[test]
fn llama_with_biases_and_rotary_factors() {
    check("llama_rope_factors.txt", "tiny-llama-llama3", &["model-f16.gguf"]);
}

#[test]
fn gpt2_from_gguf() {
    check("gpt2.txt", "tiny-gpt2", &["model-f16.gguf"]);
}

#[test]
fn bert_from_gguf() {
    check("bert.txt", "tiny-bert", &["model-f16.gguf"]);
}

#[test]
fn a_mixture_of_experts() {
    check("olmoe.txt", "tiny-olmoe", &["config.json", "model.safetensors"]);
}

#[test]
fn states_among_attention() {
    check("granitehybrid.txt", "tiny-granitehybrid-moe", &["model-f16.gguf"]);
}

#[test]
fn modern_bert_from_gguf() {
    check("modernbert.txt", "tiny-modernbert", &["model-f16.gguf"]);
}

/// The same model in both dialects differs in names and in the rotary layout only.
#[test]
fn both_dialects_give_the_same_plan() {
    for folder in ["tiny-llama", "tiny-gpt2"] {
        let gguf = fixture::parse(folder, &["model-f32.gguf"]);
        let hf = fixture::parse(folder, &["config.json", "model.safetensors"]);
        let mut configs = [&gguf, &hf].map(|file| arch::config(file).unwrap());
        let [from_gguf, from_hf] = &mut configs;
        from_hf.architecture = from_gguf.architecture.clone();
        from_hf.name = from_gguf.name.clone();
        for (a, b) in from_gguf.layers.iter().zip(&mut from_hf.layers) {
            if let (Some(a), Some(b)) = (&a.attention.rope, &mut b.attention.rope) {
                assert_ne!(a.layout, b.layout);
                b.layout = a.layout;
            }
        }
        assert_eq!(from_gguf, from_hf);
        assert_eq!(plan::build(from_gguf).to_string(), plan::build(from_hf).to_string());
    }
}
