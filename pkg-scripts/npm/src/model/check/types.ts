// What Model.check takes and tells.

import type { ErrorCode } from "../../errors.js";
import type { Build, TaskMethod } from "../../info.js";

/** As for `Model.load`. */
export interface CheckOptions {
  /** Where models are found by their id, such as `https://huggingface.co`. */
  hub?: string | URL | undefined;
  /** The folder with a copy of the package's large files. */
  assetsUrl?: string | URL | undefined;
  /** Look into what earlier loads have kept (default). */
  cache?: boolean | undefined;
  /** How many threads would compute. */
  threads?: number | undefined;
  /** This build of the engine and no other. */
  build?: Build | undefined;
  /** Ends the check, and what it downloads. */
  signal?: AbortSignal | undefined;
}

export interface CheckedMemory {
  /** Bytes of the weights, which all stay in memory. */
  weights: number;
  /** Bytes of keys and values that each token of a text takes on the CPU; undefined where the header does not say. */
  perToken: number | undefined;
  /** Bytes of weights, keys and values, and of what else a text takes, together, by the number of tokens: 512, 2048, 8192, 32768 and the whole context, as far as it goes. */
  atContext: Readonly<Record<number, number>>;
}

export interface ModelCheck {
  /** Nothing in the headers speaks against it. The engine reads the files more strictly when it loads, and may still refuse them. */
  fits: boolean;
  /** Why it cannot run, in words. */
  reason?: string | undefined;
  /** The code of the error that loading would end with. */
  code?: ErrorCode | undefined;
  /** What its files call it. */
  name: string;
  /** Its family as its files name it. */
  architecture: string;
  /** Number of weights in the files. */
  parameters: number;
  /** Bytes of all files of the model; undefined where a server does not tell. */
  bytes: number | undefined;
  /** Bytes of them that need not be downloaded, because earlier loads have kept them. */
  cached: number;
  /** Bytes of the weights by the type that they are stored in, such as `Q4_0`, the largest first. */
  types: Readonly<Record<string, number>>;
  /** The type that most weights are stored in. */
  weightType: string;
  /** Tokens of prompt and output together, or of a text that an encoder reads. */
  contextLength: number | undefined;
  /** What it takes once it is loaded. */
  memory: CheckedMemory;
  /** As `model.info` would have them. Of a model that cannot run: none. */
  tasks: string[];
  /** Which way each task would go. */
  methods: Readonly<Record<string, TaskMethod>>;
  /** Where it could run, and why not. */
  devices: { cpu: CheckedCpu; gpu: CheckedGpu };
  /** Of decoders that can run. */
  speed: CheckedSpeed | undefined;
}

export interface CheckedCpu {
  /** Models can run on it here. */
  usable: boolean;
  /** The build of the engine that would run. */
  build: Build;
  /** The most threads that it would compute with. */
  threads: number;
  /** Why, in words. */
  reason: string;
}

export interface CheckedGpu {
  /** The model may run on it here: its self-check comes with the load. */
  usable: boolean;
  /** Why, in words. */
  reason: string;
}

/** How fast a decoder may write here: a rough figure, good for a choice between models. */
export interface CheckedSpeed {
  /** `fast`: 20 tokens a second and more. `usable`: 5 and more, about as fast as people read. `slow`: fewer. */
  class: "fast" | "usable" | "slow";
  /** Tokens written in a second. */
  tokensPerSecond: number;
  /** What the CPU reads of the weights for each token. */
  bytesPerToken: number;
  /** What the estimate goes by: how fast memory was copied here a moment ago, by what the build makes of that. */
  bytesPerSecond: number;
}
