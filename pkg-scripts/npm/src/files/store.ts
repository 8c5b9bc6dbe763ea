// Downloaded files in Cache Storage, in chunks, each checked by its SHA-256 whenever it is read.
//
// A file has one entry under its address, which describes it, and one for every chunk. Until a model was loaded from it, it is on
// trial: its chunks let a download go on where it stopped, but it is asked for again, and it is forgotten if no model comes of it.
// The store may be missing (insecure pages), refused (private windows) or full: then nothing is kept, and nothing fails.

import { wholeOf } from "./pieces.js";

type Bytes = Uint8Array<ArrayBuffer>;

export const STORE = "nanolm-files-v2";
/** Of earlier versions of this package. */
const OLD_STORES = ["nanolm-files-v1"];
/** Bytes of every chunk but a file's last. */
export const CHUNK = 4 * 1024 * 1024;
const HASH = "x-nanolm-sha256";
export const PART = "nanolm-chunk";
/** A store that takes longer than this to take a chunk is done without. */
const STORE_MS = 10_000;
const CHECK_MS = 3000;

/** What tells two versions of a file apart, as far as the server lets a page see it. */
export interface Version {
  etag: string | null;
  modified: string | null;
}

export interface Entry {
  /** Of this download: part of its chunks' names. */
  id: string;
  size: number;
  version: Version;
  /** A model was loaded from it. */
  sound: boolean;
  /** The length that the server told when it was asked for nothing else, where it tells no version. */
  told?: string | null;
  /** When a model was last loaded from it, as `Date.now()` has it. */
  used?: number;
}

export function versionOf(headers: Headers): Version {
  return { etag: headers.get("etag"), modified: headers.get("last-modified") };
}

/** Whether bytes of the two may be put together. Where nothing tells versions apart, they may not. */
export function isSame(a: Version, b: Version): boolean {
  // A weak tag promises the same meaning, not the same bytes.
  if (a.etag !== null && b.etag !== null && !a.etag.startsWith("W/")) return a.etag === b.etag;
  return a.modified !== null && a.modified === b.modified && a.etag === b.etag;
}

export class KeptFile {
  private constructor(
    private readonly store: Cache,
    private readonly url: string,
    private readonly entry: Entry,
    /** The chunks that are there. */
    private readonly chunks: Set<number>,
    private described: boolean,
  ) {}

  /** The file of an address, whole or not. */
  static async find(url: string, storage?: CacheStorage): Promise<KeptFile | undefined> {
    try {
      const store = await open(url, storage);
      const entry = (await (await store?.match(url))?.json()) as Entry | undefined;
      if (store === undefined || entry === undefined) return undefined;
      const chunks = new Set<number>();
      for (const part of await parts(store, url)) {
        if (part.id === entry.id) chunks.add(part.index);
      }
      return new KeptFile(store, url, entry, chunks, true);
    } catch {
      return undefined;
    }
  }

  /** Begins to keep a file, in place of what is kept of its address. */
  static async begin(url: string, size: number, version: Version): Promise<KeptFile | undefined> {
    try {
      const store = await open(url);
      if (store === undefined) return undefined;
      await forget(store, url);
      return new KeptFile(store, url, { id: crypto.randomUUID(), size, version, sound: false }, new Set(), false);
    } catch {
      return undefined;
    }
  }

  /** Why a chunk could not be kept. */
  failure: string | undefined;

  get size(): number {
    return this.entry.size;
  }
  get version(): Version {
    return this.entry.version;
  }
  get sound(): boolean {
    return this.entry.sound;
  }
  /** Whether all of it seems to be there. */
  get whole(): boolean {
    return this.chunks.size === Math.ceil(this.size / CHUNK);
  }

  /** The first byte from `at` on whose chunk is there, or the file's end. */
  nextKept(at: number): number {
    let index = Math.ceil(at / CHUNK);
    while (index * CHUNK < this.size && !this.chunks.has(index)) index += 1;
    return Math.min(index * CHUNK, this.size);
  }

  /** What the chunk that was read last lies in. */
  private memory = new ArrayBuffer(0);

