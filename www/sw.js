// Keeps one whole version of the site for offline use: page, package and model.
//
// A version is the SHA-256 of files.json, which lists every file with its own SHA-256. The page registers this worker
// as sw.js?v=<version>, so a new version is a new worker with a cache of its own. It takes over only after every file
// has been fetched and checked against the list, and only when no page of the old version is open any more: what a page
// gets is always one version, never a mixture.
//
// Its answers also carry the headers that make a page cross-origin isolated. So the model has threads on any static host, from the
// second visit on.

const VERSION = new URL(location.href).searchParams.get("v") ?? "";
const SCOPE = self.registration.scope;
const PREFIX = `nanolm-page ${SCOPE} `;
const CACHE = PREFIX + VERSION;
const LIST = "files.json";

const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
};

/** A module with a relaxed instruction, i8x16.relaxed_swizzle, in a function () -> v128. */
const RELAXED = new Uint8Array([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b],
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x0a, 0x0f, 0x01, 0x0d, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0xfd, 0x80, 0x02, 0x0b],
]);
/** The builds of the engine that this browser has no use for, and what structured output needs, which the page does not ask for. */
const UNUSED = WebAssembly.validate(RELAXED)
  ? /\/(engine-simd128|grammar)\.wasm$/
  : /\/((engine-(relaxed|threads)|grammar)\.wasm|worker-threads\.js|thread\.js)$/;

/** What only some visitors ask for, and is large: kept when it was fetched, not before. */
const LATER = /^embed\//;

const address = (path) => SCOPE + (path === "index.html" ? "" : path);

async function sha256(buffer) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", buffer));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Fetches one file of this version and checks it. Throws if the server now has something else. What the page has fetched just before is in
 * the browser's own cache: it is not sent again, however little the server says of its files.
 */
async function fetchChecked(path, expected, signal) {
  let response, body;
  for (const cache of ["force-cache", "reload"]) {
    response = await fetch(address(path), { cache, signal });
    if (!response.ok) continue;
    body = await response.arrayBuffer();
    if ((await sha256(body)) === expected) break;
    body = undefined;
  }
  if (!response.ok) throw new Error(`${path}: the server answered ${response.status}`);
  if (body === undefined) throw new Error(`${path}: the file on the server is of another version`);
  // The body is decoded and whole here; a redirected response could not answer a navigation.
  const headers = new Headers(response.headers);
  headers.delete("content-encoding");
  headers.delete("content-length");
  for (const [name, value] of Object.entries(ISOLATED)) headers.set(name, value);
  return new Response(body, { headers });
}

async function install() {
  const response = await fetch(SCOPE + LIST, { cache: "no-store" });
  if (!response.ok) throw new Error(`${LIST}: the server answered ${response.status}`);
  const body = await response.arrayBuffer();
  if ((await sha256(body)) !== VERSION) throw new Error(`${LIST} is no longer the list of this version`);
  const files = used(JSON.parse(new TextDecoder().decode(body)).files);
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  const cache = await caches.open(CACHE);
  const giveUp = new AbortController();
  let loaded = 0;
  const keep = async ({ path, bytes, sha256 }) => {
    try {
      await cache.put(address(path), await fetchChecked(path, sha256, giveUp.signal));
    } catch (error) {
      giveUp.abort(error); // only the first failure is the reason
      throw error;
    }
    loaded += bytes;
    if (!giveUp.signal.aborted) await tell({ type: "saving", loaded, total });
  };
  await Promise.allSettled(files.map(keep));
  if (giveUp.signal.aborted) {
    const { reason } = giveUp.signal;
    await caches.delete(CACHE);
    await tell({ type: "failed", message: reason.message });
    throw reason;
  }
  await cache.put(SCOPE + LIST, new Response(body, { headers: { "content-type": "application/json" } }));
}

async function tell(message) {
  const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  for (const client of open) client.postMessage(message);
}

/** The files that this browser has a use for in any case. */
const used = (files) => files.filter(({ path }) => !UNUSED.test(path) && !LATER.test(path));

async function listed() {
  const list = await caches.match(SCOPE + LIST, { cacheName: CACHE });
  return list ? (await list.json()).files : [];
}

/** Answers out of this version alone. A file that was lost is fetched again, but only the very same one. */
async function serve(request, path) {
  const kept = await caches.match(address(path), { cacheName: CACHE });
  if (kept) return kept;
  const file = (await listed()).find((each) => each.path === path);
  if (!file || UNUSED.test(path)) return fetch(request);
  try {
    const response = await fetchChecked(path, file.sha256);
    await (await caches.open(CACHE)).put(address(path), response.clone());
    return response;
  } catch (error) {
    return new Response(`${path} is missing from the saved version of this page: ${error.message}`, { status: 503 });
  }
}

/** What is really there, file by file. */
async function state() {
  const files = used(await listed());
  const cache = await caches.open(CACHE);
  const there = new Set((await cache.keys()).map((request) => request.url));
  const missing = files.filter((file) => !there.has(address(file.path))).map((file) => file.path);
  return {
    version: VERSION,
    complete: files.length > 0 && missing.length === 0,
    missing,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
  };
}

/** Takes over at once, which is safe only if the page that asks is the only one open: it reloads itself then. */
async function takeOver() {
  const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (open.length > 1) return { refused: "other tabs with this page are open; close them first" };
  await self.skipWaiting();
  return {};
}

self.addEventListener("install", (event) => event.waitUntil(install()));

self.addEventListener("activate", (event) =>
  event.waitUntil(
    (async () => {
      const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
      await Promise.all(old.map((name) => caches.delete(name)));
    })(),
  ),
);

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(SCOPE)) return;
  const path = new URL(request.url).pathname.slice(new URL(SCOPE).pathname.length) || "index.html";
  if (path !== LIST) event.respondWith(serve(request, path));
});

self.addEventListener("message", (event) => {
  const answers = { state, takeOver };
  const answer = answers[event.data?.type];
  if (answer) event.waitUntil(answer().then((value) => event.ports[0]?.postMessage(value)));
});
