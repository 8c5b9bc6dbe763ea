// bench.html: a button, a bar and a table around `nanolmBench`, which headless browsers call directly.
import { nanolmBench } from "./bench.js";
import { byId, compact, duration, isAbort, make, rate, setEnabled, showNotice } from "./dom.js";
import { showPeers } from "./peers.js";

window.nanolmBench = nanolmBench;

let controller = null;
fill(null);
void showPeers();

byId("stop").addEventListener("click", () => controller?.abort());
byId("bench-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (controller) return;
  controller = new AbortController();
  byId("notice").hidden = true;
  setEnabled(byId("start"), false);
  setEnabled(byId("stop"), true);
  try {
    fill(await nanolmBench({ runs: byId("runs").valueAsNumber, signal: controller.signal, onProgress: show }));
    byId("progress-text").textContent = "Done.";
  } catch (error) {
    byId("progress-text").textContent = isAbort(error) ? "Stopped." : "That did not work.";
    if (!isAbort(error)) showNotice(byId("notice"), "error", error.message, error.code);
  }
  byId("progress").value = 0;
  setEnabled(byId("start"), true);
  setEnabled(byId("stop"), false);
  controller = null;
});

function show({ done, total, device, figure }) {
  byId("progress").value = done / total;
  byId("progress-text").textContent = `${device.toUpperCase()}: ${figure}…`;
}

function fill(results) {
  const of = (device) => results?.rows.find((row) => row.device === device);
  const columns = [of("cpu"), of("gpu")];
  const prefills = columns.find((row) => row?.prefill)?.prefill.map((each) => each.asked) ?? [128, 512];
  const lines = [
    ["Loading", (row) => duration(row.loadMs)],
    ["First token", (row) => duration(row.firstTokenMs)],
    ...prefills.map((asked, at) => [
      `Reading ${asked} tokens`,
      ({ prefill }) => perSecond(prefill[at].tokensPerSecond, prefill[at].promptTokens === asked ? "" : `, ${prefill[at].promptTokens} read`),
    ]),
    ["Writing", (row) => perSecond(row.decode.tokensPerSecond)],
  ];
  byId("results").tBodies[0].replaceChildren(
    ...lines.map(([name, value]) =>
      make("tr", {}, Object.assign(make("th", {}, name), { scope: "row" }), ...columns.map((row) => make("td", {}, ...(row && !row.error ? [value(row)].flat() : ["–"])))),
    ),
  );
  const facts = [];
  for (const row of columns.filter(Boolean)) {
    const { error, ran } = row;
    facts.push([row.device.toUpperCase(), error ? `${error.message} (${error.code})` : [ran.adapter, ran.reason].filter(Boolean).join(": ")]);
  }
  const info = columns.find((row) => row?.info)?.info;
  if (info) facts.unshift(["Model", `${info.name}, ${compact(info.parameters)} parameters, ${info.weightType}, ${info.contextLength} tokens of context`]);
  if (results) facts.push(["Browser", results.userAgent]);
  byId("facts").replaceChildren(...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function perSecond(value, note = "") {
  return [rate(value), " ", make("small", {}, `tokens/s${note}`)];
}
