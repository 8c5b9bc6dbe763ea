// What the stores ask of an extension, held by pkg-scripts/extension and shown to fail by tests/extension.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";

/** A zip for a store, in bytes. */
export const LARGEST_ZIP = 6 * 1024 * 1024;

/** Nothing more may be asked for. */
const PERMISSIONS = {
  chromium: ["activeTab", "scripting", "contextMenus", "storage", "sidePanel", "offscreen"],
  firefox: ["activeTab", "scripting", "contextMenus", "storage"],
};

/** In any script. */
const CODE = [
  [/\beval\s*\(/, "calls eval"],
  [/\bnew Function\s*\(/, "makes a function out of a string"],
  [/createObjectURL\s*\(/, "makes an address of a blob, as blob workers need"],
  [/\bimportScripts\s*\(/, "imports classic scripts"],
  [/\b(?:from|import)\s*\(?\s*["'](?:https?:)?\/\//, "imports code from elsewhere"],
  [/<script[^>]+src=["']?(?:https?:)?\/\//i, "loads a script from elsewhere"],
  [/\bset(?:Timeout|Interval)\s*\(\s*["'`]/, "runs a string"],
];

/** Modules that the background script reaches. */
function backgroundModules(folder, read) {
  const found = new Set(["background.js"]);
  for (const file of found) {
    for (const [, path] of read(file).matchAll(/\b(?:from|import)\s*"(\.[^"]+)"/g)) found.add(join(dirname(file), path).split(sep).join("/"));
  }
  return [...found].filter((file) => existsSync(join(folder, file)));
}

/** What an unpacked extension breaks, in words. */
export function brokenRules(folder, target, zipBytes) {
  const faults = [];
  const read = (file) => readFileSync(join(folder, file), "utf8");
  const files = readdirSync(folder, { recursive: true })
    .map((name) => name.split(sep).join("/"))
    .filter((name) => statSync(join(folder, name)).isFile());
  const manifest = JSON.parse(read("manifest.json"));

  for (const name of manifest.permissions) {
    if (!PERMISSIONS[target].includes(name)) faults.push(`manifest.json asks for the permission ${name}, expected none beyond ${PERMISSIONS[target].join(", ")}`);
  }
  for (const key of ["host_permissions", "optional_host_permissions", "content_scripts", "externally_connectable", "web_accessible_resources"]) {
    if (manifest[key] !== undefined) faults.push(`manifest.json has ${key}: expected none, found ${JSON.stringify(manifest[key])}`);
  }
  const policy = manifest.content_security_policy?.extension_pages ?? "";
  const scripts = /script-src ([^;]*)/.exec(policy)?.[1].trim();
  if (scripts !== "'self' 'wasm-unsafe-eval'") faults.push(`the policy's script-src: expected 'self' 'wasm-unsafe-eval', found ${scripts}`);
  if (!policy.includes("default-src 'none'") || /https?:|\*|blob:|unsafe-inline/.test(policy)) faults.push(`the policy lets in more than the extension itself: ${policy}`);
  for (const path of [...Object.values(manifest.icons), ...Object.values(manifest.action.default_icon)]) {
    if (!files.includes(path)) faults.push(`manifest.json names ${path}, which is not there`);
  }
  if (manifest.description.length > 132) faults.push(`the description has ${manifest.description.length} characters, the Chrome Web Store takes 132`);

  for (const file of files) {
    if (/\.(js|html)$/.test(file)) {
      const text = read(file);
      for (const [pattern, what] of CODE) if (pattern.test(text)) faults.push(`${file} ${what}`);
      if (file.endsWith(".html") && /<script(?![^>]*\bsrc=)|\son\w+=/i.test(text)) faults.push(`${file} has code in the page, which the policy refuses`);
    }
    if (/(^|\/)\.|\.map$|\.ts$/.test(file)) faults.push(`${file} does not belong into a store's zip`);
  }
  for (const file of backgroundModules(folder, read)) {
    if (/\bimport\s*\(/.test(read(file))) faults.push(`${file} uses import(), which service workers refuse`);
  }
  if (zipBytes > LARGEST_ZIP) faults.push(`the zip has ${zipBytes} bytes, expected at most ${LARGEST_ZIP}`);
  return faults;
}
