// The two rooflines of a slice: page/roofline.js in a page of its own.
import { bytesRead, SHAPES, weightsRead } from "./engines.mjs";
import { rounded, summary } from "./statistics.mjs";

export const ROOF = "roofline";

export async function startRoof(host, { shape, threads, type }) {
  await host.load("roofline", { bytes: bytesRead(shape, type), threads });
  return {
    measure: () => host.roof(),
    close: () => host.close(),
    summarise: (samples, slice) => roofOf(samples, slice),
  };
}

/**
 * `readGBs`, `dotGMACs`: what was measured. `decode`: tokens per second if reading the weights once a token were all there is.
 * `prefill128`, `prefill512`: if the multiply-adds of the prompt's matrices (the output's for one position) were.
 */
export function roofOf(samples, { shape, threads, type, run }) {
  const readGBs = summary(samples.map((sample) => sample.readGBs));
  const dotGMACs = summary(samples.map((sample) => sample.dotGMACs));
  const { layers, output } = weightsRead(SHAPES[shape]);
  const prefill = (n) => rounded((dotGMACs.median * 1e9 * n) / (layers * n + output));
  return {
    engine: ROOF, shape, threads, type, run, readGBs, dotGMACs,
    bytesPerToken: bytesRead(shape, type),
    decode: rounded((readGBs.median * 1e9) / bytesRead(shape, type)),
    prefill128: prefill(128),
    prefill512: prefill(512),
  };
}
