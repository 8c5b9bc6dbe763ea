// Loading a model, with a bar on a terminal.

import process from "node:process";
import { Model, type Progress } from "../index.js";
import type { Given } from "./command.js";

/** What loads faster shows no bar. */
const QUIET_MS = 300;
const WIDTH = 24;

const PHASES: Readonly<Record<string, string>> = { download: "reading the file", read: "reading the weights", device: "preparing" };

/** The model of a source; without one, the model of this package. */
export async function loadModel(source: string | undefined, given: Given, signal?: AbortSignal): Promise<Model> {
  const bar = process.stderr.isTTY ? new Bar() : undefined;
  try {
    return await Model.load(source, {
      hub: given.text("hub"),
      threads: given.number("threads"),
      onProgress: bar && ((progress) => bar.show(progress)),
      signal,
    });
  } finally {
    bar?.clear();
  }
}

class Bar {
  readonly #start = performance.now();
  #shown = false;

  show({ phase, loaded, total }: Progress): void {
    if (performance.now() - this.#start < QUIET_MS) return;
    this.#shown = true;
    const part = total === undefined || total === 0 ? 0 : loaded / total;
    const bar = "#".repeat(Math.round(part * WIDTH)).padEnd(WIDTH, ".");
    const much = phase === "download" ? ` ${megabytes(loaded)}${total === undefined ? "" : ` of ${megabytes(total)}`} MB` : ` ${Math.round(part * 100)} %`;
    process.stderr.write(`\r\x1b[K[${bar}] ${PHASES[phase] ?? phase}${much}`);
  }

  clear(): void {
    if (this.#shown) process.stderr.write("\r\x1b[K");
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
