// What a model can be loaded from, turned into a list of named files.

import { DEFAULT_INTEGRITY, modelFile } from "../assets.js";
import { DownloadError, optionError, saying, UnsupportedError } from "../errors.js";
import { isNode } from "../platform.js";
import { fileAddress, hint, hubAddress, IN_A_FOLDER } from "./hub.js";
import { splitNames } from "./parts.js";

/** Where one file's bytes come from. A string is an address, relative to the page; in Node the path of a file or folder, too. A `Response` is read to its end. */
export type FileSource = string | URL | Blob | Response | ArrayBufferLike | ArrayBufferView;

/** Several files: as chosen in a file dialog or dropped (`input.files`, a list, a set), or by name (an object, a map). */
export type NamedFiles = FileList | Iterable<File> | ReadonlyMap<string, FileSource> | Readonly<Record<string, FileSource>>;

/**
 * A GGUF file, or the files of a Hugging Face folder (`config.json`, `model.safetensors`, `tokenizer.json` or SentencePiece's own file and, if they
 * are there, `generation_config.json`, `tokenizer_config.json`, `chat_template.jinja`, and an encoder's `modules.json`,
 * `1_Pooling/config.json`, `sentence_bert_config.json`, `config_sentence_transformers.json` and the files of its dense modules), or an address: one that ends in "/" is such a
 * folder, any other is a GGUF file. Of a GGUF file in parts (`-00001-of-00003.gguf`) the address of one is enough; a folder may have its
 * weights in parts, with an index. The address of a page on Hugging Face (of a model, a folder or a file) stands for the files.
 */
export type ModelSource = FileSource | NamedFiles;

/** @internal By the names of files: their hashes, as Subresource Integrity writes them. */
export type Hashes = Readonly<Record<string, string>>;

/** @internal One file of a model, on its way to the worker. */
export type SourceFile = { name: string; optional?: boolean } & (
  | {
      url: string;
      /** What to add where it cannot be had. */
      hint?: string;
      /** What to add where the server says that it is not there. */
      missing?: string;
      /** The name of the file beside it that lists others, which stand for it where it is not there. */
      index?: string;
      /** One of many: opened when it is its turn. */
      later?: boolean;
      /** Files that may lie beside it, where it is there itself; and those of dense modules that it lists. */
      more?: readonly string[];
      /** Files one of which stands for it where it is not there, each with what belongs to it. */
      instead?: readonly (readonly string[])[];
    }
  | { blob: Blob }
  | { bytes: ArrayBuffer | ArrayBufferView<ArrayBuffer> }
);

const FOLDER: readonly { name: string; optional?: boolean; index?: string; more?: readonly string[]; instead?: readonly (readonly string[])[] }[] = [
  { name: "config.json" },
  // SentencePiece's own files, of Opus-MT, T5, XLM-RoBERTa and Llama.
  { name: "tokenizer.json", instead: [["source.spm", "vocab.json"], ["spiece.model"], ["sentencepiece.bpe.model"], ["tokenizer.model"]] },
  { name: "generation_config.json", optional: true },
  { name: "tokenizer_config.json", optional: true },
  { name: "chat_template.jinja", optional: true },
  // What sentence-transformers says of an encoder's vectors.
  { name: "modules.json", optional: true, more: ["1_Pooling/config.json", "sentence_bert_config.json", "config_sentence_transformers.json"] },
  { name: "model.safetensors", index: "model.safetensors.index.json" },
];

/** A file without a name of its own is taken for this. */
const UNNAMED = "model.gguf";

/** @internal */
export interface SourceOptions {
  /** Where models are found by their id. */
  hub?: string | URL | undefined;
  /** Where the package's own files are. */
  assets?: string | undefined;
}

/** @internal What lies beside the default model and is fetched when first needed, by any model. */
export type Part = "table" | "names" | (typeof LABEL_SETS)[number];

/** @internal Sets of labels that any model can classify by. */
export const LABEL_SETS = ["topic", "sentiment", "clinc150", "banking77", "snips"] as const;

/** @internal The files of a part. */
export function partFiles(part: Part, assets: string | undefined): SourceFile[] {
  return [{ name: `nanolm-${part}.gguf`, url: modelFile(part, assets) }];
}

