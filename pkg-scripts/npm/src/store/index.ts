// What downloads have kept on the device: a look at it, and the end of it. In pages it lies in Cache Storage, in Node in a folder.

import { type Entry, CHUNK, PART, STORE } from "../files/store.js";
import { beside, filesOf, type ModelSource, type SourceFile } from "../files/source.js";
import { optionError, saying } from "../errors.js";
import { FolderStorage } from "../node/store.js";
import { isNode } from "../platform.js";

/** A file that is kept, or a part of one. */
export interface KeptFile {
  url: string;
  /** Bytes of the whole file. */
  size: number;
  /** Bytes that are there: fewer than `size` where a download broke off, which the next one goes on with. */
  kept: number;
  /** All of it is there, and a model was loaded from it. */
  ready: boolean;
  /** When a model was last loaded from it; null where none was yet. */
  lastUsed: Date | null;
}

export interface Usage {
  /** Bytes of all files that are kept. */
  kept: number;
  /** Bytes of everything that the site stores, as far as the browser tells. */
  site: number | undefined;
  /** Bytes that it may store. */
  quota: number | undefined;
}

export interface StoreOptions {
  /** As for `Model.load`. */
  hub?: string | URL | undefined;
}

/** What this store needs of Cache Storage. */
interface Storage {
  match(url: string): Promise<Response | undefined>;
  delete(url: string): Promise<boolean>;
  keys(): Promise<readonly { url: string }[]>;
}

/** Undefined where nothing can be kept: on insecure pages, in some private windows. */
async function opened(): Promise<Storage | undefined> {
  try {
    return isNode ? await new FolderStorage().open(STORE) : await globalThis.caches?.open(STORE);
  } catch {
    return undefined;
  }
}

type RemoteSource = Extract<SourceFile, { url: string }>;

interface Found {
  file: KeptFile;
  /** Everything in the store that belongs to it. */
  names: string[];
}

async function all(store: Storage | undefined): Promise<Map<string, Found>> {
  const found = new Map<string, Found>();
  const chunks: { url: string; name: string; id: string; index: number }[] = [];
  const ids = new Map<string, string>();
  for (const { url: name } of (await store?.keys()) ?? []) {
    const at = new URL(name);
    const [id, index] = at.searchParams.get(PART)?.split(".") ?? [];
    if (id !== undefined) {
      at.searchParams.delete(PART);
      chunks.push({ url: at.href, name, id, index: Number(index) });
      continue;
    }
    const entry = (await (await store?.match(name))?.json().catch(() => undefined)) as Entry | undefined;
    if (entry === undefined) continue;
    const url = plain(name);
    ids.set(url, entry.id);
    const lastUsed = entry.used === undefined ? null : new Date(entry.used);
    found.set(url, { file: { url: name, size: entry.size, kept: 0, ready: entry.sound, lastUsed }, names: [name] });
  }
  for (const { url, name, id, index } of chunks) {
    const of = found.get(url);
    if (of === undefined) continue;
    of.names.push(name);
    // Others are left over of an earlier download.
    if (ids.get(url) === id) of.file.kept += Math.max(0, Math.min(CHUNK, of.file.size - index * CHUNK));
  }
  for (const { file } of found.values()) file.ready &&= file.kept === file.size;
  return found;
}

/** An address as chunks have it: written in the same way. */
function plain(url: string): string {
  const at = new URL(url);
  at.searchParams.delete(PART);
  at.hash = "";
  return at.href;
}

/** Every file that is kept, the one that was used last first. */
export async function list(): Promise<KeptFile[]> {
  const time = ({ lastUsed }: KeptFile): number => lastUsed?.getTime() ?? 0;
  return [...(await all(await opened())).values()].map(({ file }) => file).sort((a, b) => time(b) - time(a));
}

/** Whether a model loads without the network: all of its files are kept. Without a source: the default model. */
export async function has(source?: ModelSource, options: StoreOptions = {}): Promise<boolean> {
  const store = await opened();
  const kept = await all(store);
  const isReady = (url: string): boolean => kept.get(plain(url))?.file.ready ?? false;
  for (const file of await remote(source, options)) {
    if (file.optional || isReady(file.url)) continue;
    // Weights in parts have an index in the place of the file.
    const index = file.index === undefined ? undefined : beside(new URL(file.url), file.index);
    if (store === undefined || index === undefined || !isReady(index.href)) return false;
    const parts = await listed(store, kept.get(plain(index.href)) as Found);
    if (!parts.every((name) => isReady(beside(index, name).href))) return false;
  }
  return true;
}

/** The files that an index names. It is one chunk. */
async function listed(store: Storage, { names }: Found): Promise<string[]> {
  const [chunk] = names.slice(1);
  const text = await (await store.match(chunk ?? ""))?.text();
  const { weight_map } = JSON.parse(text ?? "{}") as { weight_map?: Record<string, string> };
  return [...new Set(Object.values(weight_map ?? {}))];
}

/** Lets go of what is kept of a model. Resolves to how many bytes that were. Without a source: of the default model. */
export async function remove(source?: ModelSource, options: StoreOptions = {}): Promise<number> {
  const store = await opened();
  const files = await remote(source, options);
  const urls = files.map(({ url }) => plain(url));
  // Of a folder, also the parts of its weights.
  const weights = files.find(({ index }) => index !== undefined);
  const folder = weights && new URL(".", weights.url).href;
  const mine = ([url]: [string, Found]): boolean => urls.includes(url) || (folder !== undefined && url.startsWith(folder));
  return letGo(store, [...(await all(store))].filter(mine).map(([, found]) => found));
}

/** Lets go of everything. Resolves to how many bytes that were. */
export async function clear(): Promise<number> {
  const store = await opened();
  return letGo(store, [...(await all(store)).values()]);
}

/** Lets go of what was not used for the longest time, until at most so many bytes are kept. Resolves to how many bytes went. */
export async function trim(bytes: number): Promise<number> {
  if (!(bytes >= 0)) throw optionError("bytes", "a number of at least 0", bytes);
  const store = await opened();
  const time = ({ file }: Found): number => file.lastUsed?.getTime() ?? 0;
  const oldest = [...(await all(store)).values()].sort((a, b) => time(a) - time(b));
  let left = oldest.reduce((sum, { file }) => sum + file.kept, 0);
  const going = oldest.filter(({ file }) => {
    if (left <= bytes) return false;
    left -= file.kept;
    return true;
  });
  return letGo(store, going);
}

async function letGo(store: Storage | undefined, found: readonly Found[]): Promise<number> {
  let bytes = 0;
  for (const { file, names } of found) {
    for (const name of names) await store?.delete(name);
    bytes += file.kept;
  }
  return bytes;
}

/** How much is kept, and how much there is room for. */
export async function usage(): Promise<Usage> {
  const kept = (await list()).reduce((sum, file) => sum + file.kept, 0);
  const estimate = await globalThis.navigator?.storage?.estimate?.().catch(() => undefined);
  return { kept, site: estimate?.usage, quota: estimate?.quota };
}

/** Asks the browser not to clear the site's storage by itself when room is scarce. Resolves to whether it agrees. */
export async function persist(): Promise<boolean> {
  return (await globalThis.navigator?.storage?.persist?.().catch(() => false)) ?? isNode;
}

/** The files of a source that come from the network. */
async function remote(source: ModelSource | undefined, { hub }: StoreOptions): Promise<RemoteSource[]> {
  const files = (await filesOf(source, { hub })).filter((file): file is RemoteSource => "url" in file);
  if (files.length === 0) throw optionError("source", "an address, or nothing for the default model", saying("files that are no downloads"));
  return files;
}
