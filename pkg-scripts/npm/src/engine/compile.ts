// Wasm files, fetched and compiled.

import { asIntegrity } from "../files/sha256.js";

/** The file did not arrive. */
export class NotServed extends Error {}

/** A wasm file of the package. */
export interface WasmFile {
  name: string;
  /** Where it is, unless the page has put a copy elsewhere. Bundlers may have given it another name there. */
  url: URL;
  /** What the package knows its bytes by. */
  integrity: string;
}

/** Fetches and compiles a wasm file. `assets`: the folder where the page has put a copy. */
export async function compile({ name, url, integrity }: WasmFile, assets: string | undefined): Promise<WebAssembly.Module> {
  const place = assets === undefined ? url : new URL(name, assets);
  const response = await fetch(place).catch((error: unknown) => {
    throw new NotServed((error as Error).message);
  });
  if (!response.ok) throw new NotServed(`the server answered ${response.status}`);
  const right = checked(name, response.clone(), integrity);
  // Awaited below; until then a failure is not unobserved.
  right.catch(() => {});
  const module = await compiled(response);
  await right;
  return module;
}

async function compiled(response: Response): Promise<WebAssembly.Module> {
  // Some servers do not know the type, and browsers compile while they download only with it.
  if (!response.headers.get("content-type")?.startsWith("application/wasm")) return WebAssembly.compile(await response.arrayBuffer());
  return WebAssembly.compileStreaming(response);
}

/** Rejects where the bytes are others. Insecure pages cannot tell. */
async function checked(name: string, response: Response, expected: string): Promise<void> {
  // Not filled in where the modules were not assembled.
  if (globalThis.crypto?.subtle === undefined || !expected.startsWith("sha256-")) return;
  const found = asIntegrity(new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer())));
  if (found !== expected) throw new Error(`${name}: expected the integrity ${expected}, found ${found}`);
}
