// node pkg-scripts/site-files.mjs <site>: writes <site>/files.json, the list of files that the demo page's service worker
// keeps for offline use, each with its SHA-256. The list is the version of the site: it changes if and only if a file does.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

const LIST = "files.json";
/** Not needed by a browser. */
const LEFT_OUT = /\.(d\.ts|map)$|^LICENSE$/;

function siteFiles(site) {
  const found = readdirSync(site, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = found.map((entry) => relative(site, join(entry.parentPath ?? entry.path, entry.name)).split(sep).join("/"));
  const files = paths
    .filter((path) => path !== LIST && !LEFT_OUT.test(path))
    .sort()
    .map((path) => {
      const bytes = readFileSync(join(site, path));
      return { path, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
    });
  return `${JSON.stringify({ files }, null, 1)}\n`;
}

const site = process.argv[2];
if (!site) {
  console.error("site-files: say which folder: node pkg-scripts/site-files.mjs build/site");
  process.exit(2);
}
writeFileSync(join(site, LIST), siteFiles(site));
