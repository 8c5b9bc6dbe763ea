// The results as Markdown.
import { ENGINES, SHAPES, THREADS, TYPES } from "./engines.mjs";
import { comparison, partOfRoof, RATES, threadGain } from "./statistics.mjs";

const TITLES = { decode: "decode", prefill128: "prefill 128", prefill512: "prefill 512" };

export function markdown(results) {
  const { rows, roofs, machine, browser, versions, emptyPageMb } = results;
  const lines = [
    "# Side by side with the peers",
    "",
    "<!-- Written by pkg-scripts/bench peers; do not edit. -->",
    "",
    "The same random weights, the same prompts, greedy, in one headless browser run, each engine in a browser of its own, measured in",
    "turns with half a second between them. Medians, with the least and the most in brackets. All clocks are the page's: from the call to",
    "what the page receives. No prompt comes twice and nothing is kept from earlier prompts.",
    "",
    `- ${machine.processor}, ${machine.cores} cores, ${machine.platform}; ${browser}`,
    `- ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ")}`,
    "- Again: `pkg-scripts/bench peers` (`--quick`, `--shapes 15m`, `--types q8_0`, `--threads 1`, `--engines nanolm-relaxed,wllama3` measure parts; results are merged; `--long` for the long run)",
    "",
    "## Ours against the best peer",
    "",
    ...ratios(results),
    ...gains(results),
    ...longRuns(results),
  ];
  for (const shape of Object.keys(SHAPES)) {
    for (const type of TYPES) {
      for (const threads of THREADS) {
        const here = (row) => row.shape === shape && row.type === type && row.threads === threads;
        const some = rows.filter(here);
        if (some.length > 0) lines.push(...table({ shape, type, threads }, some, roofs.find(here)));
      }
    }
  }
  lines.push(
    "## What the columns are",
    "",
    "- *decode*: 64 tokens after a prompt of 16 and a first token, tokens per second; *first token*: of the same call.",
    "- *prefill*: the prompt's tokens over the time to the first token.",
    "- *load*: from the call to an engine that is ready; files come from this machine, without a cache.",
    "- *memory*: the most that the page's process held while loading and writing (anonymous and shared memory), less an empty",
    `  page's ${emptyPageMb} MB; of the native engine, whose weights stay in the mapped file, what it holds besides.`,
    "- *busy after*: processor time that the engine's process takes in the half second after an answer, which nobody uses: threads that spin",
    "  for more work, or cleaning up. Told in steps of 10 ms. Only then comes the next engine's turn.",
    "- *same tokens*: how many of the first 16 tokens are ours. With F16 (transformers.js: the same numbers as F32) all engines run the very",
    "  same model; engines quantise activations in their own ways, so that quantised ones part sooner or later.",
    "- *roofline*: decode: reading the weights once a token with a plain wasm loop; prefill: the multiply-adds of the matrices at the",
    "  peak of the relaxed int8 dot in registers. Both taken in the same run, with as many threads. Either can be exceeded: memory gives",
    "  more when read in several places at once, and products summed by pairs beat a relaxed dot that the processor has no instruction for.",
    "- *llama.cpp, native* runs outside the browser, with all of the processor's instructions: a ceiling, no peer.",
    "",
  );
  return lines.join("\n");
}

const times = (ratio) => (ratio === undefined ? "–" : `${ratio.toFixed(ratio < 10 ? 1 : 0)}×`);

/** For the README: how many times the best peer's speed ours is, whatever weights the peer is best with. */
export function speedTable({ rows }) {
  const columns = THREADS.flatMap((threads) => RATES.map((figure) => ({ threads, figure })));
  const title = ({ threads, figure }) => `${TITLES[figure]}, ${threads} thread${threads > 1 ? "s" : ""}`;
  const lines = [`| model | ${columns.map(title).join(" | ")} |`, `|---|${columns.map(() => "---:|").join("")}`];
  for (const shape of Object.keys(SHAPES)) {
    for (const type of TYPES.filter((each) => each !== "f16")) {
      const cells = columns.map(({ threads, figure }) => times(comparison(rows, ENGINES, { shape, type, threads }, figure)?.anyRatio));
      lines.push(`| ${shape.toUpperCase()}, ${type.toUpperCase()} | ${cells.join(" | ")} |`);
    }
  }
  return lines.join("\n");
}

const MARKS = ["<!-- speed: written by pkg-scripts/bench peers -->", "<!-- end of speed -->"];

/** The README with the table between its two marks. */
export function withSpeedTable(readme, results) {
  const [start, end] = MARKS.map((mark) => readme.indexOf(mark));
  if (start < 0 || end < start) throw new Error(`README.md: expected the lines ${MARKS.join(" and ")} around the table of speeds`);
  return `${readme.slice(0, start + MARKS[0].length)}\n${speedTable(results)}\n${readme.slice(end)}`;
}

