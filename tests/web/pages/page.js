// What tests call in the page. Everything returned is plain data.
import * as chat from "./chat-model.js";
import * as nanolm from "./nanolm/index.js";

const models = new Map();

/** An error as plain data, with the classes it belongs to. */
const shown = (error) => ({
  name: error?.name,
  code: error?.code,
  message: String(error?.message ?? error),
  details: error?.details,
  isNanolmError: error instanceof nanolm.NanolmError,
  isDOMException: error instanceof DOMException,
  className: Object.entries(nanolm).find(([, value]) => typeof value === "function" && error?.constructor === value)?.[0],
});

Object.assign(globalThis, chat);
globalThis.nanolm = nanolm;
globalThis.shown = shown;
/** The error of a promise, or undefined. */
globalThis.failure = async (promise) => {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return shown(error);
  }
};
/** The model for a device, loaded once a page. */
globalThis.modelOn = (device, source) => {
  const key = `${device} ${source ?? ""}`;
  if (!models.has(key)) models.set(key, nanolm.Model.load(source, { device }));
  return models.get(key);
};
/** Reads a stream to its end. */
globalThis.readAll = async (stream) => {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return { pieces, result: await stream.result };
};
globalThis.unhandled = [];
addEventListener("unhandledrejection", (event) => globalThis.unhandled.push(shown(event.reason)));
addEventListener("error", (event) => globalThis.unhandled.push(shown(event.error ?? event.message)));
globalThis.ready = true;
