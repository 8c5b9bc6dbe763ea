import { Model, NanolmError } from "nanolm";

const out = document.querySelector("#out");

globalThis.summarize = async (device, text, type, options) => {
  const model = await Model.load(undefined, { device, ...options });
  let summary = "";
  for await (const piece of model.summarize(text, { type })) {
    summary += piece.text;
    out.textContent = summary;
  }
  const { kind, reason, build, threads } = model.device;
  await model.dispose();
  return { summary, kind, reason, build, threads };
};
globalThis.failing = () => Model.load("/missing.gguf").catch((error) => ({ ours: error instanceof NanolmError, name: error.name }));
globalThis.ready = true;
