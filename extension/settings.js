// What the visitor chose in the options, with the defaults, and the theme, which every page of the extension wears.
import { browser } from "./browser.js";

export const DEFAULTS = { length: "short", device: "auto", theme: "auto" };

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