function ratios({ rows, roofs }) {
  const lines = ["| shape | weights | threads | figure | ratio | best peer with these weights | ratio | best peer with any weights | of the roofline |", "|---|---|---|---|---:|---|---:|---|---:|"];
  for (const shape of Object.keys(SHAPES)) {
    for (const type of TYPES) {
      for (const threads of THREADS) {
        for (const figure of RATES) {
          const found = comparison(rows, ENGINES, { shape, type, threads }, figure);
          if (!found) continue;
          const title = (engine) => ENGINES[engine]?.title ?? "none";
          const any = `${title(found.anyPeer)}, ${typeName(found.anyPeer, found.anyType)}`;
          lines.push(`| ${shape} | ${type} | ${threads} | ${TITLES[figure]} | ${times(found.ratio)} | ${title(found.peer)} | ${times(found.anyRatio)} | ${any} | ${percent(partOfRoof(rows, roofs, ENGINES, { shape, type, threads }, figure))} |`);
        }
      }
    }
  }
  return [...lines, ""];
}

const percent = (part) => (part === undefined ? "–" : `${Math.round(part * 100)} %`);

/** What threads bring. */
function gains({ rows }) {
  const lines = [];
  for (const shape of Object.keys(SHAPES)) {
    for (const type of TYPES) {
      for (const threads of THREADS.slice(1)) {
        const cells = RATES.map((figure) => threadGain(rows, ENGINES, { shape, type, threads }, figure));
        if (cells.some((gain) => gain !== undefined)) lines.push(`| ${shape} | ${type} | ${threads} | ${cells.map((gain) => (gain ? `${gain.toFixed(2)}×` : "–")).join(" | ")} |`);
      }
    }
  }
  if (lines.length === 0) return [];
  const head = `| shape | weights | threads | ${RATES.map((figure) => TITLES[figure]).join(" | ")} |`;
  return ["## More threads against one, ours", "", head, "|---|---|---|---:|---:|---:|", ...lines, ""];
}

/** Writing on until the context is full. */
function longRuns({ long = [] }) {
  if (long.length === 0) return [];
  const shown = [0, 3, 7, 11, 14];
  const at = long.find((row) => row.positions)?.positions ?? [];
  const heads = shown.map((place) => `at ${at[place] ?? "–"}`);
  const lines = long.map((row) => {
    const name = `| ${row.shape} | ${row.type} | ${row.threads} | ${ENGINES[row.engine]?.title ?? row.engine} |`;
    if (row.error) return `${name} failed: ${row.error.replaceAll("|", "/")} |`;
    return `${name} ${shown.map((place) => show(row.msPerToken[place])).join(" | ")} | ${percent(row.residual)} | ${show(row.longestMs)} |`;
  });
  return [
    "## A long run, ours",
    "",
    "Milliseconds a token, over 128 tokens each, up to a full context of 2048, medians of three runs (`--long`). The cost of attention grows with the position on a",
    "straight line; *off the line* is the largest distance from it, *longest wait* the longest for any one token.",
    "",
    `| shape | weights | threads | engine | ${heads.join(" | ")} | off the line | longest wait, ms |`,
    `|---|---|---|---|${"---:|".repeat(shown.length + 2)}`,
    ...lines,
    "",
  ];
}

const typeName = (engine, type) => ENGINES[engine]?.typeNames?.[type] ?? type;

function table({ shape, type, threads }, rows, roof) {
  const lines = [
    `## ${shape}, ${type}, ${threads} thread${threads > 1 ? "s" : ""}`,
    "",
    "| engine | decode tok/s | prefill 128 tok/s | prefill 512 tok/s | first token, ms | load, ms | memory, MB | busy after, ms | same tokens |",
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
  ];
  for (const engine of Object.keys(ENGINES)) {
    const row = rows.find((each) => each.engine === engine);
    if (!row) continue;
    const name = ENGINES[engine].typeNames ? `${ENGINES[engine].title}, ${typeName(engine, type)}` : ENGINES[engine].title;
    if (row.error) {
      lines.push(`| ${name} | failed: ${row.error.replaceAll("|", "/")} |`);
      continue;
    }
    const cells = [row.decode, row.prefill128, row.prefill512, row.firstTokenMs, row.loadMs].map(spread);
    lines.push(`| ${name} | ${cells.join(" | ")} | ${row.memoryMb ?? "not told here"} | ${spread(row.afterMs)} | ${row.agrees ?? "–"} |`);
  }
  if (roof) {
    const note = `${show(roof.readGBs.median)} GB/s, ${show(roof.dotGMACs.median)} GMAC/s`;
    lines.push(`| *roofline* (${note}) | ${show(roof.decode)} | ${show(roof.prefill128)} | ${show(roof.prefill512)} | | | | | |`);
  }
  return [...lines, "", `Measured ${runsOf(rows)}`, ""];
}

/** When; engines that were not measured together are named, for they met the machine in another state. */
function runsOf(rows) {
  const runs = [...new Set(rows.map(({ run }) => run))].sort();
  if (runs.length === 1) return `${runs[0]}.`;
  const of = (run) => rows.filter((row) => row.run === run).map(({ engine }) => ENGINES[engine]?.title ?? engine);
  return `in ${runs.length} runs: ${runs.map((run) => `${run} (${of(run).join("; ")})`).join(", ")}.`;
}

const show = (value) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

/** A median with its range; where a figure was taken once there is none. */
function spread(figure) {
  if (!figure) return "–";
  const { median, least, most, n } = figure;
  return n === 1 ? show(median) : `${show(median)} (${show(least)}–${show(most)})`;
}
