// The benchmark with other engines, as measured by pkg-scripts/bench peers: a chart and a table of the committed results.
import { layout } from "./bars.js";
import { byId, duration, make, rate } from "./dom.js";

const FIGURES = {
  decode: { title: "Writing, tokens/s", show: rate, roof: "limit of the machine's memory" },
  prefill128: { title: "Reading 128 tokens, tokens/s", show: rate, roof: "limit of its int8 multiply-adds" },
  prefill512: { title: "Reading 512 tokens, tokens/s", show: rate, roof: "limit of its int8 multiply-adds" },
  firstTokenMs: { title: "First token of a 16-token prompt", show: duration },
  loadMs: { title: "Loading", show: duration },
  afterMs: { title: "Processor time in the half second after an answer", show: duration },
  memoryMb: { title: "Memory", show: (mb) => `${Math.round(mb)} MB` },
};
const TYPES = { q8_0: "Q8_0", q4_0: "Q4_0", f16: "F16" };

/** Shows the results where there are any; a site built without them has no such section. */
export async function showPeers() {
  const response = await fetch(new URL("../peers.json", import.meta.url));
  if (!response.ok) return;
  const results = await response.json();
  const shapes = unique(results.rows.map((row) => row.shape));
  const threads = unique(results.rows.map((row) => row.threads));
  fillSelect("peer-shape", shapes.map((shape) => [shape, `${shape.toUpperCase()} parameters`]));
  fillSelect("peer-threads", threads.map((n) => [n, n === 1 ? "1 thread" : `${n} threads`]));
  fillSelect("peer-figure", Object.entries(FIGURES).map(([name, { title }]) => [name, title]));
  const draw = () => {
    const [shape, count, figure] = ["peer-shape", "peer-threads", "peer-figure"].map((id) => byId(id).value);
    const groups = groupsOf(results, { shape, threads: Number(count), figure });
    byId("peer-chart").replaceChildren(chart(groups, FIGURES[figure]));
    byId("peer-table").tBodies[0].replaceChildren(...tableRows(groups, FIGURES[figure]));
  };
  byId("peer-form").addEventListener("change", draw);
  NARROW.addEventListener("change", draw);
  byId("peer-form").addEventListener("submit", (event) => event.preventDefault());
  const { machine, browser, versions } = results;
  const runs = unique(results.rows.map((row) => row.run)).sort();
  byId("peer-facts").textContent =
    `${machine.processor}, ${machine.cores} cores, ${machine.platform}; ${browser}; ` +
    `${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ")}; ${runs.join(", ")}`;
  draw();
  byId("peers").hidden = false;
}

const unique = (values) => [...new Set(values)];

function fillSelect(id, entries) {
  byId(id).replaceChildren(...entries.map(([value, text]) => make("option", { value }, text)));
}

/** One group for each type of weights, the engines in the order of the results' list. */
export function groupsOf({ rows, roofs, engines }, { shape, threads, figure }) {
  return Object.entries(TYPES)
    .map(([type, title]) => {
      const here = (row) => row.shape === shape && row.threads === threads && row.type === type;
      const bars = Object.entries(engines)
        .map(([engine, about]) => [about, rows.find((row) => here(row) && row.engine === engine)])
        .filter(([, row]) => row !== undefined)
        .map(([about, row]) => {
          const value = typeof row[figure] === "number" ? { median: row[figure] } : row[figure];
          const name = about.types?.[type] ? `${about.title}, ${about.types[type]}` : about.title;
          return { title: name, kind: about.ours ? "ours" : about.native ? "native" : "peer", ...value, note: row.error };
        });
      const value = roofs.find(here)?.[figure];
      return { title, bars, roof: value === undefined ? undefined : { value } };
    })
    .filter(({ bars }) => bars.length > 0);
}

const svg = (tag, attributes = {}, ...children) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

/** On a phone names stand above their bars, so that the bars have the whole width. */
const NARROW = matchMedia("(max-width: 40rem)");
const ABOVE = { width: 360, label: 0, value: 72, gap: 22, head: 42 };
/** Room for the name of a roof, which ends at it. */
const ROOF_NAME = 256;

function chart(groups, { title, show, roof: roofTitle }) {
  const narrow = NARROW.matches;
  const { width, height, plot, ticks, groups: placed } = layout(groups, narrow ? ABOVE : {});
  const parts = [];
  for (const { number, x } of ticks) {
    parts.push(svg("line", { class: "grid", x1: x, x2: x, y1: 0, y2: plot.bottom }));
    const anchor = narrow && x === plot.left ? "start" : "middle";
    parts.push(svg("text", { class: "tick", x, y: plot.bottom + 16, "text-anchor": anchor }, number === 0 ? "0" : show(number)));
  }
  for (const group of placed) {
    const heading = narrow ? group.top + 14 : group.baseline;
    parts.push(svg("text", { class: "group", x: 0, y: heading }, group.title));
    for (const bar of group.bars) {
      const middle = bar.y + bar.height / 2;
      const name = narrow
        ? { x: 0, y: bar.y - 6 }
        : { x: plot.left - 8, y: middle, "text-anchor": "end", "dominant-baseline": "central" };
      parts.push(svg("text", { class: "name", ...name }, bar.title));
      parts.push(svg("rect", { class: `bar ${bar.kind}`, x: bar.x, y: bar.y, width: bar.width, height: bar.height, rx: 2 }));
      if (bar.range) parts.push(svg("line", { class: "range", x1: bar.range.from, x2: bar.range.to, y1: middle, y2: middle }));
      const end = Math.max(bar.x + bar.width, bar.range?.to ?? 0);
      const text = bar.median === undefined ? (bar.note ? "failed" : "–") : show(bar.median);
      parts.push(svg("text", { class: "value", x: end + 6, y: middle, "dominant-baseline": "central" }, text));
    }
    if (group.roof) {
      const { x, top, bottom, value, beyond } = group.roof;
      if (!beyond) {
        const line = svg("line", { class: "roof", x1: x, x2: x, y1: top, y2: bottom });
        line.append(svg("title", {}, `The machine's limit, ${roofTitle}: ${show(value)}`));
        parts.push(line);
      }
      const text = `${roofTitle}: ${show(value)}${beyond ? " →" : ""}`;
      parts.push(svg("text", { class: "roof-name", x: narrow ? Math.max(x, ROOF_NAME) : x, y: heading, "text-anchor": "end" }, text));
    }
  }
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}; the table below holds the same numbers` }, ...parts);
}

function tableRows(groups, { show }) {
  return groups.flatMap(({ title, bars, roof }) => [
    ...bars.map((bar) => {
      const value = bar.median === undefined ? [bar.note ? make("small", { className: "failed" }, `failed: ${bar.note}`) : "–"] : [show(bar.median)];
      if (bar.n > 1) value.push(" ", make("small", {}, `${show(bar.least)} to ${show(bar.most)}`));
      return line(bar.title, title, value);
    }),
    ...(roof ? [line("the machine's limit", title, [show(roof.value)])] : []),
  ]);
}

function line(name, type, value) {
  return make("tr", {}, Object.assign(make("th", {}, name), { scope: "row" }), make("td", {}, type), make("td", {}, ...value));
}
