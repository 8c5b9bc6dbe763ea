// node pkg-scripts/readme.mjs [--write]: holds what README.md and the package's README say alike to one text. README.md has it, between
// `<!-- shared: name -->` and `<!-- end of name -->`; --write copies it into the package's README, otherwise a difference is an error.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const BLOCK = /<!-- shared: (?<name>[\w-]+) -->\n(?<text>[\s\S]*?)<!-- end of \k<name> -->/g;

/** Name and text of every block. */
export function blocks(text) {
  return new Map([...text.matchAll(BLOCK)].map(({ groups }) => [groups.name, groups.text]));
}

/** The copy with the original's blocks in the place of its own. Both must have the same blocks. */
export function withBlocks(copy, original) {
  const wanted = blocks(original);
  const found = blocks(copy);
  if (wanted.size === 0) throw new Error("README.md: expected blocks between <!-- shared: name --> and <!-- end of name -->, found none");
  for (const name of wanted.keys()) if (!found.has(name)) throw new Error(`pkg-scripts/npm/README.md: the shared block ${name} is missing`);
  for (const name of found.keys()) if (!wanted.has(name)) throw new Error(`README.md: the shared block ${name} is missing`);
  return copy.replace(BLOCK, (_, name) => `<!-- shared: ${name} -->\n${wanted.get(name)}<!-- end of ${name} -->`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const here = dirname(fileURLToPath(import.meta.url));
  const path = join(here, "npm/README.md");
  const copy = readFileSync(path, "utf8");
  const wanted = withBlocks(copy, readFileSync(join(here, "../README.md"), "utf8"));
  if (process.argv.includes("--write")) {
    writeFileSync(path, wanted);
  } else if (copy !== wanted) {
    console.error("The package's README says something else than README.md in a shared block. Run: node pkg-scripts/readme.mjs --write");
    process.exitCode = 1;
  }
}
