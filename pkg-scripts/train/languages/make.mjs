// node pkg-scripts/train/languages/make.mjs [--write] [--measure]: the profiles of nanolm/built-in-ai's LanguageDetector.
//
// A profile is what a language has most of: its MOST most frequent letters, pairs and triples of letters within words, of train.txt, in levels
// of half a bit. What is fitted to dev.txt: what a text of each language usually scores, how much a score says, and how far below its
// usual score a text is in no language that is known here. With that done, the profiles are made once more of both files.
// --measure runs the built package on the sentences of tests/golden/languages.txt: no profile is made of them, but MOST and the
// texts were chosen with them in sight.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const HERE = import.meta.dirname;
const ROOT = join(HERE, "../../..");
const OUT = join(ROOT, "pkg-scripts/npm/src/built-in-ai/profiles.ts");
const MOST = 300;
/** Logarithms of the frequency of a letter, and of two or three, that a profile lacks. */
const STRANGE = Math.log(1e-5);
const FLOOR = Math.log(1 / 4000);
const CYRILLIC = ["ru", "uk", "bg"];

/** Pairs of language and text. */
export const sentences = (file) => readFileSync(file, "utf8").trim().split("\n").map((line) => line.split("\t"));

/** As src/built-in-ai/detect.ts cuts a text. */
function gramsOf(text) {
  const grams = [];
  for (const word of text.toLowerCase().normalize("NFC").match(/[\p{L}\p{M}]+/gu) ?? []) {
    const letters = [...` ${word} `];
    for (let length = 1; length <= 3; length++) {
      for (let at = 0; at <= letters.length - length; at++) grams.push(letters.slice(at, at + length).join(""));
    }
  }
  return grams.filter((gram) => gram !== " ");
}

/** The level of each gram of a profile, from 1 on. */
function levelsOf(texts) {
  const counts = new Map();
  let all = 0;
  for (const gram of texts.flatMap(gramsOf)) {
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
    all += 1;
  }
  const most = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, MOST);
  return new Map(most.map(([gram, count]) => [gram, Math.round(-2 * Math.log2(count / all))]));
}

/** Levels divided by `|`, in each the letters, the pairs and the triples, divided by `/`. */
function written(levels) {
  const groups = Array.from({ length: Math.max(...levels.values()) }, () => [[], [], []]);
  for (const [gram, level] of levels) groups[level - 1][[...gram].length - 1].push(gram);
  return groups.map((lengths) => lengths.map((grams) => grams.sort().join("")).join("/").replace(/\/+$/, "")).join("|");
}

const train = sentences(join(HERE, "train.txt"));
const dev = sentences(join(HERE, "dev.txt"));
const tags = [...new Set(train.map(([tag]) => tag))].filter((tag) => tag !== "und");
const profilesOf = (texts) => new Map(tags.map((tag) => [tag, levelsOf(texts.filter(([of]) => of === tag).map(([, text]) => text))]));
const levels = profilesOf(train);

/** The mean score of a gram of a text, by language of its script. */
function scores(text) {
  const grams = gramsOf(text);
  const known = tags.filter((tag) => CYRILLIC.includes(tag) === /\p{Script=Cyrillic}/u.test(text));
  const score = (tag) => grams.reduce((sum, gram) => sum + (levels.get(tag).has(gram) ? (-levels.get(tag).get(gram) * Math.LN2) / 2 : [...gram].length === 1 ? STRANGE : FLOOR), 0);
  return { count: grams.length, by: known.map((tag) => [tag, score(tag)]) };
}

/** The mean surprise at what the sentences are in, whole and cut, in bits. */
function surprise(cases, usual, { sharpness, below }) {
  let bits = 0;
  for (const { tag, count, by } of cases) {
    const [nearest] = by.reduce((a, b) => (b[1] > a[1] ? b : a));
    const scaled = [...by, ["und", count * (usual[nearest] - below)]].map(([of, score]) => [of, score * sharpness]);
    const most = Math.max(...scaled.map(([, score]) => score));
    const sum = scaled.reduce((sum, [, score]) => sum + Math.exp(score - most), 0);
    bits -= (scaled.find(([of]) => of === tag)[1] - most - Math.log(sum)) / Math.LN2;
  }
  return bits / cases.length;
}

