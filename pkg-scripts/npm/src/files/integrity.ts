// Files that must have the bytes that the caller, or this package, knows them by.

import type { ModelFiles } from "../engine.js";
import { DownloadError, optionError } from "../errors.js";
import type { Hashes } from "./source.js";
import { asIntegrity, Sha256 } from "./sha256.js";

/** The browser's own SHA-256 is many times faster, but wants a copy of all bytes at once: of files up to so many. */
const MOST_COPIED = 16 << 20;

/** A file that is hashed by the browser. */
class Whole {
  length = 0;
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(byteLength: number) {
    this.#bytes = new Uint8Array(byteLength);
  }

  add(chunk: Uint8Array): void {
    this.#bytes.set(chunk, this.length);
    this.length += chunk.length;
  }

  async end(): Promise<string> {
    return asIntegrity(new Uint8Array(await crypto.subtle.digest("SHA-256", this.#bytes)));
  }
}

function hashOf(byteLength: number): Sha256 | Whole {
  return byteLength > MOST_COPIED || globalThis.crypto?.subtle === undefined ? new Sha256() : new Whole(byteLength);
}

/** Takes what files are made of on its way into wasm memory. */
export class Checked implements ModelFiles {
  readonly #files: ModelFiles;
  readonly #hashes: Hashes;
  readonly #found = new Map<string, { byteLength: number; hash: Sha256 | Whole } | undefined>();

  constructor(files: ModelFiles, hashes: Hashes) {
    this.#files = files;
    this.#hashes = hashes;
  }

  add(name: string, byteLength: number): void {
    this.#files.add(name, byteLength);
    this.#found.set(name, Object.hasOwn(this.#hashes, name) ? { byteLength, hash: hashOf(byteLength) } : undefined);
  }

  write(name: string, offset: number, chunk: Uint8Array): void {
    this.#files.write(name, offset, chunk);
    const found = this.#found.get(name);
    if (found === undefined) return;
    // A download that began again.
    if (offset !== found.hash.length) found.hash = hashOf(found.byteLength);
    found.hash.add(chunk);
  }

  check(): boolean {
    return this.#files.check();
  }

  free(): void {
    this.#files.free();
  }

  /** Why the files are not the right ones, once they are whole. */
  async wrong(): Promise<Error | undefined> {
    for (const [name, expected] of Object.entries(this.#hashes)) {
      if (!this.#found.has(name)) return optionError("integrity", `names of the source's files: ${[...this.#found.keys()].join(", ")}`, name);
      const found = await this.#found.get(name)?.hash.end();
      if (found === expected) continue;
      const told = `${name}: expected the integrity ${expected}, found ${found}`;
      return new DownloadError("download/integrity", `${told}. Another file lies there, or it was changed on its way`, { file: name, expected, found });
    }
    return undefined;
  }
}
