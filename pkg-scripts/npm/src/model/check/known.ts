// What the engine runs, by what headers say: its tables (src/arch, src/text/from_gguf), once more, so that the question needs no engine.
// A test holds them together.

/** Values of `general.architecture` in GGUF files. */
export const ARCHITECTURES: readonly string[] = [
  "llama",
  "qwen2",
  "qwen3",
  "gemma",
  "gemma2",
  "gemma3",
  "gemma-embedding",
  "phi3",
  "smollm3",
  "olmo2",
  "granite",
  "granitemoe",
  "granitehybrid",
  "mamba2",
  "olmoe",
  "qwen3moe",
  "stablelm",
  "gptneox",
  "falcon",
  "gpt2",
  "bert",
  "modern-bert",
  "nomic-bert",
  "t5",
  "t5encoder",
  "starcoder2",
  "lfm2",
  "ernie4_5",
];

/** Classes that `architectures` names in `config.json`. */
export const DECODERS: readonly string[] = [
  "LlamaForCausalLM",
  "MistralForCausalLM",
  "Qwen2ForCausalLM",
  "Qwen3ForCausalLM",
  "GemmaForCausalLM",
  "Gemma2ForCausalLM",
  "Gemma3ForCausalLM",
  "Phi3ForCausalLM",
  "SmolLM3ForCausalLM",
  "Olmo2ForCausalLM",
  "GraniteForCausalLM",
  "GraniteMoeForCausalLM",
  "GraniteMoeHybridForCausalLM",
  "Mamba2ForCausalLM",
  "OlmoeForCausalLM",
  "Qwen3MoeForCausalLM",
  "StableLmForCausalLM",
  "GPTNeoXForCausalLM",
  "FalconForCausalLM",
  "GPT2LMHeadModel",
  "Starcoder2ForCausalLM",
  "Lfm2ForCausalLM",
  "Ernie4_5ForCausalLM",
];

export const ENCODERS: readonly string[] = [
  "BertModel",
  "BertForSequenceClassification",
  "BertForTokenClassification",
  "BertForQuestionAnswering",
  "BertForMaskedLM",
  "RobertaModel",
  "RobertaForSequenceClassification",
  "RobertaForTokenClassification",
  "RobertaForQuestionAnswering",
  "RobertaForMaskedLM",
  "XLMRobertaModel",
  "XLMRobertaForSequenceClassification",
  "XLMRobertaForTokenClassification",
  "XLMRobertaForQuestionAnswering",
  "XLMRobertaForMaskedLM",
  "CamembertModel",
  "CamembertForSequenceClassification",
  "CamembertForTokenClassification",
  "CamembertForQuestionAnswering",
  "CamembertForMaskedLM",
  "DistilBertModel",
  "DistilBertForSequenceClassification",
  "DistilBertForTokenClassification",
  "DistilBertForQuestionAnswering",
  "DistilBertForMaskedLM",
  "ModernBertModel",
  "ModernBertForSequenceClassification",
  "ModernBertForTokenClassification",
  "ModernBertForQuestionAnswering",
  "ModernBertForMaskedLM",
  "NomicBertModel",
  "Gemma3TextModel",
  "T5EncoderModel",
];

export const ENCODER_DECODERS: readonly string[] = ["T5ForConditionalGeneration", "BartForConditionalGeneration", "MarianMTModel"];

/** Kinds of tokenizers in GGUF files. */
export const TOKENIZERS: readonly string[] = ["gpt2", "llama", "bert", "t5"];

/** How texts are cut before byte-level BPE. */
export const CUTS: readonly string[] = [
  "default",
  "gpt-2",
  "phi-2",
  "mpt",
  "olmo",
  "jais",
  "modern-bert",
  "llama-bpe",
  "llama3",
  "llama-v3",
  "falcon3",
  "lfm2",
  "dbrx",
  "smaug-bpe",
  "qwen2",
  "deepseek-r1-qwen",
  "stablelm2",
  "starcoder",
  "refact",
  "command-r",
  "smollm",
  "codeshell",
  "exaone",
  "falcon",
  "deepseek-coder",
];

/** GGUF settings that change the computation, with the value besides 0 that means "off". */
export const REFUSED: Readonly<Record<string, number>> = {
  expert_count: 0,
  "attention.sliding_window": 0,
  attn_logit_softcapping: 0,
  final_logit_softcapping: 0,
  logit_scale: 1,
  embedding_scale: 1,
  residual_scale: 1,
  "attention.scale": 0,
  "attention.clamp_kqv": 0,
  "attention.max_alibi_bias": 0,
  use_parallel_residual: 0,
  "rope.scaling.attn_factor": 1,
};

const GRANITE = ["embedding_scale", "residual_scale", "attention.scale", "logit_scale"];
const SOFT_CAPS = ["attention.sliding_window", "attn_logit_softcapping", "final_logit_softcapping"];

/** Those of them that the engine reads, by architecture. */
export const READ: Readonly<Record<string, readonly string[]>> = {
  gemma: SOFT_CAPS,
  gemma2: SOFT_CAPS,
  gemma3: SOFT_CAPS,
  "gemma-embedding": ["attention.sliding_window"],
  phi3: ["attention.sliding_window"],
  granite: GRANITE,
  granitemoe: [...GRANITE, "expert_count"],
  granitehybrid: [...GRANITE, "expert_count"],
  olmoe: ["expert_count"],
  qwen3moe: ["expert_count"],
  stablelm: ["use_parallel_residual"],
  gptneox: ["use_parallel_residual"],
  "modern-bert": ["attention.sliding_window"],
};
