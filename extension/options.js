import { browser } from "./browser.js";
import { DEFAULTS, watchSettings, wearTheme } from "./settings.js";

const form = document.getElementById("options");

await watchSettings((chosen) => {
  wearTheme(chosen);
  for (const name of Object.keys(DEFAULTS)) form.elements.namedItem(name).value = chosen[name];
});

form.addEventListener("change", async () => {
  await browser.storage.local.set(Object.fromEntries(new FormData(form)));
  document.getElementById("saved").textContent = "Saved. It holds from the next summary on.";
});
