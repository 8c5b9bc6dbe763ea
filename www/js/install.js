// Where the browser can install the page as an app and asks the page, a button does it.
import { byId } from "./dom.js";

export function wireInstall() {
  const button = byId("install");
  let offer = null;
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offer = event;
    button.hidden = false;
  });
  addEventListener("appinstalled", () => (button.hidden = true));
  button.addEventListener("click", async () => {
    button.hidden = true;
    await offer?.prompt();
  });
}
