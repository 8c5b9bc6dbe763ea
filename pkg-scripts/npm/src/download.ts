// Brings the files of a model into wasm memory: from addresses, blobs or buffers.

import { cached, forget, keep, type Keeping } from "./cache.js";
import type { ModelFiles } from "./engine.js";
import { DownloadError } from "./errors.js";
import type { SourceFile } from "./protocol.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** A file whose bytes can be read now. */
interface Opened {
  name: string;
  /** Undefined if only the end will tell. */
  size: number | undefined;
  body: ReadableStream<Bytes>;
  /** The address, for files that came from one. */
  url?: string;
  fromCache?: boolean;
  headers?: Headers;
}

export interface ReadOptions {
  cache: boolean;
  /** Aborting it ends every download; a failure aborts it. */
  stop: AbortController;
  onProgress(loaded: number, total: number | undefined): void;
}

/** Opens every file at once, then reads one after the other. `ready` resolves when wasm memory is there. */
export async function readFiles(
  sources: SourceFile[],
  ready: Promise<() => ModelFiles>,
  options: ReadOptions,
): Promise<ModelFiles> {
  const { signal } = options.stop;
  try {
    const opening = Promise.all(sources.map((source) => open(source, options.cache, signal)));
    // Both are awaited below; the first to fail must not leave the other unobserved.
    opening.catch(() => {});
    const files = (await ready)();
    const opened = (await opening).filter((file) => file !== undefined);
    const total = opened.every((file) => file.size !== undefined)
      ? opened.reduce((sum, file) => sum + (file.size ?? 0), 0)
      : undefined;
    let before = 0;
    for (const file of opened) {
      const progress = (loaded: number): void => options.onProgress(before + loaded, total);
      before += await readWhole(file, files, options, progress);
    }
    return files;
  } catch (error) {
    options.stop.abort();
    throw error;
  }
}

async function open(source: SourceFile, cache: boolean, signal: AbortSignal): Promise<Opened | undefined> {
  const { name } = source;
  if ("blob" in source) {
    return { name, size: source.blob.size, body: source.blob.stream() };
  }
  if ("bytes" in source) {
    const blob = new Blob([source.bytes]);
    return { name, size: blob.size, body: blob.stream() };
  }
  const { url } = source;
  const kept = cache ? await cached(url) : undefined;
  return kept !== undefined ? { name, url, fromCache: true, ...kept } : request(source, url, signal);
}

async function request(source: SourceFile, url: string, signal: AbortSignal): Promise<Opened | undefined> {
  const { name } = source;
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new DownloadError(
      "download/network",
      `${url} could not be fetched: ${(error as Error).message}. Check the network, and that the server (CORS) and the page ` +
        "(Content-Security-Policy connect-src) allow it",
      { url },
    );
  }
  if (source.optional && (response.status === 404 || isPage(response))) {
    await response.body?.cancel();
    return undefined;
  }
  if (!response.ok) {
    throw new DownloadError("download/status", `${url}: expected the file, found status ${response.status}. Check the address`, {
      url,
      status: response.status,
    });
  }
  if (isPage(response)) {
    throw new DownloadError(
      "download/not-a-file",
      `${url}: expected a model file, found an HTML page. The file is probably missing on the server`,
      { url },
    );
  }
  if (response.body === null) {
    throw new DownloadError("download/incomplete", `${url}: expected the file, found an empty answer`, { url });
  }
  // Of a compressed answer the header tells the compressed length.
  const announced = response.headers.has("content-encoding") ? null : response.headers.get("content-length");
  const size = announced === null || !/^\d+$/.test(announced) ? undefined : Number(announced);
  return { name, url, size, body: response.body, headers: response.headers };
}

/** Servers of single-page apps answer every wrong address with their page and status 200. */
function isPage(response: Response): boolean {
  return /^text\/html\b/i.test(response.headers.get("content-type") ?? "");
}

/** Reads one file, however often it takes, and gives its length. */
async function readWhole(
  file: Opened,
  files: ModelFiles,
  options: ReadOptions,
  progress: (loaded: number) => void,
): Promise<number> {
  const again = async (): Promise<Opened> =>
    (await request({ name: file.name, url: file.url! }, file.url!, options.stop.signal))!;
  if (file.size === undefined) {
    return collect(file, files, options, progress);
  }
  const found = await fill(file, file.size, files, options, progress);
  if (found === file.size) {
    return found;
  }
  if (file.fromCache) {
    await forget(file.url!);
    return readWhole(await again(), files, options, progress);
  }
  if (found > file.size) {
    // The header told a compressed length and the encoding is hidden from other origins: go by the end instead.
    return collect({ ...(await again()), size: undefined }, files, options, progress);
  }
  throw incomplete(file, file.size, found);
}

/** Known length: one allocation, chunks go straight into it. Gives the bytes found, which may be too few or too many. */
async function fill(
  file: Opened,
  size: number,
  files: ModelFiles,
  options: ReadOptions,
  progress: (loaded: number) => void,
): Promise<number> {
  let keeping: Keeping | undefined;
  let offset = 0;
  const reader = file.body.getReader();
  try {
    files.add(file.name, size);
    if (options.cache && file.headers !== undefined) {
      keeping = await keep(file.url!, size, file.headers);
    }
    for (;;) {
      const chunk = await read(reader, file, offset, options.stop.signal);
      if (chunk === undefined) break;
      if (offset + chunk.length > size) {
        offset += chunk.length;
        break;
      }
      files.write(file.name, offset, chunk);
      offset += chunk.length;
      progress(offset);
      await keeping?.write(chunk);
    }
    if (offset === size) {
      await keeping?.commit();
      keeping = undefined;
    }
    return offset;
  } finally {
    await keeping?.abandon();
    await reader.cancel().catch(() => {});
  }
}

/** Unknown length: collect, then allocate once. */
async function collect(
  file: Opened,
  files: ModelFiles,
  options: ReadOptions,
  progress: (loaded: number) => void,
): Promise<number> {
  const chunks: Bytes[] = [];
  let size = 0;
  const reader = file.body.getReader();
  try {
    for (;;) {
      const chunk = await read(reader, file, size, options.stop.signal);
      if (chunk === undefined) break;
      chunks.push(chunk);
      size += chunk.length;
      progress(size);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
  files.add(file.name, size);
  const keeping = options.cache && file.headers !== undefined ? await keep(file.url!, size, file.headers) : undefined;
  let offset = 0;
  for (const chunk of chunks) {
    files.write(file.name, offset, chunk);
    offset += chunk.length;
    await keeping?.write(chunk);
  }
  await keeping?.commit();
  return size;
}

async function read(
  reader: ReadableStreamDefaultReader<Bytes>,
  file: Opened,
  found: number,
  signal: AbortSignal,
): Promise<Bytes | undefined> {
  try {
    return (await reader.read()).value;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (file.url === undefined) {
      throw new DownloadError("download/unreadable", `${file.name} cannot be read: ${(error as Error).message}. Choose it again`, {
        file: file.name,
      });
    }
    throw incomplete(file, file.size, found);
  }
}

function incomplete(file: Opened, expected: number | undefined, found: number): DownloadError {
  return new DownloadError(
    "download/incomplete",
    `${file.url ?? file.name}: the download broke off: expected ${expected ?? "more"} bytes, found ${found}. Load again; nothing ` +
      "incomplete was kept",
    { file: file.name, url: file.url, expected, found },
  );
}
