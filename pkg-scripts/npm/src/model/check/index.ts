// Whether a model can run here, by the headers of its files, before anything large is fetched. Itself fetched when it is first used.

import { type ErrorCode, unknownOption } from "../../errors.js";
import { type Beginning, beginnings } from "../../files/beginning.js";
import { filesOf, folderAddress, type ModelSource } from "../../files/source.js";
import type { LoadedInfo } from "../../info.js";
import { described } from "../methods.js";
import { checkCallOptions, checkFlags, checkOptions, checkSource } from "../options.js";
import { describe, type Description } from "./described.js";
import { cpu, gpu, speed } from "./devices.js";
import type { Sizes } from "./states.js";
import type { CheckedCpu, CheckedMemory, CheckOptions, ModelCheck } from "./types.js";

/** The most that the engine, whose addresses have 32 bits, takes of one model. */
const MOST_BYTES = 3 * 2 ** 30;
const CONTEXTS = [512, 2048, 8192, 32768];

/** @internal */
export async function check(source: ModelSource | undefined, options: CheckOptions = {}): Promise<ModelCheck> {
  const { hub, assetsUrl, cache = true, threads, build, signal, ...unknown } = checkOptions(options);
  for (const name of Object.keys(unknown)) {
    throw unknownOption(name, ["hub", "assetsUrl", "cache", "threads", "build", "signal"]);
  }
  checkSource(source);
  checkFlags({ cache });
  checkCallOptions({ signal });
  const cpuHere = cpu({ build, threads });
  const assets = assetsUrl === undefined ? undefined : folderAddress("assetsUrl", assetsUrl);
  signal?.throwIfAborted();
  const files = await beginnings(await filesOf(source, { hub, assets }), { cache, signal: signal ?? new AbortController().signal });
  try {
    const model = await describe(files);
    signal?.throwIfAborted();
    const refusal = cpuHere.usable ? refusalOf(model, bytesOf(files)) : { reason: cpuHere.reason, code: "worker/wasm" as const };
    return {
      fits: refusal === undefined,
      ...refusal,
      ...said(model, files),
      devices: { cpu: cpuHere, gpu: await gpu(cpuOnly(model)) },
      ...(refusal === undefined ? ability(model, cpuHere) : { tasks: [], methods: {}, speed: undefined }),
    };
  } finally {
    for (const file of files) file.leave();
  }
}

function cpuOnly({ encoder, expertShare, sizes }: Description): string | undefined {
  return encoder ? "encoders" : expertShare < 1 ? "mixtures of experts" : sizes?.states ? "state spaces" : undefined;
}

function bytesOf(files: readonly Beginning[]): number | undefined {
  return files.every(({ size }) => size !== undefined) ? files.reduce((sum, { size = 0 }) => sum + size, 0) : undefined;
}

/** What headers say of any model. */
function said(model: Description, files: readonly Beginning[]): Omit<ModelCheck, "fits" | "tasks" | "methods" | "devices" | "speed"> {
  const { name, architecture, tensors, sizes } = model;
  const weights = tensors.reduce((sum, tensor) => sum + (tensor.bytes ?? 0), 0);
  const types = [...new Set(tensors.map(({ type }) => type))];
  const sumOf = (type: string, of: "bytes" | "elements"): number =>
    tensors.filter((tensor) => tensor.type === type).reduce((sum, tensor) => sum + (tensor[of] ?? 0), 0);
  const ordered = (of: "bytes" | "elements"): [string, number][] =>
    types.map((type): [string, number] => [type, sumOf(type, of)]).sort(([, a], [, b]) => b - a);
  return {
    name,
    architecture,
    parameters: tensors.reduce((sum, { elements }) => sum + elements, 0),
    bytes: bytesOf(files),
    cached: files.reduce((sum, { kept }) => sum + kept, 0),
    types: Object.fromEntries(ordered("bytes")),
    weightType: ordered("elements")[0]?.[0] ?? "F32",
    contextLength: sizes?.context,
    memory: memoryOf(weights, sizes, model.encoder),
  };
}

function refusalOf({ refusal, tensors }: Description, bytes: number | undefined): { reason: string; code: ErrorCode } | undefined {
  if (refusal !== undefined) return { reason: refusal, code: "model/unsupported" };
  if (tensors.length === 0) return { reason: "the files hold no weights", code: "model/weights" };
  if (bytes === undefined || bytes <= MOST_BYTES) return undefined;
  return { reason: `the model's files have ${bytes} bytes, and the engine takes at most ${MOST_BYTES} of one model`, code: "memory/exhausted" };
}

function memoryOf(weights: number, sizes: Sizes | undefined, encoder: boolean): CheckedMemory {
  if (sizes === undefined) return { weights, perToken: undefined, atContext: {} };
  const { layers, kvHeads, headWidth, context, states = 0 } = sizes;
  // As src/cpu/ops/store_kv.rs keeps them: 16 bits an element, values in columns of eight, and a scale for each key and value. Nobody
  // reads an encoder's later: all its layers share one place.
  const perToken = (encoder ? 1 : layers) * kvHeads * (2 * headWidth + 2 * Math.ceil(headWidth / 8) * 8 + 8);
  const contexts = [...CONTEXTS.filter((n) => n < context), context];
  return { weights, perToken, atContext: Object.fromEntries(contexts.map((n) => [n, weights + states + n * perToken])) };
}

function ability(model: Description, { build }: CheckedCpu): Pick<ModelCheck, "tasks" | "methods" | "speed"> {
  const { tasks, methods } = described({ tasks: [...model.tasks, ...OF_ALL], recipes: model.recipes } as LoadedInfo);
  return { tasks, methods, speed: model.encoder ? undefined : speed(model.tensors, build, model.expertShare) };
}

/** What rules, vectors and heads do with any model. */
const OF_ALL = ["keywords", "answer"];
