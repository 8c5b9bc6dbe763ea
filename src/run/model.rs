//! A loaded model: files in, calls out.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::defaults::{Defaults, defaults, end_tokens, ids};
use super::device::Device;
use super::kept::KeptSessions;
use super::rules::{SourceRules, recipes};
use super::section::{Description, Read, Sections};
use crate::arch::{self, Reads};
pub use crate::backend::Clock;
use crate::backend::{self, Backend, DeviceReport, DeviceRequest};
use crate::error::{Error, Result};
use crate::format::{CHAT_TEMPLATE, ModelFile, TOKENIZER_CONFIG, Value};
use crate::heads::Heads;
use crate::model::{EncoderConfig, Plan, ZEROS, plan};
use crate::session::{PassCosts, identity};
use crate::table::Table;
use crate::tensor::DType;
use crate::text::Tokenizer;
use crate::weights::{self, Head, Layers, Weights};

/// What loading is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadPhase {
    /// Reading the files' structure, the tokenizer and the weights.
    Read,
    /// Putting the model on its device.
    Device,
}

impl LoadPhase {
    /// As reports name it.
    pub const fn name(self) -> &'static str {
        match self {
            LoadPhase::Read => "read",
            LoadPhase::Device => "device",
        }
    }
}

/// What there is to know about a loaded model.
#[derive(Clone, Debug)]
pub struct ModelInfo {
    /// The file's name of it, else the architecture.
    pub name: String,
    /// Such as `llama`.
    pub architecture: String,
    /// Number of weights.
    pub parameters: usize,
    /// Positions: tokens of prompt and output together, or of a text that an encoder reads.
    pub context_len: usize,
    /// Tokens of the vocabulary.
    pub vocab_size: usize,
    /// How most of the weights are stored.
    pub weight_type: DType,
    /// Where it ran when it was loaded.
    pub device: DeviceReport,
    /// `generate`, `embed`, or what its head does (`classify`, `rank`); `chat` with a template; what it was trained for, and what any
    /// model can do.
    pub tasks: Vec<&'static str>,
    /// The sets of labels that it was trained to classify by.
    pub label_sets: Vec<String>,
    /// What an encoder was trained with before texts, as its files name it.
    pub prompts: Vec<(String, String)>,
    /// What the files left open, and what was taken for it, in words.
    pub notes: Vec<String>,
    /// Of an encoder-decoder: the settings that its file has for tasks, such as `summarization.prefix`.
    pub recipes: Option<BTreeMap<String, Value>>,
}

/// What a chat's prompt is made with, as the model's files have it.
#[derive(Clone, Debug, Default)]
pub struct ChatFiles {
    /// A template in Jinja.
    pub template: Option<String>,
    /// The text of a `tokenizer_config.json`, which may hold a template, too.
    pub tokenizer_config: Option<String>,
}

impl ChatFiles {
    /// Whether there is a template. Which one of a `tokenizer_config.json` is taken, its reader decides.
    fn has_template(&self) -> bool {
        self.template.is_some() || self.tokenizer_config.as_ref().is_some_and(|text| text.contains("\"chat_template\""))
    }
}

/// A model ready for calls.
pub struct Model {
    /// See passes.rs.
    pub(super) backend: RefCell<Backend>,
    /// What its files say of its vectors, where it is an encoder.
    pub(super) encoder: Option<EncoderConfig>,
    /// The prompt that its files want where a call names none.
    pub(super) default_prompt: Option<String>,
    /// What is computed of its rows.
    pub(super) head: Option<Head>,
    /// What a text's vector goes through, where it is an encoder.
    pub(super) dense: Layers,
    /// What its files say of writing, where it is an encoder-decoder.
    pub(super) source: Option<SourceRules>,
    /// Segments that it tells apart; see `ModelConfig::segments`.
    pub(super) segments: usize,
    tokenizer: Option<Tokenizer>,
    sections: Sections,
    /// Every control token that the file's description names.
    controls: Vec<u32>,
    info: ModelInfo,
    defaults: Defaults,
    chat: ChatFiles,
    end_tokens: Vec<u32>,
    start_token: Option<u32>,
    clock: Clock,
    /// What the backend said when it was last used: it cannot be asked while it works.
    pub(super) device: RefCell<Device>,
    /// Tells saved sessions of this model from those of others.
    identity: u64,
    kept: RefCell<KeptSessions>,
    costs: RefCell<PassCosts>,
    /// See parts.rs.
    pub(super) table: RefCell<Option<Rc<Table>>>,
    pub(super) heads: RefCell<Heads>,
}

