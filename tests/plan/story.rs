//! The trained story model, where it is there: both of its file formats hold the same model.

use std::path::PathBuf;

use nanolm::arch;
use nanolm::format;
use nanolm::model::{ModelConfig, RopeLayout, plan};
use nanolm::tensor::Bytes;
use nanolm::weights::{self, Weights};

fn load(names: &[&str]) -> Option<(ModelConfig, Weights)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/weights/stories260K");
    let files = names.iter().map(|name| Some((name.to_string(), Bytes::new(std::fs::read(folder.join(name)).ok()?))));
    let files: Option<Vec<_>> = files.collect();
    let Some(files) = files else {
        println!("SKIPPED story model: {} is not there", folder.display());
        return None;
    };
    let file = format::parse(files).unwrap();
    let config = arch::config(&file).unwrap();
    let plan = plan::build(&config);
    let weights = weights::load(&plan, &file).unwrap();
    Some((config, weights))
}

#[test]
fn both_formats_of_the_story_model_load() {
    let Some((gguf, gguf_weights)) = load(&["stories260K-f32.gguf"]) else { return };
    let Some((hf, hf_weights)) = load(&["config.json", "model.safetensors"]) else { return };
    for c in [&gguf, &hf] {
        assert_eq!((c.d_model, c.n_layers, c.n_heads, c.n_kv_heads, c.d_ff), (64, 5, 8, 4, 172));
        assert_eq!((c.n_vocab, c.context_len), (512, 512));
    }
    // The GGUF file repeats the embeddings as the output head.
    assert_eq!((gguf.tied_embeddings, hf.tied_embeddings), (false, true));
    let (head, gguf_matrices) = gguf_weights.matrices.split_last().unwrap();
    assert_eq!((head.name.as_str(), &head.data[..]), ("output.weight", &hf_weights.matrices[0].data[..]));
    assert_eq!(gguf_matrices.len(), hf_weights.matrices.len());
    let layout = |c: &ModelConfig| c.layers[0].attention.rope.map(|rope| rope.layout);
    assert_eq!((layout(&gguf), layout(&hf)), (Some(RopeLayout::Interleaved), Some(RopeLayout::HalfSplit)));
    // Only q and k differ, by the order of their rows.
    for (a, b) in gguf_matrices.iter().zip(&hf_weights.matrices) {
        let reordered = a.name.contains("attn_q.") || a.name.contains("attn_k.");
        assert_eq!(a.name, b.name);
        assert_eq!(a.data[..] == b.data[..], !reordered, "{}", a.name);
    }
    assert_eq!(gguf_weights.vectors, hf_weights.vectors);
}
