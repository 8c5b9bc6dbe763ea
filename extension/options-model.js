// A model of the visitor's own: copied into the extension's private file system, tried, and used from then on.
import { connect } from "nanolm/extension";
import { change, choiceOf, settings, watchSettings } from "./settings.js";

const byId = (id) => document.getElementById(id);
const say = (text) => (byId("model-said").textContent = text);

export function wireModel() {
  let controller;
  byId("choose-model").onclick = () => byId("model-file").click();
  byId("model-file").onchange = async ({ target }) => {
    const [file] = target.files;
    if (!file) return;
    controller = new AbortController();
    busy(true);
    try {
      await use(file, controller.signal);
    } catch (error) {
      await forget(file.name, (await settings()).file);
      say(controller.signal.aborted ? "Stopped. The model is the one from before." : `${error.message} The model is the one from before.`);
    }
    busy(false);
    target.value = "";
  };
  byId("stop-model").onclick = () => controller.abort(new Error("stopped"));
  byId("forget-model").onclick = async () => {
    const { file } = await settings();
    await change({ file: "" });
    await forget(file);
    say("Deleted.");
  };
  watchSettings(({ file }) => {
    byId("model-name").textContent = file === "" ? "The one inside the extension" : file;
    byId("forget-model").hidden = file === "";
  });
}

function busy(is) {
  byId("choose-model").disabled = is;
  byId("stop-model").hidden = !is;
  byId("model-progress").hidden = !is;
}

function progress(loaded, total) {
  if (total > 0) Object.assign(byId("model-progress"), { max: total, value: loaded });
}

/** Copies a file, and loads it to see whether it is a model. */
async function use(file, signal) {
  const folder = await navigator.storage.getDirectory();
  const before = (await settings()).file;
  if (file.name === before) throw new Error(`${file.name} is in use. Delete it first, or rename the file.`);
  say(`Copying ${file.name} …`);
  const handle = await folder.getFileHandle(file.name, { create: true });
  let copied = 0;
  const counted = new TransformStream({
    transform(chunk, to) {
      progress((copied += chunk.byteLength), file.size);
      to.enqueue(chunk);
    },
  });
  await file.stream().pipeThrough(counted, { signal }).pipeTo(await handle.createWritable(), { signal });
  say(`Trying ${file.name} …`);
  const model = connect(choiceOf({ ...(await settings()), file: file.name }));
  const { name, parameters, tasks } = await model
    .info({ signal, onProgress: ({ loaded, total }) => progress(loaded, total) })
    .finally(() => model.close());
  await change({ file: file.name });
  if (before !== "") await forget(before);
  const can = tasks.length > 0 ? `It can do: ${tasks.join(", ")}.` : "It can do nothing that the panel shows.";
  say(`${name}, ${(parameters / 1e6).toFixed(1)} million parameters. ${can}`);
}

/** Removes a file, unless it is the one to keep. */
async function forget(name, keep = "") {
  if (name === keep) return;
  const folder = await navigator.storage.getDirectory();
  await folder.removeEntry(name).catch(() => {});
}