impl Model {
    /// Loads a model from a parsed file. `read` makes the tasks' sections of what the file says about them.
    pub(crate) async fn open(
        file: ModelFile,
        device: impl Into<DeviceRequest<'_>>,
        clock: Clock,
        progress: &mut dyn FnMut(LoadPhase, usize, usize),
        read: Read,
    ) -> Result<Rc<Model>> {
        let mut config = arch::config(&file)?;
        let recipes = config.source.map(|_| recipes(&file));
        progress(LoadPhase::Read, 1, 3);
        let tokenizer = Tokenizer::from_file(&file)?;
        if let Some(tokenizer) = &tokenizer {
            // Rows beyond the last token are padding: no logits of it, so that it is never drawn.
            config.n_vocab = config.n_vocab.min(tokenizer.vocab_size());
        }
        let mut sections = Sections::default();
        let description = Description::of(&file, tokenizer.as_ref(), &config)?;
        read(description.as_ref(), &mut sections)?;
        let controls = description.map(Description::into_tokens).unwrap_or_default();
        progress(LoadPhase::Read, 2, 3);
        let plan = Arc::new(plan::build(&config));
        let weights = weights::load(&plan, &file)?;
        progress(LoadPhase::Read, 3, 3);
        let head = Head::load(&file, config.d_model)?;
        let modules = if config.encoder().is_some() { arch::dense(&file)? } else { Vec::new() };
        let dense = Layers::load(&file, modules, config.d_model)?;
        let (parameters, weight_type) = size(&plan, &weights);
        let end_tokens = end_tokens(&file, tokenizer.as_ref(), config.n_vocab);
        let start_token = tokenizer
            .as_ref()
            .and_then(Tokenizer::start_token)
            .or_else(|| ids(&file.generation, "bos_token_id").next())
            .or_else(|| ids(&file.metadata, "bos_token_id").next())
            .filter(|id| (*id as usize) < config.n_vocab);
        let source = config.source.map(|_| SourceRules::of(&file, config.n_vocab)).transpose()?;
        let defaults = defaults(&file, source.is_some())?;
        let prompt = |(key, value): (&String, &Value)| {
            Some((key.strip_prefix("sentence_transformers.prompts.")?.to_string(), value.as_str()?.to_string()))
        };
        let prompts = file.metadata.iter().filter_map(prompt).collect();
        let default_prompt = file.metadata.get("sentence_transformers.default_prompt_name");
        let default_prompt = default_prompt.and_then(Value::as_str).map(str::to_string);
        let text = |key: &str| file.metadata.get(key).and_then(Value::as_str).map(str::to_string);
        let chat = ChatFiles { template: text(CHAT_TEMPLATE), tokenizer_config: text(TOKENIZER_CONFIG) };
        let identity = identity(&plan, &weights);
        // The file's bytes are the weights' alone then, and need no copy to be put into another order.
        drop(file);
        let weights = Arc::new(backend::arrange(weights, &config));

        let mut put = |done, total| progress(LoadPhase::Device, done, total);
        let backend = Backend::load(plan, weights, device, clock, &mut put).await?;
        let device = Device::of(&backend);
        let encoder = config.encoder();
        let mut notes = tokenizer.as_ref().map(|t| t.notes().to_vec()).unwrap_or_default();
        notes
            .extend(encoder.map(|encoder| format!("of longer texts it reads the first {} tokens", encoder.max_tokens)));
        let first = match head.as_ref().map(|head| &head.config) {
            Some(head) => match head.reads {
                Reads::Text if head.labels.len() == 1 => "rank",
                Reads::Text => "classify",
                Reads::Tokens => "entities",
                Reads::Span => "answer",
                Reads::Vocabulary => "fill-mask",
            },
            None if encoder.is_some() => "embed",
            None => "generate",
        };
        sections.names.retain(|name| *name != first);
        let mut names = vec![first];
        names.extend((first == "fill-mask").then_some("embed-sparse"));
        names.extend(chat.has_template().then_some("chat"));
        names.append(&mut sections.names);
        let label_sets = std::mem::take(&mut sections.label_sets);
        let info = ModelInfo {
            name: if config.name.is_empty() { config.architecture.clone() } else { config.name.clone() },
            architecture: config.architecture.clone(),
            parameters,
            context_len: encoder.map_or(config.context_len, |encoder| encoder.max_tokens),
            vocab_size: config.n_vocab,
            weight_type,
            device: device.report.clone(),
            tasks: names,
            label_sets,
            prompts,
            notes,
            recipes,
        };
        Ok(Rc::new(Model {
            backend: RefCell::new(backend),
            encoder,
            default_prompt,
            head,
            dense,
            source,
            segments: config.segments,
            tokenizer,
            sections,
            controls,
            info,
            defaults,
            chat,
            end_tokens,
            start_token,
            clock,
            device: RefCell::new(device),
            identity,
            kept: RefCell::default(),
            costs: RefCell::default(),
            table: RefCell::default(),
            heads: RefCell::default(),
        }))
    }

