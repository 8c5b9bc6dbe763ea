// A server behind one slow line: everything that it sends shares so many bits a second, whichever connection or thread asks. Browsers can
// slow down a page by themselves, but what its workers fetch passes them by.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createSecureServer } from "node:http2";
import { tmpdir } from "node:os";
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
      const ready = !response.stream.writableNeedDrain && !response.stream.destroyed;
      if (ready && one.at < body.length) {
        const piece = body.subarray(one.at, one.at + Math.min(TURN, Math.ceil(this.#credit)));
        response.write(piece);
        one.at += piece.length;
        this.#credit -= piece.length;
        idle = 0;
      } else {
        idle += 1;
      }
      if (one.at === body.length || response.stream.destroyed) one.resolve();
      else this.#waiting.push(one);
    }
    if (this.#waiting.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** A certificate that nobody but a browser that is told so trusts. */
function certificate() {
  const folder = mkdtempSync(join(tmpdir(), "nanolm-first-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  try {
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    execFileSync("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"], { stdio: "ignore" });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** HTTP/2, as hosts speak it: a page asks for everything at once. Chromium speaks it over TLS alone. */
export const TRUSTING = ["--ignore-certificate-errors"];

/**
 * Serves folders, files (a path that a mount names whole) and texts by path prefix, over a line of `mbits` million bits a second. Each request waits
 * `roundTripMs`, and each new connection two of them more (TCP, TLS). Code is gzipped, as hosts send it; models are not.
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
  const known = new WeakMap();
  const sessions = new Set();
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const now = () => performance.timeOrigin + performance.now();
  const server = createSecureServer({ ...certificate(), settings: { initialWindowSize: 1 << 24 } }, async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "https://localhost").pathname);
    const entry = { path, method: request.method, asked: now(), ended: undefined, bytes: 0 };
    requests.push(entry);
    const { session } = request.stream;
    const connected = known.get(session) ?? pause(2 * roundTripMs);
    known.set(session, connected);
    await connected;
    await pause(roundTripMs);
    if (request.stream.destroyed) return;
    const file = find(path);
    const headers = { "cache-control": "max-age=600" };
    if (isolated) {
      headers["cross-origin-opener-policy"] = "same-origin";
      headers["cross-origin-embedder-policy"] = "require-corp";
    }
    if (file === undefined) {
      entry.ended = now();
      response.writeHead(404, headers).end();
      return;
    }
    const { body, gzipped } = bodyOf(file);
    headers["content-type"] = TYPES[extname(file)] ?? "application/octet-stream";
    headers["content-length"] = body.length;
    if (gzipped) headers["content-encoding"] = "gzip";
    response.writeHead(200, headers);
    if (request.method !== "HEAD") {
      await line.send(response, body);
      entry.bytes = body.length;
    }
    entry.ended = now();
    response.end();
  });
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    // A browser that ends takes its connection with it.
    session.on("error", () => {});
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `https://127.0.0.1:${server.address().port}`,
    /** `{ path, method, asked, ended, bytes }` of each, in milliseconds since 1970; `bytes` as they were sent. */
    requests,
    async close() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
