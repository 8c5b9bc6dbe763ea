// Models whose weights lie in several files: split GGUF files, sharded safetensors, and dense modules behind an encoder.

import { DownloadError } from "../errors.js";

const SPLIT = /^(.*-)\d{5}-of-(\d{5})(\.gguf)$/i;
/** More files than any model in a page has. */
const MOST = 100;

/** The names of all parts of a split GGUF file, of one of which this is the name; undefined where it is whole. */
export function splitNames(name: string): string[] | undefined {
  const [, before, count, after] = SPLIT.exec(name) ?? [];
  const n = Number(count);
  if (before === undefined || !(n > 1 && n <= MOST)) return undefined;
  return Array.from({ length: n }, (_, i) => `${before}${String(i + 1).padStart(5, "0")}-of-${count}${after}`);
}

/** The names of the files that an index of safetensors tells of (`model.safetensors.index.json`). */
export function shardNames(index: string, url: string): string[] {
  const wrong = (found: string): DownloadError =>
    new DownloadError("download/not-a-file", `${url}: expected an index of safetensors files with a weight_map, found ${found}`, { url });
  let map: unknown;
  try {
    map = (JSON.parse(index) as { weight_map?: unknown }).weight_map;
  } catch (error) {
    throw wrong((error as Error).message);
  }
  if (typeof map !== "object" || map === null) throw wrong("none");
  const names = [...new Set(Object.values(map))].sort();
  const bad = names.find((name) => typeof name !== "string" || !/^[\w.-]+\.safetensors$/.test(name));
  if (bad !== undefined || names.length === 0 || names.length > MOST) {
    throw wrong(bad === undefined ? `${names.length} files` : `a file ${JSON.stringify(bad)}`);
  }
  return names as string[];
}

/** The files of the dense modules that a `modules.json` lists, each in its folder. What is wrong with it, the engine says. */
export function denseFiles(modules: string): string[] {
  let list: unknown;
  try {
    list = JSON.parse(modules);
  } catch {
    return [];
  }
  const paths = (Array.isArray(list) ? list : []).slice(0, MOST).flatMap((module) => {
    const { type, path } = (module ?? {}) as { type?: unknown; path?: unknown };
    return String(type).endsWith(".Dense") && /^\d+_Dense\w*$/.test(String(path)) ? [String(path)] : [];
  });
  return paths.flatMap((path) => [`${path}/config.json`, `${path}/model.safetensors`]);
}
