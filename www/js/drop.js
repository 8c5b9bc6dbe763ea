// Files dropped anywhere on the page: a text becomes the text to summarise, anything else is tried as a model.
import { byId } from "./dom.js";

const TEXT = /\.(txt|md|text)$/i;

export function wireDrop({ onText, onModel }) {
  const veil = byId("drop");
  let depth = 0; // enter and leave fire for every element on the way
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const show = (on) => {
    veil.hidden = !on;
    if (!on) depth = 0;
  };
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth += 1;
    show(true);
  });
  addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    depth -= 1;
    if (depth <= 0) show(false);
  });
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    show(false);
    const files = [...event.dataTransfer.files];
    if (files.length === 1 && (TEXT.test(files[0].name) || files[0].type.startsWith("text/"))) {
      onText(await files[0].text(), files[0].name);
    } else if (files.length > 0) {
      onModel(files);
    }
  });
}
