// What this page keeps on the device: itself with its model (see sw.js), and models that the visitor opened, in the origin's
// private file system.
const HERE = new URL("../", import.meta.url);
/** Other pages of this origin have folders and caches of their own. */
const FOLDER = `nanolm-page ${encodeURIComponent(HERE.pathname)}`;
const CACHES = `nanolm-page ${HERE.href} `;

export const canKeep = Boolean(navigator.storage?.getDirectory);

async function folder(create = false) {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create });
}

/** `[{ name, size }]` of the models that are kept. */
export async function keptModels() {
  const found = [];
  try {
    for await (const [name, handle] of (await folder()).entries()) found.push({ name, size: (await handle.getFile()).size });
  } catch {
    // No folder, or no such storage: nothing is kept.
  }
  return found.sort((a, b) => a.name.localeCompare(b.name));
}

export async function openKept(name) {
  return (await (await folder()).getFileHandle(name)).getFile();
}

/** Copies a file; `onProgress` is told the share that is done. What is left of a copy that fails is removed. */
export async function keep(file, { signal, onProgress }) {
  const handle = await (await folder(true)).getFileHandle(file.name, { create: true });
  let copied = 0;
  const counted = new TransformStream({
    transform(chunk, controller) {
      copied += chunk.byteLength;
      onProgress(copied / file.size);
      controller.enqueue(chunk);
    },
  });
  try {
    await file.stream().pipeThrough(counted, { signal }).pipeTo(await handle.createWritable(), { signal });
  } catch (error) {
    await remove(file.name);
    throw error;
  }
}

export async function remove(name) {
  await (await folder(true)).removeEntry(name).catch(() => {});
}

/** The names of this origin's caches; none where there are no caches, or where the browser denies them: some do as soon as it is asked for. */
async function cacheNames() {
  try {
    return (await globalThis.caches?.keys()) ?? [];
  } catch {
    return [];
  }
}

/** The bytes of the page's own files that are kept, as far as they say their length. */
export async function keptPage() {
  const names = await cacheNames();
  if (!names.some((name) => name.startsWith(CACHES))) return 0;
  const list = await siteFiles();
  const kept = new Set();
  for (const name of names.filter((each) => each.startsWith(CACHES))) {
    for (const { url } of await (await caches.open(name)).keys()) kept.add(url);
  }
  return list.reduce((sum, { path, bytes }) => sum + (kept.has(HERE.href + (path === "index.html" ? "" : path)) ? bytes : 0), 0);
}

let files;
/** The page's files with their sizes: `[{ path, bytes }]`; empty where the server has no list of them. */
export function siteFiles() {
  const list = new URL("files.json", HERE);
  // Without a network, that of the version that is kept.
  files ??= fetch(list)
    .catch(() => caches.match(list))
    .then((response) => response.json())
    .then((list) => list.files)
    .catch(() => []);
  return files;
}

/** Deletes everything, and lets the service worker go. The page goes on as it is; its next visit keeps it again. */
export async function forgetAll() {
  const registration = await navigator.serviceWorker?.getRegistration(HERE);
  await registration?.unregister();
  const names = await cacheNames();
  await Promise.all(names.filter((name) => name.startsWith(CACHES)).map((name) => caches.delete(name)));
  if (canKeep) await (await navigator.storage.getDirectory()).removeEntry(FOLDER, { recursive: true }).catch(() => {});
}
