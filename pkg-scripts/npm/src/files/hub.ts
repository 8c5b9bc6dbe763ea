// Models by their id on a hub: `owner/name`, as hubs lay out their files.

import { optionError } from "../errors.js";
import { isNode } from "../platform.js";

/** `owner/name`, with a revision, with a file in it. */
const ID = /^([\w][\w.-]*)\/([\w][\w.-]*?)(?:@([\w][\w./-]*?))?(\/.+)?$/;

/** The address of a model's folder, or of a file in it; undefined for what is no id. */
export function hubAddress(id: string, hub: string | URL): URL | undefined {
  const [, owner, name, revision = "main", file = "/"] = ID.exec(id) ?? [];
  if (owner === undefined || name === undefined) return undefined;
  return new URL(`${owner}/${name}/resolve/${revision}${file}`, hubBase(hub));
}

function hubBase(hub: string | URL): URL {
  const [text, expected] = [String(hub).replace(/\/*$/, "/"), 'the address of a hub, such as "https://huggingface.co"'];
  try {
    return new URL(text);
  } catch {
    throw optionError("hub", expected, hub);
  }
}

/** A model's page on a hub, or that of a folder or of a file in it. */
const PAGE = /^\/([\w][\w.-]*\/[\w][\w.-]*)(?:\/(?:tree|blob)\/([^/]+)(\/.+)?)?\/?$/;
/** The first parts of other pages' paths. */
const NO_OWNERS = /^\/(api|blog|collections|datasets|docs|login|models|organizations|papers|settings|spaces|tasks|users)\//;

/** What people copy from the browser's address bar is a page about the files: the address of the files themselves; any other as it is. */
export function fileAddress(url: URL): URL {
  const [, model, revision = "main", path = ""] = PAGE.exec(url.pathname) ?? [];
  if (!/^(www\.)?(huggingface\.co|hf\.co)$/.test(url.hostname) || model === undefined || NO_OWNERS.test(url.pathname)) return url;
  const isFile = url.pathname.split("/")[3] === "blob";
  return new URL(`/${model}/resolve/${revision}${path}${isFile ? "" : "/"}`, url);
}

/** What to write where a file of a folder is not there: it may have GGUF files alone. */
export const IN_A_FOLDER = "A folder has config.json, model.safetensors and tokenizer.json; where there are GGUF files, give the address of one of them, to its .gguf";

/** What to write where an address leads nowhere. */
export function hint(source: string | URL, url: URL, hasHub: boolean): string {
  const given = String(source);
  if (/(^|\.)github\.com$/.test(url.hostname)) {
    return "GitHub's pages cannot be read from other sites: serve the file yourself, or take its address on raw.githubusercontent.com";
  }
  // An id, a bare name, or one behind another package's mark: `hf:owner/name`, `llama3.2:1b`.
  const isFile = /\.(gguf|json|safetensors)$/i.test(given);
  const looksLikeAnId = /^(?:hf:(?:\/\/)?)?[\w][\w.-]*(?:\/[\w][\w.@-]*)?$/.test(given) || /^[\w.-]+:[\w.-]+$/.test(given);
  const isOfRepository = /^[\w][\w.-]*\/[\w.-]*gguf\//i.test(given);
  if (typeof source === "string" && !hasHub && ((!isFile && looksLikeAnId) || isOfRepository)) {
    const read = isNode ? "a path" : "an address on this site";
    return `${JSON.stringify(given)} was read as ${url.protocol.startsWith("http") || url.protocol === "file:" ? read : "an address"}. For a model on a hub give "owner/name" and say where it is: { hub: "https://huggingface.co" }`;
  }
  return "";
}
