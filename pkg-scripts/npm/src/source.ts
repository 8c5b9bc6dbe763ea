// What a model can be loaded from, turned into a list of named files.

import { optionError } from "./errors.js";
import type { SourceFile } from "./protocol.js";

/** Where one file's bytes come from. A string is an address, relative to the page. */
export type FileSource = string | URL | Blob | ArrayBuffer | Uint8Array<ArrayBuffer>;

/** Several files: as chosen in a file dialog, or by name. */
export type NamedFiles = readonly File[] | Readonly<Record<string, FileSource>>;

/**
 * A GGUF file, or the files of a Hugging Face folder (`config.json`, `model.safetensors`, `tokenizer.json` and, if there
 * is one, `generation_config.json`), or an address: one that ends in "/" is such a folder, any other is a GGUF file.
 */
export type ModelSource = FileSource | NamedFiles;

const FOLDER: readonly { name: string; optional?: boolean }[] = [
  { name: "config.json" },
  { name: "tokenizer.json" },
  { name: "generation_config.json", optional: true },
  { name: "model.safetensors" },
];

/** The files of a source. Without one: the default model, which lies beside this module. */
export function filesOf(source: ModelSource | undefined): SourceFile[] {
  if (source === undefined) {
    return [{ name: "nanolm-default.gguf", url: new URL("./model/nanolm-default.gguf", import.meta.url).href }];
  }
  if (typeof source === "string" || source instanceof URL) {
    const url = absolute(source);
    if (url.pathname.endsWith("/")) {
      return FOLDER.map((file) => {
        const part = new URL(file.name, url);
        part.search = url.search;
        return { ...file, url: part.href };
      });
    }
    return [{ name: url.pathname.split("/").pop() || "model.gguf", url: url.href }];
  }
  if (source instanceof Blob) {
    return [fileFrom(source instanceof File && source.name !== "" ? source.name : "model.gguf", source)];
  }
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
    return [fileFrom("model.gguf", source)];
  }
  if (typeof source === "object" && source !== null) {
    const named = Array.isArray(source)
      ? source.map((file: File) => [file instanceof Blob ? file.name : undefined, file] as const)
      : Object.entries(source as Record<string, FileSource>);
    if (named.length === 0) {
      throw optionError("source", "at least one file", "none");
    }
    return named.map(([name, file]) => {
      if (typeof name !== "string" || name === "") {
        throw optionError("source", "files with names", file);
      }
      return fileFrom(name, file);
    });
  }
  throw optionError("source", "an address, Blob, File, ArrayBuffer, Uint8Array, list of Files or files by name", source);
}

function fileFrom(name: string, source: FileSource): SourceFile {
  if (typeof source === "string" || source instanceof URL) {
    return { name, url: absolute(source).href };
  }
  if (source instanceof Blob) {
    return { name, blob: source };
  }
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
    return { name, bytes: source };
  }
  throw optionError(`source["${name}"]`, "an address, Blob, ArrayBuffer or Uint8Array", source);
}

function absolute(address: string | URL): URL {
  try {
    // A worker has no document, and its own address is the base there.
    return new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch {
    throw optionError("source", "an address", String(address));
  }
}
