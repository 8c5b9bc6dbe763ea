// What two engines' greedy tokens say of each other.

/**
 * A margin that two roundings of the same product explain: llama.cpp rounds activations to 8 bits, and so do we, by other blocks. Where both
 * are held against f32, an engine's own error counts.
 */
export const ROUNDING = 0.6;

/** The first difference of one prompt, and how near the two best logits were there. */
export function compare(ours, llama, exact) {
  const promptDiffers = firstDifference(ours.prompt, llama.prompt);
  const at = firstDifference(ours.ids, llama.ids);
  const read = Math.min(ours.best.length, llama.best.length, at ?? Infinity);
  // Ours once more, read from the first token in one go: another result than its own would be a fault of what is kept between calls.
  const own = ours.ids.findIndex((id, i) => ours.best[i][0][0] !== id && ours.best[i][0][1] - logitOf(ours.best[i], id) > 0.02);
  const steps = Array.from({ length: at === undefined ? read : read + 1 }, (_, i) => i).filter((i) => ours.best[i] && llama.best[i]);
  const result = { tokens: ours.prompt.length, cached: ours.cached, written: ours.ids.length, at, own: own < 0 ? undefined : own };
  result.apart = Math.max(0, ...steps.map((i) => apart(ours.best[i], llama.best[i])));
  if (exact !== undefined) {
    result.oursOff = Math.max(0, ...steps.map((i) => apart(ours.best[i], exact.best[i])));
    result.llamaOff = Math.max(0, ...steps.map((i) => apart(exact.best[i], llama.best[i])));
  }
  if (at !== undefined && ours.best[at] && llama.best[at]) {
    result.margins = [margin(ours.best[at]), margin(llama.best[at])];
    if (exact !== undefined) [result.exactMargin, result.exactBest] = [margin(exact.best[at]), exact.best[at][0][0]];
    result.side = exact && (result.exactBest === ours.best[at][0][0] ? "ours" : result.exactBest === llama.best[at][0][0] ? "llama.cpp" : "neither");
  }
  result.promptDiffers = promptDiffers;
  // The smaller margin: an engine that is sure of another token than the other one is wrong, or the other one is.
  const wide = result.margins !== undefined && Math.max(...result.margins) > ROUNDING;
  result.fault = promptDiffers !== undefined || own >= 0 || wide || result.apart > 2 * ROUNDING;
  return result;
}

function firstDifference(a, b) {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) if (a[i] !== b[i]) return i;
  return a.length === b.length ? undefined : common;
}

const margin = ([[, first], [, second]]) => first - second;
const logitOf = (best, id) => best.find(([other]) => other === id)?.[1] ?? best.at(-1)[1];

/** The largest difference of the distances between the logits of tokens that both tell. */
function apart(a, b) {
  const other = new Map(b);
  const both = a.filter(([id]) => other.has(id));
  const off = both.map(([id, logit]) => logit - other.get(id));
  return off.length < 2 ? 0 : Math.max(...off) - Math.min(...off);
}

/** A page of it. */
export function table(rows, { model, tokens, exact }) {
  const show = (x) => (x === undefined ? "" : x.toFixed(3));
  const head = ["prompt", "read", "kept", "written", "first difference", "margin, ours", "margin, llama.cpp", "apart"];
  if (exact) head.push("f32 is with", "ours off f32", "llama.cpp off f32");
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const lines = rows.map((row) => {
    const first = row.promptDiffers !== undefined ? `the prompt's token ${row.promptDiffers}` : row.at === undefined ? "none" : `token ${row.at + 1}`;
    const cells = [row.name, row.tokens, row.cached, row.written, first, show(row.margins?.[0]), show(row.margins?.[1]), show(row.apart)];
    if (exact) cells.push(row.side ?? "", show(row.oursOff), show(row.llamaOff));
    return line(cells);
  });
  const same = rows.filter((row) => row.at === undefined && row.promptDiffers === undefined).length;
  const faults = rows.filter((row) => row.fault).map((row) => row.name);
  const largest = (key) => show(Math.max(...rows.map((row) => row[key] ?? 0)));
  return `# Greedy tokens beside llama.cpp

\`${model}\`, ${tokens} tokens at most for each prompt, on the CPU natively, against node-llama-cpp 3.21.1. Written by
\`tests/bench/greedy/run.mjs\`. A later turn goes on from llama.cpp's answers, so that both engines read the same; ours keeps what it
read of the turns before. "Margin" is the best logit less the second best where the tokens first differ, "apart" the largest difference
of two logits' distance between the engines among the five best of each step up to there.${exact ? ' "f32" are the same weights without rounded products.' : ""}

${rows.length} prompts: ${same} equal to the end, ${rows.length - same} with a difference, ${faults.length} of which rounding does not explain${faults.length > 0 ? ` (${faults.join("; ")})` : ""}.${
    exact ? ` The largest error against f32: ours ${largest("oursOff")}, llama.cpp's ${largest("llamaOff")}.` : ""
  }

${[line(head), line(head.map(() => "---")), ...lines].join("\n")}
`;
}
