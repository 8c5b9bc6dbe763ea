// What a model's headers say of it, from either kind of files.

import { errorFrom } from "../../errors.js";
import type { Beginning } from "../../files/beginning.js";
import { isGguf, type List, readGguf, readJson, readSafetensors, type Tensor } from "../../files/header.js";
import { ARCHITECTURES, CUTS, DECODERS, ENCODER_DECODERS, ENCODERS, READ, REFUSED, TOKENIZERS } from "./known.js";
import { type Sizes, withStates } from "./states.js";

export interface Description {
  name: string;
  architecture: string;
  encoder: boolean;
  tensors: Tensor[];
  /** Undefined where the headers do not say all of them. */
  sizes: Sizes | undefined;
  /** How many of its experts a token reads, of all; 1 without experts. */
  expertShare: number;
  /** What it was trained for beside the first of all, as the engine names it. */
  tasks: string[];
  /** As `EngineInfo` has it. */
  recipes?: Record<string, string | number | boolean> | undefined;
  /** Why it cannot run, as far as headers tell. */
  refusal: string | undefined;
}

type Settings = (key: string) => unknown;

/** @throws `model/missing-file` where the files are no model, `format/...` for damaged ones. */
export async function describe(files: readonly Beginning[]): Promise<Description> {
  const ggufs: Beginning[] = [];
  for (const file of files) if (await isGguf(file)) ggufs.push(file);
  if (ggufs.length > 0) return fromGguf(ggufs);
  const named = (name: string): Beginning | undefined => files.find((file) => file.name === name || baseName(file) === name);
  // A module's own file lies in a folder of the model.
  const config = files.find((file) => baseName(file) === "config.json" && !/^\d+_\w+[/\\]/.test(file.name));
  const weights = files.filter((file) => file.name.endsWith(".safetensors"));
  if (config === undefined || weights.length === 0) {
    const found = files.map(({ name }) => name).join(", ") || "no files";
    const expected = "a GGUF file, or config.json with model.safetensors and tokenizer.json";
    throw errorFrom({ code: "model/missing-file", message: `expected ${expected}, found ${found}`, details: { expected, found } });
  }
  return fromFolder(config, weights, named);
}

function baseName({ name }: Beginning): string {
  return name.split(/[/\\]/).pop() ?? name;
}

function positive(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : undefined;
}

function sizesOf(s: Settings, keys: { layers: string; heads: string; kvHeads: string; width: string; headWidth: string; context: string }): Sizes | undefined {
  const [layers, heads, width, context] = [keys.layers, keys.heads, keys.width, keys.context].map((key) => positive(s(key)));
  if (layers === undefined || heads === undefined || width === undefined || context === undefined) return undefined;
  return { layers, context, kvHeads: positive(s(keys.kvHeads)) ?? heads, headWidth: positive(s(keys.headWidth)) ?? Math.floor(width / heads) };
}

/** By the names that either kind of files has. */
function expertShareOf(s: Settings): number {
  const [count, used] = [["expert_count", "num_experts", "num_local_experts"], ["expert_used_count", "num_experts_per_tok"]].map((keys) =>
    positive(keys.map(s).find((value) => value !== undefined)),
  );
  return count === undefined || used === undefined ? 1 : Math.min(used / count, 1);
}

async function fromGguf(files: readonly Beginning[]): Promise<Description> {
  const headers = await Promise.all(files.map(readGguf));
  // Of several parts one has the settings.
  const metadata = headers.find(({ metadata }) => metadata.has("general.architecture"))?.metadata ?? new Map<string, unknown>();
  const architecture = String(metadata.get("general.architecture") ?? "");
  const s: Settings = (key) => metadata.get(`${architecture}.${key}`);
  const tensors = headers.flatMap((header) => header.tensors);
  const attention = sizesOf(s, {
    layers: "block_count",
    heads: "attention.head_count",
    kvHeads: "attention.head_count_kv",
    width: "embedding_length",
    headWidth: "attention.key_length",
    context: "context_length",
  });
  const sizes = withStates(attention, tensors, positive(s("ssm.group_count")) ?? 1, positive(s("context_length")) ?? ANY_LENGTH);
  const own = typeof metadata.get("nanolm.tasks") === "string" ? String(metadata.get("nanolm.tasks")) : undefined;
  const encoder = ["gemma-embedding", "t5encoder"].includes(architecture) || architecture.endsWith("bert") || (s("pooling_type") ?? 0) !== 0;
  // Of the source it keeps as much as of what it writes.
  if (sizes !== undefined && architecture === "t5") sizes.layers = 2 * (positive(s("decoder_block_count")) ?? sizes.layers);
  return {
    name: String(metadata.get("general.name") ?? "") || architecture,
    architecture,
    encoder,
    tensors,
    sizes,
    expertShare: expertShareOf(s),
    tasks: [
      encoder ? "embed" : "generate",
      ...(typeof metadata.get("tokenizer.chat_template") === "string" ? ["chat"] : []),
      ...trained(own),
    ],
    refusal: refused(architecture, metadata, s) ?? withoutSizes(sizes) ?? unknownTypes(tensors),
  };
}