  /** The chunk that begins at an offset, until the next one is read; undefined where it is not there, or damaged. */
  async read(at: number): Promise<Bytes | undefined> {
    const index = at / CHUNK;
    if (!this.chunks.has(index)) return undefined;
    try {
      const response = await this.store.match(this.nameOf(index));
      const length = Math.min(CHUNK, this.size - at);
      if (this.memory.byteLength !== length) this.memory = new ArrayBuffer(length);
      const bytes = response?.body ? await wholeOf(response.body, this.memory) : undefined;
      // Where it failed, the browser may have kept it.
      this.memory = bytes?.buffer ?? new ArrayBuffer(0);
      if (bytes !== undefined && response?.headers.get(HASH) === (await hash(bytes))) return bytes;
      await this.store.delete(this.nameOf(index));
    } catch {
      // As if it were not there.
    }
    this.chunks.delete(index);
    return undefined;
  }

  /** Keeps the chunk that begins at an offset. Resolves to whether it did. */
  async write(at: number, bytes: Bytes): Promise<boolean> {
    const index = at / CHUNK;
    const put = async (): Promise<void> => {
      const headers = { [HASH]: await hash(bytes), "content-type": "application/octet-stream" };
      if (!this.described) await this.describe();
      await this.store.put(this.nameOf(index), new Response(bytes, { headers }));
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error("the store is slow")), STORE_MS);
      });
      await Promise.race([put(), late]);
      this.chunks.add(index);
      return true;
    } catch (error) {
      this.failure = (error as Error).name === "QuotaExceededError" ? "this site's storage is full" : (error as Error).message;
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  /** A model was loaded from it, or cannot be. */
  async judge(sound: boolean): Promise<void> {
    try {
      if (!sound) return await forget(this.store, this.url);
      if (!this.whole) return;
      this.entry.sound = true;
      this.entry.used = Date.now();
      await this.describe();
    } catch {
      // The next load asks for it again.
    }
  }

  /** Whether the server has the same file by now. Offline, or where the server does not say: it has. */
  async isCurrent(): Promise<boolean> {
    if (globalThis.navigator?.onLine === false) return true;
    try {
      const head = await fetch(this.url, { method: "HEAD", cache: "no-cache", signal: AbortSignal.timeout(CHECK_MS) });
      if (!head.ok) return true;
      const { etag, modified } = this.version;
      const now = versionOf(head.headers);
      const differs = (a: string | null, b: string | null): boolean => a !== null && b !== null && a !== b;
      if (differs(etag, now.etag) || differs(modified, now.modified)) return false;
      if (etag !== null || modified !== null) return true;
      // Only the length is left. Compressing servers tell another one when they are asked for the file itself.
      const told = head.headers.get("content-length");
      if (this.entry.told !== undefined) return this.entry.told === told;
      this.entry.told = told;
      await this.describe();
      return true;
    } catch {
      return true;
    }
  }

  private async describe(): Promise<void> {
    await this.store.put(this.url, new Response(JSON.stringify(this.entry), { headers: { "content-type": "application/json" } }));
    this.described = true;
  }

  private nameOf(index: number): string {
    const name = new URL(this.url);
    name.hash = "";
    name.searchParams.set(PART, `${this.entry.id}.${index}`);
    return name.href;
  }
}

async function open(url: string, storage: CacheStorage | undefined = globalThis.caches): Promise<Cache | undefined> {
  if (!/^https?:/.test(url) || globalThis.crypto?.subtle === undefined) return undefined;
  for (const old of OLD_STORES) void globalThis.caches?.delete(old).catch(() => {});
  return storage?.open(STORE);
}

async function parts(store: Cache, url: string): Promise<{ id: string; index: number; name: string }[]> {
  const found = [];
  for (const { url: name } of await store.keys(url, { ignoreSearch: true })) {
    const part = new URL(name);
    const [id, index] = part.searchParams.get(PART)?.split(".") ?? [];
    part.searchParams.delete(PART);
    const whole = new URL(url);
    // Written in the same way.
    whole.searchParams.delete(PART);
    whole.hash = "";
    if (id !== undefined && part.href === whole.href) found.push({ id, index: Number(index), name });
  }
  return found;
}

async function forget(store: Cache, url: string): Promise<void> {
  await store.delete(url);
  for (const { name } of await parts(store, url)) await store.delete(name);
}

async function hash(bytes: Bytes): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
