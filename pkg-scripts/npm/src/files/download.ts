// Brings the files of a model into wasm memory: from addresses, blobs or buffers.

import type { ModelFiles } from "../engine.js";
import { DownloadError } from "../errors.js";
import { cached, keep, type Keeping } from "./cache.js";
import type { SourceFile } from "./source.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** A file whose bytes can be read now. */
interface Opened {
  name: string;
  /** Undefined if only the end will tell. */
  size: number | undefined;
  body: ReadableStream<Bytes>;
  /** The address, for files that came from one. */
  url?: string;
  /** Of a file that is being downloaded and can be kept. */
  download?: { url: string; headers: Headers };
}

export interface ReadOptions {
  cache: boolean;
  /** Aborting it ends every download; a failure aborts it. */
  stop: AbortController;
  onProgress(loaded: number, total: number | undefined): void;
}

/** A file went on past the length its server told. */
class LengthExceeded extends Error {}

/** Opens every file at once, then reads one after the other. `ready` resolves when wasm memory is there. */
export async function readFiles(
  sources: SourceFile[],
  ready: Promise<() => ModelFiles>,
  options: ReadOptions,
): Promise<ModelFiles> {
  try {
    return await readAll(sources, ready, options, true).catch((error: unknown) => {
      // The length was of a compressed answer, and other origins' servers hide that. Go by the ends instead.
      if (error instanceof LengthExceeded) return readAll(sources, ready, options, false);
      throw error;
    });
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
): Promise<ModelFiles> {
  const opening = Promise.all(sources.map((source) => open(source, options.cache, trustLength, options.stop.signal)));
  // Both are awaited below; the first to fail must not leave the other unobserved.
  opening.catch(() => {});
  const files = (await ready)();
  try {
    const opened = (await opening).filter((file) => file !== undefined);
    const total = opened.every((file) => file.size !== undefined)
      ? opened.reduce((sum, file) => sum + (file.size ?? 0), 0)
      : undefined;
    let before = 0;
    for (const file of opened) {
      const progress = (loaded: number): void => options.onProgress(before + loaded, total);
      before +=
        file.size === undefined
          ? await collect(file, files, options, progress)
          : await fill(file, file.size, files, options, progress);
    }
    // Now the total is known.
    if (total === undefined) options.onProgress(before, before);
    return files;
  } catch (error) {
    files.free();
    throw error;
  }
}

async function open(source: SourceFile, cache: boolean, trustLength: boolean, signal: AbortSignal): Promise<Opened | undefined> {
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
  return kept !== undefined ? { name, size: kept.size, body: kept.stream() } : request(source, url, trustLength, signal);
}

async function request(
  source: SourceFile,
  url: string,
  trustLength: boolean,
  signal: AbortSignal,
): Promise<Opened | undefined> {
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
  const hint = "hint" in source && source.hint !== undefined ? `. ${source.hint}` : "";
  if (!response.ok) {
    throw new DownloadError(
      "download/status",
      `${url}: expected the file, found status ${response.status}. Check the address${hint}`,
      { url, status: response.status },
    );
  }
  if (isPage(response)) {
    throw new DownloadError(
      "download/not-a-file",
      `${url}: expected a model file, found an HTML page. The file is probably missing on the server${hint}`,
      { url },
    );
  }
  if (response.body === null) {
    throw new DownloadError("download/incomplete", `${url}: expected the file, found an empty answer`, { url });
  }
  // Of a compressed answer the header tells the compressed length.
  const told = trustLength && !response.headers.has("content-encoding");
  const announced = told ? response.headers.get("content-length") : null;
  const size = announced === null || !/^\d+$/.test(announced) ? undefined : Number(announced);
  return { name, url, size, body: response.body, download: { url, headers: response.headers } };
}

/** Servers of single-page apps answer every wrong address with their page and status 200. */
function isPage(response: Response): boolean {
  return /^text\/html\b/i.test(response.headers.get("content-type") ?? "");
}

/** Known length: one allocation, chunks go straight into it. */
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
    if (options.cache && file.download !== undefined) {
      keeping = await keep(file.download.url, size, file.download.headers);
    }
    for (;;) {
      const chunk = await read(reader, file, offset, options.stop.signal);
      if (chunk === undefined) break;
      if (offset + chunk.length > size) throw new LengthExceeded(file.name);
      files.write(file.name, offset, chunk);
      offset += chunk.length;
      progress(offset);
      await keeping?.write(chunk);
    }
    if (offset < size) throw incomplete(file, size, offset);
    await keeping?.commit();
    keeping = undefined;
    return size;
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
  const { download } = file;
  const keeping = options.cache && download !== undefined ? await keep(download.url, size, download.headers) : undefined;
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
