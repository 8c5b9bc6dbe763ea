// Wasm files, fetched and compiled.

/** The file did not arrive. */
export class NotServed extends Error {}

/** Fetches and compiles a wasm file. */
export async function compile(url: URL): Promise<WebAssembly.Module> {
  const response = await fetch(url).catch((error: unknown) => {
    throw new NotServed((error as Error).message);
  });
  if (!response.ok) throw new NotServed(`the server answered ${response.status}`);
  // Some servers do not know the type, and browsers compile while they download only with it.
  if (!response.headers.get("content-type")?.startsWith("application/wasm")) return WebAssembly.compile(await response.arrayBuffer());
  return WebAssembly.compileStreaming(response);
}
