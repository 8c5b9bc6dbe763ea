// A file at an address. A download that breaks off or stands still goes on where it stopped, as far as the server can tell parts of
// the same file; so does a later one, from what was kept.

import type { ModelFiles } from "../engine.js";
import { DownloadError } from "../errors.js";
import { type PieceReader, piecesOf } from "./pieces.js";
import type { SourceFile } from "./source.js";
import { CHUNK, isSame, KeptFile, type Version, versionOf } from "./store.js";

/** A file whose bytes can be read now. */
export interface OpenedFile {
  /** In bytes; undefined if only the end will tell. */
  readonly size: number | undefined;
  /** Moves its bytes into wasm memory and says how many they were. */
  moveTo(files: ModelFiles, progress: (loaded: number) => void): Promise<number>;
  judge?(sound: boolean): Promise<void>;
  readonly fresh?: boolean;
  /** What else there is to say of its download, in words. */
  readonly note?: string | undefined;
}

type Bytes = Uint8Array<ArrayBuffer>;
type Source = SourceFile & { url: string };

/** Without a byte for so long, a download stands still. */
const STALL_MS = 20_000;
/** How often a download is taken up again without getting any further, and how long it waits before: twice as long each time. */
const MOST_TRIES = 4;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/** All files are to be read again from the start. */
export class Restart extends Error {
  constructor(
    why: string,
    /** Whether the server's lengths may be those of the files. */
    readonly trustLength: boolean,
    /** What to say where it is of no use. */
    cause?: Error,
  ) {
    super(why, { cause });
  }
}

/** Bytes on their way. */
interface Incoming {
  /** The offset of the first. */
  from: number;
  /** Of the whole file; undefined if only the end will tell. */
  size: number | undefined;
  version: Version;
  reader: PieceReader;
}

export class RemoteFile implements OpenedFile {
  /** Of the bytes that came so far. */
  private version: Version | undefined;
  /** Nothing was taken from what is kept. */
  fresh = true;
  private keeping = new Keeping(undefined);

  private constructor(
    private readonly source: Source,
    readonly size: number | undefined,
    /** What is kept, or is to be. */
    private kept: KeptFile | undefined,
    private answer: Incoming | undefined,
    private readonly cache: boolean,
    private readonly signal: AbortSignal,
  ) {}

  /** Finds what is kept of the file, or asks for it. Undefined where it is optional and not there. */
  static async open(source: Source, cache: boolean, trustLength: boolean, signal: AbortSignal): Promise<RemoteFile | undefined> {
    const kept = cache ? await KeptFile.find(source.url) : undefined;
    // What is kept is taken unless the server has another file. Of a part, the answer to the question for the rest tells that.
    const taken = kept !== undefined && (kept.sound || kept.whole ? await kept.isCurrent() : true);
    if (taken) {
      return new RemoteFile(source, kept.size, kept, undefined, cache, signal);
    }
    const answer = await ask(source, 0, undefined, signal);
    if (answer === undefined) return undefined;
    const size = trustLength ? answer.size : undefined;
    const begun = cache && size !== undefined ? await KeptFile.begin(source.url, size, answer.version) : undefined;
    return new RemoteFile(source, size, begun, answer, cache, signal);
  }

  async judge(sound: boolean): Promise<void> {
    await this.keeping.end();
    await this.kept?.judge(sound);
  }

  async moveTo(files: ModelFiles, progress: (loaded: number) => void): Promise<number> {
    try {
      return this.size === undefined ? await this.collect(files, progress) : await this.fill(files, this.size, progress);
    } catch (error) {
      // The next load goes on from it.
      await this.keeping.end();
      throw error;
    } finally {
      this.leave();
    }
  }

  /** Known length: one allocation, everything goes straight into it. */
  private async fill(files: ModelFiles, size: number, progress: (loaded: number) => void): Promise<number> {
    const { name } = this.source;
    files.add(name, size);
    const tries = new Tries(this.signal);
    this.keeping = new Keeping(this.kept);
    let at = 0;
    while (at < size) {
      const found = this.answer === undefined && at % CHUNK === 0 ? await this.kept?.read(at) : undefined;
      if (found !== undefined) {
        files.write(name, at, found);
        at += found.length;
        this.fresh = false;
        progress(at);
        continue;
      }
      try {
        this.answer ??= await this.askAgain(at, size);
        if (this.answer.from !== at) {
          // The server gives no parts: everything again, from the beginning.
          at = 0;
          this.keeping = new Keeping(this.kept);
        }
        const piece = await this.next(this.answer);
        if (piece === undefined) {
          this.leave();
          // The end of the part that was asked for.
          if (at === size || (at % CHUNK === 0 && this.kept?.nextKept(at) === at)) continue;
          throw new Broken("the connection ended");
        }
        if (at + piece.length > size) throw new Restart("the file is longer than its server told", false);
        files.write(name, at, piece);
        await this.keeping.add(at, piece, size);
        at += piece.length;
        this.answer.from = at;
        progress(at);
        tries.reached(at);
      } catch (error) {
        if (!(error instanceof Broken)) throw error;
        this.leave();
        await this.keeping.end();
        await tries.again(() => this.incomplete(size, at, error));
      }
    }
    return size;
  }

