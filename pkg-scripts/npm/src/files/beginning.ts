// The beginnings of a model's files: so much of each as a look into its header takes, and how long it is. From what is kept where all of
// it is there, else by a request for a part. Fetched when first used.

import { DownloadError } from "../errors.js";
import { isNode } from "../platform.js";
import { denseFiles, shardNames } from "./parts.js";
import { ask } from "./remote.js";
import { beside, type SourceFile } from "./source.js";
import { CHUNK, isSame, KeptFile } from "./store.js";

type Bytes = Uint8Array<ArrayBuffer>;
type Remote = SourceFile & { url: string };

/** A file of which the beginning can be asked for. */
export interface Beginning {
  readonly name: string;
  /** In bytes; undefined where the server does not tell. */
  readonly size: number | undefined;
  /** Bytes that earlier loads have kept. */
  readonly kept: number;
  /** Has to be downloaded. */
  readonly remote: boolean;
  /** At least the first `n` bytes, or the whole file where it is shorter. */
  read(n: number): Promise<Bytes>;
  /** Ends what is under way. */
  leave(): void;
}

export interface How {
  cache: boolean;
  signal: AbortSignal;
}

/** Headers of small models are whole by then. */
const FIRST = 1 << 16;
/** The most that is asked for at once: vocabularies make headers of some megabytes. */
const MOST = 4 << 20;
const STALL_MS = 20_000;

/** The beginnings of a source's files: those that are there. */
export async function beginnings(sources: readonly SourceFile[], how: How): Promise<Beginning[]> {
  const opened = await Promise.allSettled(sources.map((source) => open(source, how)));
  const files = opened.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  const failed = opened.find((one) => one.status === "rejected");
  if (failed === undefined) return files;
  for (const file of files) file.leave();
  throw failed.reason;
}

async function open(source: SourceFile, how: How): Promise<Beginning[]> {
  if (!("url" in source)) return [local(source.name, "blob" in source ? source.blob : source.bytes)];
  const stands = source.index !== undefined || source.instead !== undefined;
  const whole = await one(stands ? { ...source, optional: true } : source, how);
  if (whole === undefined && source.instead !== undefined) return inPlace(source, source.instead, how);
  if (whole === undefined) return source.index === undefined ? [] : shards(source, source.index, how);
  if (source.more === undefined) return [whole];
  const dense = denseFiles(new TextDecoder().decode(await whole.read(Number.POSITIVE_INFINITY)));
  return [whole, ...(await besides(source, [...source.more, ...dense], how))];
}

/** Those of some files that are there. */
async function besides(source: Remote, names: readonly string[], how: How): Promise<Beginning[]> {
  const files = names.map((name) => one({ name, url: beside(new URL(source.url), name).href, optional: true }, how));
  return (await Promise.all(files)).filter((file) => file !== undefined);
}

/** The first of the files that may stand for a missing one, with what belongs to it. */
async function inPlace(source: Remote, sets: readonly (readonly string[])[], how: How): Promise<Beginning[]> {
  for (const names of sets) {
    const found = await besides(source, names, how);
    if (found.length > 0) return found;
  }
  return [await certain(source, how)];
}

/** The files that the index beside a missing file lists. */
async function shards(source: Remote, name: string, how: How): Promise<Beginning[]> {
  const url = beside(new URL(source.url), name);
  const index = await one({ name, url: url.href, optional: true }, how);
  // Neither is there: what is missing is the file itself.
  if (index === undefined) return [await certain(source, how)];
  const names = shardNames(new TextDecoder().decode(await index.read(Number.POSITIVE_INFINITY)), url.href);
  return [index, ...(await Promise.all(names.map((part) => certain({ name: part, url: beside(url, part).href }, how))))];
}

async function certain(source: Remote, how: How): Promise<Beginning> {
  // What is not optional is there, or an error.
  return (await one({ ...source, optional: false }, how)) as Beginning;
}

function local(name: string, data: Blob | ArrayBuffer | ArrayBufferView<ArrayBuffer>): Beginning {
  const blob = data instanceof Blob ? data : undefined;
  const bytes = data instanceof Blob ? undefined : ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
  const read = async (n: number): Promise<Bytes> => {
    try {
      return bytes ?? new Uint8Array(await (blob as Blob).slice(0, n).arrayBuffer());
    } catch (error) {
      throw new DownloadError("download/unreadable", `${name} cannot be read: ${(error as Error).message}. Choose it again`, { file: name });
    }
  };
  return { name, size: blob?.size ?? bytes?.length, kept: 0, remote: false, read, leave: () => {} };
}

/** Undefined where it is optional and not there. */
async function one(source: Remote, how: How): Promise<Beginning | undefined> {
  const kept = how.cache ? await KeptFile.find(source.url, await storage()) : undefined;
  if (kept?.sound && kept.whole) {
    const first = await kept.read(0);
    // A damaged chunk is as if it were not there.
    if (first !== undefined) return stored(source.name, kept, first.slice());
  }
  return Fetched.open(source, kept === undefined ? 0 : keptBytes(kept), how.signal);
}

