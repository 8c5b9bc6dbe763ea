// The memory of models whose layers keep what a text has become, by their tensors.

import type { Tensor } from "../../files/header.js";

/** The sizes of a network that memory and speed go by. */
export interface Sizes {
  layers: number;
  kvHeads: number;
  headWidth: number;
  context: number;
  /** Bytes that every text takes, however long it is. */
  states?: number;
}

/** The current states of a text, and those of two earlier places; see src/cpu/recurrent.rs. */
const STATES = 3;

/** Sizes where some layers have a state in attention's place, which takes as much of every text; `groups` share what is written to it. */
export function withStates(sizes: Sizes | undefined, tensors: readonly Tensor[], groups: number, context: number): Sizes | undefined {
  const named = (name: RegExp): Tensor[] => tensors.filter((tensor) => name.test(tensor.name));
  const convolutions = named(/\.(ssm_|mamba\.|mixer\.)conv1d\.weight$/);
  if (convolutions.length === 0) return sizes;
  const [{ elements: inner } = { elements: 0 }] = named(/\.(ssm_|mamba\.|mixer\.)norm\.weight$/);
  const keys = named(/\.(attn_k|k_proj)\.weight$/);
  let states = 0;
  for (const { elements, shape: [width = 0] } of convolutions) states += elements - width + (inner * (width - inner)) / (2 * groups);
  const headWidth = sizes?.headWidth ?? 1;
  const kvHeads = (keys[0]?.shape[0] ?? 0) / headWidth;
  return { layers: keys.length, kvHeads, headWidth, context: sizes?.context ?? context, states: 4 * STATES * states };
}
