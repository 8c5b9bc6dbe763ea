// Downloaded files in Cache Storage. Whole files only: an entry carries its length and is checked whenever it is read.
// The store may be missing (insecure pages), refused (private windows) or full: then nothing is kept, and nothing fails.

const STORE = "nanolm-files-v1";
const LENGTH = "x-nanolm-length";
/** What tells two versions of a file apart, as far as the server lets a page see it. */
const VERSION = ["etag", "last-modified", "content-length"];
const CHECK_MS = 3000;

/** A file being kept. Every method is safe to call after a failure, which just ends the keeping. */
export interface Keeping {
  write(chunk: Uint8Array<ArrayBuffer>): Promise<void>;
  /** The file is whole: keep it. */
  commit(): Promise<void>;
  /** Keep nothing. */
  abandon(): Promise<void>;
}

const NOTHING: Keeping = { async write() {}, async commit() {}, async abandon() {} };

async function openStore(): Promise<Cache | undefined> {
  try {
    return await globalThis.caches?.open(STORE);
  } catch {
    return undefined;
  }
}

function cacheable(url: string): boolean {
  return url.startsWith("https:") || url.startsWith("http:");
}

/** The kept file, unless the server has another one by now. Offline, or where the server does not say: the kept one. */
export async function cached(url: string): Promise<Blob | undefined> {
  if (!cacheable(url)) return undefined;
  try {
    const store = await openStore();
    const response = await store?.match(url);
    const size = Number(response?.headers.get(LENGTH) ?? NaN);
    if (store === undefined || response === undefined || !(await sameOnServer(url, response.headers))) return undefined;
    const blob = await response.blob();
    if (blob.size === size) return blob;
    await store.delete(url);
    return undefined;
  } catch {
    return undefined;
  }
}

async function sameOnServer(url: string, kept: Headers): Promise<boolean> {
  if (globalThis.navigator?.onLine === false) return true;
  try {
    const head = await fetch(url, { method: "HEAD", cache: "no-cache", signal: AbortSignal.timeout(CHECK_MS) });
    if (!head.ok) return true;
    return VERSION.every((name) => {
      const now = head.headers.get(name);
      const then = kept.get(name);
      return now === null || then === null || now === then;
    });
  } catch {
    return true;
  }
}

/** Begins to keep a file of known size while it is downloaded. */
export async function keep(url: string, size: number, headers: Headers): Promise<Keeping> {
  const store = cacheable(url) ? await openStore() : undefined;
  if (store === undefined) return NOTHING;
  const kept = new Headers({ [LENGTH]: String(size), "content-type": "application/octet-stream" });
  for (const name of VERSION) {
    const value = headers.get(name);
    if (value !== null) kept.set(name, value);
  }
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  let open = true;
  const fail = (): void => {
    open = false;
  };
  const put = store.put(url, new Response(readable, { headers: kept })).catch((error: unknown) => {
    fail();
    // Also wakes a write that waits for the store to take more.
    writer.abort(error).catch(() => {});
  });
  return {
    async write(chunk) {
      if (open) await writer.write(chunk).catch(fail);
    },
    async commit() {
      if (!open) return;
      await writer.close().catch(fail);
      await put;
    },
    async abandon() {
      if (!open) return;
      fail();
      await writer.abort(new Error("not whole")).catch(() => {});
      await put;
    },
  };
}
