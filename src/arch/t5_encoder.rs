//! The encoder of a T5 alone, whose rows become vectors: Sentence-T5 and GTR (arXiv 2108.08877, 2112.07899).

use super::family::{Family, Origin};
use super::pooling;
use super::settings::Settings;
use super::t5;
use crate::error::Result;
use crate::model::{LayerConfig, ModelConfig};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["t5encoder"], config: from_gguf, names: t5::GGUF },
    hugging_face: Origin { known: &["T5EncoderModel"], config: from_hugging_face, names: t5::HUGGING_FACE },
};

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    alone(s, t5::encoder_of_gguf(s)?)
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    alone(s, t5::encoder_of_hugging_face(s)?)
}

fn alone(s: &Settings<'_>, (config, layer): (ModelConfig, LayerConfig)) -> Result<ModelConfig> {
    pooling::encoder(s, ModelConfig { layers: vec![layer], side: "enc.", ..config })
}
