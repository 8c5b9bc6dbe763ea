// Brings the files of a model into wasm memory: from addresses, blobs or buffers.

import type { ModelFiles } from "../engine.js";
import { DownloadError } from "../errors.js";
import { Checked } from "./integrity.js";
import { denseFiles, shardNames } from "./parts.js";
import { piecesOf } from "./pieces.js";
import { type OpenedFile, RemoteFile, Restart } from "./remote.js";
import { beside, type Hashes, type SourceFile } from "./source.js";
import { KeptFile } from "./store.js";

export interface ReadOptions {
  cache: boolean;
  /** Whether the files are a model's: what cannot run is then refused by its header. */
  model: boolean;
  /** What the bytes of some must be. */
  integrity?: Hashes | undefined;
  /** Aborting it ends every download; a failure aborts it. */
  stop: AbortController;
  onProgress(loaded: number, total: number | undefined): void;
}

export interface ReadFiles {
  files: ModelFiles;
  /** Whether a model came of them: what was kept of their downloads stays, or goes. */
  judge(sound: boolean): Promise<void>;
  /** Nothing of them was kept by earlier loads. */
  fresh: boolean;
  /** What else there is to say of their downloads, in words; once they are judged. */
  notes(): string[];
}

type Remote = SourceFile & { url: string };

/** Headers of small models are whole by then. */
const FIRST_CHECK = 1 << 16;

/** A server that changes its files under every download is given up on. */
const MOST_RESTARTS = 3;

/** Opens every file at once, then reads one after the other. `ready` resolves when wasm memory is there. */
export async function readFiles(
  sources: SourceFile[],
  ready: Promise<() => ModelFiles>,
  options: ReadOptions,
): Promise<ReadFiles> {
  const { signal } = options.stop;
  const read = async (): Promise<ReadFiles> => {
    // What a server tells of a file may turn out to be wrong, or change meanwhile.
    for (let restarts = 0, trustLength = true; ; restarts++) {
      try {
        return await readAll(sources, ready, options, trustLength);
      } catch (error) {
        if (!(error instanceof Restart)) throw error;
        if (restarts === MOST_RESTARTS) throw error.cause ?? error;
        trustLength &&= error.trustLength;
      }
    }
  };
  const urls = sources.flatMap((source) => ("url" in source ? [source.url] : []));
  try {
    // Of several tabs one downloads; the others find what it kept.
    const alone = !options.cache || urls.length === 0 || globalThis.origin === "null";
    const locks = alone ? undefined : globalThis.navigator?.locks;
    return await (locks?.request(`nanolm ${urls.join(" ")}`, { signal }, read) ?? read());
  } catch (error) {
    options.stop.abort();
    throw error;
  }
}

async function readAll(
  sources: SourceFile[],
  ready: Promise<() => ModelFiles>,
  options: ReadOptions,
  trustLength: boolean,
): Promise<ReadFiles> {
  const { signal } = options.stop;
  // What need not be there may be asked for in vain while the network is away, if the rest is at hand.
  const lost: DownloadError[] = [];
  const opening = Promise.all(
    sources.map((source) =>
      open(source, { cache: options.cache, trustLength, signal }).catch((error: unknown): OpenedFile[] => {
        if (!source.optional || !(error instanceof DownloadError) || error.code !== "download/network") throw error;
        lost.push(error);
        return [];
      }),
    ),
  );
  // Both are awaited below; the first to fail must not leave the other unobserved.
  opening.catch(() => {});
  const files = (await ready)();
  let opened: OpenedFile[] = [];
  const judge = async (sound: boolean): Promise<void> => {
    await Promise.all(opened.map((file) => file.judge?.(sound)));
  };
  const check = checkOf(files, options.model);
  const checked = options.integrity === undefined ? undefined : new Checked(files, options.integrity);
  try {
    opened = (await opening).flat();
    if (lost[0] !== undefined && opened.some(({ fresh }) => fresh)) throw lost[0];
    const sizes = opened.map((file) => file.size);
    const total = sizes.every((size) => size !== undefined) ? sizes.reduce((sum, size) => sum + size, 0) : undefined;
    let before = 0;
    for (const file of opened) {
      before += await file.moveTo(checked ?? files, (loaded) => {
        check(file, loaded);
        options.onProgress(before + loaded, total);
      });
    }
    const wrong = await checked?.wrong();
    if (wrong instanceof DownloadError) {
      await judge(false);
      // What an earlier load kept may be an older file.
      throw opened.some(({ fresh }) => fresh === false) ? new Restart(wrong.message, true, wrong) : wrong;
    }
    if (wrong !== undefined) throw wrong;
    // Now the total is known.
    if (total === undefined) options.onProgress(before, before);
    const notes = (): string[] => opened.flatMap((file) => file.note ?? []);
    return { files, judge, fresh: opened.every((file) => file.fresh ?? true), notes };
  } catch (error) {
    if (check.refused) await judge(false);
    files.free();
    throw error;
  }
}