/** By a description of tasks (`nanolm.tasks`), as the engine reads it. What is wrong with one, loading says. */
function trained(json: string | undefined): string[] {
  try {
    if (json === undefined) return [];
    const described = JSON.parse(json) as Record<string, unknown>;
    const own = Object.entries({ classify: "label", entities: "entities" }).filter(([, key]) => (described[key] ?? null) !== null);
    return ["tldr", "key-points", "headline", ...own.map(([task]) => task)];
  } catch {
    return [];
  }
}

function refused(architecture: string, metadata: ReadonlyMap<string, unknown>, s: Settings): string | undefined {
  if (!ARCHITECTURES.includes(architecture)) {
    return `the GGUF architecture ${JSON.stringify(architecture)} is not supported; supported: ${ARCHITECTURES.join(", ")}`;
  }
  for (const [key, off] of Object.entries(REFUSED)) {
    const value = s(key);
    const isOff = value === undefined || value === false || value === 0 || value === off;
    if (isOff || READ[architecture]?.includes(key)) continue;
    return `${architecture}.${key} of ${shown(value)} is not supported; supported: models without it`;
  }
  const kind = metadata.get("tokenizer.ggml.model");
  if (kind === undefined) return undefined;
  if (!TOKENIZERS.includes(String(kind))) return `the tokenizer ${shown(kind)} is not supported; supported: ${TOKENIZERS.join(", ")}`;
  const cut = metadata.get("tokenizer.ggml.pre") ?? "default";
  if (kind === "gpt2" && !CUTS.includes(String(cut))) return `the pre-tokenizer ${shown(cut)} is not supported; supported: ${CUTS.join(", ")}`;
  return undefined;
}

function shown(value: unknown): string {
  return typeof value === "object" && value !== null ? `a list of ${(value as List).length}` : JSON.stringify(value);
}

function withoutSizes(sizes: Sizes | undefined): string | undefined {
  return sizes === undefined ? "the header does not say how large the network is: layers, width, heads and context, each as one whole number" : undefined;
}

function unknownTypes(tensors: readonly Tensor[]): string | undefined {
  const unknown = tensors.find(({ bytes }) => bytes === undefined);
  return unknown && `tensor ${unknown.name} is stored as ${unknown.type}, which is not supported`;
}

/** What a Falcon's settings mean where they say nothing. */
function ofFalcon(settings: Readonly<Record<string, unknown>>, key: string): number | undefined {
  if (key === "max_position_embeddings") return 2048;
  if (key !== "num_key_value_heads") return undefined;
  if (settings["new_decoder_architecture"] === true) return positive(settings["num_kv_heads"]);
  return settings["multi_query"] === false ? undefined : 1;
}

/** As the engine takes it of a model that nothing limits. */
const ANY_LENGTH = 2 ** 20;

/** Where the file does not say. */
const T5_POSITIONS = 512;

