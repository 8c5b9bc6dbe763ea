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
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
};

/**
 * Serves folders by path prefix: `{ "/": "build/site" }`; the longest prefix wins. A function in place of a folder gives the
 * body (a string or Buffer) for the rest of the path, or undefined.
 *
 * Query parameters change how a file arrives: `slow=<ms>` waits that long before each of 32 pieces, `cut=<n>` promises the
 * whole and breaks off after n bytes, `nolength` tells no length, `gzip` compresses, `page`
 * answers with an HTML page. With `cors`, pages of other origins may read what is served; with `isolated`, pages are cross-origin
 * isolated, as shared memory asks.
 */
export async function serve(mounts, { policy = POLICY, port = 0, cors = false, isolated = false } = {}) {
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
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    const path = decodeURIComponent(url.pathname);
    const found = find(path);
    requests.push({ method: request.method, path, status: found === undefined ? 404 : 200 });
    const headers = { "content-security-policy": policy, "cache-control": "no-cache" };
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
    if (![...query.keys()].some((key) => ["slow", "cut", "nolength", "gzip"].includes(key)) && found.file !== undefined) {
      const { size, mtime } = statSync(found.file);
      response.writeHead(200, { ...headers, "content-length": size, "last-modified": mtime.toUTCString() });
      if (request.method === "HEAD") response.end();
      else createReadStream(found.file).pipe(response);
      return;
    }
    let body = found.body ?? readFileSync(found.file);
    if (query.has("gzip")) {
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
    /** Every request so far: `{ method, path, status }`. */
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
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
  // The client must have got what was sent before the connection breaks.
  else setTimeout(() => response.destroy(), 50);
}