/** What cannot be loaded is refused as soon as its header is there, not when all of it is: asked at twice as many bytes each time. */
function checkOf(files: ModelFiles, isModel: boolean): { (file: OpenedFile, loaded: number): void; refused: boolean } {
  let [known, next] = [!isModel, FIRST_CHECK];
  let last: OpenedFile | undefined;
  const check = (file: OpenedFile, loaded: number): void => {
    if (file !== last) next = FIRST_CHECK;
    last = file;
    // A file whose size is not known lies in wasm memory only when it is whole.
    if (known || file.size === undefined || (loaded < next && loaded !== file.size)) return;
    next = 2 * loaded;
    check.refused = true;
    known = files.check();
    check.refused = false;
  };
  check.refused = false;
  return check;
}

interface How {
  cache: boolean;
  trustLength: boolean;
  signal: AbortSignal;
}

/** A source's file; or the files that stand for it, or none. */
async function open(source: SourceFile, how: How): Promise<OpenedFile[]> {
  if (!("url" in source)) {
    const blob = "blob" in source ? source.blob : new Blob([source.bytes]);
    return [new LocalFile(source.name, blob, how.signal)];
  }
  if (source.later === true) return [await LaterFile.of(source, how)];
  if (source.more !== undefined) return openMore(source, source.more, how);
  if (source.instead !== undefined) return openInstead(source, source.instead, how);
  if (source.index === undefined) return openOne(source, how);
  const index = beside(new URL(source.url), source.index);
  // Most folders have their weights in one file: others cost one request more, but for the next time.
  const before = how.cache ? await KeptFile.find(index.href) : undefined;
  const whole = before === undefined ? await openOne({ ...source, optional: true }, how) : [];
  return whole.length > 0 ? whole : shards(source, index, how);
}

async function openOne(source: Remote, { cache, trustLength, signal }: How): Promise<OpenedFile[]> {
  const file = await RemoteFile.open(source, cache, trustLength, signal);
  return file === undefined ? [] : [file];
}

/** A file and, where it is there, those that may lie beside it. */
async function openMore(source: Remote, names: readonly string[], how: How): Promise<OpenedFile[]> {
  const [own] = await openOne(source, how);
  if (own === undefined) return [];
  const { bytes, file } = await looked(source.name, own, how);
  return [file, ...(await openBeside(source, [...names, ...denseFiles(new TextDecoder().decode(bytes))], how))];
}

/** Those of some files that are there. */
async function openBeside(source: Remote, names: readonly string[], how: How): Promise<OpenedFile[]> {
  return (await Promise.all(names.map((name) => openOne({ name, url: beside(new URL(source.url), name).href, optional: true }, how)))).flat();
}

/** A file, or the first of those that may stand for it, with what belongs to it. */
async function openInstead(source: Remote, sets: readonly (readonly string[])[], how: How): Promise<OpenedFile[]> {
  const kept = await Promise.all(sets.map(([first = ""]) => (how.cache ? KeptFile.find(beside(new URL(source.url), first).href) : undefined)));
  // One that was kept before is asked for first: the network may be away.
  const known = sets.filter((_, i) => kept[i] !== undefined);
  const own = known.length > 0 ? [] : await openOne({ ...source, optional: true }, how);
  if (own.length > 0) return own;
  for (const names of known.length > 0 ? known : sets) {
    const found = await openBeside(source, names, how);
    if (found.length > 0) return found;
  }
  // None is there: what is missing is the file itself.
  return openOne(source, how);
}

