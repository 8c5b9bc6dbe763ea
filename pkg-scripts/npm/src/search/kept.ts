// Indexes that are kept on the device by a name: in the origin private file system; in Cache Storage where that cannot be written; in Node
// in a folder.

import { optionError, WorkerError } from "../errors.js";
import { FolderStorage } from "../node/store.js";
import { isNode } from "../platform.js";

const PLACE = "nanolm-indexes";
/** Cache Storage wants addresses. Nothing is ever asked of this one. */
const ADDRESS = "https://index.nanolm.invalid/";

/** No public type says so, as TypeScript 5.4 does not know it. */
type Bytes = Uint8Array<ArrayBuffer>;

interface Store {
  read(name: string): Promise<Uint8Array | undefined>;
  /** Resolves to whether it could be kept here. */
  write(name: string, bytes: Uint8Array): Promise<boolean>;
  /** Resolves to whether it was here. */
  remove(name: string): Promise<boolean>;
  names(): Promise<string[]>;
}

const isMissing = (error: unknown): boolean => (error as Error | undefined)?.name === "NotFoundError";

/** A folder of the origin private file system. Its files are replaced as a whole, when they are closed. */
function files(folder: FileSystemDirectoryHandle): Store {
  const fileName = (name: string): string => encodeURIComponent(name).replaceAll(".", "%2E");
  const orMissing = <T>(error: unknown, missing: T): T => {
    if (isMissing(error)) return missing;
    throw error;
  };
  return {
    async read(name) {
      const file = await folder.getFileHandle(fileName(name)).catch((error: unknown) => orMissing(error, undefined));
      return file && new Uint8Array(await (await file.getFile()).arrayBuffer());
    },
    async write(name, bytes) {
      const file = await folder.getFileHandle(fileName(name), { create: true });
      // Older versions of Safari read here, and write in workers alone.
      if (typeof file.createWritable !== "function") {
        await folder.removeEntry(fileName(name));
        return false;
      }
      const stream = await file.createWritable();
      await stream.write(bytes as Bytes);
      await stream.close();
      return true;
    },
    async remove(name) {
      return folder.removeEntry(fileName(name)).then(() => true, (error: unknown) => orMissing(error, false));
    },
    async names() {
      const names: string[] = [];
      const all = folder as unknown as { keys(): AsyncIterable<string> };
      for await (const name of all.keys()) names.push(decodeURIComponent(name));
      return names;
    },
  };
}

type Entries = Pick<Cache, "delete" | "put"> & {
  match(url: string): Promise<Response | undefined>;
  keys(): Promise<readonly { url: string }[]>;
};

/** Cache Storage, or what looks like it. */
function entries(cache: Entries): Store {
  const address = (name: string): string => ADDRESS + encodeURIComponent(name).replaceAll(".", "%2E");
  return {
    async read(name) {
      const response = await cache.match(address(name));
      return response && new Uint8Array(await response.arrayBuffer());
    },
    async write(name, bytes) {
      await cache.put(address(name), new Response(bytes as Bytes));
      return true;
    },
    async remove(name) {
      const there = (await cache.match(address(name))) !== undefined;
      await cache.delete(address(name));
      return there;
    },
    names: async () => (await cache.keys()).map(({ url }) => decodeURIComponent(url.slice(ADDRESS.length))),
  };
}

/** Where indexes may lie, the best place first. */
async function places(): Promise<Store[]> {
  if (isNode) return [entries((await new FolderStorage().open(PLACE)) as unknown as Entries)];
  const found: Store[] = [];
  try {
    const root = await navigator.storage.getDirectory();
    found.push(files(await root.getDirectoryHandle(PLACE, { create: true })));
  } catch {
    // Insecure pages and some private windows have none.
  }
  try {
    if (globalThis.caches !== undefined) found.push(entries(await caches.open(PLACE)));
  } catch {
    // As above.
  }
  return found;
}

function checkName(name: string): void {
  if (typeof name !== "string" || name === "" || name.length > 80) throw optionError("name", "a string of 1 to 80 characters", name);
}

export async function keep(name: string, bytes: Uint8Array): Promise<void> {
  checkName(name);
  let why = "this page has no storage (insecure pages and some private windows have none)";
  let done = false;
  for (const place of await places()) {
    try {
      // What lies in another place is older than this.
      if (done) await place.remove(name);
      else done = await place.write(name, bytes);
    } catch (error) {
      why = (error as Error).name === "QuotaExceededError" ? "this site's storage is full" : (error as Error).message;
    }
  }
  if (done) return;
  throw new WorkerError("worker/unavailable", `the index "${name}" could not be kept: ${why}. save() gives its bytes, to keep elsewhere`, { name, why });
}

export async function read(name: string): Promise<Uint8Array | undefined> {
  checkName(name);
  for (const place of await places()) {
    const bytes = await place.read(name);
    if (bytes !== undefined) return bytes;
  }
  return undefined;
}

/** The names of all indexes that are kept. */
export async function list(): Promise<string[]> {
  const names = await Promise.all((await places()).map((place) => place.names()));
  return [...new Set(names.flat())].sort();
}

/** Lets go of what is kept under a name. Resolves to whether there was something. */
export async function remove(name: string): Promise<boolean> {
  checkName(name);
  let was = false;
  for (const place of await places()) was = (await place.remove(name)) || was;
  return was;
}
