// What there is to run a model on, and how fast it may be.

import { choose } from "../../engine/builds.js";
import type { Build } from "../../info.js";
import type { Tensor } from "../../files/header.js";
import type { CheckedCpu, CheckedGpu, CheckedSpeed } from "./types.js";

const MOST_THREADS_BY_DEFAULT = 4;

export function cpu(wanted: { build?: Build | undefined; threads?: number | undefined }): CheckedCpu {
  const { builds, lacking } = choose({ ...wanted, device: "cpu" });
  const build = builds[0] ?? "simd128";
  const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
  const threads = build === "threads" ? (wanted.threads ?? Math.min(cores, MOST_THREADS_BY_DEFAULT)) : 1;
  const usable = typeof WebAssembly === "object";
  return { usable, build, threads, reason: usable ? lacking || "everything that the fastest build needs is here" : "there is no WebAssembly here" };
}

interface Adapter {
  info?: { vendor?: string; architecture?: string; isFallbackAdapter?: boolean };
  isFallbackAdapter?: boolean;
}

/** `cpuOnly`: the kind of model, where it has no kernels there. */
export async function gpu(cpuOnly: string | undefined): Promise<CheckedGpu> {
  if (cpuOnly !== undefined) return { usable: false, reason: `${cpuOnly} run on the CPU` };
  const { gpu } = (globalThis.navigator ?? {}) as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
  if (gpu === undefined) return { usable: false, reason: "there is no WebGPU here: browsers without it, insecure pages and Node have none" };
  const adapter = await gpu.requestAdapter().catch(() => null);
  if (adapter === null) return { usable: false, reason: "the browser gives no graphics adapter" };
  const { vendor = "", architecture = "", isFallbackAdapter = adapter.isFallbackAdapter } = adapter.info ?? {};
  const name = [vendor, architecture].filter((part) => part !== "").join(" ") || "a graphics adapter";
  // Chromium's says it in its name alone.
  if (isFallbackAdapter || architecture === "swiftshader") return { usable: true, reason: `${name} computes on the CPU: device "auto" does not try it` };
  return { usable: true, reason: `${name}: device "auto" measures at load whether it is faster` };
}

/** More than caches hold. */
const COPIED = 16 << 20;
const COPIES = 3;

/**
 * What a build makes of the rate at which memory is copied, on the machine of tests/bench/results/peers.md: it copies 10.8 GB a second,
 * and the 135M shape in Q8_0 reads 10.4 of weights. On others it may be twice as much, or half.
 */
const SHARE: Readonly<Record<Build, number>> = { simd128: 0.6, relaxed: 1, threads: 1.4 };

/** What a token costs besides its weights, by the default model there. */
const SECONDS_PER_TOKEN = 1e-4;

/** Bytes a second at which memory is copied: the best of a few tries, some milliseconds in all. */
function copyRate(): number {
  const [from, to] = [new Uint8Array(COPIED).fill(1), new Uint8Array(COPIED)];
  let best = 0;
  for (let i = 0; i < COPIES; i++) {
    const start = performance.now();
    to.set(from);
    // Clocks of pages may be so coarse that nothing seems to have passed.
    best = Math.max(best, COPIED / Math.max(performance.now() - start, 0.1));
  }
  return best * 1000;
}

/** Embeddings of tokens and positions, of which a token reads one row. */
const TABLE = /(^|\.)(token_embd|position_embd|embed_tokens|embed_in|wte|wpe)\.weight$/;
const HEAD = /(^|\.)(output|lm_head|embed_out)\.weight$/;

/** Experts, of which a token reads some. */
const EXPERT = /_exps\.|\.experts\.|\.block_sparse_moe\.(in|out)put_linear\./;

/** `expertShare`: how many of the experts a token reads, of all. */
export function speed(tensors: readonly Tensor[], build: Build, expertShare: number): CheckedSpeed {
  const sum = (which: (tensor: Tensor) => boolean): number => tensors.filter(which).reduce((sum, { bytes = 0 }) => sum + bytes, 0);
  const isTied = !tensors.some(({ name }) => HEAD.test(name));
  const isPositions = (name: string): boolean => /(^|\.)(position_embd|wpe)\.weight$/.test(name);
  const all = sum(({ name }) => !TABLE.test(name) || (isTied && !isPositions(name)));
  const bytesPerToken = Math.round(all - (1 - expertShare) * sum(({ name }) => EXPERT.test(name)));
  const bytesPerSecond = copyRate() * SHARE[build];
  const tokensPerSecond = 1 / (bytesPerToken / bytesPerSecond + SECONDS_PER_TOKEN);
  return { class: tokensPerSecond >= 20 ? "fast" : tokensPerSecond >= 5 ? "usable" : "slow", tokensPerSecond, bytesPerToken, bytesPerSecond };
}
