// The endpoint: nanolm/openai on a port of this machine.

import process from "node:process";
import { createFetch } from "../openai/index.js";
import { type Command, type Given, LOADING, UsageError } from "./command.js";
import { loadModel } from "./model.js";
import { FetchServer, isLoopback } from "./server.js";

const DEFAULT_PORT = 8790;
/** How long answers may go on once the server is told to stop. */
const PATIENCE_MS = 10_000;

export const serve: Command = {
  usage: "serve [MODEL]  [--port N] [--host ADDRESS] [--cors ORIGIN] [--key KEY]",
  about:
    "Serves a model on this machine as OpenAI's API does: /v1/chat/completions, /v1/completions, /v1/responses, /v1/embeddings, /v1/models.\n" +
    "MODEL is a GGUF file, a folder, or the address of one; by default the model of this package. Ctrl-C stops it.",
  options: {
    port: { value: "N", about: `${DEFAULT_PORT} by default; 0 takes any that is free` },
    host: { value: "ADDRESS", about: "127.0.0.1 by default, which only this machine reaches; 0.0.0.0 for all" },
    cors: { value: "ORIGIN", about: "pages of this origin may ask, such as https://example.org; may be given several times; * for all", many: true },
    key: { value: "KEY", about: "requests need this key; the environment variable NANOLM_KEY keeps it out of the list of processes" },
    ...LOADING,
  },
  async run(given) {
    given.atMost(1);
    const host = given.text("host") ?? "127.0.0.1";
    const key = given.text("key") ?? (process.env["NANOLM_KEY"] || undefined);
    const [source] = given.positionals;
    const stop = new AbortController();
    // Begun once it is known that the port is free. Requests wait for it.
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const loading = begun.then(() => loadModel(source, given, stop.signal));
    loading.catch(() => {});
    const server = new FetchServer(createFetch(() => loading), { host, port: portOf(given), cors: given.all("cors"), key });
    const address = await server.listen();
    begin();
    const stopped = signalled();
    void stopped.then(() => stop.abort());
    if (!isLoopback(host) && key === undefined) process.stderr.write(`nanolm: everybody who reaches ${address} can use it: give a --key\n`);
    try {
      const model = await loading;
      process.stdout.write(`nanolm: ${model.info.name} at ${address}/v1\n`);
      await stopped;
      await server.stop(PATIENCE_MS);
      await model.dispose();
    } catch (error) {
      await server.stop(0);
      if (!stop.signal.aborted) throw error;
    }
  },
};

function portOf(given: Given): number {
  const port = given.number("port") ?? DEFAULT_PORT;
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new UsageError(`--port: expected a whole number from 0 to 65535, found "${given.text("port")}"`);
  return port;
}

/** Resolves when the process is asked to end; asked again, it ends at once. */
function signalled(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        if (asked) process.exit(130);
        asked = true;
        resolve();
      });
    }
  });
}
