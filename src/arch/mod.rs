//! Architectures as data: one file a family, and the table of them.
//!
//! A family's file says what its models' files call things (metadata keys and tensor names, in GGUF and in Hugging Face
//! folders) and what each layer is made of. `crate::model` builds the plan from that and knows no architecture; `crate::weights` finds
//! the tensors by the names given here.
//!
//! # Adding a family
//!
//! 1. `src/arch/NAME.rs` with a `pub(super) const FAMILY: Family`:
//!    - `gguf`: the values of `general.architecture`, and a function from the metadata to a [`ModelConfig`]. Most begin with
//!      `gguf::rms_decoder` and change what differs. A setting that changes the computation is refused unless the function names it
//!      among those that it reads.
//!    - `hugging_face`: the classes that `architectures` names, and the same from `config.json`, mostly with
//!      `hugging_face::rms_decoder`.
//!    - the tensor names of both: a table of those that differ from Llama's (Hugging Face) or from the names inside (GGUF), with the
//!      part of a fused tensor that each is.
//! 2. A line in `FAMILIES`.
//! 3. A tiny random model in `tests/golden/make_architectures.py`, and its folder in `tests/models/tiny.rs`: exact tokens and
//!    logits from both kinds of file.
//!
//! An encoder begins with `LayerConfig::encoder` and says what it gives (`Output::Rows`); its tiny model comes from
//! `tests/golden/make_encoders.py`, and is held in `tests/models/encoders.rs`. What published encoders compute of their rows is in `head.rs`,
//! what they compute of a text's vector in `dense.rs`.
//!
//! An encoder-decoder says what its encoder is made of (`ModelConfig::source`), and its decoder's layers have a `cross`; its tiny model comes
//! from `tests/golden/make_seq2seq.py`, and is held in `tests/models/seq2seq.rs`.
//!
//! Only where a layer computes something that no plan has, there is more to do: a field of `model::LayerConfig`, steps in
//! `model::plan::build`, and for new mathematics an `Op` with its twins on the CPU, on the GPU and in the tests' reference. What the
//! GPU lacks is refused there (`src/gpu/supported.rs`), and the model runs on the CPU.

mod bart;
mod bert;
mod dense;
mod experts;
mod falcon;
mod family;
mod gemma;
mod gemma_embedding;
mod gguf;
mod gpt2;
mod gptneox;
mod granite;
mod granite_hybrid;
mod head;
mod head_layer;
mod hugging_face;
mod lfm2;
mod llama;
mod mamba2;
mod modernbert;
mod names;
mod nomic_bert;
mod olmo2;
mod olmoe;
mod period;
mod phi3;
mod pooling;
mod qwen2;
mod qwen3;
mod settings;
mod smollm3;
mod stablelm;
mod starcoder2;
mod t5;
mod t5_encoder;

pub use dense::dense;
pub use head::{HeadConfig, Reads, Scores, head};
pub use head_layer::{HeadActivation, HeadLayer};
pub use names::{Part, Source, Tensors};

use crate::error::Result;
use crate::format::{Dialect, ModelFile};
use crate::model::ModelConfig;
use family::{Family, Origin};
use settings::Settings;

/// All families.
const FAMILIES: [&Family; 29] = [
    &llama::FAMILY,
    &qwen2::FAMILY,
    &qwen3::FAMILY,
    &qwen3::MIXTURE,
    &gemma::FAMILY,
    &gemma_embedding::FAMILY,
    &phi3::FAMILY,
    &smollm3::FAMILY,
    &olmo2::FAMILY,
    &olmoe::FAMILY,
    &granite::FAMILY,
    &granite::MIXTURE,
    &granite_hybrid::FAMILY,
    &mamba2::FAMILY,
    &lfm2::FAMILY,
    &stablelm::FAMILY,
    &starcoder2::FAMILY,
    &gptneox::FAMILY,
    &falcon::FAMILY,
    &gpt2::FAMILY,
    &bert::BERT,
    &bert::ROBERTA,
    &bert::DISTILBERT,
    &modernbert::FAMILY,
    &nomic_bert::FAMILY,
    &t5::FAMILY,
    &t5_encoder::FAMILY,
    &bart::BART,
    &bart::MARIAN,
];

/// Reads the hyperparameters of a model file.
///
/// # Errors
/// `Unsupported` for architectures and settings that would change the computation in a way no plan has, `Format`
/// for values that are missing, of the wrong type, out of range or in contradiction.
pub fn config(file: &ModelFile) -> Result<ModelConfig> {
    let (name, found) = find(file)?;
    let prefix = match file.dialect {
        Dialect::Gguf => format!("{name}."),
        Dialect::HuggingFace => String::new(),
    };
    let s = Settings::new(file, prefix);
    let mut config = (found.config)(&s)?;
    if config.encoder().is_none() && pooling::is_said(&s) {
        config = pooling::encoder(&s, config)?;
    }
    config.check(&file.name)?;
    Ok(config)
}

/// The names of a model file's tensors.
///
/// # Errors
/// `Unsupported` for an unknown architecture, `Format` where the file names none.
pub fn tensors(file: &ModelFile) -> Result<Tensors> {
    let (_, found) = find(file)?;
    Ok(Tensors::new(file, found.names))
}

/// The architecture's name in the file, and how its family's files are read.
fn find(file: &ModelFile) -> Result<(&str, &'static Origin)> {
    let (what, name) = match file.dialect {
        Dialect::Gguf => ("the GGUF architecture", gguf::architecture(file)?),
        Dialect::HuggingFace => ("the model class", hugging_face::class(file)?),
    };
    let of = |family: &'static Family| match file.dialect {
        Dialect::Gguf => &family.gguf,
        Dialect::HuggingFace => &family.hugging_face,
    };
    let found = FAMILIES.into_iter().map(of).find(|source| source.known.contains(&name));
    found.map(|found| (name, found)).ok_or_else(|| {
        let known: Vec<&str> = FAMILIES.into_iter().flat_map(|family| of(family).known).copied().collect();
        settings::unsupported(what, name, &known.join(", "))
    })
}
