import { wireModel } from "./options-model.js";
import { change, watchSettings, wearTheme } from "./settings.js";

const form = document.getElementById("options");

await watchSettings((chosen) => {
  wearTheme(chosen);
  for (const name of ["length", "device", "theme"]) form.elements.namedItem(name).value = chosen[name];
});

form.addEventListener("change", async () => {
  await change(Object.fromEntries(new FormData(form)));
  document.getElementById("saved").textContent = "Saved. It applies from the next summary on.";
});

wireModel();