/** Node's main thread has no Cache Storage: there it is the folder that its workers use. */
async function storage(): Promise<CacheStorage | undefined> {
  if (!isNode || globalThis.caches !== undefined) return undefined;
  return new (await import("../node/store.js")).FolderStorage() as unknown as CacheStorage;
}

function keptBytes(kept: KeptFile): number {
  let bytes = 0;
  for (let at = kept.nextKept(0); at < kept.size; at = kept.nextKept(at + 1)) bytes += Math.min(CHUNK, kept.size - at);
  return bytes;
}

function stored(name: string, kept: KeptFile, first: Bytes): Beginning {
  let have = first;
  const read = async (n: number): Promise<Bytes> => {
    while (have.length < Math.min(n, kept.size)) {
      const next = await kept.read(have.length);
      if (next === undefined) throw new DownloadError("download/incomplete", `${name}: what was kept of it is damaged. Try again: it is fetched anew`, { file: name });
      have = joined([have, next]);
    }
    return have;
  };
  return { name, size: kept.size, kept: kept.size, remote: true, read, leave: () => {} };
}

function joined(parts: readonly Bytes[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** As `fetch`, in Node also of files. */
async function get(url: string, init: RequestInit): Promise<Response> {
  if (!isNode || !url.startsWith("file:")) return fetch(url, init);
  return (await import("../node/files.js")).fetchFile(new Request(url, init));
}

type Answer = NonNullable<Awaited<ReturnType<typeof ask>>>;

class Fetched implements Beginning {
  readonly remote = true;
  private have: Bytes = new Uint8Array();
  private ended = false;
  size: number | undefined;

  private constructor(
    private readonly source: Remote,
    readonly kept: number,
    private readonly signal: AbortSignal,
    private answer: Answer | undefined,
    private version: Answer["version"],
  ) {}

  static async open(source: Remote, kept: number, signal: AbortSignal): Promise<Fetched | undefined> {
    const answer = await ask(source, 0, FIRST, signal, get, true).catch(async (error: unknown) => {
      // An empty file has no part to give; browsers refuse compressed answers to whoever asks for one.
      if (!(error instanceof DownloadError) || (error.details["status"] !== 416 && error.code !== "download/network")) throw error;
      return ask(source, 0, undefined, signal, get);
    });
    if (answer === undefined) return undefined;
    const file = new Fetched(source, kept, signal, answer, answer.version);
    // A server of another origin may hide the length of the whole.
    file.size = answer.size ?? (await file.told());
    return file;
  }

  get name(): string {
    return this.source.name;
  }

  private async told(): Promise<number | undefined> {
    const head = await get(this.source.url, { method: "HEAD", signal: this.signal }).catch(() => undefined);
    if (!head?.ok || head.headers.has("content-encoding")) return undefined;
    const length = head.headers.get("content-length");
    return length === null ? undefined : Number(length);
  }

  async read(n: number): Promise<Bytes> {
    const parts = [this.have];
    let at = this.have.length;
    try {
      while (at < n && !this.ended && at !== this.size) {
        this.answer ??= await this.more(at, n);
        const piece = await this.next(this.answer.reader);
        if (piece !== undefined) {
          parts.push(piece);
          at += piece.length;
          continue;
        }
        // The end of a part is not the end of the file; of what is no part, and of an empty part, it is.
        const got = at > this.answer.from;
        this.ended = !got || this.size === undefined;
        this.answer = undefined;
      }
    } finally {
      this.have = joined(parts);
    }
    return this.have;
  }

  private async more(at: number, n: number): Promise<Answer> {
    const to = Math.min(Math.max(n, at + FIRST), at + MOST, this.size ?? Number.POSITIVE_INFINITY);
    const answer = await ask({ ...this.source, optional: false }, at, to, this.signal, get);
    // What is not optional is there, or an error.
    if (answer === undefined || answer.from !== at || (hasTag(this.version) && !isSame(this.version, answer.version))) {
      void answer?.reader.cancel().catch(() => {});
      throw this.incomplete("the file changed on the server meanwhile, or the server gives no parts of it");
    }
    return answer;
  }

  private async next(reader: Answer["reader"]): Promise<Bytes | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stalled = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`nothing came for ${STALL_MS / 1000} seconds`)), STALL_MS);
    });
    try {
      return (await Promise.race([reader.read(), stalled]))?.slice();
    } catch (error) {
      if (this.signal.aborted) throw this.signal.reason;
      throw this.incomplete((error as Error).message);
    } finally {
      clearTimeout(timer);
    }
  }

  private incomplete(why: string): DownloadError {
    const { name, url } = this.source;
    return new DownloadError("download/incomplete", `${url}: its beginning could not be read: ${why}. Try again`, { file: name, url });
  }

  leave(): void {
    void this.answer?.reader.cancel().catch(() => {});
    this.answer = undefined;
    this.ended = true;
  }
}

function hasTag({ etag, modified }: Answer["version"]): boolean {
  return etag !== null || modified !== null;
}
