// A server behind one slow line: everything that it sends shares so many bits a second, whichever connection or thread asks. Browsers can
// slow down a page by themselves, but what its workers fetch passes them by.
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { gzipSync } from "node:zlib";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
};
/** Bytes of one answer before the next one has its turn. */
const TURN = 4096;
/** The line is looked at so often. */
const TICK_MS = 2;
/** What was not sent because this process was late is made up for, up to so long. */
const LATE_MS = 50;

/** Bytes a millisecond, shared by whatever is under way, in turns. */
export class Line {
  #waiting = [];
  #timer;
  #last = 0;
  #credit = 0;

  constructor(mbits) {
    this.perMs = (mbits * 1e6) / 8 / 1000;
  }

  /** Resolves when all of a body is sent, or nobody takes it any more. */
  send(response, body) {
    return new Promise((resolve) => {
      this.#waiting.push({ response, body, at: 0, resolve });
      if (this.#timer !== undefined) return;
      this.#last = performance.now();
      this.#credit = 0;
      this.#timer = setInterval(() => this.#tick(), TICK_MS);
    });
  }

  #tick() {
    const now = performance.now();
    this.#credit = Math.min(this.#credit + (now - this.#last) * this.perMs, LATE_MS * this.perMs);
    this.#last = now;
    for (let idle = 0; this.#credit > 0 && idle < this.#waiting.length; ) {
      const one = this.#waiting.shift();
      const { response, body } = one;
      const ready = !response.writableNeedDrain && !response.destroyed;
      if (ready && one.at < body.length) {
        const piece = body.subarray(one.at, one.at + Math.min(TURN, Math.ceil(this.#credit)));
        response.write(piece);
        one.at += piece.length;
        this.#credit -= piece.length;
        idle = 0;
      } else {
        idle += 1;
      }
      if (one.at === body.length || response.destroyed) one.resolve();
      else this.#waiting.push(one);
    }
    if (this.#waiting.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/**
 * Serves folders, files (a path that a mount names whole) and texts by path prefix, over a line of `mbits` million bits a second. Each request waits
 * `roundTripMs`, and so does each new connection. Code is gzipped, as hosts send it; models are not.
 */
export async function serveOver(mounts, { mbits, roundTripMs, isolated = false }) {
  const line = new Line(mbits);
  const requests = [];
  const bodies = new Map();
  const prefixes = Object.keys(mounts).sort((a, b) => b.length - a.length);
  const find = (path) => {
    for (const prefix of prefixes.filter((one) => path.startsWith(one))) {
      const rest = path.slice(prefix.length);
      let file = rest === "" && !prefix.endsWith("/") ? mounts[prefix] : join(mounts[prefix], normalize(`/${rest}`));
      if (existsSync(file) && statSync(file).isDirectory()) file = join(file, "index.html");
      if (existsSync(file)) return file;
    }
    return undefined;
  };
  const bodyOf = (file) => {
    if (!bodies.has(file)) {
      const raw = readFileSync(file);
      bodies.set(file, extname(file) in TYPES ? { body: gzipSync(raw, { level: 9 }), gzipped: true } : { body: raw, gzipped: false });
    }
    return bodies.get(file);
  };
  const known = new WeakSet();
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const now = () => performance.timeOrigin + performance.now();
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    const entry = { path, method: request.method, asked: now(), ended: undefined, bytes: 0 };
    requests.push(entry);
    const isNew = !known.has(request.socket);
    known.add(request.socket);
    await pause(isNew ? 2 * roundTripMs : roundTripMs);
    const file = find(path);
    const headers = { "cache-control": "max-age=600" };
    if (isolated) {
      headers["cross-origin-opener-policy"] = "same-origin";
      headers["cross-origin-embedder-policy"] = "require-corp";
    }
    if (file === undefined) return void response.writeHead(404, headers).end();
    const { body, gzipped } = bodyOf(file);
    headers["content-type"] = TYPES[extname(file)] ?? "application/octet-stream";
    headers["content-length"] = body.length;
    if (gzipped) headers["content-encoding"] = "gzip";
    response.writeHead(200, headers);
    if (request.method !== "HEAD") {
      response.flushHeaders();
      await line.send(response, body);
      entry.bytes = body.length;
    }
    entry.ended = now();
    response.end();
  });
  // Compressed before anybody waits for it.
  const prepare = (paths) => paths.forEach((path) => bodyOf(find(path)));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    /** `{ path, method, asked, ended, bytes }` of each, in milliseconds since 1970; `bytes` as they were sent. */
    requests,
    prepare,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
