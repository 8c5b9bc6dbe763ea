//! Dense modules of sentence-transformers: matrices that a text's vector goes through between its pooling and its norm, as in EmbeddingGemma,
//! LaBSE and distiluse. Folders have each in a folder of its own, GGUF files as `dense_2` and `dense_3`.

use super::head_layer::{HeadActivation, HeadLayer};
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::format::{Dialect, ModelFile};

/// The modules of an encoder's file, first to last, and how many numbers each gives.
///
/// # Errors
/// `Format` and `Unsupported` for what the file says of them.
pub fn dense(file: &ModelFile) -> Result<Vec<(HeadLayer, usize)>> {
    match file.dialect {
        Dialect::Gguf => Ok(of_gguf(file)),
        Dialect::HuggingFace => of_hugging_face(file),
    }
}

/// They have no bias there, and nothing follows them.
fn of_gguf(file: &ModelFile) -> Vec<(HeadLayer, usize)> {
    let outputs = |name: &str| file.tensor(&format!("{name}.weight")).and_then(|tensor| tensor.shape.first().copied());
    let layer = |name: &&str| Some((HeadLayer::new(name, false, HeadActivation::None), outputs(name)?));
    ["dense_2", "dense_3"].iter().map_while(layer).collect()
}

fn of_hugging_face(file: &ModelFile) -> Result<Vec<(HeadLayer, usize)>> {
    let list = |key: &str| file.metadata.get(key).and_then(|value| value.as_strings()).unwrap_or_default();
    let modules = list("modules").iter().zip(list("module_paths"));
    let layer = |path: &String| {
        let s = Settings::new(file, format!("{path}."));
        let outputs = s.size("out_features", limits::WIDTH)?;
        let then = match s.str("activation_function")?.map(|name| name.rsplit('.').next().unwrap_or(name)) {
            // What the module has where its file does not say.
            None | Some("Tanh") => HeadActivation::Tanh,
            Some("Identity") => HeadActivation::None,
            Some("ReLU") => HeadActivation::Relu,
            Some("GELU") => HeadActivation::Gelu,
            Some(other) => return Err(s.unsupported("activation_function", other, "Identity, Tanh, ReLU, GELU")),
        };
        for key in ["module_input_name", "module_output_name"] {
            if let Some(other) = s.str(key)?.filter(|name| *name != "sentence_embedding") {
                return Err(s.unsupported(key, other, "sentence_embedding"));
            }
        }
        Ok((HeadLayer::new(&format!("{path}/linear"), s.bool_or("bias", true)?, then), outputs))
    };
    modules.filter(|(kind, _)| *kind == "Dense").map(|(_, path)| layer(path)).collect()
}
