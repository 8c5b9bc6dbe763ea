// The extension of docs/extension.md, file by file as it stands there, with the built package beside it. Added to it: a page for tests,
// and a content script.
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { ROOT } from "../../web/support/browser.mjs";

const DIST = join(ROOT, "pkg-scripts/npm/dist");

/** The documentation's files: `{ "panel.js": "…" }`. */
export function documented() {
  const text = readFileSync(join(ROOT, "docs/extension.md"), "utf8");
  return Object.fromEntries([...text.matchAll(/^```\w+ ([\w.]+)\n(.*?)^```$/gms)].map(([, path, body]) => [path, body]));
}

/** As the documentation says for those without a bundler. */
const unbundled = (code) =>
  code.replace(/"nanolm\/extension(?:\/(\w+))?"/g, (_, part) => `"./nanolm/extension/${part ?? "index"}.js"`);

const LAB = `import { connect } from "./nanolm/extension/index.js";
import * as nanolm from "./nanolm/index.js";
Object.assign(globalThis, { connect, nanolm, model: connect() });
/** What a promise rejects with, as plain data. */
globalThis.failure = (promise) => promise.then(() => "it did not fail", (error) => ({
  name: error.name, code: error.code, message: error.message,
  ours: error instanceof nanolm.NanolmError,
  className: Object.keys(nanolm).find((name) => name.endsWith("Error") && error.constructor === nanolm[name]),
}));`;

const CONTENT = `import { connect } from "nanolm/extension";
const model = connect();
addEventListener("message", async ({ data }) => {
  if (data.text === undefined) return;
  const { points } = await model.summarize(data.text, { type: "key-points" }).result;
  document.title = points.map(({ text }) => text).join("|");
});`;

/** Writes it into a new folder and gives that. */
export async function tenLines() {
  const folder = mkdtempSync(join(tmpdir(), "nanolm-ten-lines-"));
  const files = documented();
  for (const [path, body] of Object.entries(files)) writeFileSync(join(folder, path), path.endsWith(".js") ? unbundled(body) : body);
  // A test cannot wait two minutes.
  const engine = unbundled(files["engine.js"]).replace("120_000", 'Number(localStorage.getItem("idleMs") ?? 120_000)');
  writeFileSync(join(folder, "engine.js"), engine);
  cpSync(DIST, join(folder, "nanolm"), { recursive: true });
  writeFileSync(join(folder, "lab.html"), '<!doctype html><meta charset="utf-8"><script type="module" src="lab.js"></script>');
  writeFileSync(join(folder, "lab.js"), LAB);
  writeFileSync(join(folder, "damaged.gguf"), "no model, whatever its name says");
  const input = join(folder, "content-source.js");
  writeFileSync(input, CONTENT);
  const bundle = await rolldown({ input, resolve: { alias: { "nanolm/extension$": join(DIST, "extension/index.js") } } });
  await bundle.write({ file: join(folder, "content.js"), format: "iife" });
  await bundle.close();
  const manifest = JSON.parse(files["manifest.json"]);
  writeFileSync(
    join(folder, "manifest.json"),
    JSON.stringify({ ...manifest, content_scripts: [{ matches: ["http://127.0.0.1/*"], js: ["content.js"] }] }),
  );
  return folder;
}
