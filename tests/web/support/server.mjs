// A static server for tests: a strict policy on everything, and files that arrive slowly, cut, compressed or without a length.
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { gzipSync } from "node:zlib";

/** What a careful site sends. No `unsafe-eval`, no `blob:`, nothing from elsewhere. */
export const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'";

const TYPES = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
};

/**
 * Serves folders by path prefix: `{ "/": "build/site" }`; the longest prefix wins. A function in place of a folder gives the
 * body (a string or Buffer) for the rest of the path, or undefined.
 *
 * Query parameters change how a file arrives: `slow=<ms>` waits that long before each of 32 pieces, `cut=<n>` promises the
 * whole and breaks off after n bytes, `nolength` tells no length, `gzip` compresses (`whole` tells the length of what is compressed where nothing but
 * the headers is asked for, `etag` a version), `page`
 * answers with an HTML page. With `first=<fault>` it is the first request alone that goes wrong, at `at=<n>` bytes (see `firstTime`). With `cors`, pages of other origins may read what is served; with `isolated`, pages are cross-origin
 * isolated, as shared memory asks. `before` is called with each request, as `requests` has it; where it gives a promise, the answer waits for that.
 */
export async function serve(mounts, { policy = POLICY, port = 0, cors = false, isolated = false, before = () => undefined } = {}) {
  const requests = [];
  const prefixes = Object.keys(mounts).sort((a, b) => b.length - a.length);
  const find = (path) => {
    for (const prefix of prefixes) {
      if (!path.startsWith(prefix)) continue;
      const rest = path.slice(prefix.length);
      const mount = mounts[prefix];
      if (typeof mount === "function") {
        const body = mount(rest);
        if (body !== undefined) return { body: Buffer.from(body), type: TYPES[extname(path)] };
        continue;
      }
      let file = join(mount, normalize(`/${rest}`));
      if (existsSync(file) && statSync(file).isDirectory()) file = join(file, "index.html");
      if (existsSync(file)) return { file, type: TYPES[extname(file)] };
    }
    return undefined;
  };
  const asked = new Set();
  /** How much of an address's body the client says that it has, and what waits until it has more. */
  const had = new Map();
  const waiting = new Set();
  const heard = (of, bytes) =>
    new Promise((resolve) => {
      const check = () => had.get(of) >= bytes && waiting.delete(check) && resolve();
      waiting.add(check);
      check();
      // Of an address of which it says nothing.
      setTimeout(resolve, READ_WITHIN_MS);
    });
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    const path = decodeURIComponent(url.pathname);
    const found = find(path);
    const entry = { method: request.method, path, of: request.url, status: found === undefined ? 404 : 200, range: request.headers.range, bytes: 0 };
    requests.push(entry);
    const wait = before(entry);
    if (wait !== undefined) await wait;
    const { write } = response;
    response.write = (chunk, ...rest) => {
      entry.bytes += chunk.length;
      return write.call(response, chunk, ...rest);
    };
    const headers = { "cache-control": "no-cache" };
    if (policy !== null) headers["content-security-policy"] = policy;
    if (cors) headers["access-control-allow-origin"] = "*";
    if (isolated) {
      headers["cross-origin-opener-policy"] = "same-origin";
      headers["cross-origin-embedder-policy"] = "require-corp";
    }
    if (url.searchParams.has("page")) {
      response.writeHead(200, { ...headers, "content-type": "text/html" }).end("<!doctype html><title>app</title>");
      return;
    }
    if (found === undefined) {
      response.writeHead(404, { ...headers, "content-type": "text/plain" }).end("not found");
      return;
    }
    headers["content-type"] = found.type ?? "application/octet-stream";
    const query = url.searchParams;
    if (query.has("first")) {
      const again = asked.has(request.url) || request.method === "HEAD";
      if (request.method !== "HEAD") asked.add(request.url);
      faulty(request, response, headers, readFileSync(found.file), query, again, (bytes) => heard(request.url, bytes));
      return;
    }
    if (![...query.keys()].some((key) => ["slow", "cut", "nolength", "gzip"].includes(key)) && found.file !== undefined) {
      const { size, mtime } = statSync(found.file);
      response.writeHead(200, { ...headers, "content-length": size, "last-modified": mtime.toUTCString() });
      if (request.method === "HEAD") response.end();
      else createReadStream(found.file).pipe(response);
      return;
    }
    let body = found.body ?? readFileSync(found.file);
    if (query.has("etag")) headers.etag = '"one"';
    // Servers that compress what they send may not do so where they send nothing.
    if (query.has("gzip") && !(query.has("whole") && request.method === "HEAD")) {
      body = gzipSync(body);
      headers["content-encoding"] = "gzip";
    }
    if (!query.has("nolength")) headers["content-length"] = body.length;
    response.writeHead(200, headers);
    if (request.method === "HEAD") response.end();
    else void trickle(response, body, Number(query.get("slow") ?? 0), query.has("cut") ? Number(query.get("cut")) : undefined);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    /** Every request so far: `{ method, path, of, status, range, bytes }`; `of` is path and query; `bytes` were sent of a body, by what goes wrong or in parts. */
    requests,
    /** The client has so many bytes of the body at this path and query: only then a connection breaks off behind them. */
    read(of, bytes) {
      had.set(of, Math.max(bytes, had.get(of) ?? 0));
      for (const check of [...waiting]) check();
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The client must have read what was sent before the connection breaks: it says so, or has this long. */
const READ_WITHIN_MS = 5000;
/** Where it does not matter how much of it the client has read. */
const CUT_AFTER_MS = 500;

/**
 * A file whose first request goes wrong: it breaks off (`cut`, or `unversioned` where nothing tells versions apart), stands still (`stall`),
 * ends as if that were all (`end`), is a message instead (`message`), or is of a version that is gone by the next request (`swap`).
 * Later ones give it, or the part that is asked for.
 */
function faulty(request, response, headers, file, query, again, read) {
  const fault = query.get("first");
  const at = Number(query.get("at") ?? 0);
  let body = file;
  if (fault === "message" && !again) {
    response.writeHead(200, headers);
    response.write('{"error":"please log in"}');
    response.end();
    return;
  }
  if (fault === "swap" && !again) {
    body = Buffer.from(file);
    body.fill(0, body.length - 4096);
  }
  if (!["unversioned", "message", "end"].includes(fault)) headers.etag = `"${fault === "swap" && !again ? "old" : "new"}"`;
  // Browsers ask for the rest of what their own cache has, if it is still the same.
  const other = request.headers["if-range"] !== undefined && request.headers["if-range"] !== headers.etag;
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(other ? "" : (request.headers.range ?? "")) ?? [];
  const from = Number(first ?? 0);
  const to = last ? Number(last) + 1 : body.length;
  if (first !== undefined) headers["content-range"] = `bytes ${from}-${to - 1}/${body.length}`;
  if (fault !== "end") headers["content-length"] = to - from;
  response.writeHead(first === undefined ? 200 : 206, headers);
  const end = again ? to : Math.min(at, to);
  if (request.method === "HEAD") return void response.end();
  response.write(body.subarray(from, end));
  if (again || fault === "end") response.end();
  else if (fault !== "stall") void read(end).then(() => response.destroy());
}

async function trickle(response, body, pause, cut) {
  const end = cut ?? body.length;
  const step = Math.max(1, Math.ceil(body.length / 32));
  for (let at = 0; at < end; at += step) {
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    if (response.destroyed) return;
    response.write(body.subarray(at, Math.min(at + step, end)));
  }
  if (cut === undefined) response.end();
  else setTimeout(() => response.destroy(), CUT_AFTER_MS);
}
