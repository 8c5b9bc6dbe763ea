// Tokens for what is masked, and sparse vectors, by a head over the vocabulary.

import type { Connection } from "../../engine/connection.js";
import { optionError } from "../../errors.js";
import { report } from "../job.js";
import { checkCallOptions, checkOptions, checkText, type CallOptions } from "../options.js";
import type { Fill, FillMaskOptions, SparseVector } from "../tasks/masked.js";
import { checkNames } from "./read.js";

/** More are no answer, and take as long to sort as the model took to find them. */
const MOST = 1000;

export async function fillMask(connection: Connection, text: string, options: FillMaskOptions): Promise<Fill[]> {
  const { topK = 5, signal, onProgress, ...unknown } = checkOptions(options);
  checkText("text", text);
  checkNames(unknown, ["topK"]);
  checkCallOptions({ signal, onProgress });
  if (!(Number.isInteger(topK) && topK >= 1 && topK <= MOST)) throw optionError("topK", `a whole number from 1 to ${MOST}`, topK);
  signal?.throwIfAborted();
  return connection.send<Fill[]>({ method: "masked", text, top: topK }, { signal }).answer;
}

export async function embedSparse(connection: Connection, texts: string | readonly string[], options: CallOptions): Promise<SparseVector | SparseVector[]> {
  const { signal, onProgress, ...unknown } = checkOptions(options);
  checkNames(unknown);
  checkCallOptions({ signal, onProgress });
  const list = typeof texts === "string" ? [texts] : texts;
  if (!Array.isArray(list)) throw optionError("texts", "a string or an array of strings", texts);
  list.forEach((text, i) => checkText(`texts[${i}]`, text));
  const all: SparseVector[] = [];
  for (const text of list) {
    signal?.throwIfAborted();
    all.push(await connection.send<SparseVector>({ method: "masked", text }, { signal }).answer);
    report(onProgress, { phase: "embed", loaded: all.length, total: list.length });
  }
  return typeof texts === "string" ? (all[0] as SparseVector) : all;
}