async function fromFolder(config: Beginning, weights: readonly Beginning[], named: (name: string) => Beginning | undefined): Promise<Description> {
  const json = await readJson(config);
  const settings = (typeof json === "object" && json !== null ? json : {}) as Record<string, unknown>;
  const architectures = settings["architectures"];
  const architecture = Array.isArray(architectures) && architectures.length === 1 ? String(architectures[0]) : "";
  const hasSource = ENCODER_DECODERS.includes(architecture);
  const isT5 = architecture.startsWith("T5");
  const s: Settings = (key) =>
    settings[key] ?? (architecture === "FalconForCausalLM" ? ofFalcon(settings, key) : isT5 && key === "n_positions" ? T5_POSITIONS : undefined);
  const isPublishedNomic = settings["n_embd"] !== undefined && architecture.startsWith("Nomic");
  const isDistilbert = architecture.startsWith("DistilBert");
  const attention = sizesOf(
    s,
    isT5
      ? { layers: "num_layers", heads: "num_heads", kvHeads: "", width: "d_model", headWidth: "d_kv", context: "n_positions" }
      : hasSource
        ? { layers: "decoder_layers", heads: "decoder_attention_heads", kvHeads: "", width: "d_model", headWidth: "", context: "max_position_embeddings" }
        : architecture === "GPT2LMHeadModel" || isPublishedNomic
      ? { layers: "n_layer", heads: "n_head", kvHeads: "", width: "n_embd", headWidth: "", context: "n_positions" }
      : {
          layers: isDistilbert ? "n_layers" : "num_hidden_layers",
          heads: isDistilbert ? "n_heads" : "num_attention_heads",
          // A convolution of LFM2 keeps half of what attention with all heads would: that is taken for every layer, as the most.
          kvHeads: isDistilbert || architecture.startsWith("Lfm2") ? "" : "num_key_value_heads",
          width: isDistilbert ? "dim" : "hidden_size",
          headWidth: isDistilbert ? "" : "head_dim",
          context: "max_position_embeddings",
        },
  );
  const tensors = (await Promise.all(weights.map(readSafetensors))).flat();
  const groups = positive(s("mamba_n_groups") ?? s("n_groups")) ?? (architecture.startsWith("Mamba2") ? 8 : 1);
  const sizes = withStates(attention, tensors, groups, ANY_LENGTH);
  // A decoder whose rows are pooled.
  const pooled = named("modules.json") !== undefined;
  const encoder = pooled || ENCODERS.includes(architecture);
  // Of the source it keeps as much as of what it writes.
  if (sizes !== undefined && hasSource) sizes.layers = 2 * (positive(s("num_decoder_layers")) ?? sizes.layers);
  if (sizes !== undefined && encoder) sizes.context = await encoderContext(architecture, sizes.context, named);
  const name = settings["_name_or_path"];
  const masked = architecture.endsWith("ForMaskedLM");
  const known = [...DECODERS, ...ENCODERS, ...ENCODER_DECODERS];
  return {
    name: typeof name === "string" && name !== "" ? name : architecture,
    architecture,
    encoder,
    tensors,
    sizes,
    expertShare: expertShareOf(s),
    recipes: hasSource ? recipesOf(settings["task_specific_params"], name) : undefined,
    tasks: [encoder ? encoderTask(architecture, settings) : "generate", ...(masked ? ["embed-sparse"] : []), ...((await hasTemplate(named)) ? ["chat"] : [])],
    refusal: known.includes(architecture)
      ? (withoutSizes(sizes) ?? unknownTypes(tensors))
      : `the model class ${JSON.stringify(architecture)} is not supported; supported: ${known.join(", ")}`,
  };
}

function recipesOf(tasks: unknown, name: unknown): Record<string, string | number | boolean> {
  const plain = (value: unknown): value is string | number | boolean => ["string", "number", "boolean"].includes(typeof value);
  const all = Object.entries((tasks ?? {}) as Record<string, object | null>);
  // As the engine reads the names of Opus-MT.
  const [, from, to] = (typeof name === "string" && /opus-mt-(?:.*-)?([a-z]{2,3})-([a-z]{2,3})$/.exec(name)) || [];
  if (to !== undefined) all.push([`translation_${from}_to_${to}`, { prefix: "" }]);
  return Object.fromEntries(
    all.flatMap(([task, own]) => Object.entries(own ?? {}).flatMap(([name, value]) => (plain(value) ? [[`${task}.${name}`, value]] : []))),
  );
}

/** Rows of RoBERTa's positions that belong to padding. */
const PADDING_ROWS = 2;

async function encoderContext(architecture: string, positions: number, named: (name: string) => Beginning | undefined): Promise<number> {
  const own = /^(XLM)?Roberta|^Camembert/.test(architecture) ? positions - PADDING_ROWS : positions;
  const file = named("sentence_bert_config.json");
  const said = file && ((await readJson(file)) as { max_seq_length?: unknown } | null)?.max_seq_length;
  return Math.min(own, positive(said) ?? own);
}

function encoderTask(architecture: string, settings: Readonly<Record<string, unknown>>): string {
  if (architecture.endsWith("ForTokenClassification")) return "entities";
  if (architecture.endsWith("ForQuestionAnswering")) return "answer";
  if (architecture.endsWith("ForMaskedLM")) return "fill-mask";
  if (!architecture.endsWith("ForSequenceClassification")) return "embed";
  return Object.keys((settings["id2label"] as object | undefined) ?? { 0: "", 1: "" }).length === 1 ? "rank" : "classify";
}

async function hasTemplate(named: (name: string) => Beginning | undefined): Promise<boolean> {
  if (named("chat_template.jinja") !== undefined) return true;
  const config = named("tokenizer_config.json");
  return config !== undefined && new TextDecoder().decode(await config.read(Number.POSITIVE_INFINITY)).includes('"chat_template"');
}