    /// What was loaded, and where it ran then.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The tokenizer, where the model's files hold one.
    pub fn tokenizer(&self) -> Option<&Tokenizer> {
        self.tokenizer.as_ref()
    }

    /// # Errors
    /// `Tokenizer`, saying which file is missing.
    pub fn require_tokenizer(&self) -> Result<&Tokenizer> {
        self.tokenizer.as_ref().ok_or_else(|| Error::Tokenizer {
            what: "the model's files hold none; add its tokenizer.json to the files".into(),
        })
    }

    /// Positions of a session.
    pub fn context_len(&self) -> usize {
        self.info.context_len
    }

    /// Logits per row.
    pub fn vocab_size(&self) -> usize {
        self.info.vocab_size
    }

    /// What a chat's prompt is made with.
    pub fn chat(&self) -> &ChatFiles {
        &self.chat
    }

    /// Tokens that end an output.
    pub fn end_tokens(&self) -> &[u32] {
        &self.end_tokens
    }

    /// The token that an empty prompt starts with.
    pub fn start_token(&self) -> Option<u32> {
        self.start_token
    }

    pub(super) fn defaults(&self) -> &Defaults {
        &self.defaults
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// What a task made of the file's description of it.
    pub(crate) fn section<T: Any>(&self) -> Option<&T> {
        self.sections.get()
    }

    /// Every control token that the file's description names.
    pub(crate) fn controls(&self) -> &[u32] {
        &self.controls
    }

    /// # Errors
    /// `UnsupportedTask` for an encoder.
    pub(super) fn require_decoder(&self) -> Result<()> {
        match self.encoder {
            None => Ok(()),
            Some(_) => Err(Error::UnsupportedTask {
                task: "generate".into(),
                why: format!("it is an encoder, which does not continue texts. It can: {}", self.info.tasks.join(", ")),
            }),
        }
    }

    /// The error for a task that the model's file does not list.
    pub(crate) fn cannot(&self, task: &str) -> Error {
        let tasks = self.info.tasks.join(", ");
        Error::UnsupportedTask { task: task.into(), why: format!("it was not trained to. It can: {tasks}") }
    }

    pub(super) fn identity(&self) -> u64 {
        self.identity
    }

    pub(super) fn kept(&self) -> &RefCell<KeptSessions> {
        &self.kept
    }

    pub(super) fn costs(&self) -> &RefCell<PassCosts> {
        &self.costs
    }
}

/// Number of weights, and the type that holds most of them.
fn size(plan: &Plan, weights: &Weights) -> (usize, DType) {
    let vectors: usize = plan.vectors.iter().filter(|v| v.name != ZEROS).map(|v| v.len).sum();
    let mut by_type: Vec<(DType, usize)> = Vec::new();
    for matrix in &weights.matrices {
        let n = matrix.rows * matrix.cols;
        match by_type.iter_mut().find(|(dtype, _)| *dtype == matrix.dtype) {
            Some((_, count)) => *count += n,
            None => by_type.push((matrix.dtype, n)),
        }
    }
    let matrices: usize = by_type.iter().map(|(_, n)| n).sum();
    let most = by_type.into_iter().max_by_key(|(_, n)| *n).map_or(DType::F32, |(dtype, _)| dtype);
    (matrices + vectors, most)
}

#[cfg(test)]
mod tests;
