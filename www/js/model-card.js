// The card at the top: which model, how large, what it runs on and why, and the choices about it.
import { announce } from "./announce.js";
import { byId, bytes, compact, duration, number, showNotice } from "./dom.js";

const PHASES = {
  download: "Downloading the model",
  load: "Reading the model",
  compile: "Preparing the GPU",
};

export function wireModelCard(engine) {
  const device = byId("device");
  const action = byId("load-action");
  const bar = byId("load-progress");
  const text = byId("load-text");
  let act = () => {};

  device.addEventListener("change", () => engine.load({ ...engine.choice, device: device.value }));
  action.addEventListener("click", () => act());
  byId("choose-file").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", (event) => {
    openFiles(engine, [...event.target.files]);
    event.target.value = ""; // so that the same file can be chosen again
  });

  engine.addEventListener("progress", ({ detail }) => {
    const { phase, loaded, total } = detail;
    const count = phase === "download" ? bytes : number;
    if (total > 0) bar.value = loaded / total;
    else bar.removeAttribute("value");
    text.textContent = `${PHASES[phase] ?? "Loading"}… ${total > 0 ? `${count(loaded)} of ${count(total)}` : count(loaded)}`;
  });

  engine.addEventListener("change", () => {
    const { model, loading, error, stopped, choice } = engine;
    if (loading) {
      bar.removeAttribute("value");
      text.textContent = "Loading the model…";
      byId("load-notice").hidden = true;
      if (!model) byId("model-name").textContent = "Loading…";
      offer("Stop", () => engine.stop());
      return;
    }
    bar.value = 0;
    device.value = choice.device;
    if (error) {
      showNotice(byId("load-notice"), "error", failure(engine), error.code);
      byId("load-notice").scrollIntoView({ block: "nearest" });
    }
    if (model) {
      describe(engine);
      text.textContent = stopped ? "Stopped. The model from before is still in use." : error ? "Loading failed." : `Loaded in ${duration(engine.loadMs)}.`;
      if (choice.source) offer("Back to built-in", () => engine.load({ source: undefined, label: "", device: device.value }));
      else offer(null);
      if (!error && !stopped) announce(`Model ready: ${model.info.name}, on the ${model.device.kind.toUpperCase()}.`);
    } else {
      byId("model-name").textContent = "No model loaded";
      text.textContent = stopped ? "Stopped." : "Not loaded.";
      offer(stopped ? "Load the model" : "Try again", () => engine.load({ ...choice, device: device.value }));
    }
  });

  function offer(label, next) {
    action.hidden = !label;
    action.textContent = label ?? "";
    act = next ?? (() => {});
  }
}

function failure({ error, model }) {
  return `${sentence(error.message)}${model ? " Nothing has changed: the model from before is still in use." : ""}`;
}

/** With a full stop at the end, if it has none. */
const sentence = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);

function describe({ model, choice, modelBytes }) {
  const { info, device } = model;
  byId("model-name").textContent = choice.label || info.name || "Unnamed model";
  const gpu = device.kind === "gpu";
  const adapter = typeof device.adapter === "string" ? device.adapter : device.adapter?.name;
  byId("model-brief").textContent = [modelBytes > 0 && bytes(modelBytes), `on the ${gpu ? "GPU" : "CPU"}`].filter(Boolean).join(", ");
  byId("model-size").textContent = [
    `${compact(info.parameters)} parameters`,
    info.weightType,
    info.architecture,
    `${number(info.contextLength)} tokens of context`,
  ].filter(Boolean).join(" · ");
  byId("device-reason").textContent = `Runs in a background thread of this tab, on the ${gpu ? `GPU${adapter ? ` (${adapter})` : ""}, through WebGPU` : "CPU"}. Why there: ${sentence(device.reason)}`;
}

/** Opens model files from the picker or dropped on the page. One file goes as it is, several as a folder's files. */
export function openFiles(engine, files) {
  if (files.length === 0) return;
  engine.load({
    source: files.length === 1 ? files[0] : files,
    label: files.length === 1 ? files[0].name : `${files.length} files`,
    device: byId("device").value,
  });
}
