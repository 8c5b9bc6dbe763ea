// Brings the files of a model into wasm memory: from addresses, blobs or buffers.

import type { ModelFiles } from "../engine.js";
import { DownloadError } from "../errors.js";
import { type OpenedFile, RemoteFile, Restart } from "./remote.js";
import type { SourceFile } from "./source.js";

export interface ReadOptions {
  cache: boolean;
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
}

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
        if (!(error instanceof Restart) || restarts === MOST_RESTARTS) throw error;
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
      open(source, options.cache, trustLength, signal).catch((error: unknown) => {
        if (!source.optional || !(error instanceof DownloadError) || error.code !== "download/network") throw error;
        lost.push(error);
        return undefined;
      }),
    ),
  );
  // Both are awaited below; the first to fail must not leave the other unobserved.
  opening.catch(() => {});
  const files = (await ready)();
  let opened: OpenedFile[] = [];
  try {
    opened = (await opening).filter((file) => file !== undefined);
    if (lost[0] !== undefined && opened.some(({ fresh }) => fresh)) throw lost[0];
    const sizes = opened.map((file) => file.size);
    const total = sizes.every((size) => size !== undefined) ? sizes.reduce((sum, size) => sum + size, 0) : undefined;
    let before = 0;
    for (const file of opened) {
      before += await file.moveTo(files, (loaded) => options.onProgress(before + loaded, total));
    }
    // Now the total is known.
    if (total === undefined) options.onProgress(before, before);
    const judge = async (sound: boolean): Promise<void> => {
      await Promise.all(opened.map((file) => file.judge?.(sound)));
    };
    return { files, judge, fresh: opened.every((file) => file.fresh ?? true) };
  } catch (error) {
    files.free();
    throw error;
  }
}

async function open(
  source: SourceFile,
  cache: boolean,
  trustLength: boolean,
  signal: AbortSignal,
): Promise<OpenedFile | undefined> {
  if ("url" in source) return RemoteFile.open(source, cache, trustLength, signal);
  const blob = "blob" in source ? source.blob : new Blob([source.bytes]);
  return new LocalFile(source.name, blob, signal);
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
    const reader = this.blob.stream().getReader();
    try {
      for (;;) {
        if (this.signal.aborted) throw this.signal.reason;
        const { value } = await reader.read();
        if (value === undefined) break;
        files.write(this.name, at, value);
        at += value.length;
        progress(at);
      }
    } catch (error) {
      if (this.signal.aborted) throw this.signal.reason;
      const why = (error as Error).message;
      throw new DownloadError("download/unreadable", `${this.name} cannot be read: ${why}. Choose it again`, { file: this.name });
    } finally {
      await reader.cancel().catch(() => {});
    }
    return at;
  }
}
