// What the visitor chose in the options, with the defaults, and the theme, which every page of the extension wears.
import { browser } from "./browser.js";

export const DEFAULTS = { length: "short", device: "auto", theme: "auto", file: "" };

/** Which model to run and how, as the engine takes it. */
export function choiceOf({ device, file }) {
  return { ...(file === "" ? {} : { source: { file } }), ...(device === "auto" ? {} : { device }) };
}

/** The engine's page sees none of the extension's storage but this. */
const ENGINE_SEES = "choice";

export async function change(changed) {
  await browser.storage.local.set(changed);
  localStorage.setItem(ENGINE_SEES, JSON.stringify(choiceOf(await settings())));
}

export function choiceForEngine() {
  return JSON.parse(localStorage.getItem(ENGINE_SEES) ?? "{}");
}

export async function settings() {
  return { ...DEFAULTS, ...(await browser.storage.local.get(Object.keys(DEFAULTS))) };
}

/** Calls back with the settings now and after every change. */
export async function watchSettings(changed) {
  browser.storage.local.onChanged.addListener(async () => changed(await settings()));
  changed(await settings());
}

export function wearTheme({ theme }) {
  document.documentElement.dataset.theme = theme;
}
