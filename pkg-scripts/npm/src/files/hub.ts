// Models by their id on a hub: `owner/name`, as hubs lay out their files.

import { isNode } from "../platform.js";

/** `owner/name`, with a revision, with a file in it. */
const ID = /^([\w][\w.-]*)\/([\w][\w.-]*?)(?:@([\w][\w./-]*?))?(\/.+)?$/;

/** The address of a model's folder, or of a file in it; undefined for what is no id. */
export function hubAddress(id: string, hub: string | URL): URL | undefined {
  const [, owner, name, revision = "main", file = "/"] = ID.exec(id) ?? [];
  if (owner === undefined || name === undefined) return undefined;
  const base = String(hub).replace(/\/*$/, "/");
  return new URL(`${owner}/${name}/resolve/${revision}${file}`, base);
}

/** What to write where an address that looks like an id leads nowhere. */
export function hubHint(source: string): string {
  const [, , , , file] = ID.exec(source) ?? [];
  const looksLikeAnId = ID.test(source) && file === undefined && !/\.(gguf|json|safetensors)$/i.test(source);
  return looksLikeAnId ? `${JSON.stringify(source)} was read as ${isNode ? "a path" : "an address on this site"}. For a model on a hub say where it is: { hub: "https://huggingface.co" }` : "";
}
