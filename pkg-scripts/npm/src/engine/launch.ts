// Starts a worker with the fastest build of the engine that starts here, and loads a model in it.

import { NanolmError, WorkerError } from "../errors.js";
import type { Hashes, SourceFile } from "../files/source.js";
import type { Build, LoadedInfo } from "../info.js";
import { isNode } from "../platform.js";
import { type BuildOptions, choose } from "./builds.js";
import { type SendOptions, WorkerConnection } from "./connection.js";
import type { Pace } from "./protocol.js";

export interface Launched {
  connection: WorkerConnection;
  info: LoadedInfo;
}

/** What to load. */
export interface Launch extends BuildOptions {
  files: SourceFile[];
  cache: boolean;
  quantize?: string | undefined;
  /** What the bytes of files must be. */
  integrity: Hashes | undefined;
  /** Where the page has put a copy of the package's files. */
  assets: string | undefined;
  /** What work does while nobody sees the page. */
  hidden: Pace;
}

export async function launch(wanted: Launch, options: SendOptions): Promise<Launched> {
  const { files, device, cache, threads, quantize, integrity, assets, hidden } = wanted;
  const { builds, lacking } = choose(wanted);
  if (typeof WebAssembly === "undefined") {
    const why = "there is no WebAssembly here";
    throw new WorkerError("worker/wasm", `the engine could not be started: ${why}. A setting of the browser turns it off, such as the Lockdown Mode of Apple's devices`, { why });
  }
  const failures: string[] = lacking === "" ? [] : [`no threads: ${lacking}`];
  for (const build of builds) {
    const thread = isNode ? (await import("../node/workers.js")).startWorker(build === "threads") : undefined;
    const connection = new WorkerConnection(build, thread);
    try {
      const body = { method: "load", files, device, cache, build, threads, quantize, integrity, assets } as const;
      const info = await connection.send<LoadedInfo>(body, options).answer;
      if (hidden !== "run") (await import("./hidden.js")).follow(connection, hidden);
      const why = failures.length > 0 ? ` (${failures.join("; ")})` : "";
      const reason = `${info.device.reason}; build: ${build}${why}`;
      return { connection, info: { ...info, device: { ...info.device, reason, build } } };
    } catch (error) {
      connection.close(error);
      if (build === builds.at(-1) || !isOfTheBuild(error, build)) throw error;
      failures.push(`${build} failed: ${String(error.details["why"] ?? error.message)}`);
    }
  }
  throw new Error("unreachable: there is always a build");
}

/** Whether another build might do better: this one did not start, or ran out of shared memory, which has its own limit. */
function isOfTheBuild(error: unknown, build: Build): error is NanolmError {
  if (!(error instanceof NanolmError)) return false;
  const { code } = error;
  return code === "worker/start" || code === "worker/wasm" || (build === "threads" && code.startsWith("memory/"));
}