  /** Unknown length: collects, then allocates once. What breaks off begins again. */
  private async collect(files: ModelFiles, progress: (loaded: number) => void): Promise<number> {
    const { name, url } = this.source;
    const tries = new Tries(this.signal);
    let pieces: Bytes[] = [];
    let size = 0;
    let version: Version = { etag: null, modified: null };
    for (;;) {
      try {
        this.answer ??= await this.askAgain(0, undefined);
        version = this.answer.version;
        const piece = await this.next(this.answer);
        if (piece === undefined) break;
        pieces.push(piece.slice());
        size += piece.length;
        progress(size);
        tries.reached(size);
      } catch (error) {
        if (!(error instanceof Broken)) throw error;
        this.leave();
        await tries.again(() => this.incomplete(undefined, size, error));
        pieces = [];
        size = 0;
      }
    }
    files.add(name, size);
    this.kept = this.cache ? await KeptFile.begin(url, size, version) : undefined;
    this.keeping = new Keeping(this.kept);
    let at = 0;
    for (const piece of pieces) {
      files.write(name, at, piece);
      await this.keeping.add(at, piece, size);
      at += piece.length;
    }
    return size;
  }

  /** The file from `at` on, up to the next chunk that is kept; or all of it, from a server that gives no parts. */
  private async askAgain(at: number, size: number | undefined): Promise<Incoming> {
    const { url } = this.source;
    let answer: Incoming | undefined;
    try {
      answer = await ask({ ...this.source, optional: false }, at, this.kept?.nextKept(at) ?? size, this.signal);
    } catch (error) {
      // A server that is busy or cannot be reached may be there a moment later.
      if (error instanceof DownloadError && isPassing(error)) throw new Broken(error.message, error);
      throw error;
    }
    if (answer === undefined) throw new Broken("nothing came");
    const before = this.version ?? this.kept?.version;
    const same = before !== undefined && isSame(before, answer.version);
    const changed = answer.from === 0 ? false : !same || answer.from !== at;
    if (changed || (size !== undefined && answer.size !== undefined && answer.size !== size)) {
      void answer.reader.cancel().catch(() => {});
      await this.kept?.judge(false);
      throw new Restart(`${url} changed on the server while it was downloaded`, true);
    }
    // What is kept of another version is of no use, nor is what nobody can tell from another.
    if (!same && size !== undefined && this.cache) this.kept = await KeptFile.begin(url, size, answer.version);
    return answer;
  }

  private async next({ reader, version }: Incoming): Promise<Bytes | undefined> {
    this.version = version;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stalled = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Broken(`nothing came for ${STALL_MS / 1000} seconds`)), STALL_MS);
    });
    try {
      return await Promise.race([reader.read(), stalled]);
    } catch (error) {
      if (this.signal.aborted) throw this.signal.reason;
      throw error instanceof Broken ? error : new Broken((error as Error).message);
    } finally {
      clearTimeout(timer);
    }
  }

  /** That it will have to be downloaded again, and why. */
  get note(): string | undefined {
    const why = this.kept?.failure;
    return why === undefined ? undefined : `${this.source.name} could not be kept for later loads: ${why}`;
  }

  private leave(): void {
    void this.answer?.reader.cancel().catch(() => {});
    this.answer = undefined;
  }

  private incomplete(expected: number | undefined, found: number, { message, error }: Broken): DownloadError {
    if (error !== undefined && found === 0) return error;
    const { name, url } = this.source;
    return new DownloadError(
      "download/incomplete",
      `${url}: the download broke off: ${message}: expected ${expected ?? "more"} bytes, found ${found}. Load again: it goes on from what was ` +
        "kept, as far as the server and the browser's store allow",
      { file: name, url, expected, found },
    );
  }
}

/** A connection that ended early, or stands still. */
class Broken extends Error {
  constructor(
    message: string,
    readonly error?: DownloadError,
  ) {
    super(message);
  }
}

/** Counts the tries that got no further. */
class Tries {
  private count = 0;
  private furthest = 0;

  constructor(private readonly signal: AbortSignal) {}

  reached(at: number): void {
    if (at <= this.furthest) return;
    this.furthest = at;
    this.count = 0;
  }

