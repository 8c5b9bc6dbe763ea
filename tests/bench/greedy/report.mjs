// What two engines' greedy tokens say of each other.

/**
 * A margin that two roundings of the same product explain: llama.cpp rounds activations to 8 bits, and so do we, by other blocks.
 */
export const ROUNDING = 0.6;

/** The first difference of one prompt, and by how much llama.cpp preferred its token to ours there. */
export function compare(ours, llama) {
  const promptDiffers = firstDifference(ours.prompt, llama.prompt);
  const at = firstDifference(ours.ids, llama.ids);
  const result = { tokens: ours.prompt.length, cached: ours.cached, written: ours.ids.length, promptDiffers, at };
  const best = at === undefined ? undefined : llama.best[at];
  if (best !== undefined) {
    // One that is not among the five best is at least as far away as the last of them.
    const found = best.find(([id]) => id === ours.ids[at]);
    result.margin = best[0][1] - (found ?? best.at(-1))[1];
    result.rank = found === undefined ? undefined : best.indexOf(found) + 1;
  }
  // Where one ended and the other went on there is no token to compare, and nothing that explains it.
  result.fault = promptDiffers !== undefined || (at !== undefined && (best === undefined || result.rank === undefined || result.margin > ROUNDING));
  return result;
}

function firstDifference(a, b) {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) if (a[i] !== b[i]) return i;
  return a.length === b.length ? undefined : common;
}

/** A page of it. */
export function table(rows, { model, tokens, build }) {
  const head = ["prompt", "read", "kept", "written", "first difference", "ours is llama.cpp's", "by"];
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const lines = rows.map(({ name, tokens, cached, written, promptDiffers, at, rank, margin }) => {
    const first = promptDiffers !== undefined ? `the prompt's token ${promptDiffers + 1}` : at === undefined ? "none" : `token ${at + 1}`;
    const place = at === undefined ? "" : at === written ? "ended" : (rank ?? "beyond the fifth");
    return line([name, tokens, cached, written, first, place, margin?.toFixed(3) ?? ""]);
  });
  const same = rows.filter(({ at, promptDiffers }) => at === undefined && promptDiffers === undefined).length;
  const faults = rows.filter(({ fault }) => fault).map(({ name }) => name);
  return `# Greedy tokens beside llama.cpp

\`${model}\`, ${tokens} tokens at most for each prompt, the build \`${build}\` on the CPU, against node-llama-cpp 3.21.1 on the CPU. Written by
\`pkg-scripts/bench greedy\`. A later turn goes on from llama.cpp's answers, so that both engines read the same; ours keeps what it
read of the turns before ("kept"). Where the tokens first differ, "ours is llama.cpp's" says which of its best logits our token has, and "by"
how much smaller that logit is than its best.

${rows.length} prompts: ${same} equal to the end, ${rows.length - same} with a difference, ${faults.length} of which rounding does not explain${faults.length > 0 ? ` (${faults.join("; ")})` : ""}.

${[line(head), line(head.map(() => "---")), ...lines].join("\n")}
`;
}