function fitted() {
  const sentences = [...dev, ...train].filter(([tag], i) => tag === "und" || (levels.has(tag) && i < dev.length));
  const usual = {};
  for (const tag of tags) {
    const means = sentences.filter(([of]) => of === tag).map(([, text]) => scores(text)).map(({ count, by }) => by.find(([of]) => of === tag)[1] / count);
    usual[tag] = Number((means.reduce((a, b) => a + b) / means.length).toFixed(2));
  }
  const cases = sentences.flatMap(([tag, text]) => [text, text.slice(0, 40)].map((text) => ({ tag, ...scores(text) })));
  let best = { bits: Infinity };
  const rounded = (from, to, step) => Array.from({ length: Math.round((to - from) / step) }, (_, i) => Number((from + i * step).toFixed(2)));
  for (const sharpness of rounded(0.04, 0.5, 0.02)) {
    // What people write scores lower than these plain sentences: of real English, less than this takes one in thirty for unknown.
    for (const below of rounded(0.4, 0.6, 0.02)) {
      const bits = surprise(cases, usual, { sharpness, below });
      if (bits < best.bits) best = { bits, sharpness, below, usual };
    }
  }
  return best;
}

/** The module's text. */
export function profiles() {
  const { sharpness, below, usual } = fitted();
  const lines = [...profilesOf([...train, ...dev])].map(([tag, levels]) => `  ${tag}: ${JSON.stringify(written(levels))},`);
  return `// Made by pkg-scripts/train/languages/make.mjs of the texts beside it: do not edit.

/** By language: levels of half a bit divided by \`|\`, in each the letters, the pairs and the triples, divided by \`/\`. */
export const PROFILES: Readonly<Record<string, string>> = {
${lines.join("\n")}
};

/** Logarithms of the frequency of a letter, and of two or three, that a profile lacks. */
export const STRANGE = ${STRANGE.toFixed(3)};
export const FLOOR = ${FLOOR.toFixed(3)};

/** How much of a score counts. */
export const SHARPNESS = ${sharpness};

/** The usual score of a letter, pair or triple, and how far below it a text is in no language that is known. */
export const USUAL: Readonly<Record<string, number>> = ${JSON.stringify(usual)};
export const BELOW = ${below};
`;
}

/** How many of the sentences a detector names right: whole, and their beginnings. */
export function measured(detect, cases, lengths = [Infinity, 40, 20]) {
  const first = (text) => {
    const { shares, unknown } = detect(text);
    const [best = ["und", 0]] = [...shares].sort((a, b) => b[1] - a[1]);
    return best[1] < unknown ? "und" : best[0];
  };
  return lengths.map((length) => {
    const wrong = cases.filter(([tag, text]) => first(text.slice(0, length)) !== tag).map(([tag, text]) => `${tag} as ${first(text.slice(0, length))}`);
    return { length, of: cases.length, right: cases.length - wrong.length, wrong };
  });
}

if (process.argv.includes("--write")) {
  writeFileSync(OUT, profiles());
  const bytes = readFileSync(OUT);
  console.log(`${OUT}: ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} gzipped`, fitted());
}
if (process.argv.includes("--measure")) {
  const { detect } = await import(join(ROOT, "pkg-scripts/npm/dist/built-in-ai/detect.js"));
  const cases = sentences(join(ROOT, "tests/golden/languages.txt"));
  console.log("known", measured(detect, cases.filter(([tag]) => tag !== "und")));
  console.log("unknown", measured(detect, cases.filter(([tag]) => tag === "und")));
}
