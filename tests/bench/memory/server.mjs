// Serves the package and models of hundreds of megabytes, from disk, as fast as it goes.
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { basename, extname, join, normalize } from "node:path";

const TYPES = { ".js": "text/javascript; charset=utf-8", ".wasm": "application/wasm" };
const PAGE = '<!doctype html><meta charset="utf-8"><title>benchmark: memory</title><body></body>';

/** Before the worker's own code: its wasm memory can be looked at from outside. */
const SEEN = `{ const f = WebAssembly.instantiate; WebAssembly.instantiate = async (...args) => {
  const made = await f(...args);
  globalThis.wasmMemory = (made.instance ?? made).exports.memory;
  return made;
}; }\n`;

/** `mounts`: a folder by its path, or a list of files. */
export async function serveFiles(mounts) {
  const find = (path) => {
    for (const [prefix, mount] of Object.entries(mounts)) {
      if (!path.startsWith(prefix)) continue;
      const rest = path.slice(prefix.length);
      const file = Array.isArray(mount) ? mount.find((file) => basename(file) === rest) : join(mount, normalize(`/${rest}`));
      if (file !== undefined && existsSync(file)) return file;
    }
    return undefined;
  };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    if (path === "/") return void response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(PAGE);
    const file = find(path);
    if (file === undefined) return void response.writeHead(404).end();
    if (path.endsWith("/worker.js")) return void response.writeHead(200, { "content-type": TYPES[".js"] }).end(SEEN + readFileSync(file, "utf8"));
    const { size, mtime } = statSync(file);
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-length": size, "last-modified": mtime.toUTCString() });
    if (request.method === "HEAD") response.end();
    else createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
