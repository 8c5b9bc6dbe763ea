//! One error type for the whole crate: a variant per thing the person can do about it.
//!
//! Every message says what went wrong, where, what was expected and found, and what to do. [`Error::code`] is stable:
//! programs may match on it. One place (`js::error`) turns an error into a JavaScript `Error`.

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, by what to do about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each message says what its fields are")]
pub enum Error {
    /// The bytes end before what they announce: get the whole file.
    #[error("{file} is truncated: {what} needs {expected} bytes, {found} are left. Download the file again")]
    Truncated { file: String, what: String, expected: u64, found: u64 },

    /// The bytes are no saved session, or one of another model: save it again.
    #[error(
        "the saved session cannot be used: {what}: expected {expected}, found {found}. Begin a new session and append its text"
    )]
    Session { what: String, expected: String, found: String },

    /// The bytes contradict their own format: get another file.
    #[error(
        "{file} is not valid: {what}: expected {expected}, found {found}. The file is damaged or not what its name says"
    )]
    Format { file: String, what: String, expected: String, found: String },

    /// A well-formed file that asks for something this engine does not do.
    #[error("{what} is not supported: found {found}, supported: {supported}")]
    Unsupported { what: String, found: String, supported: String },

    /// A file that the model needs was not given.
    #[error(
        "missing file: {expected}; given: {found}. Pass one .gguf file, or config.json, model.safetensors and tokenizer.json"
    )]
    MissingFile { expected: String, found: String },

    /// Weights are missing or have the wrong shape or type. Every problem is listed.
    #[error("the weights do not fit the model: {}", .problems.join("; "))]
    Weights { problems: Vec<String> },

    /// The tokenizer could not be built or refused its input.
    #[error("tokenizer: {what}")]
    Tokenizer { what: String },

    /// The prompt does not fit into the context: shorten it, or use `summarize`, which splits long texts.
    #[error("the prompt is too long: {found} tokens, the model's context holds {limit}. Shorten the text")]
    ContextFull { limit: usize, found: usize },

    /// An option has a value that makes no sense.
    #[error("option {name}: expected {expected}, found {found}")]
    InvalidOption { name: String, expected: String, found: String },

    /// The model was not made for this task.
    #[error("this model cannot {task}: {why}")]
    UnsupportedTask { task: String, why: String },

    /// The GPU cannot be used or failed: use the CPU.
    #[error("GPU: {what}: {why}. Load with device \"cpu\", or \"auto\" to fall back by itself")]
    Gpu { what: String, why: String },

    /// Memory could not be had: use a smaller model or context.
    #[error("out of memory: {what} needs {bytes} bytes. Use a smaller model or a shorter context")]
    OutOfMemory { what: String, bytes: u64 },

    /// The model computed NaN or infinity: the weights are damaged, or the device's arithmetic failed.
    #[error(
        "the model computed {found} for token {token}: its weights are damaged or too large for this device. \
         Download the file again, or load with device \"cpu\""
    )]
    NotFinite { token: usize, found: String },

    /// Another call is using the model at this moment: wait for it.
    #[error("the model is busy with another call; await it first")]
    Busy,

    /// A bug in this crate.
    #[error("internal error: {what}. Please report this")]
    Internal { what: String },
}

impl Error {
    /// A stable code of the form `area/problem`.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Truncated { .. } => "format/truncated",
            Error::Format { .. } => "format/invalid",
            Error::Session { .. } => "session/invalid",
            Error::Unsupported { .. } => "model/unsupported",
            Error::MissingFile { .. } => "model/missing-file",
            Error::Weights { .. } => "model/weights",
            Error::Tokenizer { .. } => "text/tokenizer",
            Error::ContextFull { .. } => "session/context-full",
            Error::InvalidOption { .. } => "option/invalid",
            Error::UnsupportedTask { .. } => "task/unsupported",
            Error::Gpu { .. } => "gpu/failed",
            Error::OutOfMemory { .. } => "memory/exhausted",
            Error::NotFinite { .. } => "model/not-finite",
            Error::Busy => "session/busy",
            Error::Internal { .. } => "internal",
        }
    }
}
