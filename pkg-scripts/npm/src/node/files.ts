// Files of the machine as what can be fetched.

import { builtin } from "./builtin.js";

/** An address has at least two letters before its colon; `C:\models` is a path. */
const ADDRESS = /^[a-z][a-z\d+.-]+:/i;

/** The address of a file, of a folder (it ends in "/"), or what is an address already. */
export function addressOf(path: string | URL): URL {
  if (path instanceof URL || ADDRESS.test(path)) return new URL(path);
  const url = builtin("node:url").pathToFileURL(path);
  if (!url.pathname.endsWith("/") && isFolder(url)) url.pathname += "/";
  return url;
}

function isFolder(url: URL): boolean {
  return builtin("node:fs").statSync(url, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Bytes that are read at once: Node's own 64 KB make a large model's load slow. */
const READ = 1 << 20;

/** A file as the answer of a server that has it: whole, from a byte on, or only how long it is. */
export async function fetchFile(request: Request): Promise<Response> {
  const { createReadStream } = builtin("node:fs");
  const { stat } = builtin("node:fs/promises");
  // Of a query nothing is known here.
  const path = builtin("node:url").fileURLToPath(new URL(request.url.replace(/[?#].*$/, "")));
  let found: Awaited<ReturnType<typeof stat>>;
  try {
    found = await stat(path);
    if (!found.isFile()) return new Response(null, { status: 404 });
  } catch (error) {
    const { code } = error as { code?: unknown };
    return new Response(null, { status: code === "EACCES" || code === "EPERM" ? 403 : 404 });
  }
  const { size } = found;
  const from = Number(/^bytes=(\d+)-/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
  const headers = new Headers({ "content-length": String(size - from), "last-modified": found.mtime.toUTCString() });
  if (from > 0) headers.set("content-range", `bytes ${from}-${size - 1}/${size}`);
  if (request.method === "HEAD") return new Response(null, { headers });
  const bytes = createReadStream(path, { start: from, highWaterMark: READ, signal: request.signal });
  const body = builtin("node:stream").Readable.toWeb(bytes) as ReadableStream<Uint8Array<ArrayBuffer>>;
  return new Response(body, { status: from > 0 ? 206 : 200, headers });
}
