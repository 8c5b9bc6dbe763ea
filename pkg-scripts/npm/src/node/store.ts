// Cache Storage in a folder, as far as this package uses it: files/store.ts keeps downloads in it, engine/measured.ts figures.
// Each entry is a file: a line of JSON with its address and headers, then its bytes. Entries whose addresses differ in the query
// alone, such as the chunks of one download, share a folder.

import { builtin } from "./builtin.js";

/** Longer than any first line of an entry. */
const HEAD = 1 << 14;
const NEWLINE = 0x0a;

interface Head {
  url: string;
  headers: [string, string][];
}

/** Where it lies, unless the environment variable NANOLM_CACHE names another folder. */
function defaultFolder(): string {
  const { homedir, platform } = builtin("node:os");
  const { join } = builtin("node:path");
  const { env } = (globalThis as unknown as { process: { env: Record<string, string | undefined> } }).process;
  if (env["NANOLM_CACHE"]) return env["NANOLM_CACHE"];
  const usual = { darwin: join(homedir(), "Library/Caches"), win32: env["LOCALAPPDATA"] }[platform()];
  return join(env["XDG_CACHE_HOME"] || (usual ?? join(homedir(), ".cache")), "nanolm");
}

export class FolderStorage {
  readonly #folder: string;

  constructor(folder: string = defaultFolder()) {
    this.#folder = folder;
  }

  async open(name: string): Promise<FolderCache> {
    return new FolderCache(builtin("node:path").join(this.#folder, name));
  }

  async delete(name: string): Promise<boolean> {
    await builtin("node:fs/promises").rm(builtin("node:path").join(this.#folder, name), { recursive: true, force: true });
    return true;
  }
}

export class FolderCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async match(url: string): Promise<Response | undefined> {
    try {
      const bytes = await builtin("node:fs/promises").readFile(this.#place(url).path);
      const end = bytes.indexOf(NEWLINE);
      const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))) as Head;
      return new Response(bytes.subarray(end + 1), { headers: head.headers });
    } catch {
      return undefined;
    }
  }

  async put(url: string, response: Response): Promise<void> {
    const { mkdir, rename, writeFile } = builtin("node:fs/promises");
    const { folder, path } = this.#place(url);
    const head: Head = { url, headers: [...response.headers] };
    await mkdir(folder, { recursive: true });
    // Under another name first: who reads meanwhile finds the whole of it, or what was there before.
    const written = `${path}.${crypto.randomUUID()}`;
    const line = new TextEncoder().encode(`${JSON.stringify(head)}\n`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const all = new Uint8Array(line.length + bytes.length);
    all.set(line);
    all.set(bytes, line.length);
    await writeFile(written, all);
    await rename(written, path);
  }

  async delete(url: string): Promise<boolean> {
    await builtin("node:fs/promises").rm(this.#place(url).path, { force: true });
    return true;
  }

  /** The addresses of all entries, or of those that differ from one in the query alone. */
  async keys(url?: string, _?: { ignoreSearch: true }): Promise<{ url: string }[]> {
    if (url === undefined) {
      const { readdir } = builtin("node:fs/promises");
      const { join } = builtin("node:path");
      const folders = await readdir(this.#folder).catch(() => []);
      return (await Promise.all(folders.map((name) => this.#keysIn(join(this.#folder, name))))).flat();
    }
    return this.#keysIn(this.#place(url).folder);
  }

  async #keysIn(folder: string): Promise<{ url: string }[]> {
    const { open, readdir } = builtin("node:fs/promises");
    const { join } = builtin("node:path");
    const names = await readdir(folder).catch(() => []);
    const found = [];
    for (const name of names.filter((name) => !name.includes("."))) {
      const file = await open(join(folder, name));
      try {
        const { buffer, bytesRead } = await file.read(new Uint8Array(HEAD), 0, HEAD, 0);
        const end = buffer.subarray(0, bytesRead).indexOf(NEWLINE);
        found.push({ url: (JSON.parse(new TextDecoder().decode(buffer.subarray(0, end))) as Head).url });
      } finally {
        await file.close();
      }
    }
    return found;
  }

  #place(url: string): { folder: string; path: string } {
    const { join } = builtin("node:path");
    const named = (text: string): string => builtin("node:crypto").createHash("sha256").update(text).digest("hex").slice(0, 32);
    const folder = join(this.#folder, named(url.replace(/[?#].*$/, "")));
    return { folder, path: join(folder, named(url)) };
  }
}