/** @internal What the files of a source must be, by their names: what the caller says, and of the default model, what this package knows. */
export function hashesOf(source: ModelSource | undefined, files: SourceFile[], given: string | Hashes | undefined): Hashes | undefined {
  const [first] = files;
  const own = source === undefined && given === undefined && DEFAULT_INTEGRITY.startsWith("sha256-") ? DEFAULT_INTEGRITY : given;
  if (own === undefined || first === undefined) return undefined;
  if (typeof own === "string" && files.length > 1) throw optionError("integrity", "a hash for each of the source's files, by its name", own);
  const hashes = typeof own === "string" ? { [first.name]: own } : own;
  for (const hash of typeof hashes === "object" && hashes !== null ? Object.values(hashes) : [hashes]) {
    if (!/^sha256-[A-Za-z0-9+/]{43}=$/.test(String(hash))) throw optionError("integrity", '"sha256-" and a hash in base64, or such by name', hash);
  }
  return hashes;
}

/** @internal The address of a folder that the page names. */
export function folderAddress(name: string, address: string | URL): string {
  try {
    return new URL(String(address).replace(/\/*$/, "/"), globalThis.document?.baseURI ?? globalThis.location?.href).href;
  } catch {
    throw optionError(name, "the address of a folder", String(address));
  }
}

/** @internal The files of a source. Without one: the default model, which lies beside the package's modules. */
export async function filesOf(source: ModelSource | undefined, { hub, assets }: SourceOptions = {}): Promise<SourceFile[]> {
  if (source === undefined) {
    return [{ name: "nanolm-default.gguf", url: modelFile("default", assets) }];
  }
  if (typeof source === "string" || source instanceof URL) {
    const url = await addressOf(source, hub);
    return filesAt(url, hint(source, url, hub !== undefined));
  }
  if (isOneFile(source)) {
    const name = nameOf(source) ?? UNNAMED;
    refuseOther(name);
    return [await fileFrom(name, source)];
  }
  if (typeof source === "object" && source !== null && !("then" in source)) {
    const named = entriesOf(source);
    if (named.length === 0) {
      throw optionError("source", "at least one file", source);
    }
    return Promise.all(
      named.map(([name, file]) => {
        if (typeof name !== "string" || name === "") throw optionError("source", "files with names", file);
        return fileFrom(name, file);
      }),
    );
  }
  throw optionError(
    "source",
    "an address, File, Blob, Response, ArrayBuffer, Uint8Array, list of Files or files by name",
    source,
  );
}

/** A file at an address, or the folder that it ends with. `advice`: what to add where it is not there. */
function filesAt(url: URL, advice: string): SourceFile[] {
  const hinted = advice === "" ? {} : { hint: advice };
  if (!url.pathname.endsWith("/")) {
    const name = url.pathname.split("/").pop() || UNNAMED;
    // Before a gigabyte is fetched in vain.
    if (/\.(safetensors|json)$/i.test(name)) {
      throw optionError("source", `the address of a GGUF file, or of the folder with all files of a model: ${new URL(".", url).href}`, name);
    }
    refuseOther(name);
    const parts = splitNames(name);
    if (parts === undefined) return [{ name, url: url.href, ...hinted }];
    return parts.map((part, i) => ({ name: part, url: beside(url, part).href, later: i > 0, ...hinted }));
  }
  return FOLDER.map((file) => {
    return { ...file, url: beside(url, file.name).href, missing: IN_A_FOLDER, ...hinted };
  });
}

const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/\.onnx(_data)?$/i, "an ONNX file"],
  [/\.(pt|pth|ckpt)$|^pytorch_model.*\.bin$/i, "a PyTorch checkpoint"],
  [/\.(tflite|task|litertlm)$/i, "a LiteRT model"],
  [/\.(h5|msgpack|mlmodel|mlpackage)$/i, "another framework's weights"],
];

/** Refuses what its name says to be another kind of model: what it holds would be told only when it is there. */
function refuseOther(name: string): void {
  const [, found] = OTHERS.find(([kind]) => kind.test(name)) ?? [];
  if (found === undefined) return;
  const supported = "GGUF, or a Hugging Face folder with safetensors";
  throw new UnsupportedError("model/unsupported", `${name} is not supported: found ${found}, supported: ${supported}. Most models are published in one of these, too`, { what: name, found, supported });
}

/** The address of a file in the same folder. */
export function beside(url: URL, name: string): URL {
  const other = new URL(name, url);
  other.search = url.search;
  return other;
}

/** The entries of a map or an object; of anything else that can be looped over, its files by their own names. */
function entriesOf(source: NamedFiles): (readonly [string | undefined, FileSource])[] {
  if (source instanceof Map) return [...source];
  if (Symbol.iterator in source) return Array.from(source as Iterable<File>, (file) => [nameOf(file), file] as const);
  return Object.entries(source as Record<string, FileSource>);
}

function isOneFile(source: unknown): source is Exclude<FileSource, string | URL> {
  return source instanceof Blob || source instanceof Response || isMemory(source);
}

function isMemory(source: unknown): source is ArrayBufferLike | ArrayBufferView {
  return source instanceof ArrayBuffer || isShared(source) || ArrayBuffer.isView(source);
}

/** Only cross-origin isolated pages have the class. */
function isShared(source: unknown): source is SharedArrayBuffer {
  return Object.prototype.toString.call(source) === "[object SharedArrayBuffer]";
}

/** The name that a file brings along. */
function nameOf(source: unknown): string | undefined {
  // With the folder, where a whole one was chosen: in another folder the same name is another file.
  if (source instanceof File) return source.webkitRelativePath || source.name || undefined;
  if (source instanceof Response && source.url !== "") return new URL(source.url).pathname.split("/").pop() || undefined;
  return undefined;
}

async function fileFrom(name: string, source: FileSource): Promise<SourceFile> {
  if (typeof source === "string" || source instanceof URL) {
    return { name, url: (await addressOf(source, undefined)).href };
  }
  if (source instanceof Blob) {
    return { name, blob: source };
  }
  if (source instanceof Response) {
    return { name, blob: await bodyOf(name, source) };
  }
  if (isMemory(source)) {
    return source.byteLength <= PART ? { name, bytes: unshared(source) } : { name, blob: await inParts(source) };
  }
  throw optionError(`source["${name}"]`, "an address, Blob, Response, ArrayBuffer or Uint8Array", source);
}

async function bodyOf(name: string, response: Response): Promise<Blob> {
  if (response.bodyUsed) throw optionError("source", "a Response that was not read yet", saying(`one of ${name} whose body is used up`));
  if (!response.ok) {
    throw new DownloadError(
      "download/status",
      `${response.url || name}: expected the file, found status ${response.status}. Check the address`,
      { url: response.url, status: response.status },
    );
  }
  try {
    return await response.blob();
  } catch (error) {
    if ((error as Error).name === "AbortError") throw error;
    throw new DownloadError(
      "download/incomplete",
      `${response.url || name}: the download broke off: ${(error as Error).message}. Fetch it again`,
      { file: name, url: response.url },
    );
  }
}

/** Of what lies in memory, so much is copied at once: a few milliseconds. */
const PART = 8 << 20;

/** A copy of much memory. The page has its turn between the parts: to post 145 MB as they are would hold it up for a seventh of a second. */
async function inParts(source: ArrayBufferLike | ArrayBufferView): Promise<Blob> {
  const { buffer, byteOffset = 0 } = ArrayBuffer.isView(source) ? source : { buffer: source };
  const parts: Blob[] = [];
  for (let at = 0; at < source.byteLength; at += PART) {
    if (at > 0) await turn();
    parts.push(new Blob([unshared(new Uint8Array(buffer, byteOffset + at, Math.min(PART, source.byteLength - at)))]));
  }
  return new Blob(parts);
}

/** The next task, also in a hidden page, whose timers wait for a second. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** Bytes that nobody else writes to: those in shared memory are copied. */
function unshared(source: ArrayBufferLike | ArrayBufferView): ArrayBuffer | ArrayBufferView<ArrayBuffer> {
  if (isShared(source)) return new Uint8Array(source).slice();
  if (ArrayBuffer.isView(source) && isShared(source.buffer)) {
    return new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice();
  }
  return source as ArrayBuffer | ArrayBufferView<ArrayBuffer>;
}

async function addressOf(address: string | URL, hub: string | URL | undefined): Promise<URL> {
  // Read as an address, nothing would be the page itself.
  if (String(address).trim() === "") throw optionError("source", "an address", address);
  const onHub = hub !== undefined && typeof address === "string" ? hubAddress(address, hub) : undefined;
  if (onHub !== undefined) return onHub;
  try {
    if (isNode) return fileAddress((await import("../node/files.js")).addressOf(address));
    // A worker has no document, and its own address is the base there.
    return fileAddress(new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href));
  } catch {
    throw optionError("source", "an address", String(address));
  }
}
