// The sentence encoder that may lie beside the page, a package of its own (nanolm-embed). It is loaded when it is first asked for.
import { importPackage } from "./engine.js";
import { siteFiles } from "./kept.js";

const PATH = "embed/model.gguf";

/** How large its file is; undefined where this site was made without it. */
export async function companionBytes() {
  return (await siteFiles()).find(({ path }) => path === PATH)?.bytes;
}

let loaded = null;
/** The encoder. Whoever asks while it is loading waits for the same; what failed is tried again. */
export async function companion({ signal, onProgress }) {
  const { Model } = await importPackage();
  loaded ??= Model.load(new URL(`../${PATH}`, import.meta.url), {
    device: "cpu",
    signal,
    cache: false, // the service worker keeps it
    onProgress: (progress) => onProgress({ ...progress, phase: progress.phase === "download" ? "encoder" : progress.phase }),
  }).catch((error) => {
    loaded = null;
    throw error;
  });
  return loaded;
}
