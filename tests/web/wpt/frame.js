// The APIs in a frame, for the page around it.
import { install } from "/nanolm/built-in-ai/polyfill.js";
import { RANDOM, setModel } from "./common.js";

install();
setModel(RANDOM);

const OPTIONS = { Translator: { sourceLanguage: "en", targetLanguage: "ja" } };

addEventListener("message", async ({ source, data: { api, what } }) => {
  try {
    const value = await globalThis[api][what](OPTIONS[api] ?? {});
    source.postMessage({ value: what === "create" ? "made" : value }, "*");
  } catch ({ name, message }) {
    source.postMessage({ name, message }, "*");
  }
});