  /** Waits a while; when there were enough, throws what `error` gives. */
  async again(error: () => Error): Promise<void> {
    if (this.count === MOST_TRIES) throw error();
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.count, LONGEST_PAUSE_MS);
    this.count += 1;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pause);
      this.signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
    if (this.signal.aborted) throw this.signal.reason;
  }
}

/** Puts the pieces of a download together to the chunks that the store keeps, each while the next one comes. */
class Keeping {
  private chunk: Bytes | undefined;
  private filled = 0;
  /** The memory of the chunk before, free once that is written. */
  private spare: Bytes | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(private kept: KeptFile | undefined) {}

  /** Resolves when the store has what it was given. */
  end(): Promise<void> {
    return this.writing;
  }

  async add(at: number, piece: Bytes, size: number): Promise<void> {
    for (let from = 0; this.kept !== undefined && from < piece.length; ) {
      const begin = Math.floor((at + from) / CHUNK) * CHUNK;
      const length = Math.min(CHUNK, size - begin);
      const chunk = (this.chunk ??= new Uint8Array(Math.min(CHUNK, size)));
      const taken = piece.subarray(from, from + length - this.filled);
      chunk.set(taken, this.filled);
      this.filled += taken.length;
      from += taken.length;
      if (this.filled < length) return;
      this.filled = 0;
      await this.writing;
      // A store that is full keeps what it has.
      this.writing = this.kept?.write(begin, chunk.subarray(0, length)).then((done) => {
        if (!done) this.kept = undefined;
      }) ?? this.writing;
      [this.chunk, this.spare] = [this.spare, chunk];
    }
  }
}

function isPassing(error: DownloadError): boolean {
  const { status } = error.details;
  return error.code === "download/network" || (typeof status === "number" && (status >= 500 || status === 429 || status === 408));
}

/** Asks for a file, or for its bytes from `from` to before `to`. Undefined where it is optional and not there. */
export async function ask(
  source: Source,
  from: number,
  to: number | undefined,
  signal: AbortSignal,
  get: (url: string, init: RequestInit) => Promise<Response> = fetch,
  part: boolean = from > 0,
): Promise<Incoming | undefined> {
  const { url } = source;
  const hint = "hint" in source && source.hint !== undefined ? `. ${source.hint}` : "";
  const missing = hint === "" && "missing" in source && source.missing !== undefined ? `. ${source.missing}` : hint;
  let response: Response;
  try {
    const range = `bytes=${from}-${to === undefined ? "" : to - 1}`;
    // The browser's own cache does not put parts together behind our back.
    response = await get(url, part ? { signal, headers: { range }, cache: "no-store" } : { signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new DownloadError(
      "download/network",
      `${url} could not be fetched: ${(error as Error).message}. Check the network, and that the server (CORS) and the page ` +
        `(Content-Security-Policy connect-src) allow it${hint}`,
      { url },
    );
  }
  if (source.optional && (response.status === 404 || isPage(response))) {
    await response.body?.cancel();
    return undefined;
  }
  // What is kept is longer than the file now is.
  if (from > 0 && response.status === 416) throw new Restart(`${url} changed on the server`, true);
  if (!response.ok) {
    const { status } = response;
    const found = url.startsWith("file:") && status === 404 ? "none" : `status ${status}`;
    // Hubs answer so also where there is no such model.
    const refused = status === 401 || status === 403 ? "; a file that wants a sign-in, or a licence accepted, has to be downloaded by hand and chosen, or served by your site" : "";
    throw new DownloadError("download/status", `${url}: expected the file, found ${found}. Check the address${refused}${missing}`, { url, status });
  }
  if (isPage(response)) {
    throw new DownloadError(
      "download/not-a-file",
      `${url}: expected a model file, found an HTML page. The file is probably missing on the server${missing}`,
      { url },
    );
  }
  if (response.body === null) {
    throw new DownloadError("download/incomplete", `${url}: expected the file, found an empty answer`, { url });
  }
  const { headers } = response;
  const version = versionOf(headers);
  // Of a compressed answer the header tells the compressed length.
  const length = headers.has("content-encoding") ? undefined : wholeNumber(headers.get("content-length"));
  const reader = piecesOf(response.body);
  if (response.status !== 206) return { from: 0, size: length, version, reader };
  // Other origins may hide which part it is.
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "") ?? [];
  return { from: wholeNumber(first ?? null) ?? from, size: wholeNumber(total ?? null), version, reader };
}

function wholeNumber(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Servers of single-page apps answer every wrong address with their page and status 200. */
function isPage(response: Response): boolean {
  return /^text\/html\b/i.test(response.headers.get("content-type") ?? "");
}
