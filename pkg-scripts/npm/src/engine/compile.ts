// Wasm files, fetched and compiled, and why one is not.

import { asIntegrity } from "../files/sha256.js";

/** The file did not arrive. */
export class NotServed extends Error {
  constructor(
    message: string,
    /** What to do. */
    readonly cure: string,
  ) {
    super(message);
  }
}

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
    throw new NotServed((error as Error).message, "Check the network, and that the page's Content-Security-Policy allows it (connect-src). Then load again");
  });
  if (!response.ok) {
    throw new NotServed(`the server answered ${response.status}`, "Serve it beside the package's other files; most bundlers find it, esbuild needs it copied");
  }
  // Beside the compiler: `fetch` could check it, too, but does not say whether the file was not there or was another.
  const right = checked(name, response.clone(), integrity);
  // Awaited below; until then a failure is not unobserved.
  right.catch(() => {});
  const module = await compiled(response);
  await right;
  return module;
}

/** Rejects where the bytes are others. Insecure pages cannot tell. */
async function checked(name: string, response: Response, expected: string): Promise<void> {
  // Not filled in where the modules were not assembled.
  if (globalThis.crypto?.subtle === undefined || !expected.startsWith("sha256-")) return;
  const found = asIntegrity(new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer())));
  if (found !== expected) throw new Error(`${name}: expected the integrity ${expected}, found ${found}`);
}

async function compiled(response: Response): Promise<WebAssembly.Module> {
  // Some servers do not know the type, and browsers compile while they download only with it.
  if (!response.headers.get("content-type")?.startsWith("application/wasm")) return WebAssembly.compile(await response.arrayBuffer());
  return WebAssembly.compileStreaming(response);
}

/** Which of the reasons it is that an engine does not start, and what to do. `problem` is for programs. */
export function diagnosis(error: unknown): { problem: "missing" | "policy" | "unsupported" | "damaged"; cure: string } {
  const policy = /content.security.policy|unsafe-eval/i;
  if (error instanceof NotServed) {
    return { problem: "missing", cure: error.cure };
  }
  if (error instanceof WebAssembly.CompileError && policy.test(error.message)) {
    return { problem: "policy", cure: "The page's Content-Security-Policy needs script-src 'self' 'wasm-unsafe-eval'" };
  }
  if (!WebAssembly.validate(SIMD)) {
    return { problem: "unsupported", cure: "This browser has no WebAssembly SIMD. Use one of 2023 or later" };
  }
  return { problem: "damaged", cure: "The file is not what the package contains, or the browser has no memory left. Install it again" };
}

/** A module with one vector instruction, i8x16.splat, in a function () -> v128. */
const SIMD = new Uint8Array([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // "\0asm", version 1
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // section 1: the type
  ...[0x03, 0x02, 0x01, 0x00], // section 3: one function of it
  ...[0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x0b], // section 10: i32.const 0, i8x16.splat, end
]);
