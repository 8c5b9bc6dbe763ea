// What was measured of the first answer, as a page of Markdown.
import { summary } from "../peers/statistics.mjs";

const seconds = (ms) => (ms / 1000).toFixed(2);
const median = (samples, of) => summary(samples.map(of)).median;

function row({ title, error, samples }) {
  if (error !== undefined || samples.length === 0) return `| ${title} | – | – | – | |`;
  const { median: first, least, most } = summary(samples.map(({ firstMs }) => firstMs));
  const [megabytes, ready] = [median(samples, ({ bytes }) => bytes) / 1e6, median(samples, ({ readyMs }) => readyMs)];
  return `| ${title} | ${megabytes.toFixed(2)} | ${seconds(ready)} | ${seconds(first)} (${seconds(least)}-${seconds(most)}) |`;
}

function section({ mbits, roundTripMs, threads, title, rows }) {
  const failed = rows.filter(({ error }) => error).flatMap(({ title, error }) => ["", `${title} failed: ${error}`]);
  const measured = rows.filter(({ samples }) => samples.length > 0);
  const best = (isOurs) => Math.min(...measured.filter(({ ours = false }) => ours === isOurs).map(({ samples }) => median(samples, ({ firstMs }) => firstMs)));
  const ratio = best(false) / best(true);
  return [
    `## ${title}: ${mbits} Mbit/s, ${roundTripMs} ms, ${threads} thread${threads > 1 ? "s" : ""}`,
    "",
    "| | downloaded, MB | ready, s | first answer, s |",
    "|---|---:|---:|---:|",
    ...rows.map(row),
    ...(Number.isFinite(ratio) ? ["", `The best peer took ${ratio.toFixed(2)} times as long.`] : []),
    ...failed,
  ].join("\n");
}

const CODE = /^\/nanolm\/(?!worker|engine|thread|model\/nanolm-)/;

/** What came when, of our own load; the package's modules in one line. */
function timeline({ mbits, threads, timeline }) {
  const modules = timeline.filter(([what]) => CODE.test(what));
  const lines = timeline.filter(([what]) => !CODE.test(what) && /^(\/nanolm\/|nanolm: |ready$|answered$)/.test(what));
  if (modules.length > 0) {
    lines.push([`the page's modules: first asked for`, modules[0][1]], [`the page's modules: last sent (${modules.length / 2} files)`, modules.at(-1)[1]]);
  }
  const sorted = lines.toSorted((a, b) => a[1] - b[1]);
  return [`### ${mbits} Mbit/s, ${threads} thread${threads > 1 ? "s" : ""}`, "", "| ms | |", "|---:|---|", ...sorted.map(([what, ms]) => `| ${ms.toFixed(0)} | ${what.replace("/nanolm/", "")} |`)].join("\n");
}

export function page({ sections, machine, date }) {
  const all = Object.values(sections).sort((a, b) => a.mbits - b.mbits || a.threads - b.threads);
  const own = all.filter(({ name, timeline }) => name === "default" && timeline);
  return `# The first answer, from nothing

From the import of a library to its first answer, in a new browser each time (headless Chromium ${all.find(({ browser }) => browser)?.browser}, ${machine}, ${date}), on the CPU,
over a line that everything shares, by HTTP/2: code gzipped, models as they are. Each request takes a round trip, each new connection two more; a line has no
slow start here. Medians, in turns (least-most). Written by \`pkg-scripts/bench first\`.

${all.map(section).join("\n\n")}

## What comes when

Of the default model, to the first key point; a file is sent when its last byte is on the line. Marks are those of the package on the browser's timeline.

${own.map(timeline).join("\n\n")}
`;
}
