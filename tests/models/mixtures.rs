//! Mixtures of experts: every way to feed a text gives the same logits, whatever their matrices are stored as.

use std::sync::Arc;

use nanolm::backend::{Backend, DeviceChoice};
use nanolm::format::ModelFile;
use nanolm::model::{LogitRows, plan};
use nanolm::session::Session;
use nanolm::weights::Quantise;
use nanolm::{Error, arch, format, weights};

use super::run::{read, root};

const FOLDERS: [&str; 3] = ["tiny-granitemoe", "tiny-olmoe", "tiny-qwen3moe"];

fn parse(folder: &str, names: &[&str]) -> ModelFile {
    format::parse(read(&root().join("tests/golden").join(folder), names)).unwrap()
}

fn backend(file: &ModelFile, choice: DeviceChoice) -> Result<Backend, Error> {
    let plan = Arc::new(plan::build(&arch::config(file).unwrap()));
    let weights = Arc::new(weights::load(&plan, file).unwrap());
    pollster::block_on(Backend::load(plan, weights, choice, || 0.0, &mut |_, _| {}))
}

/// The logits behind the last of the tokens, fed in parts of so many.
fn feed(backend: &mut Backend, tokens: &[u32], part: usize) -> Vec<f32> {
    let mut session = pollster::block_on(Session::new(backend, 128)).unwrap();
    let mut logits = Vec::new();
    for part in tokens.chunks(part) {
        let fed = pollster::block_on(session.feed(backend, part, LogitRows::Last, &mut logits)).unwrap();
        assert_eq!(fed, part.len());
    }
    logits
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// `transformers` computed with the same numbers: Q8_0, Q4_0 and Q5_0 in an expert's three matrices.
#[test]
fn a_quantised_file_gives_the_logits_of_transformers() {
    let path = root().join("tests/golden/tiny-granitemoe/expected.json");
    let expected: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let file = parse("tiny-granitemoe", &["model-mixed.gguf"]);
    let mut backend = backend(&file, DeviceChoice::Cpu).unwrap();
    for run in expected["runs"]["model-mixed.gguf"].as_array().unwrap() {
        let numbers = |key: &str| run[key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<_>>();
        let tokens: Vec<u32> = numbers("tokens").into_iter().map(|id| id as u32).collect();
        let last: Vec<f32> = numbers("last_logits").into_iter().map(|x| x as f32).collect();
        for part in [128, 3, 1] {
            let worst = worst(&feed(&mut backend, &tokens, part), &last);
            assert!(worst <= 1e-3, "parts of {part}: {worst}");
        }
    }
}

/// A router stays as it is; all else of a layer becomes blocks, and takes a good part of the memory less.
#[test]
fn experts_are_quantised_on_load_from_both_kinds_of_files() {
    for folder in FOLDERS {
        for to in [Quantise::Q8_0, Quantise::Q4_0, Quantise::Q4_K] {
            let mut logits = Vec::new();
            for names in [&["model-f16.gguf"][..], &["config.json", "model.safetensors"]] {
                let mut file = parse(folder, names);
                let before: usize = file.tensors.iter().map(|tensor| tensor.data.len()).sum();
                weights::quantise(&mut file, to).unwrap();
                for tensor in &file.tensors {
                    let router = ["ffn_gate_inp", "mlp.gate.", "router"].iter().any(|part| tensor.name.contains(part));
                    let matrix = tensor.shape.len() > 1 && !router;
                    assert_eq!(tensor.dtype.is_quantised(), matrix, "{folder} {}: {}", tensor.name, tensor.dtype);
                }
                let after: usize = file.tensors.iter().map(|tensor| tensor.data.len()).sum();
                assert!(after * 10 < before * 6, "{folder} {to:?}: {after} of {before}");
                let mut backend = backend(&file, DeviceChoice::Cpu).unwrap();
                let tokens: Vec<u32> = (0..60).map(|i| (37 * i + i * i) % 300 + 1).collect();
                let whole = feed(&mut backend, &tokens, 128);
                // The router's products are of floats, whose sums may come in another order.
                for part in [7, 1] {
                    let worst = worst(&feed(&mut backend, &tokens, part), &whole);
                    assert!(worst <= 1e-3, "{folder} {to:?} in parts of {part}: {worst}");
                }
                logits.push(whole);
            }
            let worst = worst(&logits[0], &logits[1]);
            assert!(worst <= 1e-3, "{folder} {to:?}: the two files differ by {worst}");
        }
    }
}

#[test]
fn the_cpu_is_chosen_and_the_gpu_refused_by_name() {
    let file = parse("tiny-granitemoe", &["model-f16.gguf"]);
    assert_eq!(backend(&file, DeviceChoice::Auto).unwrap().report().kind.name(), "cpu");
    match backend(&file, DeviceChoice::Gpu).map(|_| ()) {
        Err(Error::Unsupported { what, .. }) => assert_eq!(what, "blk.0.ffn_route on the GPU"),
        Err(Error::Gpu { what, why }) if what == "adapter" => println!("SKIPPED a mixture on the GPU: {why}"),
        other => panic!("{other:?}"),
    }
}

/// Every way that a file can be at odds with itself is told with the name of what is wrong, and once.
#[test]
fn damaged_files_are_refused_by_the_tensors_name() {
    let problems = |folder: &str, names: &[&str], damage: &dyn Fn(&mut ModelFile)| {
        let mut file = parse(folder, names);
        damage(&mut file);
        let plan = plan::build(&arch::config(&file).unwrap());
        let Err(Error::Weights { problems }) = weights::load(&plan, &file) else { panic!("{folder} was loaded") };
        assert_eq!(
            weights::check(&plan, &file).unwrap_err().to_string(),
            Error::Weights { problems: problems.clone() }.to_string()
        );
        problems
    };
    let gguf = &["model-f16.gguf"][..];
    let up = "blk.1.ffn_up_exps.weight";
    let missing = problems("tiny-granitemoe", gguf, &|file| file.tensors.retain(|tensor| tensor.name != up));
    assert_eq!(missing, [format!("{up}: missing")]);
    let reshaped = |shape: &'static [usize]| {
        move |file: &mut ModelFile| {
            file.tensors.iter_mut().filter(|tensor| tensor.name == up).for_each(|tensor| tensor.shape = shape.to_vec());
        }
    };
    for shape in [&[5, 32, 32][..], &[6, 64, 16], &[192, 32], &[6, 32, 32, 1]] {
        let found = problems("tiny-granitemoe", gguf, &reshaped(shape));
        assert_eq!(found, [format!("{up}: shape {shape:?}, expected [6, 32, 32]")]);
    }
    let folder = &["config.json", "model.safetensors"][..];
    let one = "model.layers.0.mlp.experts.3.down_proj.weight";
    let missing = problems("tiny-olmoe", folder, &|file| file.tensors.retain(|tensor| tensor.name != one));
    assert_eq!(missing, [format!("{one}: missing")]);
    // More experts than the settings say.
    let fewer = problems("tiny-olmoe", folder, &|file| {
        file.metadata.insert("num_experts".into(), format::Value::Int(4));
    });
    assert!(fewer.iter().any(|problem| problem.contains("experts.4.")), "{fewer:?}");
    assert!(
        fewer.iter().any(|problem| problem.contains("mlp.gate.weight: shape [5, 32], expected [4, 32]")),
        "{fewer:?}"
    );
}