/** A small file's bytes, and the file again: what was read of a download is read once. */
async function looked(name: string, from: OpenedFile, how: How): Promise<{ bytes: Uint8Array<ArrayBuffer>; file: OpenedFile }> {
  const copy = new Copy();
  await from.moveTo(copy, () => {});
  const local = new LocalFile(name, new Blob([copy.bytes]), how.signal);
  const file = Object.assign(local, { judge: async (sound: boolean) => from.judge?.(sound), fresh: from.fresh ?? true });
  return { bytes: copy.bytes, file };
}

/** The files that the index beside a missing file lists. */
async function shards(source: Remote, url: URL, how: How): Promise<OpenedFile[]> {
  const name = url.pathname.split("/").pop() ?? "";
  const [index] = await openOne({ name, url: url.href, optional: true }, how);
  // Neither is there: what is missing is the file itself.
  if (index === undefined) return openOne(source, how);
  const { bytes, file } = await looked(name, index, how);
  const names = shardNames(new TextDecoder().decode(bytes), url.href);
  const parts = names.map((part) => LaterFile.of({ name: part, url: beside(url, part).href }, how));
  return [file, ...(await Promise.all(parts))];
}

/** A file that is looked into before the engine has it. */
class Copy implements ModelFiles {
  bytes = new Uint8Array();

  add(_: string, byteLength: number): void {
    this.bytes = new Uint8Array(byteLength);
  }

  write(_: string, offset: number, chunk: Uint8Array): void {
    this.bytes.set(chunk, offset);
  }

  check(): boolean {
    return true;
  }

  free(): void {}
}

/** One of many files, opened when it is its turn: browsers keep only so many connections waiting. */
class LaterFile implements OpenedFile {
  private file: OpenedFile | undefined;

  private constructor(
    private readonly source: Remote,
    readonly size: number | undefined,
    private readonly how: How,
  ) {}

  static async of(source: Remote, how: How): Promise<LaterFile> {
    const head = await fetch(source.url, { method: "HEAD", signal: how.signal }).catch(() => undefined);
    const told = how.trustLength && head?.ok === true && !head.headers.has("content-encoding");
    const length = told ? head.headers.get("content-length") : null;
    return new LaterFile(source, length !== null && /^\d+$/.test(length) ? Number(length) : undefined, how);
  }

  async moveTo(files: ModelFiles, progress: (loaded: number) => void): Promise<number> {
    const [file] = await openOne(this.source, this.how);
    this.file = file;
    // Of a file that is not optional there is always one.
    return (await file?.moveTo(files, progress)) ?? 0;
  }

  async judge(sound: boolean): Promise<void> {
    await this.file?.judge?.(sound);
  }

  get fresh(): boolean {
    return this.file?.fresh ?? true;
  }

  get note(): string | undefined {
    return this.file?.note;
  }
}

/** A blob or a buffer. */
class LocalFile implements OpenedFile {
  readonly size: number;

  constructor(
    private readonly name: string,
    private readonly blob: Blob,
    private readonly signal: AbortSignal,
  ) {
    this.size = blob.size;
  }

  async moveTo(files: ModelFiles, progress: (loaded: number) => void): Promise<number> {
    files.add(this.name, this.size);
    let at = 0;
    const reader = piecesOf(this.blob.stream());
    try {
      for (;;) {
        if (this.signal.aborted) throw this.signal.reason;
        const value = await reader.read().catch((error: unknown) => {
          if (this.signal.aborted) throw this.signal.reason;
          const why = (error as Error).message;
          throw new DownloadError("download/unreadable", `${this.name} cannot be read: ${why}. Choose it again`, { file: this.name });
        });
        if (value === undefined) break;
        files.write(this.name, at, value);
        at += value.length;
        progress(at);
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
    return at;
  }
}
