// pkg-scripts/bench size: what a browser downloads, for each build, and what the engine's bytes are, by crate and module.
//
// The tables are of the engine before wasm-opt, which takes the names away; they tell raw bytes, of which about 40 % are left
// gzipped. A generic function counts for the crate that defines it.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sizes, sizeTable } from "../../pkg-scripts/sizes.mjs";
import { functions } from "../../pkg-scripts/wasm.mjs";

const root = join(import.meta.dirname, "../..");

/** Crate and modules of a function's name, to `depth` parts: `<A as b::B>::f` belongs to `A`. */
export function owner(name, depth) {
  let path = name.replace(/::h[0-9a-f]{16}$/, "");
  const inner = /^<+(?:&?(?:mut |dyn )?)*([A-Za-z_][\w:]*)/.exec(path);
  // A generic implementation belongs to its trait: `<T as b::B>::f`.
  const trait = / as ([A-Za-z_][\w:]*)/.exec(path);
  if (inner) path = inner[1].includes("::") || !trait ? inner[1] : trait[1];
  const parts = path.replace(/[<({].*/, "").split("::").filter(Boolean);
  return parts.length > 1 ? parts.slice(0, Math.min(depth, parts.length - 1)).join("::") : "(no crate)";
}

function table(title, functions, depth, most, filter = () => true) {
  const sums = new Map();
  for (const { name, size } of functions) {
    const key = owner(name, depth);
    if (filter(key)) sums.set(key, (sums.get(key) ?? 0) + size);
  }
  const rows = [...sums].sort((a, b) => b[1] - a[1]).slice(0, most);
  console.log(`\n| ${title.padEnd(48)} |    bytes |`);
  console.log(`| ${"-".repeat(48)} | -------: |`);
  for (const [key, size] of rows) console.log(`| ${key.padEnd(48)} | ${String(size).padStart(8)} |`);
}

if (process.argv[1] === import.meta.filename) {
  const dist = join(root, "pkg-scripts/npm/dist");
  if (existsSync(join(dist, "engine-relaxed.wasm"))) console.log(sizeTable(sizes(dist)));
  const file = process.argv[2] ?? join(root, "build/engine/relaxed/unoptimised.wasm");
  const engine = functions(readFileSync(file));
  const code = engine.functions.reduce((sum, { size }) => sum + size, 0);
  console.log(`\n${file}: ${engine.functions.length} functions of ${code} bytes, ${engine.data} bytes of data`);
  table("crate", engine.functions, 1, 40);
  table("module of nanolm", engine.functions, 3, 60, (key) => key.startsWith("nanolm"));
  table("module of another crate", engine.functions, 3, 50, (key) => !key.startsWith("nanolm"));
  console.log("\nthe largest functions");
  for (const { name, size } of engine.functions.sort((a, b) => b.size - a.size).slice(0, 40)) console.log(`${size} ${name}`);
}
